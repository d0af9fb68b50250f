{{ newest_rows(
    'outreach',
    key=['outreach_id'],
    columns=['outreach_id', 'person_ref', 'contacted_by', 'contacted_at', 'channel', 'answered_at', 'note'],
) }}
