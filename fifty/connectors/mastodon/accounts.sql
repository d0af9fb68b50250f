-- The account itself and its audience's size at that moment.
with people_seen as (select line, item as person from items)

-- include: _account

-- into: account_metrics
select
    line,
    item.id as account_id,
    line.observed_at as measured_at,
    known_count(item.followers_count) as follower_count,
    known_count(item.following_count) as following_count,
    known_count(item.statuses_count) as post_count,
from items
