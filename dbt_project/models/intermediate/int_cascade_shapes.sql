-- One row per post of which it is known through whom each passed it on: depth, breadth and structural virality of the tree (M5.5).
-- Structural virality is the mean distance over all pairs of nodes: each edge lies on the way of as many pairs as its two sides have nodes, s and n − s.
with recursive edges as (
    select post_key, node_key, parent_key, root_key from {{ ref('int_cascade_edges') }} where parent_key is not null
),

-- From each node up to the root, which has no edge of its own.
ways as (
    select post_key, node_key, node_key as above_key, parent_key as next_key, cast(0 as bigint) as distance
    from edges
    union all
    select ways.post_key, ways.node_key, edges.node_key as above_key, edges.parent_key as next_key, ways.distance + 1 as distance
    from ways
    inner join edges on ways.post_key = edges.post_key and ways.next_key = edges.node_key
),

generations as (
    select post_key, node_key, max(distance) + 1 as generation
    from ways
    group by post_key, node_key
),

breadths as (
    select post_key, generation, count(*) as node_count
    from generations
    group by post_key, generation
),

trees as (
    select
        post_key,
        sum(node_count) as resharer_count,
        max(generation) as depth,
        max(node_count) as max_breadth,
        coalesce(sum(case when generation >= 2 then node_count end), 0) as second_degree_count
    from breadths
    group by post_key
),

-- A node stands above itself and all that came through it.
sizes as (
    select post_key, above_key, count(*) as subtree_count
    from ways
    group by post_key, above_key
),

distances as (
    select sizes.post_key, sum(sizes.subtree_count * (trees.resharer_count + 1 - sizes.subtree_count)) as distance_sum
    from sizes
    inner join trees on sizes.post_key = trees.post_key
    group by sizes.post_key
)

select
    trees.post_key,
    cast(trees.resharer_count as bigint) as resharer_count,
    trees.depth,
    trees.max_breadth,
    cast(trees.second_degree_count as bigint) as second_degree_count,
    round(2 * cast(distances.distance_sum as double) / nullif((trees.resharer_count + 1) * trees.resharer_count, 0), 9) as structural_virality
from trees
inner join distances on trees.post_key = distances.post_key
