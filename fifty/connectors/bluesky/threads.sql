-- Every node of a thread. A node that is not there any more is evidence of a deletion; a blocked one says nothing.
with posts_seen as (select line, item.post as post from items)

-- include: _posts

-- into: deletions
select
    line,
    'post' as entity,
    item.uri as entity_id,
    'not_found' as reason,
from items
where item."notFound" and item.uri is not null
