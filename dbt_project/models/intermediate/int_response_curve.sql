-- Kaplan–Meier (M4.3): one row per period, platform, clock and distinct duration. `survival` is the share not answered after that duration.
-- Answers come before censorings of the same duration; rounding to 12 places, or a survival of exactly one half is missed.
with durations as (
    select * from {{ ref('int_response_durations') }}
),

ties as (
    select
        period_kind,
        period_start_date,
        platform,
        clock,
        duration_seconds,
        count(case when is_answered then 1 end) as answered_count,
        count(*) as ended_count
    from durations
    group by period_kind, period_start_date, platform, clock, duration_seconds
),

at_risk as (
    select
        *,
        sum(ended_count) over (
            partition by period_kind, period_start_date, platform, clock order by duration_seconds desc
        ) as at_risk_count
    from ties
),

logged as (
    select
        *,
        case when answered_count > 0 and answered_count < at_risk_count
            then cast(ln(1 - cast(answered_count as double) / at_risk_count) as decimal(38, 18))
            else cast(0 as decimal(38, 18))
        end as log_factor,
        case when answered_count > 0 and answered_count < at_risk_count
            then cast(cast(answered_count as double) / (cast(at_risk_count as double) * (at_risk_count - answered_count)) as decimal(38, 18))
            else cast(0 as decimal(38, 18))
        end as greenwood_term
    from at_risk
)

select
    period_kind,
    period_start_date,
    platform,
    clock,
    duration_seconds,
    cast(answered_count as bigint) as answered_count,
    cast(at_risk_count as bigint) as at_risk_count,
    round(case
        when min(at_risk_count - answered_count) over so_far = 0 then cast(0 as double)
        else exp(cast(sum(log_factor) over so_far as double))
    end, 12) as survival,
    cast(sum(greenwood_term) over so_far as double) as greenwood_sum
from logged
window so_far as (partition by period_kind, period_start_date, platform, clock order by duration_seconds)
