with events as (
    {{ decayed_events() }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

run as (
    select * from {{ ref('int_run') }}
),

summed as (
    select
        person_id,
        coalesce({{ exact_sum("case when direction = 'in' and kind = 'like' then decayed_weight end") }}, 0) as like_sum,
        coalesce({{ exact_sum("case when direction = 'in' and kind <> 'like' then decayed_weight end") }}, 0) as other_sum,
        coalesce({{ exact_sum("case when direction = 'out' then decayed_weight end") }}, 0) as out_sum,
        count(case when direction = 'in' then 1 end) as in_event_count,
        count(case when direction = 'out' then 1 end) as out_event_count,
        count(case when direction = 'in' and is_engaged then 1 end) as engaged_in_event_count,
        max(case when direction = 'in' then event_at end) as last_in_at,
        max(case when direction = 'out' then event_at end) as last_out_at
    from events
    group by person_id
),

capped as (
    select
        summed.*,
        summed.other_sum + least(summed.like_sum, parameters.like_cap) as strength_in,
        case when summed.like_sum > 0 then least(cast(1 as double), parameters.like_cap / summed.like_sum) end as like_factor,
        (1 + parameters.out_factor)
        / (1 - power(cast(2 as double), -parameters.saturation_contact_days / parameters.strength_half_life_days)) as saturation,
        parameters.out_factor,
        parameters.balance_floor
    from summed
    cross join parameters
),

balanced as (
    select
        *,
        strength_in + out_factor * out_sum as strength_volume,
        2 * least(strength_in, out_sum) / nullif(strength_in + out_sum, 0) as balance
    from capped
),

scored as (
    select
        *,
        case
            when engaged_in_event_count = 0 then cast(0 as double)
            else coalesce(round(
                100 * strength_volume / nullif(strength_volume + saturation, 0)
                * (balance_floor + (1 - balance_floor) * coalesce(balance, 0)), 12
            ), cast(0 as double))
        end as strength
    from balanced
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
