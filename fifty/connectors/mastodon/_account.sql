-- Shared by every stream whose items are accounts: reads `people_seen` (line, person), which the mapping defines.
-- `created_at` is cut to the day by the platform.
-- into: accounts
select
    line,
    person.id as account_id,
    ltrim(person.acct, '@') as handle,
    nullif(trim(person.display_name), '') as display_name,
    coalesce(person.url, person.uri) as profile_url,
    nullif(strip_html(person.note), '') as bio,
    person.created_at as created_at,
    person.bot as is_automated,
    person.locked as is_protected,
    person.suspended as is_suspended,
    known_count(person.followers_count) as follower_count,
    known_count(person.following_count) as following_count,
    known_count(person.statuses_count) as post_count,
    profile_facts(person.avatar, person.note, person.last_status_at) as attributes,
from people_seen
where person.id is not null
