with told as (
    select * from {{ ref('platform_metrics') }}
),

run as (
    select * from {{ ref('int_run') }}
),

used_platforms as (
    select distinct platform from {{ ref('int_account_roles') }} where role = 'brand'
),

events as (
    select
        platform,
        case
            when kind in ('reply', 'comment') then 'replies'
            when kind = 'quote' then 'quotes'
            when kind = 'mention' then 'mentions'
            when kind = 'like' then 'likes'
            when kind = 'reshare' then 'reshares'
            when kind = 'follow' then 'follows'
            when kind = 'message' then 'messages'
            when kind = 'click' then 'clicks'
            when kind = 'profile_view' then 'profile_views'
            when kind in ('mute', 'block') then 'mutes'
            when kind = 'report' then 'reports'
        end as metric,
        event_day
    from {{ ref('int_interactions') }}
    where direction = 'in'
),

measurements as (
    select platform, cast(measured_at as date) as measured_day, like_count, reply_count, reshare_count, quote_count, view_count, click_count
    from {{ ref('stg_post_metrics') }}
),

observations as (
    select platform, metric, event_day as observed_day from events where metric is not null
    union all
    select platform, 'like_count' as metric, measured_day as observed_day from measurements where like_count is not null
    union all
    select platform, 'reply_count' as metric, measured_day as observed_day from measurements where reply_count is not null
    union all
    select platform, 'reshare_count' as metric, measured_day as observed_day from measurements where reshare_count is not null
    union all
    select platform, 'quote_count' as metric, measured_day as observed_day from measurements where quote_count is not null
    union all
    select platform, 'views' as metric, measured_day as observed_day from measurements where view_count is not null
    union all
    select platform, 'clicks' as metric, measured_day as observed_day from measurements where click_count is not null
    union all
    select platform, 'follower_count' as metric, cast(measured_at as date) as observed_day from {{ ref('stg_account_metrics') }} where follower_count is not null
),

observed as (
    select
        platform,
        metric,
        count(*) as observed_count,
        min(observed_day) as first_observed_day,
        max(observed_day) as last_observed_day
    from observations
    cross join run
    where observed_day <= run.as_of_date
    group by platform, metric
)

select
    told.platform,
    told.metric,
    told.told_as,
    case
        when not told.is_available then 'not measurable: ' || told.note
        when used_platforms.platform is null then 'the brand has no account there'
        when observed.metric is null then 'told by the platform, and none was seen yet'
    end as unavailable_reason,
    told.note,
    told.successor,
    told.source,
    run.parameters_version,
    coalesce(observed.observed_count, 0) as observed_count,
    told.is_available as is_available,
    used_platforms.platform is not null as is_used,
    told.valid_from as valid_from_date,
    told.valid_to as valid_to_date,
    observed.first_observed_day as first_observed_date,
    observed.last_observed_day as last_observed_date,
    run.as_of_date
from told
cross join run
left join used_platforms on told.platform = used_platforms.platform
left join observed on told.platform = observed.platform and told.metric = observed.metric
