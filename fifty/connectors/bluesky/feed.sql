-- What an account wrote, and what it reposted (reason). Roots and parents that are gone are evidence of their deletion.
with posts_seen as (select line, item.post as post from items)

-- include: _posts

-- into: interactions
select
    line,
    concat_ws('|', 'reshare', item.reason."by".did, item.post.uri) as interaction_id,
    'reshare' as kind,
    item.reason."by".did as actor_account_id,
    item.post.author.did as target_account_id,
    item.post.uri as post_id,
    item.reason."indexedAt" as occurred_at,
from items
where item.reason."$type" = 'app.bsky.feed.defs#reasonRepost' and item.reason."by".did is not null

-- into: deletions
select
    line,
    'post' as entity,
    unnest(
        list_distinct(
            [
                case when item.reply.root."notFound" then item.reply.root.uri end,
                case when item.reply.parent."notFound" then item.reply.parent.uri end,
            ]
        )
    ) as entity_id,
    'not_found' as reason,
from items
where item.reply.root."notFound" or item.reply.parent."notFound"
