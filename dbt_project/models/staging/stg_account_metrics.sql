{{ newest_rows(
    'account_metrics',
    key=['platform', 'account_id', 'observed_at'],
    columns=['account_id', 'measured_at', 'follower_count', 'following_count', 'post_count'],
    is_kept_up=true,
) }}
