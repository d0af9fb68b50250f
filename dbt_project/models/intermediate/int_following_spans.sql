-- One row per platform, account and unbroken time in which it follows at least one brand account there.
with follows as (
    select
        brand_account_key,
        account_key,
        -- Who stood on the list when it was first read has followed since before.
        coalesce(started_at, timestamp '0001-01-01 00:00:00') as begins_at,
        coalesce(ended_at, timestamp '9999-12-31 00:00:00') as ends_at
    from {{ ref('int_follows') }}
),

brand_accounts as (
    select distinct account_key, platform from {{ ref('int_account_roles') }} where role = 'brand' and account_key is not null
),

chained as (
    select
        brand_accounts.platform,
        follows.account_key,
        follows.begins_at,
        follows.ends_at,
        max(follows.ends_at) over (
            partition by brand_accounts.platform, follows.account_key
            order by follows.begins_at, follows.ends_at
            rows between unbounded preceding and 1 preceding
        ) as covered_until_at
    from follows
    inner join brand_accounts on follows.brand_account_key = brand_accounts.account_key
    where follows.begins_at < follows.ends_at
),

islands as (
    select
        *,
        sum(case when covered_until_at is null or begins_at > covered_until_at then 1 else 0 end) over (
            partition by platform, account_key order by begins_at, ends_at rows between unbounded preceding and current row
        ) as island_number
    from chained
)

select platform, account_key, min(begins_at) as begins_at, max(ends_at) as ends_at
from islands
group by platform, account_key, island_number
