{{ newest_rows(
    'costs',
    key=['cost_id'],
    columns=['cost_id', 'incurred_at', 'campaign_id', 'channel', 'cost_kind', 'amount', 'currency', 'hours'],
) }}
