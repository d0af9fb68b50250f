with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

exchanges as {{ inlined() }} (
    select person_id, responder_id, exchange_day from {{ ref('int_exchanges') }}
),

-- Real people the brand may count on: those who stand in a layer, or outside all of them.
people as (
    select people.person_id, people.layer, people.is_layer_disputed
    from {{ ref('people') }} as people
    cross join parameters
    where people.layer is not null and people.p_real >= parameters.least_p_real
),

-- An account through which nobody in particular speaks; how many people that are, nobody says.
shared_accounts as (
    select distinct account_key from {{ ref('int_account_roles') }} where role = 'brand' and account_key is not null
),

responders as (
    select
        exchanges.responder_id,
        max(exchanges.exchange_day) > max({{ add_days('run.as_of_date', '-parameters.living_window_days') }}) as is_active,
        max(exchanges.exchange_day) as last_exchange_day
    from exchanges
    cross join run
    cross join parameters
    group by exchanges.responder_id
),

pairs as (
    select
        exchanges.person_id,
        exchanges.responder_id,
        count(distinct exchanges.exchange_day) as exchange_day_count,
        max(exchanges.exchange_day) as last_exchange_day
    from exchanges
    inner join people on exchanges.person_id = people.person_id
    group by exchanges.person_id, exchanges.responder_id
),

-- Whoever has most exchanges with a person carries the relationship; of equals the latest.
ranked_pairs as (
    select
        *,
        row_number() over (partition by person_id order by exchange_day_count desc, last_exchange_day desc, responder_id) as responder_rank,
        count(*) over (partition by person_id) as responder_count
    from pairs
),

assigned as (
    select ranked_pairs.responder_id, ranked_pairs.responder_count > 1 as is_shared, people.layer, people.is_layer_disputed
    from ranked_pairs
    inner join people on ranked_pairs.person_id = people.person_id
    where ranked_pairs.responder_rank = 1
),

listed as (
    select
        responders.responder_id as responder_key,
        case when shared_accounts.account_key is null then 'person' else 'account' end as responder_kind,
        responders.responder_id,
        responders.is_active,
        responders.last_exchange_day
    from responders
    left join shared_accounts on responders.responder_id = shared_accounts.account_key
    union all
    select 'all' as responder_key, 'all' as responder_kind, responder_id, is_active, last_exchange_day from responders
    union all
    -- One row at least, also where nobody ever answered.
    select 'all' as responder_key, 'all' as responder_kind, cast(null as string) as responder_id, false as is_active, cast(null as date) as last_exchange_day from run
),

totals as (
    select
        listed.responder_key,
        listed.responder_kind,
        count(distinct case when listed.is_active then listed.responder_id end) as active_responder_count,
        max(listed.last_exchange_day) as last_exchange_day
    from listed
    group by listed.responder_key, listed.responder_kind
),

counted as (
    select
        listed.responder_key,
        count(assigned.layer) as person_count,
        count(case when assigned.is_shared then 1 end) as shared_person_count,
        count(case when assigned.layer = 'L1' then 1 end) as support_count,
        count(case when assigned.layer = 'L2' then 1 end) as sympathy_count,
        count(case when assigned.layer = 'L3' then 1 end) as affinity_count,
        count(case when assigned.layer = 'L4' then 1 end) as active_count,
        count(case when assigned.layer = 'L5' then 1 end) as outside_count,
        count(case when assigned.layer <> 'L5' then 1 end) as relationship_count,
        count(assigned.is_layer_disputed) as compared_count,
        count(case when assigned.is_layer_disputed then 1 end) as disputed_count
    from listed
    left join assigned on listed.responder_id = assigned.responder_id
    group by listed.responder_key
),

measured as (
    select
        totals.*,
        counted.person_count,
        counted.shared_person_count,
        counted.support_count,
        counted.sympathy_count,
        counted.affinity_count,
        counted.active_count,
        counted.outside_count,
        counted.relationship_count,
        counted.compared_count,
        counted.disputed_count,
        cast(totals.active_responder_count * parameters.responder_capacity as bigint) as capacity_count,
        cast(totals.active_responder_count * parameters.responder_capacity_low as bigint) as capacity_low_count,
        cast(totals.active_responder_count * parameters.responder_capacity_high as bigint) as capacity_high_count,
        {{ share('counted.disputed_count', 'counted.compared_count') }} as disputed_share,
        parameters.capacity_strain,
        parameters.layer_most_disputed_share,
        parameters.least_denominator,
        run.as_of_date,
        run.parameters_version
    from totals
    cross join run
    cross join parameters
    inner join counted on totals.responder_key = counted.responder_key
),

used as (
    select *, round(cast(relationship_count as double) / nullif(capacity_count, 0), 9) as utilisation from measured
)

select
    responder_key,
    responder_kind,
    case when active_responder_count = 0 then 'nobody answered within the window' end as utilisation_reason,
    case when responder_kind = 'account' then 'counted as one person: who speaks through the account is not configured' end as responder_note,
    case when compared_count = 0 then 'nobody stands in a layer' end as disputed_reason,
    parameters_version,
    active_responder_count,
    person_count,
    shared_person_count,
    support_count,
    sympathy_count,
    affinity_count,
    active_count,
    outside_count,
    relationship_count,
    capacity_count,
    utilisation,
    round(cast(relationship_count as double) / nullif(capacity_high_count, 0), 9) as utilisation_low,
    round(cast(relationship_count as double) / nullif(capacity_low_count, 0), 9) as utilisation_high,
    compared_count,
    disputed_count,
    disputed_share,
    {{ wilson_low('disputed_count', 'compared_count') }} as disputed_low,
    {{ wilson_high('disputed_count', 'compared_count') }} as disputed_high,
    utilisation > capacity_strain as is_strained,
    disputed_share > layer_most_disputed_share as is_refit_due,
    compared_count < least_denominator as is_too_few,
    last_exchange_day as last_exchange_date,
    as_of_date
from used
