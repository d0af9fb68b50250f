with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

refs as (
    select * from {{ ref('int_person_refs') }}
),

all_referrals as (
    select
        referrals.referral_id,
        referrals.parent_referral_id,
        case
            when referrals.arm = 'cold' then 'cold'
            when referrals.is_rewarded then 'rewarded'
            when not referrals.is_rewarded then 'unrewarded'
            else 'reward not stated'
        end as arm_name,
        coalesce(prospects.person_id, referrals.prospect_ref) as prospect_key,
        coalesce(referrers.person_id, referrals.referrer_ref) as referrer_key,
        referrals.referred_at
    from {{ ref('stg_referrals') }} as referrals
    cross join run
    left join refs as prospects on referrals.prospect_ref = prospects.person_ref
    left join refs as referrers on referrals.referrer_ref = referrers.person_ref
    where referrals.referred_at is null or referrals.referred_at < run.as_of_at
),

arm_referrals as (
    select referral_id, parent_referral_id, arm_name, prospect_key, referrer_key, referred_at from all_referrals
    union all
    select referral_id, parent_referral_id, 'referred' as arm_name, prospect_key, referrer_key, referred_at from all_referrals where arm_name <> 'cold'
),

-- A prospect counts once an arm, from the first time.
prospects as (
    select arm_name, prospect_key, min(referred_at) as referred_at
    from arm_referrals
    where referred_at is not null and prospect_key is not null
    group by arm_name, prospect_key
),

conversions as (
    select coalesce(person_id, credited_ref) as buyer_key, referral_id, credited_amount, occurred_at
    from {{ ref('int_value_ledger') }}
    where ledger = 'buyer' and not is_refunded
),

-- By the referral that the conversion names; a conversion that names none belongs to whoever was referred and then bought.
matches as (
    select arm_referrals.arm_name, arm_referrals.prospect_key, conversions.occurred_at
    from conversions
    inner join arm_referrals on conversions.referral_id = arm_referrals.referral_id
    union all
    select prospects.arm_name, prospects.prospect_key, conversions.occurred_at
    from conversions
    inner join prospects on conversions.buyer_key = prospects.prospect_key
    where conversions.referral_id is null
),

first_conversions as (
    select prospects.arm_name, prospects.prospect_key, min(matches.occurred_at) as converted_at
    from prospects
    inner join matches
        on prospects.arm_name = matches.arm_name and prospects.prospect_key = matches.prospect_key
        and matches.occurred_at >= prospects.referred_at
    group by prospects.arm_name, prospects.prospect_key
),

followed as (
    select
        prospects.arm_name,
        prospects.referred_at,
        first_conversions.converted_at is not null as is_converted,
        {{ seconds_between('prospects.referred_at', 'coalesce(first_conversions.converted_at, run.as_of_at)') }} as duration_seconds,
        {{ shift_days('prospects.referred_at', 'parameters.referral_days') }} <= run.as_of_at as is_elapsed,
        coalesce(first_conversions.converted_at <= {{ shift_days('prospects.referred_at', 'parameters.referral_days') }}, false) as is_converted_in_time
    from prospects
    cross join run
    cross join parameters
    left join first_conversions on prospects.arm_name = first_conversions.arm_name and prospects.prospect_key = first_conversions.prospect_key
),

curve as (
    {{ survival_curve('followed', ['arm_name'], 'duration_seconds', 'is_converted') }}
),

-- The curve only falls: its least value up to a moment is its value there.
curve_ends as (
    select
        curve.arm_name,
        1 - min(case when curve.duration_seconds <= parameters.referral_days * 86400 then curve.survival else 1 end) as estimated_rate,
        max(case when curve.duration_seconds <= parameters.referral_days * 86400 then curve.greenwood_sum else 0 end) as greenwood_sum
    from curve
    cross join parameters
    group by curve.arm_name
),

prospect_counts as (
    select
        arm_name,
        count(*) as prospect_count,
        count(case when is_elapsed then 1 end) as elapsed_prospect_count,
        count(case when is_elapsed and is_converted_in_time then 1 end) as converted_count,
        count(case when not is_elapsed and not is_converted then 1 end) as open_prospect_count
    from followed
    group by arm_name
),

-- The factor of growth rests on invitations whose time has run out, and on those who sent them.
referral_counts as (
    select
        arm_referrals.arm_name,
        count(*) as referral_count,
        count(case when arm_referrals.referred_at is null then 1 end) as unknown_time_count,
        count(case when {{ shift_days('arm_referrals.referred_at', 'parameters.referral_days') }} <= run.as_of_at then 1 end) as elapsed_referral_count,
        count(distinct case
            when {{ shift_days('arm_referrals.referred_at', 'parameters.referral_days') }} <= run.as_of_at then arm_referrals.referrer_key
        end) as elapsed_referrer_count,
        count(distinct arm_referrals.referrer_key) as referrer_count,
        count(case when arm_referrals.parent_referral_id is not null then 1 end) as chained_referral_count
    from arm_referrals
    cross join run
    cross join parameters
    group by arm_referrals.arm_name
),

chain_lengths as (
    select arm_referrals.arm_name, max(chains.link_position) as longest_chain_count
    from arm_referrals
    inner join {{ ref('int_referral_chains') }} as chains on arm_referrals.referral_id = chains.referral_id
    group by arm_referrals.arm_name
),

values_brought as (
    select arm_referrals.arm_name, {{ exact_sum('conversions.credited_amount') }} as referred_amount
    from arm_referrals
    inner join conversions on arm_referrals.referral_id = conversions.referral_id
    group by arm_referrals.arm_name
),

combined as (
    select
        referral_counts.*,
        case when referral_counts.arm_name <> 'cold' then totals.all_referred_count end as all_referred_count,
        coalesce(prospect_counts.prospect_count, 0) as prospect_count,
        coalesce(prospect_counts.elapsed_prospect_count, 0) as elapsed_prospect_count,
        coalesce(prospect_counts.converted_count, 0) as converted_count,
        coalesce(prospect_counts.open_prospect_count, 0) as open_prospect_count,
        round(curve_ends.estimated_rate, 9) as estimated_rate,
        -- Sample size that gives a plain proportion Greenwood's variance: (1 − S) / (S · Σ).
        case
            when curve_ends.greenwood_sum > 0 and curve_ends.estimated_rate < 1
                then curve_ends.estimated_rate / ((1 - curve_ends.estimated_rate) * curve_ends.greenwood_sum)
            else cast(prospect_counts.prospect_count as double)
        end as effective_count,
        chain_lengths.longest_chain_count,
        values_brought.referred_amount
    from referral_counts
    cross join (select coalesce(max(case when arm_name = 'referred' then referral_count end), 0) as all_referred_count from referral_counts) as totals
    left join prospect_counts on referral_counts.arm_name = prospect_counts.arm_name
    left join curve_ends on referral_counts.arm_name = curve_ends.arm_name
    left join chain_lengths on referral_counts.arm_name = chain_lengths.arm_name
    left join values_brought on referral_counts.arm_name = values_brought.arm_name
),

measured as (
    select
        combined.*,
        {{ share('combined.converted_count', 'combined.elapsed_prospect_count') }} as conversion_rate,
        {{ wilson_low('combined.converted_count', 'combined.elapsed_prospect_count') }} as conversion_low,
        {{ wilson_high('combined.converted_count', 'combined.elapsed_prospect_count') }} as conversion_high,
        {{ wilson_low('(combined.estimated_rate * combined.effective_count)', 'combined.effective_count') }} as estimated_low,
        {{ wilson_high('(combined.estimated_rate * combined.effective_count)', 'combined.effective_count') }} as estimated_high,
        case when combined.arm_name <> 'cold' then {{ share('combined.elapsed_referral_count', 'combined.elapsed_referrer_count') }} end as invitations_per_referrer,
        case when combined.arm_name <> 'cold' then {{ share('combined.converted_count', 'combined.elapsed_referrer_count') }} end as k_factor,
        combined.elapsed_prospect_count < parameters.least_denominator as is_too_few,
        parameters.claimed_referral_rate,
        parameters.claimed_cold_rate
    from combined
    cross join parameters
)

select
    measured.arm_name as arm,
    case when measured.elapsed_prospect_count = 0 then 'no prospect whose time has run out' end as conversion_reason,
    case when measured.prospect_count = 0 then 'no prospect with a known time' end as estimated_reason,
    case
        when measured.arm_name = 'cold' then 'nobody invites in the cold arm'
        when measured.k_factor is null then 'no invitation whose time has run out, by a known person'
    end as k_factor_reason,
    case
        when measured.conversion_rate is null or measured.is_too_few then 'too few'
        when measured.claimed_referral_rate between measured.conversion_low and measured.conversion_high then 'not rejected'
        else 'rejected'
    end as referral_claim_verdict,
    case
        when measured.conversion_rate is null or measured.is_too_few then 'too few'
        when measured.claimed_cold_rate between measured.conversion_low and measured.conversion_high then 'not rejected'
        else 'rejected'
    end as cold_claim_verdict,
    brand.currency,
    run.parameters_version,
    measured.referral_count,
    {{ share('measured.referral_count', 'measured.all_referred_count') }} as share_of_referrals,
    {{ wilson_low('measured.referral_count', 'measured.all_referred_count') }} as share_of_referrals_low,
    {{ wilson_high('measured.referral_count', 'measured.all_referred_count') }} as share_of_referrals_high,
    measured.unknown_time_count,
    measured.prospect_count,
    measured.elapsed_prospect_count,
    measured.converted_count,
    measured.open_prospect_count,
    measured.conversion_rate,
    measured.conversion_low,
    measured.conversion_high,
    measured.estimated_rate,
    measured.estimated_low,
    measured.estimated_high,
    cast(measured.claimed_referral_rate as double) as claimed_referral_rate,
    cast(measured.claimed_cold_rate as double) as claimed_cold_rate,
    measured.referrer_count,
    measured.elapsed_referral_count,
    measured.elapsed_referrer_count,
    measured.invitations_per_referrer,
    measured.k_factor,
    case when measured.k_factor < 1 then round(1 / (1 - measured.k_factor), 9) end as growth_ceiling,
    measured.chained_referral_count,
    measured.longest_chain_count,
    round(measured.referred_amount, 9) as referred_amount,
    measured.is_too_few,
    run.as_of_date
from measured
cross join run
cross join {{ ref('int_currency') }} as brand
