-- Comments. A registered writer is the user's id; a guest the keyed hash of the e-mail where an administrator's view gives it, else of the
-- avatar's hash; without either nobody can say who it was. Guests' names are shown, never used as a key.
-- Pingbacks and trackbacks are written by programs of other sites: no person did anything, they make no row.
-- Spam and what waits for approval make no row; what lies in the trash is evidence of a deletion.
with commented as (
    select
        line,
        item,
        case
            when nullif(item.author, '0') is not null then item.author
            else 'guest:' || coalesce(hash_guest(item.author_email), hash_guest('avatar:' || avatar_hash(item.author_avatar_urls)))
        end as author_id,
    from items
    where coalesce(item."type", 'comment') in ('comment', '')
)

-- into: posts
select
    line,
    item.id as post_id,
    author_id as author_account_id,
    case when nullif(item.parent, '0') is null then 'comment' else 'reply' end as kind,
    coalesce(nullif(item.parent, '0'), 'post:' || item.post) as parent_post_id,
    'post:' || item.post as root_post_id,
    strip_html(item."content".rendered) as "text",
    item.link as url,
    'none' as media_type,
    []::varchar[] as hashtags,
    find_links(item."content".rendered) as link_urls,
    item.date_gmt as created_at,
from commented
where coalesce(item.status, 'approved') in ('approved', 'approve')

-- into: accounts
select
    line,
    author_id as account_id,
    nullif(trim(decode_entities(item.author_name)), '') as display_name,
    nullif(item.author_url, '') as profile_url,
from commented
where author_id is not null and coalesce(item.status, 'approved') in ('approved', 'approve')

-- into: deletions
select
    line,
    'post' as entity,
    item.id as entity_id,
    'trashed' as reason,
from commented
where item.status in ('trash', 'spam')
