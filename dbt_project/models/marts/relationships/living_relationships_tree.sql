with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

days as (
    select * from {{ ref('living_relationships_daily') }}
),

-- What a reader of one flow window ago was told, and what has happened since.
flow as (
    select
        max(case when days.as_of_date = {{ add_days('run.as_of_date', '-parameters.flow_days') }} then days.first_said_count end) as said_count,
        max(case when days.as_of_date = {{ add_days('run.as_of_date', '-parameters.flow_days') }} then days.restated_count end) as restated_count,
        max(case when days.as_of_date = run.as_of_date then days.living_count end) as living_count,
        sum(case when days.as_of_date > {{ add_days('run.as_of_date', '-parameters.flow_days') }} then days.new_count end) as new_count,
        sum(case when days.as_of_date > {{ add_days('run.as_of_date', '-parameters.flow_days') }} then days.reactivated_count end) as reactivated_count,
        sum(case when days.as_of_date > {{ add_days('run.as_of_date', '-parameters.flow_days') }} then days.lapsed_count - days.deleted_count end) as lapsed_count,
        sum(case when days.as_of_date > {{ add_days('run.as_of_date', '-parameters.flow_days') }} then days.deleted_count end) as gone_count,
        max(case when days.as_of_date = run.as_of_date then days.living_reason end) as living_reason
    from days
    cross join run
    cross join parameters
),

stock as (
    select
        count(case when is_reachable then 1 end) as reachable_count,
        count(case when is_engaged then 1 end) as engaged_count,
        count(case when is_conversing then 1 end) as conversing_count,
        count(case when is_living then 1 end) as living_count
    from {{ ref('int_person_stages') }}
),

living as (
    select person_id from {{ ref('living_people') }} where is_living
),

people as (
    select person_id, layer from {{ ref('people') }}
),

strengths as (
    select person_id, strength from {{ ref('relationship_strength') }}
),

influences as (
    select person_id, max(influence_percentile) as influence_percentile from {{ ref('influence') }} where person_id is not null group by person_id
),

-- A person belongs to the campaign that brought them, else to whoever recommended the brand to them, else to nobody.
entrants as (
    select distinct person_id from {{ ref('int_campaign_newcomers') }} where arm = 'campaign'
),

referred as (
    select distinct refs.person_id
    from {{ ref('stg_referrals') }} as referrals
    inner join {{ ref('int_person_refs') }} as refs on referrals.prospect_ref = refs.person_ref
    cross join run
    where referrals.arm = 'referred' and referrals.referred_at < run.as_of_at and refs.person_id is not null
),

sources as (
    select
        count(case when entrants.person_id is not null then 1 end) as campaign_count,
        count(case when entrants.person_id is null and referred.person_id is not null then 1 end) as referred_count,
        count(case when entrants.person_id is null and referred.person_id is null then 1 end) as organic_count
    from living
    left join entrants on living.person_id = entrants.person_id
    left join referred on living.person_id = referred.person_id
),

quality as (
    select
        count(*) as living_count,
        {{ exact_sum('strengths.strength') }} as strength_sum,
        count(case when people.layer in ('L1', 'L2') then 1 end) as close_count,
        count(influences.person_id) as influence_count,
        {{ exact_sum('influences.influence_percentile') }} as influence_sum
    from living
    left join people on living.person_id = people.person_id
    left join strengths on living.person_id = strengths.person_id
    left join influences on living.person_id = influences.person_id
),

supply as (
    select active_responder_count, utilisation, utilisation_reason from {{ ref('responder_capacity') }} where responder_kind = 'all'
),

responses as (
    select answered_rate, answered_rate_reason, median_response_seconds, median_response_reason
    from (
        select
            answered_rate,
            case when answered_rate is null then 'nobody asked' end as answered_rate_reason,
            median_response_seconds,
            median_response_reason
        from {{ ref('response_summary') }}
        where period_kind = 'last_90_days' and platform = 'all'
    ) as newest
),

recorded as (
    select count(*) as conversion_row_count from {{ ref('stg_conversions') }}
),

earned as (
    select {{ exact_sum('ledger.credited_amount') }} as value
    from {{ ref('int_value_ledger') }} as ledger
    inner join living on ledger.person_id = living.person_id
    cross join run
    cross join parameters
    where ledger.ledger = 'earned' and ledger.occurred_at >= {{ shift_days('run.as_of_at', '-parameters.living_window_days') }}
),

money as (
    select ranked.roi, ranked.roi_reason, ranked.cost_per_living, ranked.cost_per_living_reason
    from (
        select roi, roi_reason, cost_per_living, cost_per_living_reason, row_number() over (order by month_start_date desc) as recency
        from {{ ref('value_and_roi') }}
        where channel = 'all'
    ) as ranked
    where ranked.recency = 1
),

verdict as (
    select difference, verdict from {{ ref('fifty_versus_crowd') }} where is_primary
),

chance as (
    select * from {{ ref('int_living_change') }}
),

nodes as (
    select 10 as node_number, 'LR90' as branch, 'lr90' as node, 'people in living relationships' as meaning, 'people' as unit,
        'relationships.living_relationships_daily' as mart, cast(flow.living_count as double) as value, flow.living_reason as value_reason
    from flow
    union all
    select 15, 'change', 'difference', 'people living now less people living one flow window ago, both as known now', 'people',
        'relationships.living_people', cast(chance.change as double), cast(null as string)
    from chance
    union all
    select 16, 'change', 'low', 'lower end of its 95 % interval; with 0 between both ends it may be chance', 'people',
        'relationships.living_people', cast(chance.change_low as double), case when chance.people_count = 0 then 'nobody lived at either date' end
    from chance
    union all
    select 17, 'change', 'high', 'upper end of its 95 % interval', 'people',
        'relationships.living_people', cast(chance.change_high as double), case when chance.people_count = 0 then 'nobody lived at either date' end
    from chance
    union all
    select 20, 'flow', 'previous', 'LR90 one flow window ago, as it was first said', 'people', 'relationships.living_relationships_daily',
        cast(flow.said_count as double), case when flow.said_count is null then 'nothing was known then' end
    from flow
    union all
    select 21, 'flow', 'restated', 'what is known better of that day since; erasures, objections, expiries, identities and re-judged accounts are in it', 'people',
        'relationships.living_relationships_history', cast(flow.restated_count as double), case when flow.restated_count is null then 'nothing was known then' end
    from flow
    union all
    select 22, 'flow', 'new', 'living for the first time since', 'people', 'relationships.living_relationships_daily',
        cast(flow.new_count as double), flow.living_reason
    from flow
    union all
    select 23, 'flow', 'reactivated', 'living again since', 'people', 'relationships.living_relationships_daily',
        cast(flow.reactivated_count as double), flow.living_reason
    from flow
    union all
    select 24, 'flow', 'lapsed', 'no longer living, the exchanges no longer suffice', 'people', 'relationships.living_relationships_daily',
        cast(-flow.lapsed_count as double), flow.living_reason
    from flow
    union all
    select 25, 'flow', 'gone', 'no longer living, every account is gone', 'people', 'relationships.living_relationships_daily',
        cast(-flow.gone_count as double), flow.living_reason
    from flow
    union all
    select 30, 'stock', 'reachable', 'real people who follow or did anything within the window', 'people', 'relationships.funnel',
        cast(stock.reachable_count as double), cast(null as string)
    from stock
    union all
    select 31, 'stock', 'engaged share', 'of the reachable: engaged', 'share 0-1', 'relationships.funnel',
        round(cast(stock.engaged_count as double) / nullif(stock.reachable_count, 0), 15), case when stock.reachable_count = 0 then 'nobody is reachable' end
    from stock
    union all
    select 32, 'stock', 'conversing share', 'of the engaged: with an exchange', 'share 0-1', 'relationships.funnel',
        round(cast(stock.conversing_count as double) / nullif(stock.engaged_count, 0), 15), case when stock.engaged_count = 0 then 'nobody is engaged' end
    from stock
    union all
    select 33, 'stock', 'sustained share', 'of the conversing: in a living relationship', 'share 0-1', 'relationships.funnel',
        round(cast(stock.living_count as double) / nullif(stock.conversing_count, 0), 15), case when stock.conversing_count = 0 then 'nobody converses' end
    from stock
    union all
    select 40, 'supply', 'responders', 'people, or accounts, who answered within the window', 'responders', 'relationships.responder_capacity',
        cast(supply.active_responder_count as double), cast(null as string)
    from supply
    union all
    select 41, 'supply', 'utilisation', 'people in layers L1 to L4 for each 150 that a responder can keep', 'ratio', 'relationships.responder_capacity',
        supply.utilisation, supply.utilisation_reason
    from supply
    union all
    select 42, 'supply', 'answered share', 'of the asks of the last 90 days: answered', 'share 0-1', 'engagement.response_summary',
        responses.answered_rate, responses.answered_rate_reason
    from responses
    union all
    select 43, 'supply', 'median hours', 'median time to the first answer, last 90 days (Kaplan–Meier)', 'hours', 'engagement.response_summary',
        round(responses.median_response_seconds / cast(3600 as double), 9), responses.median_response_reason
    from responses
    union all
    select 50, 'source', 'organic', 'living people whom neither a campaign nor a recommendation brought', 'people', 'engagement.campaign_retention',
        cast(sources.organic_count as double), cast(null as string)
    from sources
    union all
    select 51, 'source', 'campaign', 'living people whose first event was part of a campaign', 'people', 'engagement.campaign_retention',
        cast(sources.campaign_count as double), cast(null as string)
    from sources
    union all
    select 52, 'source', 'referred', 'living people to whom somebody had recommended the brand', 'people', 'relationships.referrals',
        cast(sources.referred_count as double), cast(null as string)
    from sources
    union all
    select 60, 'quality', 'mean strength', 'mean relationship strength of the living', '0-100', 'relationships.relationship_strength',
        round(quality.strength_sum / nullif(quality.living_count, 0), 9), case when quality.living_count = 0 then 'nobody lives' end
    from quality
    union all
    select 61, 'quality', 'close', 'living people in layers L1 and L2', 'people', 'relationships.people',
        cast(quality.close_count as double), cast(null as string)
    from quality
    union all
    select 62, 'quality', 'mean influence', 'mean percentile of influence of the living who have one', 'share 0-1', 'relationships.influence',
        round(quality.influence_sum / nullif(quality.influence_count, 0), 9), case when quality.influence_count = 0 then 'none of them passed anything on, or too few did' end
    from quality
    union all
    select 70, 'consequence', 'value per living', 'earned value of the living in the window, for each of them', 'currency of the brand', 'relationships.value_and_roi',
        case when recorded.conversion_row_count > 0 then round(coalesce(earned.value, 0) / nullif(quality.living_count, 0), 9) end,
        case
            when recorded.conversion_row_count = 0 then 'not measurable: no conversions are recorded'
            when quality.living_count = 0 then 'nobody lives'
        end
    from earned
    cross join recorded
    cross join quality
    union all
    select 71, 'consequence', 'cost per living', 'costs of the newest month for each of them', 'currency of the brand', 'relationships.value_and_roi',
        money.cost_per_living, coalesce(money.cost_per_living_reason, case when money.cost_per_living is null then 'nothing is recorded' end)
    from run
    left join money on 1 = 1
    union all
    select 72, 'consequence', 'ROI', 'return of the newest month', 'ratio', 'relationships.value_and_roi',
        money.roi, coalesce(money.roi_reason, case when money.roi is null then 'nothing is recorded' end)
    from run
    left join money on 1 = 1
    union all
    select 73, 'consequence', 'fifty less crowd', 'value of the fifty less that of the crowd that only likes', 'currency of the brand', 'relationships.fifty_versus_crowd',
        verdict.difference, case when verdict.difference is null then coalesce(verdict.verdict, 'not measurable') end
    from run
    left join verdict on 1 = 1
)

select
    nodes.branch || '/' || nodes.node as node_key,
    nodes.branch,
    nodes.node,
    nodes.meaning,
    nodes.unit,
    nodes.mart,
    case
        when run.pulled_load_count = 0 and nodes.value is not null then 'no data were ever pulled'
        when nodes.value is null then coalesce(nodes.value_reason, 'not known')
    end as value_reason,
    run.parameters_version,
    cast(nodes.node_number as bigint) as node_number,
    case when run.pulled_load_count > 0 then nodes.value end as value,
    run.as_of_date
from nodes
cross join run
