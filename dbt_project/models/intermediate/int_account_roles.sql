-- One row per configured account and time of validity. The handle stands for the id until the platform has shown the account.
-- Of two roles at the same time the one that begins later holds, and brand before staff before agency before automaton.
-- Staff who answer for the brand have a name of their own also where the configuration gives none; it is a pseudonym unless a basis for naming is stated.
with configured as (
    select * from {{ ref('stg_config_accounts') }}
),

run as (
    select staff_naming_basis from {{ ref('int_run') }}
),

salt as (
    select max(case when brand_key.name = 'person_salt' then brand_key.value end) as person_salt
    from {{ source('ops', 'brand_key') }} as brand_key
),

accounts as (
    select platform, account_id, lower(handle) as lower_handle, observed_at,
        row_number() over (partition by platform, lower(handle) order by observed_at desc, account_id) as handle_rank
    from {{ ref('stg_accounts') }}
    where handle is not null
),

resolved as (
    select
        configured.account_platform as platform,
        coalesce(configured.account_id, accounts.account_id) as account_id,
        configured.handle as configured_handle,
        configured.role,
        case
            when configured.responder_id is not null then {{ responder_name('configured.responder_id') }}
            when configured.role <> 'brand' and configured.answers_for_brand then
                {{ responder_pseudonym("configured.account_platform || ':' || coalesce(configured.account_id, configured.handle)") }}
        end as responder_id,
        coalesce(configured.role = 'brand' or configured.answers_for_brand, false) as is_brand_side,
        configured.valid_from as valid_from_at,
        configured.valid_to as valid_to_at,
        coalesce(configured.valid_from, timestamp '0001-01-01 00:00:00') as begins_at,
        coalesce(configured.valid_to, timestamp '9999-12-31 00:00:00') as ends_at,
        case configured.role when 'brand' then 4 when 'staff' then 3 when 'agency' then 2 else 1 end as precedence
    from configured
    cross join run
    cross join salt
    left join accounts
        on configured.account_id is null and configured.account_platform = accounts.platform
        and lower(configured.handle) = accounts.lower_handle and accounts.handle_rank = 1
),

keyed as (
    select
        coalesce(platform || ':' || account_id, platform || ':@' || configured_handle) as configured_account_key,
        platform || ':' || account_id as account_key,
        *
    from resolved
),

clipped as (
    select
        *,
        lead(begins_at) over (
            partition by configured_account_key order by begins_at, precedence, ends_at, coalesce(responder_id, ''), is_brand_side
        ) as next_begins_at
    from keyed
)

select
    configured_account_key,
    account_key,
    platform,
    account_id,
    configured_handle,
    role,
    responder_id,
    is_brand_side,
    case when is_brand_side then 'brand' when role = 'automaton' then 'automaton' else 'internal' end as side,
    valid_from_at,
    valid_to_at,
    begins_at,
    least(ends_at, coalesce(next_begins_at, ends_at)) as ends_at
from clipped
where begins_at < least(ends_at, coalesce(next_begins_at, ends_at))
