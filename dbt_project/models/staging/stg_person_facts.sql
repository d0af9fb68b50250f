{{ newest_rows(
    'person_facts',
    key=['person_ref', 'fact', 'value'],
    columns=['person_ref', 'fact', 'value', 'source', 'basis', 'purpose', 'collected_at', 'expires_at', 'objected_at'],
    is_kept_up=true,
) }}
