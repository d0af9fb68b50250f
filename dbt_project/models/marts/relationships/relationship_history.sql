with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select strength_half_life_days from {{ ref('int_parameters') }}
),

persons as {{ inlined() }} (
    select person_id, reference_date from {{ ref('int_persons') }}
),

rewritten as (
    select count(*) as rewritten_count from {{ source('ops', 'loads') }} as loads where loads.manifest_revision > 1
),

-- What was said of whoever is still known; of others nothing may be kept.
said as (
    select history.*
    from {{ ref('stg_published_history') }} as history
    inner join persons on history.subject_id = persons.person_id
    cross join run
    where history.history = 'relationship' and history.period_date <= run.as_of_date
),

last_said as (
    select ranked.*
    from (
        select said.*, row_number() over (partition by said.subject_id, said.period_date order by said.revision desc) as recency
        from said
        inner join run on said.series = run.parameters_version
    ) as ranked
    where ranked.recency = 1
),

months as (
    select distinct {{ month_start('calendar_date') }} as month_start_date, {{ add_days(month_start(add_days(month_start('calendar_date'), '31')), '-1') }} as month_end_date
    from {{ ref('int_calendar') }}
),

complete_months as (
    select months.month_start_date, months.month_end_date
    from months
    cross join run
    where months.month_end_date <= run.as_of_date
),

stages as (
    select spans.person_id, complete_months.month_start_date, complete_months.month_end_date, spans.stage, spans.stage_number
    from {{ ref('int_lifecycle_spans') }} as spans
    inner join complete_months on complete_months.month_end_date >= spans.from_day and complete_months.month_end_date < spans.until_day
),

-- A person has a row in each month at whose end there was something to lose, and where a version has said so.
kept as (
    select stages.person_id, stages.month_start_date, stages.month_end_date, stages.stage
    from stages
    left join last_said on stages.person_id = last_said.subject_id and stages.month_start_date = last_said.period_date
    where stages.stage_number <= 5 or last_said.subject_id is not null
),

-- Exact sums of each month, decayed to its end; a later month reads them and decays them on. Nothing floating is rolled forward.
month_sums as (
    select
        days.person_id,
        days.direction,
        case when days.kind = 'like' then 'like' else 'other' end as kind,
        days.is_engaged,
        complete_months.month_end_date as summed_date,
        {{ exact_sum(
            'days.weight * power(cast(2 as double), -' ~ days_between('days.event_day', 'complete_months.month_end_date') ~ ' / parameters.strength_half_life_days)'
        ) }} as summed_weight,
        max(days.event_at) as event_at
    from {{ ref('int_interaction_days') }} as days
    cross join parameters
    inner join complete_months on {{ month_start('days.event_day') }} = complete_months.month_start_date
    inner join persons on days.person_id = persons.person_id
    where days.event_day <= persons.reference_date
    group by days.person_id, days.direction, case when days.kind = 'like' then 'like' else 'other' end, days.is_engaged, complete_months.month_end_date
),

events as (
    select
        kept.person_id,
        kept.month_start_date,
        month_sums.direction,
        month_sums.kind,
        month_sums.is_engaged,
        month_sums.event_at,
        month_sums.summed_weight
        * power(cast(2 as double), -{{ days_between('month_sums.summed_date', 'kept.month_end_date') }} / parameters.strength_half_life_days) as decayed_weight
    from kept
    cross join parameters
    inner join month_sums on kept.person_id = month_sums.person_id and month_sums.summed_date <= kept.month_end_date
),

scores as (
    {{ strength_scores('events', ['person_id', 'month_start_date']) }}
),

month_exchanges as (
    select person_id, {{ month_start('exchange_day') }} as month_start_date, count(distinct exchange_day) as exchange_day_count
    from {{ ref('int_exchanges') }}
    group by person_id, {{ month_start('exchange_day') }}
),

living as (
    select distinct spans.person_id, complete_months.month_start_date
    from {{ ref('int_living_spans') }} as spans
    inner join complete_months on complete_months.month_end_date between spans.first_day and spans.last_day
),

now_known as (
    select
        kept.person_id,
        kept.month_start_date,
        kept.month_end_date,
        kept.stage,
        round(coalesce(scores.strength, 0), 6) as strength,
        coalesce(month_exchanges.exchange_day_count, 0) as exchange_day_count,
        living.person_id is not null as is_living
    from kept
    left join scores on kept.person_id = scores.person_id and kept.month_start_date = scores.month_start_date
    left join month_exchanges on kept.person_id = month_exchanges.person_id and kept.month_start_date = month_exchanges.month_start_date
    left join living on kept.person_id = living.person_id and kept.month_start_date = living.month_start_date
),

differing as (
    select now_known.*, last_said.revision as said_revision, last_said.observed_at as said_at
    from now_known
    left join last_said on now_known.person_id = last_said.subject_id and now_known.month_start_date = last_said.period_date
    where last_said.subject_id is null
        or now_known.stage <> last_said.stage
        or abs(now_known.strength - last_said.strength) > cast(0.0000015 as double)
        or now_known.exchange_day_count <> last_said.exchange_day_count
        or now_known.is_living <> last_said.is_living
),

causes as (
    select
        differing.person_id,
        differing.month_start_date,
        max(learnt.last_seen_first_at) as last_seen_first_at,
        max(learnt.last_taken_back_at) as last_taken_back_at
    from differing
    inner join {{ ref('int_knowledge_changes') }} as learnt
        on differing.person_id = learnt.person_id and learnt.event_day <= differing.month_end_date
    where differing.said_revision is not null
    group by differing.person_id, differing.month_start_date
),

rows_of_now as (
    select
        differing.person_id,
        differing.month_start_date,
        run.parameters_version,
        coalesce(differing.said_revision + 1, 0) as revision,
        case when differing.said_revision is not null then
            {{ restated_cause('causes.last_seen_first_at', 'causes.last_taken_back_at', 'differing.said_at', 'rewritten.rewritten_count') }}
        end as restated_cause,
        differing.stage,
        differing.strength,
        differing.exchange_day_count,
        differing.is_living,
        run.as_of_date as said_as_of_date
    from differing
    cross join run
    cross join rewritten
    left join causes on differing.person_id = causes.person_id and differing.month_start_date = causes.month_start_date
),

all_rows as (
    select
        subject_id as person_id, period_date as month_start_date, series as parameters_version, revision, cause as restated_cause, stage, strength,
        exchange_day_count, is_living, said_as_of_date
    from said
    union all
    select
        person_id, month_start_date, parameters_version, revision, restated_cause, stage, strength, exchange_day_count, is_living, said_as_of_date
    from rows_of_now
),

compared as (
    select
        *,
        lag(strength) over (partition by person_id, month_start_date, parameters_version order by revision) as strength_before,
        row_number() over (partition by person_id, month_start_date, parameters_version order by revision desc) as recency
    from all_rows
)

select
    compared.person_id,
    compared.month_start_date,
    compared.parameters_version,
    cast(compared.revision as bigint) as revision,
    case when compared.revision = 0 then 'first' else 'restated' end as row_kind,
    compared.restated_cause,
    compared.stage,
    compared.strength,
    round(compared.strength - compared.strength_before, 6) as restated_strength,
    compared.exchange_day_count,
    compared.is_living,
    compared.recency = 1 and compared.parameters_version = run.parameters_version as is_current,
    compared.parameters_version = run.parameters_version as is_current_series,
    compared.said_as_of_date,
    {{ add_days(month_start(add_days('compared.month_start_date', '31')), '-1') }} as month_end_date,
    run.as_of_date
from compared
cross join run
