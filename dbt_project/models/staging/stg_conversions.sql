{{ newest_rows(
    'conversions',
    key=['conversion_id'],
    columns=['conversion_id', 'person_ref', 'occurred_at', 'conversion_kind', 'amount', 'currency', 'quantity', 'unit', 'referral_id', 'is_rewarded', 'refunded_at'],
) }}
