-- One row per node of the graph of reshares, each a component of its own: where the search for components begins.
with edges as (
    select source_key, receiver_key from {{ ref('int_reshare_edges') }}
),

nodes as (
    select source_key as node_key from edges
    union
    select receiver_key as node_key from edges
)

select node_key, node_key as component_id, false as is_settled
from nodes
