-- One row per ask, clock, period and platform (and once more for all platforms): what the survival curve is made of.
with asks as (
    select * from {{ ref('int_asks_answers') }}
),

run as (
    select timezone from {{ ref('int_run') }}
),

periods as (
    select * from {{ ref('int_periods') }}
),

-- The date first, the join after: a join on an expression over two tables is a loop over all pairs.
dated as (
    select
        asks.platform,
        asks.is_answered,
        asks.duration_seconds,
        asks.duration_business_seconds,
        cast({{ to_local('asks.asked_at', 'run.timezone') }} as date) as asked_date
    from asks
    cross join run
),

placed as (
    select
        periods.period_kind,
        periods.period_start_date,
        dated.platform,
        dated.is_answered,
        dated.duration_seconds,
        dated.duration_business_seconds
    from dated
    inner join periods on dated.asked_date = periods.calendar_date
),

both_scopes as (
    select * from placed
    union all
    select period_kind, period_start_date, 'all' as platform, is_answered, duration_seconds, duration_business_seconds from placed
)

select period_kind, period_start_date, platform, 'clock' as clock, duration_seconds, is_answered
from both_scopes
where duration_seconds is not null
union all
select period_kind, period_start_date, platform, 'business' as clock, duration_business_seconds as duration_seconds, is_answered
from both_scopes
where duration_business_seconds is not null
