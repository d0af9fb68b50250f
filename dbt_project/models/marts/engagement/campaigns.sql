with windows as (
    select * from {{ ref('int_campaign_windows') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select campaign_settled_days, campaign_spike_days from {{ ref('int_parameters') }}
),

spikes as (
    select * from {{ ref('int_campaign_spikes') }}
),

lifts as (
    select * from {{ ref('int_campaign_lifts') }}
),

lasting as (
    select * from {{ ref('int_campaign_lasting') }}
),

gains as (
    select * from {{ ref('int_campaign_gains') }}
),

returns as (
    select * from {{ ref('int_campaign_returns') }}
),

entrants as (
    select
        campaign_id,
        count(*) as entrant_count,
        count(case when unrewarded_count > 0 and not has_lapsed then 1 end) as staying_count
    from {{ ref('int_campaign_newcomers') }}
    where arm = 'campaign'
    group by campaign_id
),

unplaced as (
    select campaign_id, count(*) as unplaced_event_count
    from {{ ref('int_interactions') }}
    where direction = 'in' and (is_engaged or kind = 'like') and not is_deleted and is_time_observed and campaign_id is not null
    group by campaign_id
),

joined as (
    select
        windows.*,
        windows.as_of_day_number >= parameters.campaign_settled_days as is_settled,
        coalesce(lifts.has_control, false) as has_control,
        spikes.campaign_id is not null as has_baseline,
        coalesce(returns.incremental_return < 0, false) as has_lost_money,
        parameters.campaign_settled_days
    from windows
    cross join parameters
    left join spikes on windows.campaign_id = spikes.campaign_id
    left join lifts on windows.campaign_id = lifts.campaign_id
    left join returns on windows.campaign_id = returns.campaign_id
)

select
    joined.campaign_id,
    joined.campaign_name,
    case when not joined.is_over then 'running' when not joined.is_settled then 'over, its 90 days are not' else 'settled' end as campaign_state,
    joined.control,
    joined.asked_action,
    case when not joined.has_baseline then 'no weekday before it to compare with' end as baseline_reason,
    case when not joined.has_baseline then 'no weekday before it to compare with' else spikes.half_life_reason end as half_life_reason,
    case
        when not joined.has_baseline then 'no weekday before it to compare with'
        when spikes.settled_excess is null then 'its 90 days are not over'
        when spikes.settled_excess <= 0 then 'its 90 days brought no more than their baseline'
    end as spike_reason,
    case when joined.has_control then 'lift' else 'pre/post change' end as lift_kind,
    lifts.lift_reason,
    lifts.placebo_reason,
    case
        when lasting.campaign_id is not null then cast(null as string)
        when not joined.has_baseline then 'no weekday before it to compare with'
        else 'its 90 days are not over'
    end as lasting_reason,
    case when gains.campaign_id is null then 'its 90 days are not over' end as living_gain_reason,
    case when not joined.is_traceable then 'neither a post, a hashtag nor a link names it: who came with it cannot be told' end as entrant_reason,
    returns.value_reason as incremental_value_reason,
    returns.return_reason as incremental_return_reason,
    -- M7.5: no gain shown over a control, or money lost. Without either nothing can be said.
    case
        when joined.has_lost_money then 'failed: it cost more than it brought'
        when gains.campaign_id is not null and joined.has_control and gains.gain_low <= 0 then 'failed: no gain in living relationships is shown'
        when gains.campaign_id is not null and joined.has_control then 'not failed'
    end as outcome,
    case
        when joined.has_lost_money then cast(null as string)
        when gains.campaign_id is null then 'its 90 days are not over'
        when not joined.has_control then 'there is no control that data can follow'
    end as outcome_reason,
    brand.currency,
    run.parameters_version,
    spikes.least_baseline_day_count,
    case when joined.is_traceable then coalesce(unplaced.unplaced_event_count, 0) end as unplaced_event_count,
    spikes.peak_day_number,
    spikes.peak_count,
    spikes.decay_day_count,
    spikes.half_day_number,
    lifts.treated_pre_count,
    lifts.treated_post_count,
    lifts.control_pre_count,
    lifts.control_post_count,
    lifts.other_campaign_day_count,
    cast(lifts.lift as bigint) as lift,
    cast(lifts.placebo_lift as bigint) as placebo_lift,
    gains.treated_before_count as living_before_count,
    gains.treated_after_count as living_after_count,
    case when joined.has_control then gains.control_before_count end as control_living_before_count,
    case when joined.has_control then gains.control_after_count end as control_living_after_count,
    gains.gain as living_gain,
    gains.gain_low as living_gain_low,
    gains.gain_high as living_gain_high,
    case when joined.is_traceable then coalesce(entrants.entrant_count, 0) end as entrant_count,
    case when joined.is_traceable then coalesce(entrants.staying_count, 0) end as staying_count,
    returns.cost_row_count,
    returns.unknown_cost_count,
    round(spikes.mean_baseline, 9) as mean_baseline,
    round(spikes.peak_baseline, 9) as peak_baseline,
    round(spikes.peak_count / nullif(spikes.peak_baseline, 0), 9) as peak_ratio,
    round(spikes.first_week_excess, 9) as first_week_excess,
    round(spikes.excess_total, 9) as excess_total,
    spikes.half_life_days,
    case when spikes.settled_excess > 0 then round(spikes.first_week_excess / spikes.settled_excess, 9) end as spike_share,
    lifts.lift_share,
    lifts.treated_trend,
    lifts.control_trend,
    round(lasting.lasting_lift, 9) as lasting_lift,
    round(lasting.lasting_low, 9) as lasting_low,
    round(lasting.lasting_high, 9) as lasting_high,
    round(returns.cost_amount, 9) as cost_amount,
    returns.staff_hours,
    case when returns.unknown_cost_count = 0 then round(returns.cost_amount / nullif(entrants.entrant_count, 0), 9) end as cost_per_entrant,
    case when returns.unknown_cost_count = 0 then round(returns.cost_amount / nullif(entrants.staying_count, 0), 9) end as cost_per_staying,
    returns.incremental_value,
    returns.incremental_value_low,
    returns.incremental_value_high,
    returns.incremental_return,
    returns.incremental_return_low,
    returns.incremental_return_high,
    joined.is_incentivised,
    joined.is_promotional,
    joined.first_day as campaign_start_date,
    joined.last_day as campaign_end_date,
    spikes.peak_date,
    run.as_of_date,
    joined.starts_at,
    joined.ends_at
from joined
cross join run
cross join {{ ref('int_currency') }} as brand
inner join returns on joined.campaign_id = returns.campaign_id
left join spikes on joined.campaign_id = spikes.campaign_id
left join lifts on joined.campaign_id = lifts.campaign_id
left join lasting on joined.campaign_id = lasting.campaign_id
left join gains on joined.campaign_id = gains.campaign_id
left join entrants on joined.campaign_id = entrants.campaign_id
left join unplaced on joined.campaign_id = unplaced.campaign_id
