with events as (
    {{ decayed_events() }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

run as (
    select * from {{ ref('int_run') }}
),

scored as (
    {{ strength_scores('events') }}
)

select
    scored.person_id,
    persons.display_name,
    persons.profile_url,
    case
        when scored.engaged_in_event_count > 0 and scored.strength > 0 then cast(null as string)
        when scored.in_event_count = 0 then 'the person never did anything towards the brand'
        when scored.engaged_in_event_count = 0 then 'only likes'
        else 'too long ago'
    end as zero_reason,
    persons.p_real_basis,
    run.parameters_version,
    scored.strength,
    row_number() over (order by scored.strength desc, scored.person_id) as strength_rank,
    round(scored.strength_in, 12) as strength_in,
    round(scored.out_sum, 12) as strength_out,
    round(scored.strength_volume, 12) as strength_volume,
    round(scored.balance, 12) as balance,
    round(scored.saturation, 12) as saturation,
    round(scored.like_factor, 12) as like_factor,
    scored.in_event_count,
    scored.out_event_count,
    scored.engaged_in_event_count,
    persons.p_real,
    persons.is_new as is_provisional,
    persons.is_deleted as is_frozen,
    run.as_of_date,
    scored.last_in_at,
    scored.last_out_at
from scored
cross join run
inner join persons on scored.person_id = persons.person_id
