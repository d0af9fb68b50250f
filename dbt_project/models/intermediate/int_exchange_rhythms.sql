-- One row per person with an exchange: the weeks with an exchange as BG/NBD counts them (M9.2), and the person's own rhythm (M9.3).
-- A week (from Monday, UTC) is dated by its first day with an exchange: so the last is as old as the first where there is only one.
with days as (
    select distinct person_id, exchange_day, {{ week_start('exchange_day') }} as week_day from {{ ref('int_exchanges') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

weeks as (
    select person_id, week_day, min(exchange_day) as dated_day from days group by person_id, week_day
),

per_week as (
    select
        person_id,
        count(*) - 1 as repeat_week_count,
        min(dated_day) as first_day,
        max(dated_day) as last_week_day
    from weeks
    group by person_id
),

gaps as (
    select
        person_id,
        exchange_day,
        {{ days_between('lag(exchange_day) over (partition by person_id order by exchange_day)', 'exchange_day') }} as gap_days
    from days
),

per_day as (
    select
        person_id,
        count(*) as exchange_day_count,
        max(exchange_day) as last_day,
        round(percentile_cont(0.5) within group (order by gap_days), 9) as median_gap_days
    from gaps
    group by person_id
)

select
    per_week.person_id,
    per_day.exchange_day_count,
    cast(per_week.repeat_week_count as bigint) as repeat_week_count,
    {{ days_between('per_week.first_day', 'per_week.last_week_day') }} / cast(7 as double) as recency_weeks,
    {{ days_between('per_week.first_day', 'run.as_of_date') }} / cast(7 as double) as age_weeks,
    per_day.median_gap_days,
    {{ days_between('per_day.last_day', 'run.as_of_date') }} as days_since_last_exchange,
    per_day.last_day as last_exchange_day
from per_week
cross join run
inner join per_day on per_week.person_id = per_day.person_id
