-- Shared by every stream that holds whole posts: reads `posts_seen` (line, post), which the mapping defines.
-- Time: createdAt is set by the author's program. It counts unless it is unreadable, before 1980 (a clock never set) or after indexedAt.
-- A reply that quotes is a reply; what it quotes is its subject.
-- into: posts
select
    line,
    post.uri as post_id,
    post.author.did as author_account_id,
    case
        when post.record.reply.parent.uri is not null then 'reply'
        when quoted_post(post.record.embed.record.record.uri, post.record.embed.record.uri) is not null then 'quote'
        else 'post'
    end as kind,
    post.record.reply.parent.uri as parent_post_id,
    post.record.reply.root.uri as root_post_id,
    quoted_post(post.record.embed.record.record.uri, post.record.embed.record.uri) as subject_post_id,
    post.record."text" as "text",
    post.record.langs[1] as "language",
    'https://bsky.app/profile/' || replace(regexp_replace(post.uri, '^at://', ''), '/app.bsky.feed.post/', '/post/') as url,
    case
        when post.record.embed."$type" is null or post.record.embed."$type" = 'app.bsky.embed.record' then 'none'
        when post.record.embed."$type" = 'app.bsky.embed.external' then 'link'
        when coalesce(post.record.embed.images, '') <> '' or contains(post.record.embed.media, 'app.bsky.embed.images') then 'image'
        when coalesce(post.record.embed.video, '') <> '' or contains(post.record.embed.media, 'app.bsky.embed.video') then 'video'
        when contains(post.record.embed.media, 'app.bsky.embed.external') then 'link'
        else 'other'
    end as media_type,
    keep_first(
        list_transform(
            list_concat(coalesce(post.record.tags, []), facet_tags(post.record.facets)), lambda tag: lower(ltrim(tag, '#'))
        )
    ) as hashtags,
    keep_first(list_concat(facet_links(post.record.facets), list_filter([post.record.embed.external.uri], lambda link: link is not null)))
        as link_urls,
    keep_first(facet_mentions(post.record.facets)) as mentioned_account_ids,
    program_of(post.record.via) as client_name,
    choose_time(post.record."createdAt", post."indexedAt") as created_at,
from posts_seen
where post.uri is not null

-- into: accounts
select
    line,
    post.author.did as account_id,
    nullif(post.author.handle, 'handle.invalid') as handle,
    nullif(trim(post.author."displayName"), '') as display_name,
    'https://bsky.app/profile/' || post.author.did as profile_url,
    post.author."description" as bio,
    read_time(post.author."createdAt") as created_at,
    is_labelled_bot(post.author.labels) as is_automated,
    post.author."followersCount" as follower_count,
    post.author."followsCount" as following_count,
    post.author."postsCount" as post_count,
from posts_seen
where post.author.did is not null

-- into: post_metrics
select
    line,
    post.uri as post_id,
    line.observed_at as measured_at,
    post."likeCount" as like_count,
    post."replyCount" as reply_count,
    post."repostCount" as reshare_count,
    post."quoteCount" as quote_count,
from posts_seen
where
    post.uri is not null
    and coalesce(post."likeCount", post."replyCount", post."repostCount", post."quoteCount") is not null
