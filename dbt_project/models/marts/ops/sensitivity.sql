-- Every cell from the same exchanges: another window, another distance, another p_real are filters, not another pairing (M11).
with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

exchanges as {{ inlined() }} (
    select person_id, in_post_key, out_post_key, first_day, exchange_day from {{ ref('int_exchanges') }}
),

persons as (
    select person_id, p_real from {{ ref('int_persons') }} where not is_deleted
),

numbers as (
    select 60 as window_days, 3 as least_span_days, cast(0.3 as double) as least_p_real
    union all
    select 90 as window_days, 7 as least_span_days, cast(0.5 as double) as least_p_real
    union all
    select 120 as window_days, 14 as least_span_days, cast(0.7 as double) as least_p_real
),

cells as (
    select windows.window_days, spans.least_span_days, realities.least_p_real
    from numbers as windows
    cross join numbers as spans
    cross join numbers as realities
),

per_person as (
    select
        windows.window_days,
        exchanges.person_id,
        count(distinct exchanges.exchange_day) as exchange_day_count,
        count(distinct exchanges.in_post_key) as in_message_count,
        count(distinct exchanges.out_post_key) as out_message_count,
        {{ days_between('min(exchanges.exchange_day)', 'max(exchanges.exchange_day)') }} as span_days
    from numbers as windows
    cross join run
    inner join exchanges
        on exchanges.first_day > {{ add_days('run.as_of_date', '-windows.window_days') }} and exchanges.exchange_day <= run.as_of_date
    group by windows.window_days, exchanges.person_id
),

qualified as (
    select per_person.window_days, per_person.person_id, per_person.span_days, persons.p_real
    from per_person
    cross join parameters
    inner join persons on per_person.person_id = persons.person_id
    where per_person.exchange_day_count >= parameters.living_least_exchange_days
        and per_person.in_message_count >= parameters.living_least_messages
        and per_person.out_message_count >= parameters.living_least_messages
),

counted as (
    select
        cells.window_days,
        cells.least_span_days,
        cells.least_p_real,
        count(qualified.person_id) as living_count,
        coalesce({{ exact_sum('qualified.p_real') }}, 0) as living_weighted
    from cells
    left join qualified
        on cells.window_days = qualified.window_days and qualified.span_days >= cells.least_span_days and qualified.p_real >= cells.least_p_real
    group by cells.window_days, cells.least_span_days, cells.least_p_real
),

in_force as (
    select living_count, living_reason from {{ ref('living_relationships_daily') }} as days inner join run on days.as_of_date = run.as_of_date
)

select
    'window ' || cast(counted.window_days as string) || ', span ' || cast(counted.least_span_days as string)
    || ', p_real ' || case counted.least_p_real when 0.3e0 then '0.3' when 0.5e0 then '0.5' else '0.7' end as cell,
    in_force.living_reason,
    run.parameters_version,
    cast(counted.window_days as bigint) as window_days,
    cast(counted.least_span_days as bigint) as least_span_days,
    counted.least_p_real,
    case when in_force.living_reason is null then counted.living_count end as living_count,
    case when in_force.living_reason is null then round(counted.living_weighted, 9) end as living_weighted,
    case when in_force.living_reason is null then counted.living_count - in_force.living_count end as difference_count,
    counted.window_days = parameters.living_window_days and counted.least_span_days = parameters.living_least_span_days
    and counted.least_p_real = parameters.least_p_real as is_in_force,
    run.as_of_date
from counted
cross join run
cross join parameters
cross join in_force
