-- What happened to the account: likes, reposts and follows with their time, and posts that name, answer or quote it.
-- Likes and reposts of the account's reposts (like-via-repost) are not of its own posts and are left out.
with posts_seen as (
    select
        line,
        struct_pack(
            uri := item.uri, author := item.author, record := item.record, "indexedAt" := item."indexedAt", "likeCount" := null::bigint,
            "replyCount" := null::bigint, "repostCount" := null::bigint, "quoteCount" := null::bigint
        ) as post,
    from items
    where contains(item.uri, '/app.bsky.feed.post/')
),

people_seen as (select line, item.author as person from items where not contains(item.uri, '/app.bsky.feed.post/'))

-- include: _posts

-- include: _profile

-- into: interactions
select
    line,
    concat_ws(
        '|',
        case item.reason when 'repost' then 'reshare' else item.reason end,
        item.author.did,
        case item.reason when 'follow' then scope.account_id else item."reasonSubject" end
    ) as interaction_id,
    case item.reason when 'repost' then 'reshare' else item.reason end as kind,
    item.author.did as actor_account_id,
    case item.reason when 'follow' then scope.account_id else author_of(item."reasonSubject") end as target_account_id,
    case when item.reason <> 'follow' then item."reasonSubject" end as post_id,
    choose_time(item.record."createdAt", item."indexedAt") as occurred_at,
from items
where
    item.author.did is not null
    and ((item.reason in ('like', 'repost') and item."reasonSubject" is not null) or (item.reason = 'follow' and scope.account_id is not null))
