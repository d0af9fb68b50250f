{{ newest_rows(
    'labels',
    key=['entity', 'entity_id', 'label', 'labelled_by'],
    columns=['entity', 'entity_id', 'label', 'value', 'labelled_by', 'labelled_at'],
) }}
