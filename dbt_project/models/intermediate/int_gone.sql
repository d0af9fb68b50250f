-- Posts and accounts that the platform says are gone: explicit deletions and complete look-ups of one id that brought nothing.
-- Seen again later means restored.
with deletions as (
    select platform, entity, entity_id, deleted_at, reason, observed_at from {{ ref('stg_deletions') }}
),

empty_lookups as (
    select
        scopes.platform,
        case when scopes.entity = 'accounts' then 'account' else 'post' end as entity,
        scopes.subject_id as entity_id,
        cast(null as timestamp) as deleted_at,
        'not_found' as reason,
        scopes.observed_at
    from {{ ref('stg_scopes') }} as scopes
    where scopes.read_kind = 'lookup' and scopes.is_complete and scopes.item_count = 0
        and scopes.entity in ('accounts', 'posts') and scopes.subject_id is not null
),

said as (
    select * from deletions
    union all
    select * from empty_lookups
),

seen as (
    select platform, 'post' as entity, post_id as entity_id, observed_at as last_seen_at from {{ ref('stg_posts') }}
    union all
    select platform, 'account' as entity, account_id as entity_id, observed_at as last_seen_at from {{ ref('stg_accounts') }}
),

still_gone as (
    select
        said.platform,
        said.entity,
        said.entity_id,
        said.reason,
        coalesce(said.deleted_at, said.observed_at) as gone_at,
        said.observed_at
    from said
    left join seen on said.platform = seen.platform and said.entity = seen.entity and said.entity_id = seen.entity_id
    where seen.last_seen_at is null or seen.last_seen_at <= said.observed_at
),

ranked as (
    select
        *,
        row_number() over (partition by platform, entity, entity_id order by gone_at, observed_at, reason) as gone_rank
    from still_gone
)

select platform, entity, platform || ':' || entity_id as entity_key, entity_id, reason, gone_at
from ranked
where gone_rank = 1
