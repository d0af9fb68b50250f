with components as (
    select * from {{ ref('int_influence_components') }}
),

scores as (
    select * from {{ ref('int_influence') }}
),

sources as (
    select * from {{ ref('int_reshare_sources') }}
),

persons as (
    select person_id, main_account_key, p_real, is_deleted, has_objected from {{ ref('int_persons') }}
),

accounts as (
    select account_key, follower_count from {{ ref('int_accounts') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

-- Popularity beside influence: of whoever is scored as a source and says how many follow (M1.6).
popular_sources as (
    select components.component_number, scores.node_key, round(scores.influence, 12) as influence, accounts.follower_count
    from scores
    inner join components on scores.component_id = components.component_id
    inner join sources on scores.node_key = sources.node_key and sources.exclusion_reason is null
    left join persons on scores.node_key = persons.person_id
    left join accounts on coalesce(persons.main_account_key, scores.node_key) = accounts.account_key
),

influence_agreement as (
    {{ spearman('popular_sources', ['component_number'], 'follower_count', 'influence') }}
),

recorded as (
    select count(*) as conversion_row_count from {{ ref('stg_conversions') }}
),

brought as (
    select ledger.person_id, {{ exact_sum('ledger.credited_amount') }} as value
    from {{ ref('int_value_ledger') }} as ledger
    cross join run
    cross join parameters
    where ledger.ledger = 'earned' and ledger.occurred_at >= {{ shift_days('run.as_of_at', '-parameters.influence_window_days') }}
    group by ledger.person_id
),

-- Popularity beside money: of every real person who says how many follow, with nothing for those who brought nothing.
popular_persons as (
    select cast(0 as bigint) as component_number, accounts.follower_count, coalesce(brought.value, cast(0 as double)) as value
    from persons
    cross join parameters
    inner join accounts on persons.main_account_key = accounts.account_key
    left join brought on persons.person_id = brought.person_id
    where persons.p_real >= parameters.least_p_real and not persons.is_deleted and not persons.has_objected
),

value_agreement as (
    {{ spearman('popular_persons', ['component_number'], 'follower_count', 'value') }}
),

-- Every post of the brand in the window for which both sides are known (M1.5).
delivered as (
    select
        cast(sum(posts.reshare_count) as bigint) as reshared_pair_count,
        cast(sum(posts.follower_count_at_posting) as bigint) as delivered_pair_count
    from {{ ref('posts') }} as posts
    cross join run
    cross join parameters
    where posts.author_side = 'brand' and posts.kind in ('post', 'quote')
        and posts.reshare_count is not null and posts.follower_count_at_posting > 0
        and posts.published_at >= {{ shift_days('run.as_of_at', '-parameters.influence_window_days') }}
),

-- More reshares than followers are no part of what was delivered to them.
audience as (
    select
        *,
        case when reshared_pair_count <= delivered_pair_count then reshared_pair_count end as counted_pair_count
    from delivered
),

excluded as (
    select
        count(case when exclusion_reason is not null then 1 end) as excluded_source_count,
        count(case when exclusion_reason is not null and not is_catalogue_complete then 1 end) as unread_source_count
    from sources
    where receiver_count > 0
),

whole as (
    select
        count(*) as component_count,
        coalesce(sum(node_count), 0) as node_count,
        coalesce(sum(edge_count), 0) as edge_count,
        coalesce(sum(source_count), 0) as source_count,
        coalesce(sum(reshare_count), 0) as reshare_count
    from components
),

listed as (
    select
        cast(0 as bigint) as component_number,
        cast(null as string) as component_id,
        case
            when whole.component_count = 0 and excluded.excluded_source_count > 0 then 'whose items were passed on is not known well enough to be a source'
            when whole.component_count = 0 then 'nobody passed anything on'
            else 'scores are comparable inside a component only'
        end as score_reason,
        whole.node_count,
        whole.edge_count,
        whole.source_count,
        whole.reshare_count,
        cast(null as bigint) as round_count,
        cast(null as double) as residual,
        cast(null as boolean) as is_converged
    from whole
    cross join excluded
    union all
    select component_number, component_id, score_reason, node_count, edge_count, source_count, reshare_count, round_count, residual, is_converged
    from components
)

select
    listed.component_id,
    listed.score_reason,
    case
        when listed.component_number = 0 then 'asked inside a component only'
        when listed.score_reason is not null then listed.score_reason
        when influence_agreement.rho is null then 'too few: fewer than four sources state their followers, or all are alike'
    end as influence_agreement_reason,
    case
        when listed.component_number > 0 then 'asked of everybody, not of a component'
        when recorded.conversion_row_count = 0 then 'not measurable: no conversions are recorded'
        when value_agreement.rho is null then 'too few: fewer than four people state their followers, or all are alike'
    end as value_agreement_reason,
    'not measurable: no connector tells who clicked on what somebody passed on' as click_agreement_reason,
    case
        when listed.component_number > 0 then 'asked of all posts of the brand'
        when coalesce(audience.delivered_pair_count, 0) = 0 then 'of no post of the window are reshares and followers both known'
        when audience.reshared_pair_count > audience.delivered_pair_count then 'more reshares than followers: others than followers passed the posts on'
    end as audience_resharing_reason,
    run.parameters_version,
    listed.component_number,
    cast(listed.node_count as bigint) as node_count,
    cast(listed.edge_count as bigint) as edge_count,
    cast(listed.source_count as bigint) as source_count,
    cast(listed.reshare_count as bigint) as reshare_count,
    case when listed.component_number = 0 then excluded.excluded_source_count end as excluded_source_count,
    case when listed.component_number = 0 then excluded.unread_source_count end as unread_source_count,
    listed.round_count,
    listed.residual,
    case when listed.component_number > 0 and listed.score_reason is null then coalesce(influence_agreement.pair_count, 0) end as influence_pair_count,
    case when listed.score_reason is null then influence_agreement.rho end as influence_agreement,
    case when listed.score_reason is null then influence_agreement.rho_low end as influence_agreement_low,
    case when listed.score_reason is null then influence_agreement.rho_high end as influence_agreement_high,
    case when recorded.conversion_row_count > 0 then value_agreement.pair_count end as value_pair_count,
    case when recorded.conversion_row_count > 0 then value_agreement.rho end as value_agreement,
    case when recorded.conversion_row_count > 0 then value_agreement.rho_low end as value_agreement_low,
    case when recorded.conversion_row_count > 0 then value_agreement.rho_high end as value_agreement_high,
    case when listed.component_number = 0 then audience.reshared_pair_count end as reshared_pair_count,
    case when listed.component_number = 0 then audience.delivered_pair_count end as delivered_pair_count,
    case when listed.component_number = 0 then {{ share('audience.counted_pair_count', 'audience.delivered_pair_count') }} end as audience_resharing_rate,
    case when listed.component_number = 0 then {{ wilson_low('audience.counted_pair_count', 'audience.delivered_pair_count') }} end as audience_resharing_rate_low,
    case when listed.component_number = 0 then {{ wilson_high('audience.counted_pair_count', 'audience.delivered_pair_count') }} end as audience_resharing_rate_high,
    listed.is_converged,
    coalesce(case
        when listed.component_number = 0 then audience.delivered_pair_count < parameters.least_denominator
        else listed.node_count < parameters.influence_least_nodes
    end, true) as is_too_few,
    {{ add_days('run.as_of_date', '1 - parameters.influence_window_days') }} as window_start_date,
    run.as_of_date
from listed
cross join run
cross join parameters
cross join recorded
cross join audience
cross join excluded
left join influence_agreement on listed.component_number = influence_agreement.component_number
left join value_agreement on listed.component_number = value_agreement.component_number
