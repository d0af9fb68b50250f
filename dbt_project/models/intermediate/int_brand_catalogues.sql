-- One row per brand account: is all that it published in the window of M1 known? Its own posts must have been read without a gap from the window's start to
-- the as-of instant; a read that did not come to its end is a gap.
with reads as (
    select
        platform,
        source_account_id,
        coalesce(window_start, timestamp '0001-01-01 00:00:00') as begins_at,
        coalesce(window_end, observed_at) as ends_at
    from {{ ref('stg_scopes') }}
    -- Nothing was asked but the account: other windows hold what others wrote about it.
    where entity = 'posts' and read_kind in ('window', 'listing') and is_complete and scope_key = stream || '|{}'
),

brand_accounts as (
    select distinct account_key, platform, account_id, configured_handle
    from {{ ref('int_account_roles') }}
    where role = 'brand' and account_key is not null
),

limits as (
    select run.as_of_at, {{ shift_days('run.as_of_at', '-parameters.influence_window_days') }} as window_starts_at
    from {{ ref('int_run') }} as run
    cross join {{ ref('int_parameters') }} as parameters
),

chained as (
    select
        brand_accounts.account_key,
        reads.begins_at,
        reads.ends_at,
        max(reads.ends_at) over (
            partition by brand_accounts.account_key order by reads.begins_at, reads.ends_at rows between unbounded preceding and 1 preceding
        ) as covered_until_at
    from brand_accounts
    inner join reads
        on brand_accounts.platform = reads.platform
        and reads.source_account_id in (brand_accounts.account_id, brand_accounts.configured_handle)
),

islands as (
    select
        *,
        sum(case when covered_until_at is null or begins_at > covered_until_at then 1 else 0 end) over (
            partition by account_key order by begins_at, ends_at rows between unbounded preceding and current row
        ) as island_number
    from chained
),

spans as (
    select account_key, min(begins_at) as begins_at, max(ends_at) as ends_at
    from islands
    group by account_key, island_number
)

select
    brand_accounts.account_key,
    max(case when spans.begins_at <= limits.window_starts_at and spans.ends_at >= limits.as_of_at then 1 else 0 end) = 1 as is_complete
from brand_accounts
cross join limits
left join spans on brand_accounts.account_key = spans.account_key
group by brand_accounts.account_key
