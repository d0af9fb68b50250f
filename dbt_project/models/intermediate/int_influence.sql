{{ config(materialized='iterated', starts_from='int_influence_start') }}
-- One row per node of the graph of reshares: influence and passivity as they converge (M1.3), each summing to 1 in a component. One round: passivity from the
-- influence before, influence from that passivity, both divided by their sum inside the component, or what sources without any rejection lose is lost for good.
-- A component stops when both together move by less than the tolerance, or at the limit of rounds; then it stands still whatever the others do.
with nodes as (
    select * from {{ ref('int_influence_start') }}
),

edges as (
    select source_key, receiver_key, acceptance, rejection from {{ ref('int_reshare_edges') }}
),

parameters as (
    select influence_tolerance, influence_most_rounds from {{ ref('int_parameters') }}
),

moving as (
    select * from nodes where not is_settled
),

received as (
    select edges.receiver_key as node_key, {{ exact_sum('edges.rejection * moving.influence') }} as amount
    from edges
    inner join moving on edges.source_key = moving.node_key
    group by edges.receiver_key
),

passive as (
    select
        moving.node_key,
        coalesce(received.amount, 0) / nullif(
            cast(sum(cast(received.amount as decimal(38, 18))) over (partition by moving.component_id) as double), 0
        ) as passivity
    from moving
    left join received on moving.node_key = received.node_key
),

given as (
    select edges.source_key as node_key, {{ exact_sum('edges.acceptance * passive.passivity') }} as amount
    from edges
    inner join passive on edges.receiver_key = passive.node_key
    group by edges.source_key
),

moved as (
    select
        moving.*,
        passive.passivity as next_passivity,
        -- Where nothing was rejected there is nothing to give.
        case when passive.passivity is not null then coalesce(given.amount, 0) end
        / nullif(cast(sum(cast(given.amount as decimal(38, 18))) over (partition by moving.component_id) as double), 0) as next_influence
    from moving
    inner join passive on moving.node_key = passive.node_key
    left join given on moving.node_key = given.node_key
),

changed as (
    select
        *,
        cast(sum(cast(abs(next_influence - influence) + abs(next_passivity - passivity) as decimal(38, 18))) over (partition by component_id) as double) as change
    from moved
)

select node_key, component_id, node_count, influence, passivity, residual, round_count, is_settled
from nodes
where is_settled
union all
select
    changed.node_key,
    changed.component_id,
    changed.node_count,
    changed.next_influence as influence,
    changed.next_passivity as passivity,
    changed.change as residual,
    changed.round_count + 1 as round_count,
    coalesce(changed.change < parameters.influence_tolerance, true) or changed.round_count + 1 >= parameters.influence_most_rounds as is_settled
from changed
cross join parameters
