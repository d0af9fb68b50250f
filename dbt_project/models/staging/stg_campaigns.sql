{{ newest_rows(
    'campaigns',
    key=['campaign_id'],
    columns=['campaign_id', 'campaign_name', 'starts_at', 'ends_at', 'is_incentivised', 'is_promotional', 'post_ids', 'hashtags', 'link_patterns', 'asked_action', 'control'],
) }}
