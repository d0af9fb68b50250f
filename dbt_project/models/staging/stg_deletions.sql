{{ newest_rows(
    'deletions',
    key=['platform', 'entity', 'entity_id'],
    columns=['entity', 'entity_id', 'deleted_at', 'reason'],
) }}
