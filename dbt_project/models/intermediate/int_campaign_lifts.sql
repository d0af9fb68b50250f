-- One row per campaign with enough days on both sides of its beginning: (T_post − T_pre) − (C_post − C_pre) (M7.2), the same for the time before as a
-- placebo, and each arm's trend before. Without a control only the change of what was treated.
with series as (
    select * from {{ ref('int_campaign_series') }}
),

parameters as (
    select campaign_lift_days, campaign_baseline_days from {{ ref('int_parameters') }}
),

windowed as (
    select
        series.*,
        case
            when series.day_number between -2 * parameters.campaign_lift_days and -parameters.campaign_lift_days - 1 then 'before'
            when series.day_number between -parameters.campaign_lift_days and -1 then 'pre'
            when series.day_number between 0 and parameters.campaign_lift_days - 1 then 'post'
        end as side,
        cast(series.day_number as double) as day_value,
        cast(series.interaction_count as double) as count_value,
        parameters.campaign_lift_days as side_days
    from series
    cross join parameters
),

sums as (
    select
        campaign_id,
        arm,
        cast(sum(case when side = 'before' then interaction_count end) as bigint) as before_count,
        cast(sum(case when side = 'pre' then interaction_count end) as bigint) as pre_count,
        cast(sum(case when side = 'post' then interaction_count end) as bigint) as post_count,
        count(case when side = 'before' then 1 end) = max(side_days) as is_before_whole,
        count(case when side = 'pre' then 1 end) = max(side_days) as is_pre_whole,
        count(case when side = 'post' then 1 end) = max(side_days) as is_post_whole,
        count(case when side is not null and is_other_campaign then 1 end) as other_campaign_day_count,
        count(case when day_number < 0 then 1 end) as trend_day_count,
        {{ exact_sum('case when day_number < 0 then day_value end') }} as day_sum,
        {{ exact_sum('case when day_number < 0 then count_value end') }} as count_sum,
        {{ exact_sum('case when day_number < 0 then day_value * day_value end') }} as day_square_sum,
        {{ exact_sum('case when day_number < 0 then day_value * count_value end') }} as product_sum
    from windowed
    group by campaign_id, arm
),

trended as (
    select
        *,
        (trend_day_count * product_sum - day_sum * count_sum) / nullif(trend_day_count * day_square_sum - day_sum * day_sum, 0) as trend
    from sums
)

select
    treated.campaign_id,
    case
        when not treated.is_post_whole then 'its first weeks are not over'
        when not treated.is_pre_whole then 'the history begins too late to compare with'
    end as lift_reason,
    case
        when control.campaign_id is null then 'there is no control that data can follow'
        when not (treated.is_before_whole and treated.is_pre_whole) then 'the history begins too late to compare with'
    end as placebo_reason,
    control.campaign_id is not null as has_control,
    treated.pre_count as treated_pre_count,
    treated.post_count as treated_post_count,
    control.pre_count as control_pre_count,
    control.post_count as control_post_count,
    treated.other_campaign_day_count,
    case when treated.is_pre_whole and treated.is_post_whole
        then (treated.post_count - treated.pre_count) - coalesce(control.post_count - control.pre_count, 0)
    end as lift,
    case when treated.is_pre_whole and treated.is_post_whole
        then round(
            cast((treated.post_count - treated.pre_count) - coalesce(control.post_count - control.pre_count, 0) as double)
            / nullif(treated.pre_count + coalesce(control.post_count - control.pre_count, 0), 0), 9)
    end as lift_share,
    case when treated.is_before_whole and treated.is_pre_whole and control.campaign_id is not null
        then (treated.pre_count - treated.before_count) - (control.pre_count - control.before_count)
    end as placebo_lift,
    round(treated.trend, 9) as treated_trend,
    round(control.trend, 9) as control_trend
from trended as treated
-- A control that names nobody compares with nothing.
left join trended as control
    on treated.campaign_id = control.campaign_id and control.arm = 'control' and coalesce(control.pre_count, 0) + coalesce(control.post_count, 0) > 0
where treated.arm = 'treated'
