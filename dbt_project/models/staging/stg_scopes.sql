{{ newest_rows(
    'scopes',
    key=['platform', 'scope_key', 'load_id'],
    columns=['stream', 'read_kind', 'entity', 'subject_id', 'is_complete', 'item_count', 'expected_count', 'window_start', 'window_end', 'note'],
    is_kept_up=true,
) }}
