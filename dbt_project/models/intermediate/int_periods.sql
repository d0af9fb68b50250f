-- One row per local date and period it belongs to: calendar months, and the last 7, 28 and 90 days before the as-of instant.
with calendar as (
    select * from {{ ref('int_calendar') }} where is_counted
),

bounds as (
    select max(calendar_date) as last_date from calendar
),

lengths as (
    select 'last_7_days' as period_kind, 7 as day_count
    union all
    select 'last_28_days' as period_kind, 28 as day_count
    union all
    select 'last_90_days' as period_kind, 90 as day_count
)

select
    'month' as period_kind,
    calendar.month_start_date as period_start_date,
    max(calendar.calendar_date) over (partition by calendar.month_start_date) as period_end_date,
    calendar.calendar_date
from calendar
union all
select
    lengths.period_kind,
    {{ add_days('bounds.last_date', '1 - lengths.day_count') }} as period_start_date,
    bounds.last_date as period_end_date,
    calendar.calendar_date
from lengths
cross join bounds
inner join calendar on calendar.calendar_date > {{ add_days('bounds.last_date', '-lengths.day_count') }}
