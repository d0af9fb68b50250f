-- One row per row of the files.
-- into: costs
select
    line,
    item.cost_id,
    item.incurred_at,
    item.campaign_id,
    item.channel,
    item.cost_kind,
    item.amount,
    item.currency,
    item.hours,
from items
