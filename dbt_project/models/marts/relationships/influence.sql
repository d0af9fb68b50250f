with scores as (
    select * from {{ ref('int_influence') }}
),

exposed as (
    select * from {{ ref('int_influence_exposed') }}
),

components as (
    select * from {{ ref('int_influence_components') }}
),

sources as (
    select * from {{ ref('int_reshare_sources') }}
),

persons as (
    select person_id, main_account_key, display_name, handle, profile_url, platform from {{ ref('int_persons') }}
),

accounts as (
    select account_key, platform, display_name, handle, profile_url from {{ ref('int_accounts') }}
),

received as (
    select * from {{ ref('int_received_items') }}
),

follower_lists as (
    select count(*) as read_count from {{ ref('int_listing_reads') }} where entity = 'followers'
),

accepted as (
    select receiver_key as node_key, count(*) as accepted_from_count from {{ ref('int_reshare_edges') }} group by receiver_key
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

-- The graph, and beside it who follows a source of it and passed nothing on.
nodes as (
    select component_id, node_key from scores
    union
    select component_id, node_key from exposed
),

told as (
    select
        nodes.node_key,
        nodes.component_id,
        components.component_number,
        components.node_count,
        components.score_reason,
        case when scores.node_key is null then 'person' else coalesce(sources.node_kind, 'person') end as node_kind,
        coalesce(sources.item_count, 0) as item_count,
        coalesce(sources.receiver_count, 0) as receiver_count,
        coalesce(accepted.accepted_from_count, 0) as accepted_from_count,
        case
            when components.score_reason is not null then components.score_reason
            when sources.node_key is null then 'not observed: passed nothing on, and nothing of theirs is known to have been passed on'
            when sources.exclusion_reason is not null then 'not observed: ' || sources.exclusion_reason
        end as influence_reason,
        case
            when components.score_reason is not null then components.score_reason
            when coalesce(accepted.accepted_from_count, 0) = 0 then 'not observed: passed nothing on of anybody in the graph'
        end as passivity_reason,
        case
            when components.score_reason is not null then components.score_reason
            when follower_lists.read_count = 0 then 'no list of followers was read'
            when exposed.node_key is null then 'not observed: is shown nothing by anybody in the graph'
        end as exposed_reason,
        round(scores.influence, 12) as influence,
        round(scores.passivity, 12) as passivity,
        round(exposed.passivity_exposed, 12) as passivity_exposed
    from nodes
    cross join follower_lists
    inner join components on nodes.component_id = components.component_id
    left join scores on nodes.node_key = scores.node_key and nodes.component_id = scores.component_id
    left join exposed on nodes.node_key = exposed.node_key and nodes.component_id = exposed.component_id
    left join sources on scores.node_key = sources.node_key
    left join accepted on scores.node_key = accepted.node_key
),

-- Scores are comparable inside a component only, and there as an order: the raw values stay behind.
ranked as (
    select
        *,
        -- A column of its own: as a condition of the join below it would make that join a loop over all pairs.
        case when node_kind = 'brand' then node_key end as brand_account_key,
        case when influence_reason is null then row_number() over (
            partition by component_id order by case when influence_reason is null then influence end desc nulls last, node_key
        ) end as influence_rank,
        case when influence_reason is null then percent_rank() over (
            partition by component_id, case when influence_reason is null then 1 else 0 end order by influence
        ) end as influence_percentile,
        case when passivity_reason is null then row_number() over (
            partition by component_id order by case when passivity_reason is null then passivity end desc nulls last, node_key
        ) end as passivity_rank,
        case when passivity_reason is null then percent_rank() over (
            partition by component_id, case when passivity_reason is null then 1 else 0 end order by passivity
        ) end as passivity_percentile,
        case when exposed_reason is null then row_number() over (
            partition by component_id order by case when exposed_reason is null then passivity_exposed end desc nulls last, node_key
        ) end as exposed_rank,
        case when exposed_reason is null then percent_rank() over (
            partition by component_id, case when exposed_reason is null then 1 else 0 end order by passivity_exposed
        ) end as exposed_percentile
    from told
)

select
    ranked.component_id,
    ranked.node_key,
    ranked.node_kind,
    persons.person_id,
    coalesce(persons.platform, accounts.platform) as platform,
    coalesce(persons.display_name, accounts.display_name) as display_name,
    coalesce(persons.handle, accounts.handle) as handle,
    coalesce(persons.profile_url, accounts.profile_url) as profile_url,
    ranked.influence_reason,
    ranked.passivity_reason,
    ranked.exposed_reason as passivity_exposed_reason,
    case
        when ranked.node_kind = 'brand' then 'asked of people only'
        when follower_lists.read_count = 0 then 'no list of followers was read'
        when coalesce(received.received_item_count, 0) = 0 then 'received nothing: did not follow the brand while it published'
    end as resharing_reason,
    run.parameters_version,
    ranked.component_number,
    ranked.node_count as component_node_count,
    ranked.item_count,
    ranked.receiver_count,
    ranked.accepted_from_count,
    ranked.influence_rank,
    round(ranked.influence_percentile, 9) as influence_percentile,
    ranked.passivity_rank,
    round(ranked.passivity_percentile, 9) as passivity_percentile,
    ranked.exposed_rank as passivity_exposed_rank,
    round(ranked.exposed_percentile, 9) as passivity_exposed_percentile,
    case when follower_lists.read_count > 0 then received.received_item_count end as received_item_count,
    case when follower_lists.read_count > 0 then received.reshared_item_count end as reshared_item_count,
    case when follower_lists.read_count > 0 then {{ share('received.reshared_item_count', 'received.received_item_count') }} end as resharing_rate,
    case when follower_lists.read_count > 0 then {{ wilson_low('received.reshared_item_count', 'received.received_item_count') }} end as resharing_rate_low,
    case when follower_lists.read_count > 0 then {{ wilson_high('received.reshared_item_count', 'received.received_item_count') }} end as resharing_rate_high,
    coalesce(received.received_item_count < parameters.least_denominator, true) as is_too_few,
    run.as_of_date
from ranked
cross join run
cross join parameters
cross join follower_lists
left join persons on ranked.node_key = persons.person_id
left join accounts on ranked.brand_account_key = accounts.account_key
left join received on ranked.node_key = received.person_id
