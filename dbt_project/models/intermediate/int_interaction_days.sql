-- One row per person, direction, kind and UTC day: the event that counts that day (the first) and how many there were. What strength decays when it is read.
with events as (
    select * from {{ ref('int_interactions') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

weighted as (
    select
        events.*,
        case events.kind
            when 'like' then parameters.weight_like
            when 'mention' then parameters.weight_mention
            when 'reshare' then parameters.weight_reshare
            when 'reply' then parameters.weight_reply
            when 'comment' then parameters.weight_comment
            when 'quote' then parameters.weight_quote
            when 'message' then parameters.weight_message
        end * case when events.is_incentivised then parameters.incentivised_factor else 1 end as weight
    from events
    cross join parameters
    where events.direction in ('in', 'out')
        and events.kind in ('like', 'mention', 'reshare', 'reply', 'comment', 'quote', 'message')
        and not events.is_deleted
        and not (events.direction = 'out' and events.is_automated)
),

ranked as (
    select
        *,
        row_number() over (partition by person_id, direction, kind, event_day order by weight desc, event_at, event_id) as day_rank,
        count(*) over (partition by person_id, direction, kind, event_day) as same_day_event_count
    from weighted
)

select
    person_id,
    direction,
    kind,
    event_id,
    platform,
    post_key,
    cast(same_day_event_count as bigint) as same_day_event_count,
    weight,
    is_engaged,
    is_time_observed,
    event_day,
    event_at
from ranked
where day_rank = 1
