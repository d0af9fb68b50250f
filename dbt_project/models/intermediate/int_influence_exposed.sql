-- One row per component and node that was shown anything by a source of it, silent followers too: passivity in one pass after the rounds, from the influence they
-- found and rejection counted anew over everybody exposed (M1.3).
with scored as (
    select node_key, component_id, influence from {{ ref('int_influence') }} where influence is not null
),

exposures as (
    select source_key, receiver_key, weight from {{ ref('int_reshare_edges') }}
    union all
    select source_key, receiver_key, cast(0 as double) as weight from {{ ref('int_influence_exposures') }}
),

rejections as (
    select
        source_key,
        receiver_key,
        coalesce(
            (1 - weight) / nullif(cast(sum(cast(1 - weight as decimal(38, 18))) over (partition by source_key) as double), 0), cast(0 as double)
        ) as rejection
    from exposures
),

received as (
    select scored.component_id, rejections.receiver_key as node_key, {{ exact_sum('rejections.rejection * scored.influence') }} as amount
    from rejections
    inner join scored on rejections.source_key = scored.node_key
    group by scored.component_id, rejections.receiver_key
)

select
    component_id,
    node_key,
    amount / nullif(cast(sum(cast(amount as decimal(38, 18))) over (partition by component_id) as double), 0) as passivity_exposed
from received
