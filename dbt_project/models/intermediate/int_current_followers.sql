-- One row per account that follows a brand account at the as-of instant, as far as lists of followers were read.
with follows as (
    select * from {{ ref('int_follows') }}
),

run as (
    select as_of_at from {{ ref('int_run') }}
)

select follows.account_key, min(follows.brand_account_key) as brand_account_key
from follows
cross join run
where (follows.started_at is null or follows.started_at < run.as_of_at) and (follows.ended_at is null or follows.ended_at >= run.as_of_at)
group by follows.account_key
