with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

persons as {{ inlined() }} (
    select * from {{ ref('int_persons') }}
),

spans as (
    select spans.*
    from {{ ref('int_lifecycle_spans') }} as spans
    cross join run
    where spans.from_day <= run.as_of_date and spans.until_day > run.as_of_date
),

raw_stages as (
    select windows.person_id, min(windows.stage_number) as stage_number
    from {{ ref('int_stage_windows') }} as windows
    cross join run
    where windows.from_day <= run.as_of_date and windows.until_day > run.as_of_date
        -- Gone is the last number, and goes before all others.
        and windows.stage_number < 9
    group by windows.person_id
),

rhythms as (
    select * from {{ ref('int_exchange_rhythms') }}
),

-- Strength as it was on the day of the last exchange: what there is to lose.
events_then as (
    {{ decayed_events('cast(persons.last_exchange_at as date)') }}
),

strengths_then as (
    {{ strength_scores('events_then') }}
),

values_recorded as (
    select count(*) as conversion_row_count from {{ ref('stg_conversions') }}
),

person_values as (
    select ledger.person_id, {{ exact_sum('ledger.credited_amount') }} as value
    from {{ ref('int_value_ledger') }} as ledger
    where ledger.ledger = 'earned'
    group by ledger.person_id
),

population as (
    select count(*) as exchanging_person_count
    from rhythms
    inner join persons on rhythms.person_id = persons.person_id
    cross join parameters
    where persons.p_real >= parameters.least_p_real
),

described as (
    select
        persons.person_id,
        persons.display_name,
        persons.profile_url,
        persons.p_real,
        persons.is_new,
        persons.is_deleted,
        persons.has_objected,
        persons.first_exchange_at,
        persons.last_exchange_at,
        spans.stage,
        spans.stage_number,
        spans.previous_stage,
        spans.previous_stage_number,
        spans.from_day,
        case when persons.is_deleted then 9 else raw_stages.stage_number end as raw_stage_number,
        rhythms.exchange_day_count,
        rhythms.repeat_week_count,
        rhythms.recency_weeks,
        rhythms.age_weeks,
        rhythms.median_gap_days,
        rhythms.days_since_last_exchange,
        strengths_then.strength as last_exchange_strength,
        coalesce(person_values.value, 0) as value,
        values_recorded.conversion_row_count > 0 as has_values,
        case
            when rhythms.person_id is null then 'no exchange yet'
            when persons.is_deleted then 'every account is gone'
            when parameters.bgnbd_fitted_people < parameters.p_alive_least_people then 'not fitted to this brand: run the calibration'
            when population.exchanging_person_count < parameters.p_alive_least_people then 'fewer people than the model wants'
            when rhythms.repeat_week_count = 0 then 'one week with an exchange: the formula would say 1'
        end as p_alive_reason,
        parameters.bgnbd_fitted_people >= parameters.p_alive_least_people
        and population.exchanging_person_count >= parameters.p_alive_least_people as is_model_used,
        {{ p_alive('rhythms.repeat_week_count', 'rhythms.recency_weeks', 'rhythms.age_weeks', 'parameters') }} as model_p_alive
    from persons
    cross join parameters
    cross join population
    cross join values_recorded
    inner join spans on persons.person_id = spans.person_id
    left join raw_stages on persons.person_id = raw_stages.person_id
    left join rhythms on persons.person_id = rhythms.person_id
    left join strengths_then on persons.person_id = strengths_then.person_id
    left join person_values on persons.person_id = person_values.person_id
),

judged as (
    select
        described.*,
        case when described.p_alive_reason is null then round(described.model_p_alive, 9) end as p_alive,
        case
            when described.days_since_last_exchange is null then 'no exchange yet'
            when described.is_deleted then 'every account is gone'
            when described.has_objected then 'the person objected'
            when not described.is_model_used and described.median_gap_days is null then 'one day with an exchange: no rhythm of its own'
        end as risk_reason,
        case
            when described.is_model_used then described.repeat_week_count >= 2 and described.model_p_alive < parameters.p_alive_least
            else described.days_since_last_exchange > parameters.slipping_gap_factor * described.median_gap_days
                and described.days_since_last_exchange > parameters.slipping_least_days
        end as would_be_at_risk,
        described.repeat_week_count = 0 and described.age_weeks > parameters.lapsing_weeks as is_lapsing
    from described
    cross join parameters
),

-- Zero is no rank among values: it scores 0 and stands outside the fifths.
scored as (
    select
        judged.*,
        case when judged.days_since_last_exchange is not null
            then {{ quintile('judged.days_since_last_exchange is null', 'judged.days_since_last_exchange desc nulls first') }}
        end as recency_score,
        case when judged.days_since_last_exchange is not null
            then {{ quintile('judged.days_since_last_exchange is null', 'judged.exchange_day_count nulls first') }}
        end as frequency_score,
        case
            when judged.days_since_last_exchange is null or not judged.has_values then cast(null as bigint)
            when judged.value <= 0 then cast(0 as bigint)
            else {{ quintile('judged.days_since_last_exchange is null, judged.value > 0', 'judged.value') }}
        end as value_score
    from judged
),

flagged as (
    select *, case when risk_reason is null then would_be_at_risk end as is_at_risk from scored
)

select
    flagged.person_id,
    flagged.display_name,
    flagged.profile_url,
    flagged.stage,
    {{ lifecycle_stage('flagged.raw_stage_number') }} as raw_stage,
    flagged.previous_stage,
    flagged.p_alive_reason,
    case when flagged.risk_reason is null then case when flagged.is_model_used then 'P(alive)' else 'own rhythm' end end as risk_rule,
    flagged.risk_reason,
    case
        when flagged.days_since_last_exchange is null then 'no exchange yet'
        when not flagged.has_values then 'not measurable: no conversions are recorded'
    end as value_score_reason,
    run.parameters_version,
    flagged.stage_number,
    cast(flagged.raw_stage_number as bigint) as raw_stage_number,
    flagged.previous_stage_number,
    {{ days_between('flagged.from_day', 'run.as_of_date') }} as stage_days,
    flagged.repeat_week_count,
    round(flagged.recency_weeks, 9) as recency_weeks,
    round(flagged.age_weeks, 9) as age_weeks,
    flagged.p_alive,
    flagged.median_gap_days,
    flagged.days_since_last_exchange,
    flagged.last_exchange_strength,
    case when flagged.is_at_risk
        then row_number() over (partition by flagged.is_at_risk order by flagged.last_exchange_strength desc nulls last, flagged.person_id)
    end as risk_rank,
    flagged.recency_score,
    flagged.frequency_score,
    flagged.value_score,
    flagged.p_real,
    flagged.is_new,
    flagged.is_at_risk,
    coalesce(flagged.is_lapsing and not flagged.is_deleted, false) as is_lapsing,
    flagged.from_day as stage_since_date,
    run.as_of_date,
    flagged.first_exchange_at,
    flagged.last_exchange_at
from flagged
cross join run
