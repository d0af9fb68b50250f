with newcomers as (
    select * from {{ ref('int_campaign_newcomers') }}
),

windows as (
    select * from {{ ref('int_campaign_windows') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select campaign_least_arm, campaign_slip_days from {{ ref('int_parameters') }}
),

arms as (
    select windows.*, 'campaign' as arm from windows
    union all
    select windows.*, 'organic' as arm from windows
),

-- Whose first time is only that of being seen cannot be placed in days.
durations as (
    select campaign_id, arm, stay_days, has_lapsed from newcomers where not is_time_observed
),

curve as (
    {{ survival_curve('durations', ['campaign_id', 'arm'], 'stay_days', 'has_lapsed') }}
),

points as (
    select
        campaign_id,
        arm,
        {%- for day in [30, 60, 90] %}
        min(case when stay_days <= {{ day }} then survival else 1 end) as stayed_{{ day }}_share,
        max(case when stay_days <= {{ day }} then greenwood_sum else 0 end) as stayed_{{ day }}_greenwood,
        {%- endfor %}
        min(case when survival <= 0.5 then stay_days end) as median_stay_days,
        max(stay_days) as longest_known_days
    from curve
    group by campaign_id, arm
),

compared as (
    select campaign_id, arm = 'campaign' as is_campaign_arm, stay_days, has_lapsed from durations
),

log_ranks as (
    {{ log_rank('compared', ['campaign_id'], 'is_campaign_arm', 'stay_days', 'has_lapsed') }}
),

counts as (
    select
        newcomers.campaign_id,
        newcomers.arm,
        count(*) as newcomer_count,
        count(case when newcomers.is_time_observed then 1 end) as unknown_time_count,
        count(case when not newcomers.is_time_observed then 1 end) as followed_count,
        count(case when newcomers.unrewarded_count = 0 then 1 end) as rewarded_only_count,
        count(case when newcomers.has_lapsed then 1 end) as lapsed_count,
        count(case when not newcomers.has_lapsed then 1 end) as present_count,
        count(case when not newcomers.has_lapsed and newcomers.silent_days >= parameters.campaign_slip_days then 1 end) as slipping_count
    from newcomers
    cross join parameters
    group by newcomers.campaign_id, newcomers.arm
),

-- The effective count is the sample size that gives a plain proportion Greenwood's variance: (1 − S) ÷ (S · Σ).
judged as (
    select
        arms.*,
        coalesce(counts.newcomer_count, 0) as newcomer_count,
        coalesce(counts.unknown_time_count, 0) as unknown_time_count,
        coalesce(counts.followed_count, 0) as followed_count,
        coalesce(counts.rewarded_only_count, 0) as rewarded_only_count,
        coalesce(counts.lapsed_count, 0) as lapsed_count,
        coalesce(counts.present_count, 0) as present_count,
        coalesce(counts.slipping_count, 0) as slipping_count,
        coalesce(counts.followed_count, 0) < parameters.campaign_least_arm as is_too_few,
        {%- for day in [30, 60, 90] %}
        -- Beyond the longest time anybody was followed nothing is known, unless everybody has lapsed before.
        case when points.longest_known_days >= {{ day }} or points.stayed_{{ day }}_share = 0 then points.stayed_{{ day }}_share end as stayed_{{ day }}_share,
        case
            when points.stayed_{{ day }}_greenwood > 0 and points.stayed_{{ day }}_share > 0
                then (1 - points.stayed_{{ day }}_share) / (points.stayed_{{ day }}_share * points.stayed_{{ day }}_greenwood)
            else cast(counts.followed_count as double)
        end as effective_{{ day }}_count,
        {%- endfor %}
        points.median_stay_days
    from arms
    cross join parameters
    left join counts on arms.campaign_id = counts.campaign_id and arms.arm = counts.arm
    left join points on arms.campaign_id = points.campaign_id and arms.arm = points.arm
),

pairs as (
    select campaign_id, max(case when is_too_few then 1 else 0 end) = 1 as is_any_too_few
    from judged
    group by campaign_id
)

select
    judged.campaign_id,
    judged.arm,
    judged.campaign_name,
    case
        when judged.newcomer_count = 0 then 'nobody was first seen then'
        when judged.is_too_few then 'too few'
    end as retention_reason,
    case
        when judged.newcomer_count = 0 then 'nobody was first seen then'
        when judged.is_too_few then 'too few'
        when judged.median_stay_days is null then 'not reached: more than half are still there'
    end as median_reason,
    case
        when pairs.is_any_too_few then 'too few in an arm'
        when log_ranks.chi_square is null then 'nothing tells the arms apart'
    end as comparison_reason,
    run.parameters_version,
    judged.newcomer_count,
    judged.unknown_time_count,
    judged.followed_count,
    judged.rewarded_only_count,
    judged.lapsed_count,
    judged.present_count,
    judged.slipping_count,
    {%- for day in [30, 60, 90] %}
    {%- set effective = 'judged.effective_' ~ day ~ '_count' %}
    {%- set stayed = 'judged.stayed_' ~ day ~ '_share * ' ~ effective %}
    case when not judged.is_too_few then round(judged.stayed_{{ day }}_share, 9) end as stayed_{{ day }}_share,
    case when not judged.is_too_few then {{ wilson_low(stayed, effective) }} end as stayed_{{ day }}_low,
    case when not judged.is_too_few then {{ wilson_high(stayed, effective) }} end as stayed_{{ day }}_high,
    {%- endfor %}
    case when not judged.is_too_few then judged.median_stay_days end as median_stay_days,
    case when not pairs.is_any_too_few then log_ranks.chi_square end as log_rank_chi_square,
    judged.is_incentivised,
    -- 3.841459 is the 5 % point of one degree of freedom.
    case when not pairs.is_any_too_few then log_ranks.chi_square > cast(3.841459 as double) end as is_different,
    judged.is_too_few,
    judged.first_day as campaign_start_date,
    run.as_of_date
from judged
cross join run
inner join pairs on judged.campaign_id = pairs.campaign_id
left join log_ranks on judged.campaign_id = log_ranks.campaign_id
