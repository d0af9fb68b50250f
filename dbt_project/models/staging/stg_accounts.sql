-- Kept when a newer row leaves them out: a like names its author briefly, a profile in full: what a short row leaves out stays known.
{{ newest_rows(
    'accounts',
    key=['platform', 'account_id'],
    columns=['account_id', 'handle', 'display_name', 'profile_url', 'bio', 'location', 'created_at', 'is_automated', 'is_protected', 'is_suspended', 'follower_count', 'following_count', 'post_count', 'attributes'],
    keep_known=['handle', 'profile_url', 'created_at', 'is_automated', 'is_protected', 'is_suspended', 'follower_count', 'following_count', 'post_count', 'attributes'],
    is_kept_up=true,
) }}
