with settings as (
    select substr(name, 6) as goal, try_cast(value as double) as target from {{ ref('stg_config_settings') }} where name like 'goal.%'
),

run as (
    select * from {{ ref('int_run') }}
),

funnel as (
    select * from {{ ref('funnel') }}
),

responses as (
    select * from {{ ref('response_summary') }} where period_kind = 'last_28_days' and platform = 'all'
),

qualities as (
    select * from {{ ref('audience_quality') }} where platform = 'all'
),

contacts as (
    select * from {{ ref('outreach_summary') }} where period_kind = 'last_90_days' and channel = 'all'
),

measures as (
    select
        case stage when 'claimed' then 'follower_count' else stage || '_people' end as goal,
        'relationships.funnel, stage ' || stage as measured_by,
        'people' as unit,
        true as is_more_better,
        cast(person_count as double) as actual,
        coalesce(count_note, 'not measured') as reason
    from funnel
    union all
    select
        'median_response_hours' as goal, 'engagement.response_summary, last 28 days' as measured_by, 'hours' as unit, false as is_more_better,
        round(median_response_seconds / 3600, 9) as actual, median_response_reason as reason
    from responses
    union all
    select
        'median_business_hours' as goal, 'engagement.response_summary, last 28 days' as measured_by, 'working hours' as unit, false as is_more_better,
        round(median_business_seconds / 3600, 9) as actual, median_business_reason as reason
    from responses
    union all
    select
        'answered_within_24h_rate' as goal, 'engagement.response_summary, last 28 days' as measured_by, 'share 0-1' as unit, true as is_more_better,
        answered_within_24h_rate as actual, 'nobody asked' as reason
    from responses
    union all
    select
        'listening_ratio' as goal, 'engagement.response_summary, last 28 days' as measured_by, 'share 0-1' as unit, true as is_more_better,
        listening_ratio as actual, 'the brand wrote nothing' as reason
    from responses
    union all
    select
        'real_follower_share' as goal, 'relationships.audience_quality, followers' as measured_by, 'share 0-1' as unit, true as is_more_better,
        real_share as actual, coalesce(person_reason, 'nobody follows') as reason
    from qualities
    where population = 'followers'
    union all
    select
        'in_interest_follower_share' as goal, 'relationships.audience_quality, followers' as measured_by, 'share 0-1' as unit, true as is_more_better,
        in_interest_share as actual, in_interest_reason as reason
    from qualities
    where population = 'followers'
    union all
    select
        'identified_share' as goal, 'relationships.audience_quality, engaged' as measured_by, 'share 0-1' as unit, true as is_more_better,
        identified_share as actual, coalesce(person_reason, 'nobody engaged') as reason
    from qualities
    where population = 'engaged'
    union all
    select
        'outreach_acceptance_rate' as goal, 'relationships.outreach_summary, last 90 days' as measured_by, 'share 0-1' as unit, true as is_more_better,
        acceptance_rate as actual, acceptance_reason as reason
    from contacts
),

compared as (
    select
        settings.goal,
        settings.target,
        measures.measured_by,
        measures.unit,
        measures.is_more_better,
        measures.actual,
        case
            when settings.target is null then 'the target is no number'
            when measures.goal is not null then measures.reason
            when settings.goal = 'outreach_acceptance_rate' then 'nobody was contacted in the last 90 days'
            else 'nothing that is measured bears this name'
        end as reason
    from settings
    left join measures on settings.goal = measures.goal
)

select
    compared.goal,
    compared.measured_by,
    compared.unit,
    case when compared.actual is null or compared.target is null then coalesce(compared.reason, 'not measured') end as goal_reason,
    run.parameters_version,
    compared.target,
    compared.actual,
    -- The way gone: for what should shrink, the target over what is.
    round(case when compared.is_more_better then compared.actual / nullif(compared.target, 0) else compared.target / nullif(compared.actual, 0) end, 9)
        as reached_share,
    compared.is_more_better,
    case when compared.is_more_better then compared.actual >= compared.target else compared.actual <= compared.target end as is_reached,
    run.as_of_date
from compared
cross join run
