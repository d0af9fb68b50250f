with brand_accounts as (
    select distinct account_key, platform from {{ ref('int_account_roles') }} where role = 'brand' and account_key is not null
),

calendar as (
    select calendar_date from {{ ref('int_calendar') }} where is_counted
),

run as (
    select * from {{ ref('int_run') }}
),

events as (
    select
        interactions.*,
        cast({{ to_local('interactions.event_at', 'run.timezone') }} as date) as event_date
    from {{ ref('int_interactions') }} as interactions
    cross join run
    where interactions.direction = 'in' and not interactions.is_deleted and interactions.kind <> 'follow'
),

follows as (
    select
        follows.brand_account_key,
        cast({{ to_local('follows.started_at', 'run.timezone') }} as date) as event_date,
        count(*) as in_follow_count
    from {{ ref('int_follows') }} as follows
    cross join run
    where follows.started_at < run.as_of_at
    group by follows.brand_account_key, cast({{ to_local('follows.started_at', 'run.timezone') }} as date)
),

brand_messages as (
    select
        messages.brand_account_key,
        cast({{ to_local('messages.published_at', 'run.timezone') }} as date) as event_date,
        count(case when messages.is_addressed then 1 end) as addressed_message_count
    from {{ ref('int_brand_messages') }} as messages
    cross join run
    group by messages.brand_account_key, cast({{ to_local('messages.published_at', 'run.timezone') }} as date)
),

published as (
    select
        messages.brand_account_key,
        posts.published_date as event_date,
        count(*) as post_count,
        count(case when posts.is_settled then 1 end) as settled_post_count,
        sum(case when posts.is_settled then posts.comment_count end) as settled_comment_count,
        -- One unknown makes the sum unknown.
        case when count(case when posts.is_settled and posts.reshare_count is null then 1 end) = 0
            then sum(case when posts.is_settled then posts.reshare_count end)
        end as settled_reshare_count,
        case when count(case when posts.is_settled and posts.like_count is null then 1 end) = 0
            then sum(case when posts.is_settled then posts.like_count end)
        end as settled_like_count
    from {{ ref('posts') }} as posts
    inner join {{ ref('int_messages') }} as messages on posts.post_key = messages.post_key
    where posts.author_side = 'brand' and not posts.is_deleted and posts.kind in ('post', 'quote') and posts.post_key = posts.root_post_key
    group by messages.brand_account_key, posts.published_date
),

named_streams as (
    select
        platform,
        max(case when entity = 'likes' then 1 else 0 end) as has_likes,
        max(case when entity = 'reshares' then 1 else 0 end) as has_reshares
    from {{ ref('stg_scopes') }}
    group by platform
),

named_events as (
    select platform, max(case when kind = 'like' then 1 else 0 end) as has_likes, max(case when kind = 'reshare' then 1 else 0 end) as has_reshares
    from events
    group by platform
),

platforms as (
    select
        brand_accounts.platform,
        max(coalesce(named_streams.has_likes, 0) + coalesce(named_events.has_likes, 0)) > 0 as has_likes,
        max(coalesce(named_streams.has_reshares, 0) + coalesce(named_events.has_reshares, 0)) > 0 as has_reshares
    from brand_accounts
    left join named_streams on brand_accounts.platform = named_streams.platform
    left join named_events on brand_accounts.platform = named_events.platform
    group by brand_accounts.platform
),

daily_events as (
    select
        brand_account_key,
        event_date,
        count(case when kind in ('reply', 'comment') then 1 end) as in_reply_count,
        count(case when kind = 'mention' then 1 end) as in_mention_count,
        count(case when kind = 'quote' then 1 end) as in_quote_count,
        count(case when kind = 'message' then 1 end) as in_direct_message_count,
        count(case when kind = 'reshare' then 1 end) as in_reshare_count,
        count(case when kind = 'like' then 1 end) as in_like_count,
        count(distinct person_id) as person_count,
        count(distinct case when is_engaged then person_id end) as engaged_person_count,
        count(case when is_time_observed then 1 end) as observed_time_count,
        count(case when is_incentivised then 1 end) as incentivised_event_count
    from events
    group by brand_account_key, event_date
),

firsts as (
    select brand_account_key, min(event_date) as first_date
    from (
        select brand_account_key, event_date from daily_events
        union all
        select brand_account_key, event_date from follows
        union all
        select brand_account_key, event_date from brand_messages
        union all
        select brand_account_key, event_date from published
    ) as happened
    group by brand_account_key
),

audience as (
    select brand_account_key, audience_date, follower_count from {{ ref('audience_daily') }}
),

days as (
    select brand_accounts.account_key, brand_accounts.platform, calendar.calendar_date
    from brand_accounts
    inner join firsts on brand_accounts.account_key = firsts.brand_account_key
    inner join calendar on calendar.calendar_date >= firsts.first_date
),

combined as (
    select
        days.account_key as brand_account_key,
        days.calendar_date as activity_date,
        days.platform,
        platforms.has_likes,
        platforms.has_reshares,
        coalesce(published.post_count, 0) as post_count,
        coalesce(brand_messages.addressed_message_count, 0) as addressed_message_count,
        coalesce(daily_events.in_reply_count, 0) as in_reply_count,
        coalesce(daily_events.in_mention_count, 0) as in_mention_count,
        coalesce(daily_events.in_quote_count, 0) as in_quote_count,
        coalesce(daily_events.in_direct_message_count, 0) as in_direct_message_count,
        coalesce(daily_events.in_reshare_count, 0) as in_reshare_count,
        coalesce(daily_events.in_like_count, 0) as in_like_count,
        coalesce(follows.in_follow_count, 0) as in_follow_count,
        coalesce(daily_events.person_count, 0) as person_count,
        coalesce(daily_events.engaged_person_count, 0) as engaged_person_count,
        coalesce(daily_events.observed_time_count, 0) as observed_time_count,
        coalesce(daily_events.incentivised_event_count, 0) as incentivised_event_count,
        coalesce(published.settled_post_count, 0) as settled_post_count,
        published.settled_comment_count,
        published.settled_reshare_count,
        published.settled_like_count,
        audience.follower_count
    from days
    inner join platforms on days.platform = platforms.platform
    left join published on days.account_key = published.brand_account_key and days.calendar_date = published.event_date
    left join brand_messages on days.account_key = brand_messages.brand_account_key and days.calendar_date = brand_messages.event_date
    left join daily_events on days.account_key = daily_events.brand_account_key and days.calendar_date = daily_events.event_date
    left join follows on days.account_key = follows.brand_account_key and days.calendar_date = follows.event_date
    left join audience on days.account_key = audience.brand_account_key and days.calendar_date = audience.audience_date
)

select
    combined.brand_account_key,
    combined.activity_date,
    combined.platform,
    case when not combined.has_reshares then 'the platform gives no names' end as reshare_reason,
    case when not combined.has_likes then 'the platform gives no names' end as like_reason,
    case
        when combined.post_count = 0 then 'nothing was published'
        when combined.settled_post_count = 0 then 'too young to be compared'
        when combined.settled_like_count is null or combined.settled_reshare_count is null then 'likes or reshares of a post are not known'
    end as rates_reason,
    run.parameters_version,
    combined.post_count,
    combined.addressed_message_count,
    combined.in_reply_count,
    combined.in_mention_count,
    combined.in_quote_count,
    combined.in_direct_message_count,
    case when combined.has_reshares then combined.in_reshare_count end as in_reshare_count,
    case when combined.has_likes then combined.in_like_count end as in_like_count,
    combined.in_follow_count,
    combined.person_count,
    combined.engaged_person_count,
    combined.observed_time_count,
    combined.incentivised_event_count,
    combined.settled_post_count,
    cast(combined.settled_comment_count as bigint) as settled_comment_count,
    cast(combined.settled_reshare_count as bigint) as settled_reshare_count,
    cast(combined.settled_like_count as bigint) as settled_like_count,
    round(cast(combined.settled_comment_count as double) / nullif(combined.settled_post_count, 0), 9) as conversation_rate,
    round(cast(combined.settled_reshare_count as double) / nullif(combined.settled_post_count, 0), 9) as amplification_rate,
    round(cast(combined.settled_like_count as double) / nullif(combined.settled_post_count, 0), 9) as applause_rate,
    combined.follower_count,
    round(
        cast(combined.settled_comment_count as double) / nullif(combined.settled_post_count, 0) / nullif(combined.follower_count, 0) * 1000, 9
    ) as conversation_per_1000_followers,
    run.as_of_date
from combined
cross join run
