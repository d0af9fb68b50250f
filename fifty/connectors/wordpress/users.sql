-- Registered people, as far as the site lists them (without a credential only those who write posts).
-- into: accounts
select
    line,
    item.id as account_id,
    nullif(item.slug, '') as handle,
    nullif(trim(decode_entities(item."name")), '') as display_name,
    coalesce(nullif(item.link, ''), nullif(item.url, '')) as profile_url,
    nullif(strip_html(item."description"), '') as bio,
    item.registered_date as created_at,
from items
