-- One row per person, stage (conversing, engaged) and unbroken time in which the living window holds at least one exchange or engaged event (M11).
-- `from_day` counts, `until_day` no longer. The stages share their filters with the one indicator, so that they are nested.
with exchanges as (
    select * from {{ ref('int_exchanges') }}
),

events as (
    select * from {{ ref('int_interactions') }}
    where direction = 'in' and is_engaged and not is_deleted and not is_incentivised and not is_automated
),

persons as (
    select person_id, p_real, deleted_day from {{ ref('int_persons') }}
),

parameters as (
    select living_window_days, least_p_real from {{ ref('int_parameters') }}
),

touches as (
    select 'conversing' as stage, person_id, exchange_day as begins_day, first_day as leaving_day from exchanges
    union
    select 'engaged' as stage, person_id, event_day as begins_day, event_day as leaving_day from events
),

windows as (
    select
        touches.stage,
        touches.person_id,
        touches.begins_day,
        least(
            {{ add_days('touches.leaving_day', 'parameters.living_window_days') }},
            coalesce(persons.deleted_day, {{ add_days('touches.leaving_day', 'parameters.living_window_days') }})
        ) as ends_day
    from touches
    cross join parameters
    inner join persons on touches.person_id = persons.person_id
    where persons.p_real >= parameters.least_p_real
),

chained as (
    select
        *,
        max(ends_day) over (
            partition by stage, person_id order by begins_day, ends_day rows between unbounded preceding and 1 preceding
        ) as covered_until_day
    from windows
    where begins_day < ends_day
),

islands as (
    select
        *,
        sum(case when covered_until_day is null or begins_day > covered_until_day then 1 else 0 end) over (
            partition by stage, person_id order by begins_day, ends_day rows between unbounded preceding and current row
        ) as island_number
    from chained
)

select stage, person_id, min(begins_day) as from_day, max(ends_day) as until_day
from islands
group by stage, person_id, island_number
