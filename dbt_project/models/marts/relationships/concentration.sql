with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

persons as (
    select persons.person_id
    from {{ ref('int_persons') }} as persons
    cross join parameters
    where persons.p_real >= parameters.least_p_real and not persons.has_objected and not persons.is_deleted
),

recorded as (
    select count(*) as conversion_row_count from {{ ref('stg_conversions') }}
),

person_values as (
    select ledger.person_id, {{ exact_sum('ledger.credited_amount') }} as value
    from {{ ref('int_value_ledger') }} as ledger
    cross join run
    cross join parameters
    where ledger.ledger = 'earned' and ledger.occurred_at >= {{ shift_days('run.as_of_at', '-parameters.living_window_days') }}
    group by ledger.person_id
),

person_exchanges as (
    select exchanges.person_id, count(distinct exchanges.exchange_day) as value
    from {{ ref('int_exchanges') }} as exchanges
    cross join run
    cross join parameters
    where exchanges.exchange_day > {{ add_days('run.as_of_date', '-parameters.living_window_days') }}
    group by exchanges.person_id
),

events as {{ inlined() }} (
    select * from {{ ref('int_interactions') }} where not is_deleted
),

-- Every first message of a tree that the brand wrote, old enough to be compared; all of history, for one post can draw more than years of others.
brand_posts as (
    select messages.post_key
    from {{ ref('int_messages') }} as messages
    cross join run
    cross join parameters
    where messages.author_side = 'brand' and messages.post_key = messages.root_post_key and not messages.is_deleted and not messages.is_rootless
        and messages.published_at < {{ shift_days('run.as_of_at', '-parameters.settled_post_days') }}
),

post_responses as (
    select root_post_key as post_key, count(distinct post_key) as value
    from events
    where direction = 'in' and is_conversational and not is_automated
    group by root_post_key
),

measures as (
    select 'value' as measure, persons.person_id as member_key, coalesce(person_values.value, 0) as value
    from persons
    cross join recorded
    left join person_values on persons.person_id = person_values.person_id
    where recorded.conversion_row_count > 0
    union all
    select 'exchange days' as measure, persons.person_id as member_key, cast(coalesce(person_exchanges.value, 0) as double) as value
    from persons
    left join person_exchanges on persons.person_id = person_exchanges.person_id
    union all
    select 'responses per post' as measure, brand_posts.post_key as member_key, cast(coalesce(post_responses.value, 0) as double) as value
    from brand_posts
    left join post_responses on brand_posts.post_key = post_responses.post_key
),

strata as (
    select measures.measure, measures.value, parameters.dependency_share as majority, count(*) as people_count
    from measures
    cross join parameters
    group by measures.measure, measures.value, parameters.dependency_share
),

concentrations as (
    {{ concentration('strata', ['measure']) }}
),

greatest_members as (
    select measure, member_key, row_number() over (partition by measure order by value desc, member_key) as member_rank
    from measures
    where value > 0
),

recent_events as (
    select
        events.direction,
        events.person_id,
        -- Here and not in the join below, which would otherwise be a loop over all pairs.
        case when events.direction = 'peer' then events.target_account_key end as peer_account_key
    from events
    cross join run
    cross join parameters
    where events.is_engaged and not events.is_automated
        and events.event_day > {{ add_days('run.as_of_date', '-parameters.living_window_days') }}
),

-- Who turned to whom in the window; the brand is one of them, whatever account or colleague spoke.
directed_edges as (
    select distinct
        case when recent_events.direction = 'out' then 'the brand' else recent_events.person_id end as source_key,
        case
            when recent_events.direction = 'in' then 'the brand'
            when recent_events.direction = 'out' then recent_events.person_id
            else targets.person_id
        end as target_key
    from recent_events
    left join {{ ref('int_person_accounts') }} as targets on recent_events.peer_account_key = targets.account_key
),

members as (
    select person_id as member_key from persons
    union all
    select 'the brand' as member_key from run
),

edges as (
    select directed_edges.source_key, directed_edges.target_key
    from directed_edges
    inner join members as sources on directed_edges.source_key = sources.member_key
    inner join members as targets on directed_edges.target_key = targets.member_key
    where directed_edges.source_key <> directed_edges.target_key
),

-- Both directions of a pair are two edges; one table is grouped, because the brand's edges joined with themselves would be a square.
reciprocity as (
    select
        cast(coalesce(sum(edge_count), 0) as bigint) as edge_count,
        cast(coalesce(sum(case when edge_count = 2 then 2 end), 0) as bigint) as reciprocal_edge_count
    from (
        select count(*) as edge_count
        from edges
        group by least(source_key, target_key), greatest(source_key, target_key)
    ) as pairs
),

measure_names as (
    select 'value' as measure, 'currency' as unit
    union all
    select 'exchange days' as measure, 'days' as unit
    union all
    select 'responses per post' as measure, 'messages' as unit
    union all
    select 'network reciprocity' as measure, 'edges' as unit
)

select
    measure_names.measure,
    case when measure_names.measure = 'value' then brand.currency else measure_names.unit end as total_unit,
    case
        when measure_names.measure = 'network reciprocity' then 'not a quantity to be divided: see reciprocity'
        when measure_names.measure = 'value' and recorded.conversion_row_count = 0 then 'not measurable: no conversions are recorded'
        when concentrations.measure is null then 'nobody to divide anything among'
        when concentrations.gini is null and concentrations.total > 0 then 'not measurable: there are values below 0'
        when concentrations.gini is null then 'nothing to divide: the total is 0'
    end as concentration_reason,
    case
        when measure_names.measure <> 'network reciprocity' then 'asked of ties only'
        when reciprocity.edge_count = 0 then 'nobody turned to anybody'
    end as reciprocity_reason,
    greatest_members.member_key as greatest_member_key,
    run.parameters_version,
    concentrations.member_count,
    concentrations.zero_count,
    round(concentrations.total, 9) as total,
    concentrations.gini,
    concentrations.top_1_share,
    concentrations.top_10_share,
    concentrations.top_50_share,
    concentrations.majority_count,
    {%- for tenth in range(1, 10) %}
    concentrations.lorenz_{{ tenth * 10 }}_share,
    {%- endfor %}
    case when measure_names.measure = 'network reciprocity' then reciprocity.edge_count end as edge_count,
    case when measure_names.measure = 'network reciprocity' then reciprocity.reciprocal_edge_count end as reciprocal_edge_count,
    case when measure_names.measure = 'network reciprocity' then {{ share('reciprocity.reciprocal_edge_count', 'reciprocity.edge_count') }} end as reciprocity,
    case when measure_names.measure = 'network reciprocity' then {{ wilson_low('reciprocity.reciprocal_edge_count', 'reciprocity.edge_count') }} end as reciprocity_low,
    case when measure_names.measure = 'network reciprocity' then {{ wilson_high('reciprocity.reciprocal_edge_count', 'reciprocity.edge_count') }} end as reciprocity_high,
    coalesce(case when measure_names.measure = 'network reciprocity' then reciprocity.edge_count else concentrations.member_count end, 0)
    < parameters.least_denominator as is_too_few,
    case when measure_names.measure <> 'responses per post' then {{ add_days('run.as_of_date', '1 - parameters.living_window_days') }} end as window_start_date,
    run.as_of_date
from measure_names
cross join run
cross join parameters
cross join recorded
cross join reciprocity
cross join {{ ref('int_currency') }} as brand
left join concentrations on measure_names.measure = concentrations.measure
left join greatest_members on measure_names.measure = greatest_members.measure and greatest_members.member_rank = 1
