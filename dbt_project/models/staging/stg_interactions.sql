-- Kept when a newer row leaves them out: a list of likers has no times, a notification of the same like has.
{{ newest_rows(
    'interactions',
    key=['platform', 'interaction_id'],
    columns=['interaction_id', 'kind', 'actor_account_id', 'target_account_id', 'post_id', 'occurred_at', 'ended_at', 'ended_after', 'attributes'],
    keep_known=['actor_account_id', 'target_account_id', 'post_id', 'occurred_at'],
    is_kept_up=true,
) }}
