with messages as {{ inlined() }} (
    select * from {{ ref('int_messages') }}
),

-- What went with its author's account is not shown either.
shown as (
    select *, is_deleted or is_hidden as is_removed from messages
),

accounts as (
    select account_key, display_name, handle, profile_url from {{ ref('int_accounts') }}
),

persons as (
    select members.account_key, members.person_id from {{ ref('int_person_members') }} as members
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select settled_post_days from {{ ref('int_parameters') }}
),

audience_messages as (
    select post_key, upper_post_key, root_post_key from shown where author_side in ('audience', 'unidentified') and not is_removed
),

direct_replies as (
    select upper_post_key as post_key, count(*) as direct_reply_count
    from audience_messages
    where upper_post_key is not null
    group by upper_post_key
),

comments as (
    select root_post_key as post_key, count(*) as comment_count
    from audience_messages
    where post_key <> root_post_key
    group by root_post_key
),

-- By others than the brand and its people, whoever wrote the message.
named_reactions as (
    select
        post_key,
        count(case when kind = 'like' then 1 end) as like_count,
        count(case when kind = 'reshare' then 1 end) as reshare_count
    from {{ ref('int_interactions') }}
    where kind in ('like', 'reshare') and direction in ('in', 'peer') and not is_deleted and not is_hidden
    group by post_key
),

complete_lists as (
    select
        platform || ':' || subject_id as post_key,
        max(case when entity = 'likes' then 1 else 0 end) as has_likes,
        max(case when entity = 'reshares' then 1 else 0 end) as has_reshares
    from {{ ref('int_listing_reads') }}
    where entity in ('likes', 'reshares') and subject_id is not null
    group by platform || ':' || subject_id
),

newest_metrics as (
    select
        platform || ':' || post_id as post_key,
        like_count,
        reply_count,
        reshare_count,
        view_count,
        row_number() over (partition by platform, post_id order by measured_at desc nulls last, observed_at desc) as metric_rank
    from {{ ref('stg_post_metrics') }}
),

metrics as (
    select * from newest_metrics where metric_rank = 1
),

-- What was stated last before a message, read off one line of time: a join on "before" would pair every message with every statement before it.
moments as (
    select platform || ':' || account_id as account_key, coalesce(measured_at, observed_at) as moment_at, min(follower_count) as follower_count,
        cast(null as string) as post_key
    from {{ ref('stg_account_metrics') }}
    where follower_count is not null
    group by platform || ':' || account_id, coalesce(measured_at, observed_at)
    union all
    select brand_account_key as account_key, published_at as moment_at, cast(null as bigint) as follower_count, post_key
    from messages
    where author_side = 'brand' and brand_account_key is not null
),

last_stated as (
    select
        post_key,
        {{ last_known('follower_count', 'so_far') }} as follower_count
    from moments
    window so_far as (
        partition by account_key order by moment_at, case when post_key is null then 0 else 1 end, post_key
        rows between unbounded preceding and current row
    )
),

followers_at_posting as (
    select post_key, follower_count from last_stated where post_key is not null
),

based as (
    select
        messages.*,
        coalesce(direct_replies.direct_reply_count, 0) as direct_reply_count,
        case when messages.post_key = messages.root_post_key then coalesce(comments.comment_count, 0) end as comment_count,
        case
            when messages.is_removed then cast(null as string)
            when complete_lists.has_likes = 1 then 'people'
            when metrics.like_count is not null then 'stated'
            when named_reactions.like_count > 0 then 'people'
        end as like_basis,
        case
            when messages.is_removed then cast(null as string)
            when complete_lists.has_reshares = 1 then 'people'
            when metrics.reshare_count is not null then 'stated'
            when named_reactions.reshare_count > 0 then 'people'
        end as reshare_basis,
        coalesce(named_reactions.like_count, 0) as named_like_count,
        coalesce(named_reactions.reshare_count, 0) as named_reshare_count,
        metrics.like_count as stated_like_count,
        metrics.reshare_count as stated_reshare_count,
        metrics.reply_count as stated_reply_count,
        metrics.view_count as stated_view_count,
        followers_at_posting.follower_count as follower_count_at_posting
    from shown as messages
    left join direct_replies on messages.post_key = direct_replies.post_key
    left join comments on messages.post_key = comments.post_key
    left join named_reactions on messages.post_key = named_reactions.post_key
    left join complete_lists on messages.post_key = complete_lists.post_key
    left join metrics on messages.post_key = metrics.post_key
    left join followers_at_posting on messages.post_key = followers_at_posting.post_key
)

select
    based.post_key,
    based.platform,
    based.source_account_id,
    based.post_id,
    based.kind,
    based.author_side,
    -- Staff and agency are not named.
    case when based.author_side <> 'internal' then based.author_account_key end as author_account_key,
    case when based.author_side = 'audience' then persons.person_id end as author_person_id,
    case when based.author_side = 'audience' or based.author_role = 'brand' then accounts.display_name end as author_display_name,
    case when based.author_side = 'audience' or based.author_role = 'brand' then accounts.handle end as author_handle,
    case when based.author_side = 'audience' or based.author_role = 'brand' then accounts.profile_url end as author_profile_url,
    based.responder_id,
    based.parent_post_key,
    based.root_post_key,
    based.subject_post_key,
    case when not based.is_removed and based.kind <> 'message' then based.text end as text,
    case when not based.is_removed then based.language end as language,
    case when not based.is_removed then based.url end as url,
    case when not based.is_removed then based.media_type end as media_type,
    case when not based.is_removed then {{ list_to_text('based.hashtags') }} end as hashtags_text,
    based.campaign_id,
    based.load_id,
    case when based.comment_count is null then 'not the first message of its tree: see direct_reply_count' end as comment_reason,
    based.reshare_basis,
    case when based.is_removed then 'deleted' when based.reshare_basis is null then 'the platform reports none' end as reshare_reason,
    based.like_basis,
    case when based.is_removed then 'deleted' when based.like_basis is null then 'the platform reports none' end as like_reason,
    run.parameters_version,
    based.load_seq,
    based.depth,
    based.direct_reply_count,
    based.comment_count,
    case based.reshare_basis when 'people' then based.named_reshare_count when 'stated' then based.stated_reshare_count end as reshare_count,
    case based.like_basis when 'people' then based.named_like_count when 'stated' then based.stated_like_count end as like_count,
    based.stated_reply_count,
    based.stated_reshare_count,
    based.stated_like_count,
    based.stated_view_count,
    based.follower_count_at_posting,
    round(cast(based.comment_count as double) / nullif(based.follower_count_at_posting, 0) * 1000, 9) as comments_per_1000_followers,
    based.is_automated,
    based.is_incentivised,
    based.is_promotional,
    based.is_removed as is_deleted,
    based.edited_at is not null as is_edited,
    based.published_at <= {{ shift_days('run.as_of_at', '-parameters.settled_post_days') }} as is_settled,
    based.is_root_known,
    based.is_time_observed,
    cast({{ to_local('based.published_at', 'run.timezone') }} as date) as published_date,
    run.as_of_date,
    {{ hour_of(to_local('based.published_at', 'run.timezone')) }} as published_hour,
    based.published_at,
    based.edited_at,
    based.deleted_at,
    based.first_observed_at,
    based.last_observed_at
from based
cross join run
cross join parameters
left join accounts on based.author_account_key = accounts.account_key
left join persons on based.author_account_key = persons.account_key
