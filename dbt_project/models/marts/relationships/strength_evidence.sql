with events as (
    {{ decayed_events() }}
),

strengths as (
    select person_id, strength, strength_volume, like_factor from {{ ref('relationship_strength') }} where strength > 0
),

messages as (
    select post_key, url, is_deleted or is_hidden as is_deleted from {{ ref('int_messages') }}
),

parameters as (
    select out_factor from {{ ref('int_parameters') }}
),

run as (
    select * from {{ ref('int_run') }}
),

capped as (
    select
        events.*,
        strengths.strength,
        strengths.strength_volume,
        events.decayed_weight
        * case when events.kind = 'like' and events.direction = 'in' then strengths.like_factor else 1 end as capped_weight
    from events
    inner join strengths on events.person_id = strengths.person_id
)

select
    capped.person_id,
    capped.event_id,
    capped.direction,
    capped.kind,
    capped.platform,
    capped.post_key,
    case when not messages.is_deleted then messages.url end as url,
    run.parameters_version,
    capped.same_day_event_count,
    capped.age_days,
    cast(capped.weight as double) as weight,
    round(cast(capped.capped_weight as double), 12) as decayed_weight,
    round(
        capped.strength * capped.capped_weight / capped.strength_volume * case when capped.direction = 'out' then parameters.out_factor else 1 end, 12
    ) as contribution,
    capped.is_time_observed,
    cast({{ to_local('capped.event_at', 'run.timezone') }} as date) as event_date,
    run.as_of_date,
    capped.event_at
from capped
cross join run
cross join parameters
left join messages on capped.post_key = messages.post_key
