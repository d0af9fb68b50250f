-- One row per campaign with a baseline: its peak, how fast what it drew goes away, and how much of it came in the first week (M7.1, M7.3).
-- Decay is followed from the peak for as long as a day brings more than its baseline; `half_life_days` is −ln 2 ÷ slope of ln(excess) on days.
with series as (
    select * from {{ ref('int_campaign_series') }} where arm = 'treated' and day_number >= 0 and baseline is not null
),

windows as (
    select campaign_id, {{ days_between('first_day', 'last_day') }} as last_day_number from {{ ref('int_campaign_windows') }}
),

parameters as (
    select campaign_spike_days, campaign_settled_days from {{ ref('int_parameters') }}
),

-- The peak is one of the campaign's own days or of the week that follows: later peaks have other causes.
ranked as (
    select
        series.*,
        row_number() over (partition by series.campaign_id order by series.excess desc, series.day_number) as excess_rank
    from series
    cross join parameters
    inner join windows on series.campaign_id = windows.campaign_id
    where series.day_number <= windows.last_day_number + parameters.campaign_spike_days
),

peaks as (
    select campaign_id, day_number as peak_day_number, calendar_date as peak_date, interaction_count as peak_count, baseline as peak_baseline, excess as peak_excess
    from ranked
    where excess_rank = 1
),

-- The first day after the peak that brings no more than its baseline, or belongs to another campaign, ends the decay.
decay_ends as (
    select series.campaign_id, min(series.day_number) as end_day_number
    from series
    inner join peaks on series.campaign_id = peaks.campaign_id and series.day_number > peaks.peak_day_number
    where series.excess <= 0 or series.is_other_campaign
    group by series.campaign_id
),

decays as (
    select
        series.campaign_id,
        cast(series.day_number - peaks.peak_day_number as double) as days_since_peak,
        ln(series.excess) as log_excess
    from series
    inner join peaks on series.campaign_id = peaks.campaign_id and series.day_number >= peaks.peak_day_number
    left join decay_ends on series.campaign_id = decay_ends.campaign_id
    where series.excess > 0 and series.day_number < coalesce(decay_ends.end_day_number, series.day_number + 1)
),

-- Least squares from exact sums, so that the order of the rows does not matter.
sums as (
    select
        campaign_id,
        count(*) as decay_day_count,
        {{ exact_sum('days_since_peak') }} as day_sum,
        {{ exact_sum('log_excess') }} as log_sum,
        {{ exact_sum('days_since_peak * days_since_peak') }} as day_square_sum,
        {{ exact_sum("days_since_peak * log_excess") }} as product_sum
    from decays
    group by campaign_id
),

slopes as (
    select
        *,
        (decay_day_count * product_sum - day_sum * log_sum) / nullif(decay_day_count * day_square_sum - day_sum * day_sum, 0) as slope
    from sums
),

-- The first day that fell to half may be the one that fell to the baseline.
halved as (
    select
        series.campaign_id,
        min(series.day_number - peaks.peak_day_number) as half_day_number
    from series
    inner join peaks on series.campaign_id = peaks.campaign_id and series.day_number > peaks.peak_day_number
    where series.excess <= peaks.peak_excess / 2
    group by series.campaign_id
),

areas as (
    select
        series.campaign_id,
        {{ exact_sum('series.excess') }} as excess_total,
        {{ exact_sum('case when series.day_number < parameters.campaign_spike_days then series.excess else 0 end') }} as first_week_excess,
        {{ exact_sum('case when series.day_number < parameters.campaign_settled_days then series.excess else 0 end') }} as settled_excess,
        max(series.day_number) as newest_day_number,
        avg(series.baseline) as mean_baseline,
        min(series.baseline_day_count) as least_baseline_day_count
    from series
    cross join parameters
    group by series.campaign_id
)

select
    peaks.campaign_id,
    case
        when peaks.peak_excess <= 0 then 'no day brought more than its baseline'
        when slopes.decay_day_count < 2 then 'a single day above the baseline'
        when slopes.slope >= 0 then 'no decay'
    end as half_life_reason,
    peaks.peak_day_number,
    peaks.peak_count,
    cast(areas.least_baseline_day_count as bigint) as least_baseline_day_count,
    coalesce(slopes.decay_day_count, 0) as decay_day_count,
    case when peaks.peak_excess > 0 then cast(halved.half_day_number as bigint) end as half_day_number,
    peaks.peak_baseline,
    peaks.peak_excess,
    areas.mean_baseline,
    areas.excess_total,
    areas.first_week_excess,
    case when areas.newest_day_number >= parameters.campaign_settled_days - 1 then areas.settled_excess end as settled_excess,
    case when peaks.peak_excess > 0 and slopes.decay_day_count >= 2 and slopes.slope < 0 then round(-ln(cast(2 as double)) / slopes.slope, 9) end as half_life_days,
    peaks.peak_date
from peaks
cross join parameters
inner join areas on peaks.campaign_id = areas.campaign_id
left join slopes on peaks.campaign_id = slopes.campaign_id
left join halved on peaks.campaign_id = halved.campaign_id
