-- One row per person, platform and week of the brand's calendar in which they did anything towards the brand; what was deleted or taken back did not happen.
-- Read by all that counts people by week: events are converted to the brand's calendar once, and no count sorts them again.
with run as (
    select timezone from {{ ref('int_run') }}
),

acts as (
    select
        events.platform,
        events.person_id,
        events.kind <> 'follow' and not events.is_automated as is_by_hand,
        events.is_engaged and not events.is_automated as is_engaged,
        events.is_engaged and not events.is_automated and not events.is_incentivised as is_engaged_freely,
        {{ week_start('cast(' ~ to_local('events.event_at', 'run.timezone') ~ ' as date)') }} as week_start_date
    from {{ ref('int_interactions') }} as events
    cross join run
    where events.direction = 'in' and not events.is_deleted
)

select
    platform,
    person_id,
    week_start_date,
    max(case when is_by_hand then 1 else 0 end) = 1 as is_by_hand,
    max(case when is_engaged then 1 else 0 end) = 1 as is_engaged,
    max(case when is_engaged_freely then 1 else 0 end) = 1 as is_engaged_freely
from acts
group by platform, person_id, week_start_date
