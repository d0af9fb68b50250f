-- One row per person who followed a brand account within the window of M1: how many of its items reached them by that, and how many they passed on (M1.4).
-- Counted along one line of time per account: a join of items and followers would have a row for each pair.
with limits as (
    select run.as_of_at, {{ shift_days('run.as_of_at', '-parameters.influence_window_days') }} as window_starts_at
    from {{ ref('int_run') }} as run
    cross join {{ ref('int_parameters') }} as parameters
),

items as (
    select items.post_key, items.author_key as brand_account_key, items.published_at
    from {{ ref('int_shareable_items') }} as items
    cross join limits
    where items.author_kind = 'brand' and items.published_at >= limits.window_starts_at
),

follows as (
    select
        follows.follow_key,
        follows.brand_account_key,
        follows.person_id,
        -- Who stood on the list when it was first read has followed since before.
        greatest(coalesce(follows.started_at, limits.window_starts_at), limits.window_starts_at) as begins_at,
        least(coalesce(follows.ended_at, limits.as_of_at), limits.as_of_at) as ends_at
    from {{ ref('int_follows') }} as follows
    cross join limits
),

spans as (
    select * from follows where begins_at < ends_at
),

moments as (
    select brand_account_key, published_at as moment_at, 1 as item_count, cast(null as string) as follow_key, 0 as bound from items
    union all
    select brand_account_key, begins_at as moment_at, 0 as item_count, follow_key, -1 as bound from spans
    union all
    select brand_account_key, ends_at as moment_at, 0 as item_count, follow_key, 1 as bound from spans
),

-- Of one instant the bounds come first: what is published as a follow begins is received, what as it ends is not.
counted as (
    select
        follow_key,
        bound,
        sum(item_count) over (
            partition by brand_account_key order by moment_at, follow_key nulls last, bound rows between unbounded preceding and current row
        ) as item_count
    from moments
),

received as (
    select spans.person_id, cast(sum(counted.bound * counted.item_count) as bigint) as received_item_count
    from counted
    inner join spans on counted.follow_key = spans.follow_key
    group by spans.person_id
),

passed_on as (
    select spans.person_id, count(distinct items.post_key) as reshared_item_count
    from {{ ref('int_reshares_counted') }} as reshares
    inner join items on reshares.post_key = items.post_key
    inner join spans
        on reshares.receiver_key = spans.person_id and items.brand_account_key = spans.brand_account_key
        and items.published_at >= spans.begins_at and items.published_at < spans.ends_at
    group by spans.person_id
)

select
    received.person_id,
    received.received_item_count,
    coalesce(passed_on.reshared_item_count, 0) as reshared_item_count
from received
left join passed_on on received.person_id = passed_on.person_id
