-- One row per account that any accepted row names: authors, actors, those addressed, profiles.
with posts as {{ inlined() }} (
    select platform, post_id, author_account_id, mentioned_account_ids, first_observed_at from {{ ref('stg_posts') }}
),

interactions as {{ inlined() }} (
    select platform, actor_account_id, target_account_id, first_observed_at from {{ ref('stg_interactions') }}
),

accounts as {{ inlined() }} (
    select * from {{ ref('stg_accounts') }}
),

named as (
    select platform, author_account_id as account_id from posts where author_account_id is not null
    union
    select platform, account_id
    from (select posts.platform, {{ explode_list('posts.mentioned_account_ids') }} as account_id from posts) as mentioned
    where account_id is not null
    union
    select platform, actor_account_id as account_id from interactions where actor_account_id is not null
    union
    select platform, target_account_id as account_id from interactions where target_account_id is not null
    union
    select platform, account_id from accounts where account_id is not null
),

accepted as (
    {{ accepted_loads() }}
),

-- A profile that says "suspended" was sent, but the account was not seen standing.
standing as (
    select staged.platform, staged.account_id, max(staged.observed_at) as last_seen_at
    from {{ source('staging', 'accounts') }} as staged
    inner join accepted on staged.load_id = accepted.load_id
    where not coalesce(staged.is_suspended, false) and staged.observed_at <= {{ known_at() }}
    group by staged.platform, staged.account_id
),

gone as (
    select platform, entity_id, reason, gone_at from {{ ref('int_gone') }} where entity = 'account'
),

automatons as (
    select distinct account_key from {{ ref('int_account_roles') }} where side = 'automaton'
)

select
    named.platform || ':' || named.account_id as account_key,
    named.platform,
    named.account_id,
    accounts.handle,
    accounts.display_name,
    accounts.profile_url,
    accounts.follower_count,
    coalesce(accounts.is_automated, false) or automatons.account_key is not null as is_automated,
    accounts.is_protected,
    coalesce(accounts.is_suspended, false) or coalesce(gone.reason = 'suspended', false) as is_suspended,
    coalesce(gone.reason <> 'suspended', false) as is_deleted,
    coalesce(accounts.is_suspended, false) or gone.entity_id is not null as is_gone,
    case when gone.reason <> 'suspended' then gone.gone_at end as deleted_at,
    standing.last_seen_at
from named
left join accounts on named.platform = accounts.platform and named.account_id = accounts.account_id
left join standing on named.platform = standing.platform and named.account_id = standing.account_id
left join gone on named.platform = gone.platform and named.account_id = gone.entity_id
left join automatons on named.platform || ':' || named.account_id = automatons.account_key
