-- Profiles in full: the account and its audience's size at that moment.
with people_seen as (select line, item as person from items)

-- include: _profile

-- into: account_metrics
select
    line,
    item.did as account_id,
    line.observed_at as measured_at,
    item."followersCount" as follower_count,
    item."followsCount" as following_count,
    item."postsCount" as post_count,
from items
where coalesce(item."followersCount", item."followsCount", item."postsCount") is not null
