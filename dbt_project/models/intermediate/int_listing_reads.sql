-- Complete listing reads whose rows are all in staging: only they are evidence of absence.
-- A read of which a line lies in quarantine is none (the line may be what seems absent), nor one that says it had items of which no row is here
-- (answered "not modified", for example).
with accepted as (
    {{ accepted_loads() }}
),

scopes as (
    select * from {{ ref('stg_scopes') }}
),

quarantined_loads as (
    select distinct quarantine.load_id
    from {{ source('ops', 'quarantine') }} as quarantine
    where quarantine.replayed_at is null
),

staged_scopes as (
    select distinct load_id, scope_key from {{ source('staging', 'posts') }}
    union
    select distinct load_id, scope_key from {{ source('staging', 'interactions') }}
    union
    select distinct load_id, scope_key from {{ source('staging', 'accounts') }}
    union
    select distinct load_id, scope_key from {{ source('staging', 'person_facts') }}
)

select
    scopes.platform,
    scopes.source_account_id,
    scopes.scope_key,
    scopes.stream,
    scopes.entity,
    scopes.subject_id,
    scopes.load_id,
    scopes.observed_at
from scopes
inner join accepted on scopes.load_id = accepted.load_id
left join quarantined_loads on scopes.load_id = quarantined_loads.load_id
left join staged_scopes on scopes.load_id = staged_scopes.load_id and scopes.scope_key = staged_scopes.scope_key
where scopes.read_kind = 'listing'
    and scopes.is_complete
    and quarantined_loads.load_id is null
    and (scopes.item_count = 0 or staged_scopes.load_id is not null)
