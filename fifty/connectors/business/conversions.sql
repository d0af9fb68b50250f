-- One row per row of the files.
-- into: conversions
select
    line,
    item.conversion_id,
    item.person_ref,
    item.occurred_at,
    item.conversion_kind,
    item.amount,
    item.currency,
    item.quantity,
    item.unit,
    item.referral_id,
    item.is_rewarded,
    item.refunded_at,
from items
