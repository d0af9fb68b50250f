-- One row per message: the first message of its tree and how deep it stands.
-- The way up is the parent; where the parent is not in the warehouse, the root the platform states; where that is missing too, the tree hangs on
-- the missing message, so that its other answers join it. A ring of parents, which only broken data has, is cut at its smallest key.
{{ config(materialized='table') }}
with recursive posts as {{ inlined() }} (
    select post_key, parent_post_key, stated_root_post_key from {{ ref('int_posts_kept') }}
),

ways_up as (
    select
        posts.post_key,
        case
            when parents.post_key is not null then parents.post_key
            when roots.post_key is not null and roots.post_key <> posts.post_key then roots.post_key
        end as upper_post_key,
        case
            when parents.post_key is null and roots.post_key is null
                then coalesce(nullif(posts.stated_root_post_key, posts.post_key), posts.parent_post_key)
            when parents.post_key is null and roots.post_key = posts.post_key then cast(null as string)
        end as missing_post_key
    from posts
    left join posts as parents on posts.parent_post_key = parents.post_key
    left join posts as roots on posts.stated_root_post_key = roots.post_key
),

climbed as (
    select ways_up.post_key, coalesce(ways_up.missing_post_key, ways_up.post_key) as root_post_key,
        cast(case when ways_up.missing_post_key is null then 0 else 1 end as bigint) as depth
    from ways_up
    where ways_up.upper_post_key is null
    union all
    select ways_up.post_key, climbed.root_post_key, climbed.depth + 1 as depth
    from climbed
    inner join ways_up on climbed.post_key = ways_up.upper_post_key
),

unreached as (
    select ways_up.post_key, ways_up.upper_post_key
    from ways_up
    left join climbed on ways_up.post_key = climbed.post_key
    where climbed.post_key is null
),

-- Rings longer than 200 messages are left as single messages below.
steps as (
    select unreached.post_key as start_post_key, unreached.upper_post_key as post_key, cast(1 as bigint) as step_count from unreached
    union all
    select steps.start_post_key, unreached.upper_post_key as post_key, steps.step_count + 1 as step_count
    from steps
    inner join unreached on steps.post_key = unreached.post_key
    where steps.step_count < 200 and steps.start_post_key <> steps.post_key
),

ring_members as (
    select distinct start_post_key as post_key from steps where start_post_key = post_key
),

ring_reached as (
    select steps.start_post_key as post_key, min(steps.post_key) as root_post_key
    from steps
    inner join ring_members on steps.post_key = ring_members.post_key
    group by steps.start_post_key
),

ring_climbed as (
    select post_key, post_key as root_post_key, cast(0 as bigint) as depth from ring_reached where post_key = root_post_key
    union all
    select unreached.post_key, ring_climbed.root_post_key, ring_climbed.depth + 1 as depth
    from ring_climbed
    inner join unreached on ring_climbed.post_key = unreached.upper_post_key
    where unreached.post_key <> ring_climbed.root_post_key
),

placed as (
    select post_key, root_post_key, depth from climbed
    union all
    select post_key, root_post_key, depth from ring_climbed
    union all
    select unreached.post_key, unreached.post_key as root_post_key, cast(0 as bigint) as depth
    from unreached
    left join ring_climbed on unreached.post_key = ring_climbed.post_key
    where ring_climbed.post_key is null
)

select
    placed.post_key,
    placed.root_post_key,
    case when placed.post_key <> placed.root_post_key then ways_up.upper_post_key end as upper_post_key,
    placed.depth,
    roots.post_key is not null as is_root_known
from placed
inner join ways_up on placed.post_key = ways_up.post_key
left join posts as roots on placed.root_post_key = roots.post_key
