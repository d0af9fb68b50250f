with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

spans as (
    select * from {{ ref('int_living_spans') }}
),

segments as (
    select segments.*, spans.p_real, spans.last_day
    from {{ ref('int_living_segments') }} as segments
    inner join spans on segments.person_id = spans.person_id and segments.from_day between spans.first_day and spans.last_day
    where segments.is_living
),

stages as (
    select * from {{ ref('int_window_days') }}
),

-- What was first said of a day, under the parameters in force.
said as (
    select history.period_date, history.living_count
    from {{ ref('stg_published_history') }} as history
    inner join run on history.series = run.parameters_version
    where history.history = 'living_relationships' and history.revision = 0
),

first_days as (
    select min(event_day) as first_day from {{ ref('int_interactions') }}
),

bounds as (
    select
        greatest(coalesce(first_days.first_day, run.as_of_date), date '2000-01-01') as first_day,
        run.as_of_date as last_day
    from run
    cross join first_days
),

days as (
    {{ date_spine('first_day', 'last_day', 'bounds') }}
),

-- Each begin and end is one step; a running sum over the days is the stock.
steps as (
    select first_day as step_day, 1 as living_step, p_real as weighted_step, 0 as single_root_step, 0 as single_responder_step, 0 as conversing_step, 0 as engaged_step
    from spans
    union all
    select {{ add_days('last_day', '1') }}, -1, -p_real, 0, 0, 0, 0 from spans
    union all
    select from_day, 0, 0, case when root_count = 1 then 1 else 0 end, case when responder_count = 1 then 1 else 0 end, 0, 0 from segments
    union all
    select
        least(until_day, {{ add_days('last_day', '1') }}), 0, 0,
        case when root_count = 1 then -1 else 0 end, case when responder_count = 1 then -1 else 0 end, 0, 0
    from segments
    union all
    select from_day, 0, 0, 0, 0, case when stage = 'conversing' then 1 else 0 end, case when stage = 'engaged' then 1 else 0 end from stages
    union all
    select until_day, 0, 0, 0, 0, case when stage = 'conversing' then -1 else 0 end, case when stage = 'engaged' then -1 else 0 end from stages
),

-- Steps before the first day of the calendar count on it.
daily_steps as (
    select
        greatest(steps.step_day, bounds.first_day) as step_day,
        sum(steps.living_step) as living_step,
        sum(cast(steps.weighted_step as decimal(38, 18))) as weighted_step,
        sum(steps.single_root_step) as single_root_step,
        sum(steps.single_responder_step) as single_responder_step,
        sum(steps.conversing_step) as conversing_step,
        sum(steps.engaged_step) as engaged_step
    from steps
    cross join bounds
    group by greatest(steps.step_day, bounds.first_day)
),

begun as (
    select
        first_day as flow_day,
        count(case when span_number = 1 then 1 end) as new_count,
        count(case when span_number > 1 then 1 end) as reactivated_count
    from spans
    group by first_day
),

ended as (
    select
        {{ add_days('last_day', '1') }} as flow_day,
        count(*) as lapsed_count,
        count(case when is_ended_by_deletion then 1 end) as deleted_count
    from spans
    group by {{ add_days('last_day', '1') }}
),

stocked as (
    select
        days.calendar_date,
        cast(coalesce(sum(daily_steps.living_step) over so_far, 0) as bigint) as living_count,
        coalesce(sum(daily_steps.weighted_step) over so_far, cast(0 as decimal(38, 18))) as living_weighted,
        cast(coalesce(sum(daily_steps.single_root_step) over so_far, 0) as bigint) as single_root_count,
        cast(coalesce(sum(daily_steps.single_responder_step) over so_far, 0) as bigint) as single_responder_count,
        cast(coalesce(sum(daily_steps.conversing_step) over so_far, 0) as bigint) as conversing_count,
        cast(coalesce(sum(daily_steps.engaged_step) over so_far, 0) as bigint) as engaged_count,
        coalesce(begun.new_count, 0) as new_count,
        coalesce(begun.reactivated_count, 0) as reactivated_count,
        coalesce(ended.lapsed_count, 0) as lapsed_count,
        coalesce(ended.deleted_count, 0) as deleted_count
    from days
    left join daily_steps on days.calendar_date = daily_steps.step_day
    left join begun on days.calendar_date = begun.flow_day
    left join ended on days.calendar_date = ended.flow_day
    window so_far as (order by days.calendar_date rows between unbounded preceding and current row)
),

flowing as (
    select
        stocked.*,
        coalesce(lag(stocked.living_count) over (order by stocked.calendar_date), 0) as previous_count,
        coalesce(said.living_count, stocked.living_count) as first_said_count,
        coalesce(surges.first_exchange_count, 0) as first_exchange_count,
        coalesce(surges.untagged_count, 0) as untagged_first_exchange_count,
        surges.most_usual_count,
        surges.is_untagged_surge,
        run.pulled_load_count > 0 as has_data,
        run.parameters_version,
        parameters.least_denominator
    from stocked
    cross join run
    cross join parameters
    left join said on stocked.calendar_date = said.period_date
    left join {{ ref('int_exchange_surges') }} as surges on stocked.calendar_date = surges.calendar_date
)

select
    calendar_date as as_of_date,
    case when not has_data then 'no data were ever pulled' end as living_reason,
    case
        when not has_data then 'no data were ever pulled'
        when most_usual_count is null then 'too few days since the first exchange to say what is usual'
    end as surge_reason,
    parameters_version,
    case when has_data then living_count end as living_count,
    case when has_data then round(cast(living_weighted as double), 9) end as living_weighted,
    case when has_data then previous_count end as previous_count,
    case when has_data then new_count end as new_count,
    case when has_data then reactivated_count end as reactivated_count,
    case when has_data then lapsed_count end as lapsed_count,
    case when has_data then deleted_count end as deleted_count,
    case when has_data then first_said_count end as first_said_count,
    case when has_data then living_count - first_said_count end as restated_count,
    case when has_data then first_exchange_count end as first_exchange_count,
    case when has_data then untagged_first_exchange_count end as untagged_first_exchange_count,
    case when has_data then most_usual_count end as most_usual_first_exchange_count,
    case when has_data then is_untagged_surge end as is_untagged_surge,
    case when has_data then conversing_count end as conversing_count,
    case when has_data then engaged_count end as engaged_count,
    {{ share('conversing_count', 'engaged_count') }} as conversing_share,
    {{ wilson_low('conversing_count', 'engaged_count') }} as conversing_low,
    {{ wilson_high('conversing_count', 'engaged_count') }} as conversing_high,
    {{ share('living_count', 'conversing_count') }} as sustained_share,
    {{ wilson_low('living_count', 'conversing_count') }} as sustained_low,
    {{ wilson_high('living_count', 'conversing_count') }} as sustained_high,
    case when has_data then single_root_count end as single_root_count,
    {{ share('single_root_count', 'living_count') }} as single_root_share,
    {{ wilson_low('single_root_count', 'living_count') }} as single_root_low,
    {{ wilson_high('single_root_count', 'living_count') }} as single_root_high,
    case when has_data then single_responder_count end as single_responder_count,
    {{ share('single_responder_count', 'living_count') }} as single_responder_share,
    {{ wilson_low('single_responder_count', 'living_count') }} as single_responder_low,
    {{ wilson_high('single_responder_count', 'living_count') }} as single_responder_high,
    living_count < least_denominator as is_too_few,
    engaged_count < least_denominator as is_conversing_too_few,
    conversing_count < least_denominator as is_sustained_too_few
from flowing
