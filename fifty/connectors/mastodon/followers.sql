-- Who follows the account; the platform does not say since when.
with people_seen as (select line, item as person from items)

-- include: _account

-- into: interactions
select
    line,
    concat_ws('|', 'follow', item.id, scope.account_id) as interaction_id,
    'follow' as kind,
    item.id as actor_account_id,
    scope.account_id as target_account_id,
from items
