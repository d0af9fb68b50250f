with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator, least_p_real from {{ ref('int_parameters') }}
),

spans as (
    select spans.person_id, spans.stage_number, spans.from_day, spans.until_day
    from {{ ref('int_lifecycle_spans') }} as spans
    cross join parameters
    inner join {{ ref('int_persons') }} as persons on spans.person_id = persons.person_id
    where persons.p_real >= parameters.least_p_real
),

bounds as (
    select
        greatest({{ month_start('coalesce(min(spans.from_day), max(run.as_of_date))') }}, date '2000-01-01') as first_month,
        {{ month_start('max(run.as_of_date)') }} as last_month,
        max(run.as_of_date) as as_of_date
    from run
    left join spans on spans.from_day <= run.as_of_date
),

days as (
    {{ date_spine('first_month', 'last_month', 'bounds') }}
),

-- The last month ends with the as-of date.
months as (
    select
        days.calendar_date as month_start_date,
        least({{ add_days(month_start(add_days('days.calendar_date', '31')), '-1') }}, bounds.as_of_date) as month_end_date,
        {{ add_days(month_start(add_days('days.calendar_date', '31')), '-1') }} <= bounds.as_of_date as is_complete
    from days
    cross join bounds
    where days.calendar_date = {{ month_start('days.calendar_date') }}
),

-- The months at whose end a person stands in the span; none where it begins and ends inside one.
standing as (
    select
        spans.person_id,
        spans.stage_number,
        spans.from_day,
        greatest({{ month_start('spans.from_day') }}, bounds.first_month) as first_month,
        case
            when spans.until_day > bounds.as_of_date then bounds.last_month
            else {{ month_start(add_days(month_start('spans.until_day'), '-1')) }}
        end as until_month
    from spans
    cross join bounds
    where spans.from_day <= bounds.as_of_date
),

chained as (
    select
        *,
        coalesce(lag(stage_number) over (partition by person_id order by from_day), 8) as stage_before,
        lag(stage_number) over (partition by person_id order by from_day) is null as is_newcomer
    from standing
    where first_month <= until_month
),

-- Into a stage once, at the end of its first month; from then on a person stays, month after month, and that is one step at the begin and one at the end.
entered as (
    select
        first_month as month_start_date,
        stage_before as from_number,
        stage_number as to_number,
        count(*) as person_count,
        count(case when is_newcomer then 1 end) as newcomer_count
    from chained
    group by first_month, stage_before, stage_number
),

stay_steps as (
    select {{ month_start(add_days('first_month', '31')) }} as step_month, stage_number, 1 as step
    from chained
    union all
    select {{ month_start(add_days('until_month', '31')) }} as step_month, stage_number, -1 as step
    from chained
),

summed_steps as (
    select step_month, stage_number, sum(step) as step from stay_steps group by step_month, stage_number
),

stage_numbers as (
    select distinct stage_number from chained
),

stayed as (
    select
        months.month_start_date,
        stage_numbers.stage_number,
        sum(coalesce(summed_steps.step, 0)) over (
            partition by stage_numbers.stage_number order by months.month_start_date rows between unbounded preceding and current row
        ) as person_count
    from months
    cross join stage_numbers
    left join summed_steps on months.month_start_date = summed_steps.step_month and stage_numbers.stage_number = summed_steps.stage_number
),

moves as (
    select month_start_date, from_number, to_number, person_count, newcomer_count from entered
    union all
    select month_start_date, stage_number as from_number, stage_number as to_number, person_count, 0 as newcomer_count
    from stayed
    where person_count > 0
),

cells as (
    select
        month_start_date,
        from_number,
        to_number,
        cast(sum(person_count) as bigint) as person_count,
        cast(sum(newcomer_count) as bigint) as newcomer_count
    from moves
    group by month_start_date, from_number, to_number
),

totalled as (
    select
        *,
        cast(sum(person_count) over (partition by month_start_date, from_number) as bigint) as from_person_count
    from cells
)

select
    totalled.month_start_date,
    {{ lifecycle_stage('totalled.from_number') }} as from_stage,
    {{ lifecycle_stage('totalled.to_number') }} as to_stage,
    case
        when totalled.from_number = totalled.to_number then 'same'
        when totalled.to_number < totalled.from_number then 'up'
        else 'down'
    end as direction,
    run.parameters_version,
    cast(totalled.from_number as bigint) as from_stage_number,
    cast(totalled.to_number as bigint) as to_stage_number,
    totalled.person_count,
    totalled.newcomer_count,
    totalled.from_person_count,
    {{ share('totalled.person_count', 'totalled.from_person_count') }} as transition_share,
    {{ wilson_low('totalled.person_count', 'totalled.from_person_count') }} as transition_share_low,
    {{ wilson_high('totalled.person_count', 'totalled.from_person_count') }} as transition_share_high,
    -- Orbit's levels (M9.5): its reach is left out, likes make observers.
    case
        when totalled.to_number = 1 then cast(10 as bigint)
        when totalled.to_number = 2 then cast(7 as bigint)
        when totalled.to_number = 3 then cast(4 as bigint)
        when totalled.to_number in (4, 5) then cast(1 as bigint)
        else cast(0 as bigint)
    end as orbit_weight,
    totalled.person_count * case
        when totalled.to_number = 1 then cast(100 as bigint)
        when totalled.to_number = 2 then cast(49 as bigint)
        when totalled.to_number = 3 then cast(16 as bigint)
        when totalled.to_number in (4, 5) then cast(1 as bigint)
        else cast(0 as bigint)
    end as orbit_points,
    months.is_complete as is_complete,
    totalled.from_person_count < parameters.least_denominator as is_too_few,
    months.month_end_date,
    run.as_of_date
from totalled
cross join run
cross join parameters
inner join months on totalled.month_start_date = months.month_start_date
