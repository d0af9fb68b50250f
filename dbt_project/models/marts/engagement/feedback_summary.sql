with exchanges as (
    select exchanges.person_id, exchanges.platform, cast({{ to_local('exchanges.second_at', 'run.timezone') }} as date) as exchange_date
    from {{ ref('int_exchanges') }} as exchanges
    cross join {{ ref('int_run') }} as run
    inner join {{ ref('int_persons') }} as persons on exchanges.person_id = persons.person_id
),

feedback as (
    select person_id, platform, said_date from {{ ref('feedback') }} where person_id is not null
),

labelled as (
    select count(*) as label_count from {{ ref('stg_labels') }} where entity = 'post' and label = 'feedback'
),

periods as (
    select * from {{ ref('int_periods') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

touches as (
    select person_id, platform, exchange_date as touch_date, 1 as is_exchange, 0 as is_feedback from exchanges
    union all
    select person_id, platform, said_date as touch_date, 0 as is_exchange, 1 as is_feedback from feedback
),

scoped as (
    select person_id, platform, touch_date, is_exchange, is_feedback from touches
    union all
    select person_id, 'all' as platform, touch_date, is_exchange, is_feedback from touches
),

per_person as (
    select
        periods.period_kind,
        periods.period_start_date,
        scoped.platform,
        scoped.person_id,
        max(scoped.is_exchange) = 1 as is_conversed,
        max(scoped.is_feedback) = 1 as has_feedback
    from periods
    inner join scoped on periods.calendar_date = scoped.touch_date
    group by periods.period_kind, periods.period_start_date, scoped.platform, scoped.person_id
),

counted as (
    select
        period_kind,
        period_start_date,
        platform,
        count(case when is_conversed then 1 end) as conversed_person_count,
        count(case when is_conversed and has_feedback then 1 end) as feedback_person_count,
        count(case when has_feedback and not is_conversed then 1 end) as unheard_person_count
    from per_person
    group by period_kind, period_start_date, platform
)

select
    counted.period_kind,
    counted.period_start_date,
    counted.platform,
    case
        when labelled.label_count = 0 then 'not measurable: nobody labels what is feedback'
        when counted.conversed_person_count = 0 then 'nobody was in exchange'
    end as yield_reason,
    run.parameters_version,
    counted.conversed_person_count,
    case when labelled.label_count > 0 then counted.feedback_person_count end as feedback_person_count,
    case when labelled.label_count > 0 then counted.unheard_person_count end as unheard_person_count,
    case when labelled.label_count > 0 then {{ share('counted.feedback_person_count', 'counted.conversed_person_count') }} end as feedback_yield,
    case when labelled.label_count > 0 then {{ wilson_low('counted.feedback_person_count', 'counted.conversed_person_count') }} end as feedback_yield_low,
    case when labelled.label_count > 0 then {{ wilson_high('counted.feedback_person_count', 'counted.conversed_person_count') }} end as feedback_yield_high,
    counted.conversed_person_count < parameters.least_denominator as is_too_few,
    run.as_of_date
from counted
cross join run
cross join parameters
cross join labelled
