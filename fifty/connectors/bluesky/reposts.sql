-- Who reposted a post; the platform does not say here when.
with people_seen as (select line, item as person from items)

-- include: _profile

-- into: interactions
select
    line,
    concat_ws('|', 'reshare', item.did, scope.post_id) as interaction_id,
    'reshare' as kind,
    item.did as actor_account_id,
    author_of(scope.post_id) as target_account_id,
    scope.post_id as post_id,
from items
