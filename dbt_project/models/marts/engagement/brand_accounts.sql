with roles as (
    select * from {{ ref('int_account_roles') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

run as (
    select * from {{ ref('int_run') }}
),

-- Of several times of validity the one in force, or else the latest.
ranked as (
    select
        roles.*,
        roles.begins_at < run.as_of_at and roles.ends_at >= run.as_of_at as is_current,
        row_number() over (partition by roles.configured_account_key order by roles.begins_at desc, roles.ends_at desc, roles.role) as validity_rank,
        run.as_of_date,
        run.parameters_version
    from roles
    cross join run
    where roles.begins_at < run.as_of_at
),

named as (
    select
        ranked.*,
        ranked.role in ('brand', 'automaton') as may_be_named,
        accounts.display_name,
        coalesce(accounts.handle, ranked.configured_handle) as handle,
        accounts.profile_url,
        accounts.follower_count,
        accounts.account_key is not null as is_seen
    from ranked
    left join accounts on ranked.account_key = accounts.account_key
    where ranked.validity_rank = 1
)

select
    -- Staff and agency appear by responder: their accounts are pseudonyms here.
    case when may_be_named then configured_account_key else platform || ':' || role || '-' || substr(md5(configured_account_key), 1, 12) end as configured_account_key,
    platform,
    case when may_be_named then account_key end as account_key,
    role,
    responder_id,
    case when may_be_named then display_name end as display_name,
    case when may_be_named then handle end as handle,
    case when may_be_named then profile_url end as profile_url,
    parameters_version,
    case when role = 'brand' then follower_count end as follower_count,
    is_brand_side as is_brand_side,
    is_current,
    is_seen,
    as_of_date,
    valid_from_at,
    valid_to_at
from named
