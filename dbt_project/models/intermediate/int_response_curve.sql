-- Kaplan–Meier (M4.3): one row per period, platform, clock and distinct duration. `survival` is the share not answered after that duration.
with durations as (
    select * from {{ ref('int_response_durations') }}
),

curve as (
    {{ survival_curve('durations', ['period_kind', 'period_start_date', 'platform', 'clock'], 'duration_seconds', 'is_answered') }}
)

select
    period_kind,
    period_start_date,
    platform,
    clock,
    duration_seconds,
    event_count as answered_count,
    at_risk_count,
    survival,
    greenwood_sum
from curve
