-- One row per component of the graph of reshares, numbered from the largest, with how its rounds ended.
with sized as (
    select
        component_id,
        count(*) as node_count,
        max(residual) as residual,
        max(round_count) as round_count,
        max(case when influence is not null then 1 else 0 end) = 1 as is_scored
    from {{ ref('int_influence') }}
    group by component_id
),

parameters as (
    select influence_least_nodes, influence_tolerance from {{ ref('int_parameters') }}
),

connected as (
    select nodes.component_id, count(*) as edge_count, count(distinct edges.source_key) as source_count, sum(edges.reshared_item_count) as reshare_count
    from {{ ref('int_reshare_edges') }} as edges
    inner join {{ ref('int_influence') }} as nodes on edges.source_key = nodes.node_key
    group by nodes.component_id
)

select
    sized.component_id,
    case
        when sized.node_count < parameters.influence_least_nodes then 'too few: fewer nodes than a graph must have'
        when not sized.is_scored then 'no rejection observed'
    end as score_reason,
    row_number() over (order by sized.node_count desc, sized.component_id) as component_number,
    sized.node_count,
    connected.edge_count,
    connected.source_count,
    cast(connected.reshare_count as bigint) as reshare_count,
    case when sized.is_scored then sized.round_count end as round_count,
    case when sized.is_scored then sized.residual end as residual,
    case when sized.is_scored then sized.residual < parameters.influence_tolerance end as is_converged
from sized
cross join parameters
inner join connected on sized.component_id = connected.component_id
