-- One row per person, stage of M9.1 and unbroken time in which its condition holds by itself, whatever better stage holds too. `from_day` counts, `until_day` no longer.
-- What was rewarded makes nobody more than aware; what automatons do makes nobody anything.
with events as (
    select distinct person_id, is_engaged and not is_incentivised as is_engaged, event_day
    from {{ ref('int_interactions') }}
    where direction = 'in' and not is_deleted and not is_automated
        and (is_engaged or kind in ('follow', 'like', 'click', 'profile_view', 'impression'))
),

exchanges as (
    select distinct person_id, first_day, exchange_day from {{ ref('int_exchanges') }}
),

living as {{ inlined() }} (
    select person_id, first_day, last_day from {{ ref('int_living_spans') }}
),

persons as {{ inlined() }} (
    select person_id, first_event_at, deleted_day from {{ ref('int_persons') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

touches as (
    select 1 as stage_number, person_id, from_day as begins_day, until_day as ends_day from {{ ref('int_evangelist_spans') }}
    union all
    -- In a living relationship then, and so many days before.
    select
        2 as stage_number,
        later.person_id,
        greatest(later.first_day, {{ add_days('earlier.first_day', 'parameters.loyal_days') }}) as begins_day,
        {{ add_days('least(later.last_day, ' ~ add_days('earlier.last_day', 'parameters.loyal_days') ~ ')', '1') }} as ends_day
    from living as later
    cross join parameters
    inner join living as earlier on later.person_id = earlier.person_id
    union all
    -- Both messages lie in the window.
    select 3 as stage_number, exchanges.person_id, exchanges.exchange_day as begins_day,
        {{ add_days('exchanges.first_day', 'parameters.lifecycle_window_days') }} as ends_day
    from exchanges
    cross join parameters
    union all
    select 4 as stage_number, events.person_id, events.event_day as begins_day,
        {{ add_days('events.event_day', 'parameters.lifecycle_window_days') }} as ends_day
    from events
    cross join parameters
    where events.is_engaged
    union all
    select 5 as stage_number, events.person_id, events.event_day as begins_day,
        {{ add_days('events.event_day', 'parameters.lifecycle_window_days') }} as ends_day
    from events
    cross join parameters
    union all
    select 6 as stage_number, events.person_id, events.event_day as begins_day,
        {{ add_days('events.event_day', 'parameters.dormant_days') }} as ends_day
    from events
    cross join parameters
    union all
    select 7 as stage_number, events.person_id, min(events.event_day) as begins_day, date '9999-12-31' as ends_day
    from events
    group by events.person_id
    union all
    select 8 as stage_number, persons.person_id, cast(persons.first_event_at as date) as begins_day, date '9999-12-31' as ends_day
    from persons
),

clipped as (
    select
        touches.stage_number,
        touches.person_id,
        touches.begins_day,
        least(touches.ends_day, coalesce(persons.deleted_day, touches.ends_day)) as ends_day
    from touches
    inner join persons on touches.person_id = persons.person_id
    union all
    select 9 as stage_number, persons.person_id, persons.deleted_day as begins_day, date '9999-12-31' as ends_day
    from persons
    where persons.deleted_day is not null
),

chained as (
    select
        *,
        max(ends_day) over (
            partition by person_id, stage_number order by begins_day, ends_day rows between unbounded preceding and 1 preceding
        ) as covered_until_day
    from clipped
    where begins_day < ends_day
),

islands as (
    select
        *,
        sum(case when covered_until_day is null or begins_day > covered_until_day then 1 else 0 end) over (
            partition by person_id, stage_number order by begins_day, ends_day rows between unbounded preceding and current row
        ) as island_number
    from chained
)

select person_id, cast(stage_number as bigint) as stage_number, min(begins_day) as from_day, max(ends_day) as until_day
from islands
group by person_id, stage_number, island_number
