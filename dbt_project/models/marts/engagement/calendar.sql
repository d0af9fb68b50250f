with calendar as (
    select * from {{ ref('int_calendar') }} where is_counted
),

run as (
    select as_of_date, parameters_version from {{ ref('int_run') }}
)

select
    calendar.calendar_date,
    calendar.day_name,
    run.parameters_version,
    calendar.day_of_week,
    calendar.working_seconds,
    calendar.is_working_day,
    calendar.is_holiday,
    calendar.week_start_date,
    calendar.month_start_date,
    run.as_of_date,
    calendar.opens_at,
    calendar.closes_at
from calendar
cross join run
