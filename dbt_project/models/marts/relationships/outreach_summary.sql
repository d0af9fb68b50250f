with contacts as (
    select * from {{ ref('outreach') }}
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

scoped as (
    select channel, contacted_date, is_first_contact, is_settled, is_answered_in_time from contacts
    union all
    select 'all' as channel, contacted_date, is_first_contact, is_settled, is_answered_in_time from contacts
),

counted as (
    select
        periods.period_kind,
        periods.period_start_date,
        scoped.channel,
        count(*) as contact_count,
        count(case when scoped.is_first_contact then 1 end) as first_contact_count,
        count(case when scoped.is_first_contact and scoped.is_settled then 1 end) as settled_contact_count,
        count(case when scoped.is_first_contact and scoped.is_settled and scoped.is_answered_in_time then 1 end) as accepted_count
    from periods
    inner join scoped on periods.calendar_date = scoped.contacted_date
    group by periods.period_kind, periods.period_start_date, scoped.channel
)

select
    counted.period_kind,
    counted.period_start_date,
    counted.channel,
    case when counted.settled_contact_count = 0 then 'of no first contact the time to answer is over' end as acceptance_reason,
    run.parameters_version,
    counted.contact_count,
    counted.first_contact_count,
    counted.settled_contact_count,
    counted.accepted_count,
    {{ share('counted.accepted_count', 'counted.settled_contact_count') }} as acceptance_rate,
    {{ wilson_low('counted.accepted_count', 'counted.settled_contact_count') }} as acceptance_rate_low,
    {{ wilson_high('counted.accepted_count', 'counted.settled_contact_count') }} as acceptance_rate_high,
    counted.settled_contact_count < parameters.least_denominator as is_too_few,
    run.as_of_date
from counted
cross join run
cross join parameters
