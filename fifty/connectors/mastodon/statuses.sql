-- Statuses, and the statuses within them: boosted and quoted ones. A boost is an interaction, never a post.
with statuses_seen as (
    select line, plain_status(item) as status, coalesce(item.quote.quoted_status.id, item.quote.quoted_status_id) as quoted_id
    from items
    where item.reblog.id is null
    union all
    select line, plain_status(item.reblog), coalesce(item.reblog.quote.quoted_status.id, item.reblog.quote.quoted_status_id)
    from items
    where item.reblog.id is not null
    union all
    select line, plain_status(item.quote.quoted_status), null
    from items
    where item.quote.quoted_status.id is not null
)

-- include: _statuses

-- into: interactions
select
    line,
    concat_ws('|', 'reshare', item.account.id, item.reblog.id) as interaction_id,
    'reshare' as kind,
    item.account.id as actor_account_id,
    item.reblog.account.id as target_account_id,
    item.reblog.id as post_id,
    item.created_at as occurred_at,
from items
where item.reblog.id is not null and item.account.id is not null

-- into: accounts
select
    line,
    item.account.id as account_id,
    ltrim(item.account.acct, '@') as handle,
    nullif(trim(item.account.display_name), '') as display_name,
    coalesce(item.account.url, item.account.uri) as profile_url,
    nullif(strip_html(item.account.note), '') as bio,
    item.account.created_at as created_at,
    item.account.bot as is_automated,
    item.account.locked as is_protected,
    item.account.suspended as is_suspended,
    known_count(item.account.followers_count) as follower_count,
    known_count(item.account.following_count) as following_count,
    known_count(item.account.statuses_count) as post_count,
    profile_facts(item.account.avatar, item.account.note, item.account.last_status_at) as attributes,
from items
where item.reblog.id is not null and item.account.id is not null
