-- One row per person and unbroken time in which the person is in a living relationship (M11). `first_day` to `last_day`, UTC days, both inside.
with segments as (
    select * from {{ ref('int_living_segments') }}
),

persons as (
    select person_id, deleted_day, p_real from {{ ref('int_persons') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

marked as (
    select
        *,
        lag(is_living) over (partition by person_id order by from_day) as was_living
    from segments
),

numbered as (
    select
        *,
        sum(case when is_living and not coalesce(was_living, false) then 1 else 0 end) over (
            partition by person_id order by from_day rows between unbounded preceding and current row
        ) as span_number
    from marked
),

spans as (
    select
        person_id,
        cast(span_number as bigint) as span_number,
        min(from_day) as first_day,
        {{ add_days('max(until_day)', '-1') }} as last_day
    from numbered
    where is_living
    group by person_id, span_number
)

select
    spans.person_id,
    spans.span_number,
    spans.first_day,
    -- A person whose accounts are all gone is on no current list from that day.
    least(spans.last_day, coalesce({{ add_days('persons.deleted_day', '-1') }}, spans.last_day)) as last_day,
    coalesce(persons.deleted_day <= spans.last_day, false) as is_ended_by_deletion,
    persons.p_real
from spans
inner join persons on spans.person_id = persons.person_id
cross join run
where spans.first_day <= run.as_of_date
    and spans.first_day <= coalesce({{ add_days('persons.deleted_day', '-1') }}, spans.last_day)
