{{ config(materialized='iterated', starts_from='int_reshare_nodes') }}
-- One row per node of the graph of reshares, with its component: the smallest key that can be reached along edges in either direction.
-- In a round each node takes the smallest component among its neighbours' and its own, and then that of the node so named: long chains need few rounds.
with nodes as (
    select * from {{ ref('int_reshare_nodes') }}
),

edges as (
    select source_key, receiver_key from {{ ref('int_reshare_edges') }}
),

within_reach as (
    select node_key, component_id from nodes
    union all
    select edges.source_key as node_key, nodes.component_id
    from edges
    inner join nodes on edges.receiver_key = nodes.node_key
    union all
    select edges.receiver_key as node_key, nodes.component_id
    from edges
    inner join nodes on edges.source_key = nodes.node_key
),

smallest as (
    select node_key, min(component_id) as component_id
    from within_reach
    group by node_key
)

select
    nodes.node_key,
    leaders.component_id,
    leaders.component_id = nodes.component_id as is_settled
from nodes
inner join smallest on nodes.node_key = smallest.node_key
inner join nodes as leaders on smallest.component_id = leaders.node_key
