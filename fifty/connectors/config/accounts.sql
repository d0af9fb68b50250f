-- One row per configured account.
-- into: config_accounts
select
    line,
    item.account_platform,
    item.account_id,
    ltrim(item.handle, '@') as handle,
    item."role",
    item.answers_for_brand,
    item.responder_id,
    item.valid_from,
    item.valid_to,
from items
