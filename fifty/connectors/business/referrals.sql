-- One row per row of the files.
-- into: referrals
select
    line,
    item.referral_id,
    item.referrer_ref,
    item.prospect_ref,
    item.referred_at,
    item.arm,
    item.is_rewarded,
    item.parent_referral_id,
from items
