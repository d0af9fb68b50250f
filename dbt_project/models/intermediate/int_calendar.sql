-- One row per local date of the brand up to the as-of instant, with working hours as UTC instants and the working time before each day.
-- `is_counted` ends with the as-of date: east of Greenwich the last hours of the UTC day belong to a local day that has only begun.
with run as (
    select * from {{ ref('int_run') }}
),

first_moments as (
    select min(published_at) as moment_at from {{ ref('int_messages') }}
    union all
    select min(event_at) as moment_at from {{ ref('int_interactions') }}
    union all
    select min(observed_at) as moment_at from {{ ref('stg_account_metrics') }}
),

bounds as (
    select
        -- A date stated before there were social platforms is a slip of the platform, and would make a calendar of centuries.
        greatest(
            {{ week_start("cast(" ~ to_local("least(min(coalesce(first_moments.moment_at, run.as_of_at)), max(run.as_of_at))", "max(run.timezone)") ~ " as date)") }},
            date '2000-01-03'
        ) as first_date,
        cast({{ to_local('max(run.as_of_at)', 'max(run.timezone)') }} as date) as last_date
    from run
    cross join first_moments
),

dates as (
    {{ date_spine('first_date', 'last_date', 'bounds') }}
),

holidays as (
    select distinct try_cast(trim(holiday) as date) as holiday_date
    from (select {{ explode_list(split_text('holidays', '|')) }} as holiday from run) as listed
),

hours as (
    select
        try_cast(split_part(work_start, ':', 1) as bigint) * 3600 + coalesce(try_cast(nullif(split_part(work_start, ':', 2), '') as bigint), 0) * 60 as start_seconds,
        try_cast(split_part(work_end, ':', 1) as bigint) * 3600 + coalesce(try_cast(nullif(split_part(work_end, ':', 2), '') as bigint), 0) * 60 as end_seconds,
        '|' || lower(working_days) || '|' as working_days,
        timezone,
        least(cast({{ to_local(shift_days('as_of_at', '-0.00001'), 'timezone') }} as date), as_of_date) as last_counted_date
    from run
),

named as (
    select
        dates.calendar_date,
        {{ day_of_week('dates.calendar_date') }} as day_of_week,
        case {{ day_of_week('dates.calendar_date') }}
            when 1 then 'monday' when 2 then 'tuesday' when 3 then 'wednesday' when 4 then 'thursday'
            when 5 then 'friday' when 6 then 'saturday' else 'sunday'
        end as day_name,
        holidays.holiday_date is not null as is_holiday,
        hours.*
    from dates
    cross join hours
    left join holidays on dates.calendar_date = holidays.holiday_date
),

timed as (
    select
        named.*,
        coalesce({{ contains_text('named.working_days', "'|' || named.day_name || '|'") }}, false)
        and not named.is_holiday
        and coalesce(named.start_seconds < named.end_seconds, false) as is_working_day,
        coalesce(named.start_seconds < named.end_seconds, false) and named.working_days is not null as has_hours
    from named
),

opened as (
    select
        timed.*,
        case when timed.is_working_day
            then {{ to_utc(shift_days('cast(timed.calendar_date as timestamp)', 'timed.start_seconds / 86400.0'), 'timed.timezone') }}
        end as opens_at,
        case when timed.is_working_day
            then {{ to_utc(shift_days('cast(timed.calendar_date as timestamp)', 'timed.end_seconds / 86400.0'), 'timed.timezone') }}
        end as closes_at,
        {{ to_utc('cast(' ~ add_days('timed.calendar_date', '1') ~ ' as timestamp)', 'timed.timezone') }} as day_ends_at
    from timed
),

measured as (
    select
        opened.*,
        case when opened.has_hours then coalesce({{ seconds_between('opened.opens_at', 'opened.closes_at') }}, 0) end as working_seconds
    from opened
)

select
    calendar_date,
    {{ week_start('calendar_date') }} as week_start_date,
    {{ month_start('calendar_date') }} as month_start_date,
    day_of_week,
    day_name,
    is_working_day,
    is_holiday,
    calendar_date <= last_counted_date as is_counted,
    opens_at,
    closes_at,
    day_ends_at,
    cast(working_seconds as bigint) as working_seconds,
    cast(coalesce(sum(working_seconds) over (order by calendar_date rows between unbounded preceding and 1 preceding), 0) as bigint) as working_seconds_before
from measured
