with advocates as (
    select * from {{ ref('advocates') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

counted as (
    select
        count(*) as acting_person_count,
        count(case when is_advocate then 1 end) as advocate_count,
        count(case when is_evangelist then 1 end) as evangelist_count,
        count(case when is_advocate and is_customer then 1 end) as customer_advocate_count,
        coalesce(sum(case when is_advocate then credited_person_count end), 0) as acted_person_count,
        coalesce(sum(case when is_advocate then reached_person_count end), 0) as reached_person_count,
        sum(case when is_advocate then potential_reach_count end) as potential_reach_count,
        max(case when is_advocate then credited_person_count end) as largest_credited_count,
        percentile_cont(0.5) within group (order by case when is_advocate then cast(credited_person_count as double) end) as multiplier_median
    from advocates
),

customers as (
    select
        count(distinct coalesce(ledger.person_id, ledger.credited_ref)) as customer_count,
        count(distinct ledger.person_id) as known_customer_count
    from {{ ref('int_value_ledger') }} as ledger
    cross join run
    cross join parameters
    where ledger.ledger = 'buyer' and not ledger.is_refunded
        and ledger.occurred_at >= {{ shift_days('run.as_of_at', '-parameters.customer_days') }}
),

recorded as (
    select count(*) as conversion_row_count from {{ ref('stg_conversions') }}
),

-- Mentions by the same people whose acts would count, with a label or without.
mentions as (
    select
        count(distinct events.post_key) as mention_count,
        count(distinct case when labels.positive is null then events.post_key end) as unlabelled_mention_count
    from {{ ref('int_interactions') }} as events
    cross join run
    cross join parameters
    inner join {{ ref('int_persons') }} as persons on events.person_id = persons.person_id
    left join {{ ref('int_post_labels') }} as labels on events.post_key = labels.post_key
    where events.direction = 'in' and events.kind = 'mention'
        and not events.is_deleted and not events.is_incentivised and not events.is_automated
        and persons.p_real >= parameters.least_p_real and not persons.is_deleted and not persons.has_objected
        and events.event_day > {{ add_days('run.as_of_date', '-parameters.advocacy_window_days') }}
),

strata as (
    select
        'all' as scope,
        cast(advocates.credited_person_count as double) as value,
        count(*) as people_count,
        run.brand || '|' || cast(run.as_of_date as string) || '|multiplier' as seed,
        cast(parameters.bootstrap_replicates as bigint) as replicate_count
    from advocates
    cross join run
    cross join parameters
    where advocates.is_advocate
    group by advocates.credited_person_count, run.brand, run.as_of_date, parameters.bootstrap_replicates
),

drawn as (
    {{ bootstrap_sums('strata', ['scope']) }}
),

intervals as (
    select
        count(*) as replicate_count,
        {{ percentile_low('drawn.drawn_sum') }} as sum_low,
        {{ percentile_high('drawn.drawn_sum') }} as sum_high
    from drawn
),

measured as (
    select
        counted.*,
        {{ share('counted.acted_person_count', 'counted.advocate_count') }} as multiplier,
        round(intervals.sum_low / nullif(counted.advocate_count, 0), 9) as multiplier_low,
        round(intervals.sum_high / nullif(counted.advocate_count, 0), 9) as multiplier_high,
        nullif(intervals.replicate_count, 0) as replicate_count,
        counted.advocate_count < parameters.least_denominator as is_too_few,
        parameters.least_known_reach,
        cast(parameters.claimed_multiplier as double) as claimed_multiplier
    from counted
    cross join intervals
    cross join parameters
)

select
    'all' as scope,
    case
        when measured.is_too_few then 'too few'
        when measured.claimed_multiplier between measured.multiplier_low and measured.multiplier_high then 'not rejected'
        -- Who follows people is mostly not read: a small multiplier of those few who are known rejects nothing.
        when measured.multiplier_high < measured.claimed_multiplier
            and coalesce(measured.reached_person_count < measured.least_known_reach * measured.potential_reach_count, true)
            then 'not measurable'
        else 'rejected'
    end as multiplier_claim_verdict,
    case when measured.advocate_count = 0 then 'nobody is an advocate' end as multiplier_reason,
    case
        when recorded.conversion_row_count = 0 then 'not measurable: no conversions are recorded'
        when customers.customer_count = 0 then 'nobody is a customer'
    end as advocacy_reason,
    case when mentions.mention_count = 0 then 'nobody named the brand' end as unlabelled_reason,
    run.parameters_version,
    measured.acting_person_count,
    measured.advocate_count,
    measured.evangelist_count,
    case when recorded.conversion_row_count > 0 then customers.customer_count end as customer_count,
    case when recorded.conversion_row_count > 0 then customers.known_customer_count end as known_customer_count,
    case when recorded.conversion_row_count > 0 then measured.customer_advocate_count end as customer_advocate_count,
    case when recorded.conversion_row_count > 0 then {{ share('measured.customer_advocate_count', 'customers.customer_count') }} end as advocacy_rate,
    case when recorded.conversion_row_count > 0 then {{ wilson_low('measured.customer_advocate_count', 'customers.customer_count') }} end as advocacy_rate_low,
    case when recorded.conversion_row_count > 0 then {{ wilson_high('measured.customer_advocate_count', 'customers.customer_count') }} end as advocacy_rate_high,
    mentions.mention_count,
    mentions.unlabelled_mention_count,
    {{ share('mentions.unlabelled_mention_count', 'mentions.mention_count') }} as unlabelled_share,
    {{ wilson_low('mentions.unlabelled_mention_count', 'mentions.mention_count') }} as unlabelled_share_low,
    {{ wilson_high('mentions.unlabelled_mention_count', 'mentions.mention_count') }} as unlabelled_share_high,
    cast(measured.acted_person_count as bigint) as acted_person_count,
    measured.multiplier,
    measured.multiplier_low,
    measured.multiplier_high,
    round(measured.multiplier_median, 9) as multiplier_median,
    measured.claimed_multiplier,
    {{ share('measured.largest_credited_count', 'measured.acted_person_count') }} as largest_share,
    cast(measured.reached_person_count as bigint) as reached_person_count,
    {{ share('measured.reached_person_count', 'measured.advocate_count') }} as reached_multiplier,
    cast(measured.potential_reach_count as bigint) as potential_reach_count,
    cast(measured.replicate_count as bigint) as replicate_count,
    measured.is_too_few,
    coalesce(customers.customer_count < parameters.least_denominator or recorded.conversion_row_count = 0, true) as is_advocacy_too_few,
    {{ add_days('run.as_of_date', '1 - parameters.advocacy_window_days') }} as window_start_date,
    run.as_of_date
from measured
cross join run
cross join parameters
cross join customers
cross join recorded
cross join mentions
