-- One row per post and account that passed it on, with the account it must have come through (M5.5). Platforms name the author only, whoever the post came through; so
-- that has to be found: of those whom the account follows, who passed it on last before, else the author. It can be found where the list of who passed it on is
-- complete, and each is dated, and it is known who follows each of them; or where there is but one. Else `parent_key` is NULL, and the depth of the post unknown.
with reshares as (
    select post_key, actor_account_key as node_key, min(event_at) as shared_at, max(case when is_time_observed then 1 else 0 end) = 0 as is_dated
    from {{ ref('int_interactions') }}
    where kind = 'reshare' and not is_deleted and not is_automated
    group by post_key, actor_account_key
),

messages as {{ inlined() }} (
    select post_key, author_account_key, published_at from {{ ref('int_messages') }} where not is_deleted and author_account_key is not null
),

listed as (
    select distinct platform || ':' || subject_id as post_key
    from {{ ref('int_listing_reads') }}
    where entity = 'reshares' and subject_id is not null
),

-- Whose followers were read: a listing of an account's own, or, without a subject, of the brand account through which it was asked.
followers_known as (
    select distinct platform || ':' || subject_id as account_key
    from {{ ref('int_listing_reads') }}
    where entity = 'followers' and subject_id is not null
    union
    select distinct roles.account_key
    from {{ ref('int_listing_reads') }} as reads
    inner join {{ ref('int_account_roles') }} as roles
        on reads.platform = roles.platform and reads.source_account_id in (roles.account_id, roles.configured_handle)
    where reads.entity = 'followers' and reads.subject_id is null and roles.account_key is not null
),

placed as (
    select
        reshares.post_key,
        reshares.node_key,
        messages.author_account_key as root_key,
        reshares.is_dated,
        reshares.shared_at,
        listed.post_key is not null as is_listed,
        followers_known.account_key is not null as is_followed_known,
        count(*) over (partition by reshares.post_key) as node_count,
        row_number() over (partition by reshares.post_key order by reshares.shared_at desc, reshares.node_key desc) as place_from_end
    from reshares
    inner join messages on reshares.post_key = messages.post_key and reshares.node_key <> messages.author_account_key
    left join listed on reshares.post_key = listed.post_key
    left join followers_known on reshares.node_key = followers_known.account_key
),

-- Who follows the last one does not matter: nobody passed it on after.
knowable as (
    select post_key
    from placed
    group by post_key
    having min(case when is_listed then 1 else 0 end) = 1
        and (count(*) = 1 or min(case when is_dated and (is_followed_known or place_from_end = 1) then 1 else 0 end) = 1)
),

follows as (
    select
        follows.platform || ':' || follows.actor_account_id as follower_key,
        follows.platform || ':' || follows.target_account_id as followed_key,
        coalesce(follows.occurred_at, timestamp '0001-01-01 00:00:00') as begins_at,
        coalesce(follows.ended_at, timestamp '9999-12-31 00:00:00') as ends_at
    from {{ ref('stg_interactions') }} as follows
    where follows.kind = 'follow'
),

carriers as (
    select
        later.post_key,
        later.node_key,
        earlier.node_key as parent_key,
        row_number() over (partition by later.post_key, later.node_key order by earlier.shared_at desc, earlier.node_key desc) as carrier_number
    from placed as later
    inner join knowable on later.post_key = knowable.post_key
    inner join follows on later.node_key = follows.follower_key and follows.begins_at <= later.shared_at and follows.ends_at > later.shared_at
    inner join placed as earlier
        on later.post_key = earlier.post_key and follows.followed_key = earlier.node_key and earlier.shared_at < later.shared_at
)

select
    placed.post_key,
    placed.root_key,
    placed.node_key,
    case when knowable.post_key is not null then coalesce(carriers.parent_key, placed.root_key) end as parent_key,
    placed.is_listed,
    placed.is_dated,
    placed.shared_at
from placed
left join knowable on placed.post_key = knowable.post_key
left join carriers on placed.post_key = carriers.post_key and placed.node_key = carriers.node_key and carriers.carrier_number = 1
