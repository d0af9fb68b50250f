{{ newest_rows(
    'referrals',
    key=['referral_id'],
    columns=['referral_id', 'referrer_ref', 'prospect_ref', 'referred_at', 'arm', 'is_rewarded', 'parent_referral_id'],
) }}
