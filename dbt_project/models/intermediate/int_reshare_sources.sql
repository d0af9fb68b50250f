-- One row per brand account or person in a reshare of the window: how much they published in it, and whether they can be a source of influence (M1.1).
-- A share of what somebody published needs all of it: whose catalogue is not completely read is excluded, and counted.
with reshares as (
    select * from {{ ref('int_reshares_counted') }}
),

nodes as (
    select source_key as node_key, source_kind as node_kind from reshares
    union
    select receiver_key as node_key, receiver_kind as node_kind from reshares
),

limits as (
    select {{ shift_days('run.as_of_at', '-parameters.influence_window_days') }} as window_starts_at, parameters.influence_least_items
    from {{ ref('int_run') }} as run
    cross join {{ ref('int_parameters') }} as parameters
),

published as (
    select items.author_key as node_key, count(*) as item_count
    from {{ ref('int_shareable_items') }} as items
    cross join limits
    where items.published_at >= limits.window_starts_at
    group by items.author_key
),

passed_on as (
    select source_key as node_key, count(distinct receiver_key) as receiver_count, count(distinct post_key) as reshared_item_count
    from reshares
    group by source_key
),

-- A person's posts are all known when every account of theirs states no more than we hold.
person_catalogues as (
    select
        members.person_id as node_key,
        min(case when quality.post_count > 0 and quality.message_count >= quality.post_count then 1 else 0 end) = 1 as is_complete
    from {{ ref('int_person_members') }} as members
    inner join {{ ref('int_account_quality') }} as quality on members.account_key = quality.account_key
    group by members.person_id
),

catalogues as (
    select account_key as node_key, is_complete from {{ ref('int_brand_catalogues') }}
    union all
    select node_key, is_complete from person_catalogues
),

described as (
    select
        nodes.node_key,
        nodes.node_kind,
        coalesce(published.item_count, 0) as item_count,
        coalesce(passed_on.receiver_count, 0) as receiver_count,
        coalesce(passed_on.reshared_item_count, 0) as reshared_item_count,
        coalesce(catalogues.is_complete, false) as is_catalogue_complete
    from nodes
    left join published on nodes.node_key = published.node_key
    left join passed_on on nodes.node_key = passed_on.node_key
    left join catalogues on nodes.node_key = catalogues.node_key
)

select
    described.*,
    case
        when not described.is_catalogue_complete then 'not all it published is known'
        when described.item_count < limits.influence_least_items then 'published too little in the window'
    end as exclusion_reason
from described
cross join limits
