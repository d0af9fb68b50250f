{{ newest_rows(
    'post_metrics',
    key=['platform', 'post_id', 'observed_at'],
    columns=['post_id', 'measured_at', 'like_count', 'reply_count', 'reshare_count', 'quote_count', 'view_count', 'click_count'],
    is_kept_up=true,
) }}
