-- One row per source and who passed on anything of it (M1.1, M1.2): `weight` is the share of its items that were passed on, `acceptance` the source's share of all that
-- the receiver accepted, `rejection` the receiver's share of all that was rejected of the source; 0 where nothing was.
with reshares as (
    select source_key, receiver_key, count(*) as item_count
    from {{ ref('int_reshares_counted') }}
    group by source_key, receiver_key
),

weighed as (
    select
        reshares.source_key,
        reshares.receiver_key,
        reshares.item_count as reshared_item_count,
        sources.item_count as source_item_count,
        -- Items older than the window are passed on too.
        least(cast(1 as double), cast(reshares.item_count as double) / sources.item_count) as weight
    from reshares
    inner join {{ ref('int_reshare_sources') }} as sources on reshares.source_key = sources.node_key
    where sources.exclusion_reason is null
)

select
    source_key,
    receiver_key,
    reshared_item_count,
    source_item_count,
    weight,
    round(weight / cast(sum(cast(weight as decimal(38, 18))) over (partition by receiver_key) as double), 15) as acceptance,
    coalesce(round(
        (1 - weight) / nullif(cast(sum(cast(1 - weight as decimal(38, 18))) over (partition by source_key) as double), 0), 15
    ), cast(0 as double)) as rejection
from weighed
