-- One row per node of the graph of reshares before the first round: everybody alike. A component of too few nodes is not scored.
with sized as (
    select node_key, component_id, count(*) over (partition by component_id) as node_count
    from {{ ref('int_reshare_components') }}
),

parameters as (
    select influence_least_nodes from {{ ref('int_parameters') }}
)

select
    sized.node_key,
    sized.component_id,
    cast(sized.node_count as bigint) as node_count,
    case when sized.node_count >= parameters.influence_least_nodes then cast(1 as double) end as influence,
    case when sized.node_count >= parameters.influence_least_nodes then cast(1 as double) end as passivity,
    cast(null as double) as residual,
    cast(0 as bigint) as round_count,
    sized.node_count < parameters.influence_least_nodes as is_settled
from sized
cross join parameters
