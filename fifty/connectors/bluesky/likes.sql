-- Who likes a post, and since when. The author of the post stands in its address.
with people_seen as (select line, item.actor as person from items)

-- include: _profile

-- into: interactions
select
    line,
    concat_ws('|', 'like', item.actor.did, scope.post_id) as interaction_id,
    'like' as kind,
    item.actor.did as actor_account_id,
    author_of(scope.post_id) as target_account_id,
    scope.post_id as post_id,
    choose_time(item."createdAt", item."indexedAt") as occurred_at,
from items
where item.actor.did is not null
