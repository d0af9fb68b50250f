-- Who boosted a post; the platform does not say here when.
with people_seen as (select line, item as person from items)

-- include: _account

-- into: interactions
select
    line,
    concat_ws('|', 'reshare', item.id, scope.post_id) as interaction_id,
    'reshare' as kind,
    item.id as actor_account_id,
    scope.post_id as post_id,
from items
