-- One row per person and day of events: the last instant at which one of them was first seen, and at which one was found to have been taken back.
-- What tells a restated figure's cause. Rows of the day itself are no news; whoever compares asks what came after a publish.
with events as (
    select person_id, event_day, first_observed_at, deleted_at from {{ ref('int_interactions') }} where direction in ('in', 'out')
)

select person_id, event_day, max(first_observed_at) as last_seen_first_at, max(deleted_at) as last_taken_back_at
from events
group by person_id, event_day
