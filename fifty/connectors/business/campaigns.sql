-- One row per row of the files.
-- into: campaigns
select
    line,
    item.campaign_id,
    item.campaign_name,
    item.starts_at,
    item.ends_at,
    item.is_incentivised,
    item.is_promotional,
    split_list(item.post_ids) as post_ids,
    list_transform(split_list(item.hashtags), lambda tag: lower(ltrim(tag, '#'))) as hashtags,
    split_list(item.link_patterns) as link_patterns,
    item.asked_action,
    item.control,
from items
