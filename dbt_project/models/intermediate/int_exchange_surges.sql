-- One row per UTC day since the first exchange: how many people had their first exchange ever, how many of them outside any campaign, and how many are usual (M11).
-- Paying people untagged buys living relationships; what it cannot hide is that many begin at once. The limit is the median of the days before plus three robust standard
-- deviations (1.4826 · MAD), and at least a few people: on a quiet brand the deviation is 0.
with parameters as (
    select least_p_real, surge_window_days, surge_least_days, surge_deviations, surge_least_excess from {{ ref('int_parameters') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

exchanges as (
    select
        exchanges.person_id,
        exchanges.in_post_key,
        exchanges.exchange_day,
        row_number() over (partition by exchanges.person_id order by exchanges.second_at, exchanges.exchange_id) as exchange_number
    from {{ ref('int_exchanges') }} as exchanges
    inner join {{ ref('int_persons') }} as persons on exchanges.person_id = persons.person_id
    cross join parameters
    where persons.p_real >= parameters.least_p_real
),

firsts as (
    select exchanges.exchange_day, messages.campaign_id
    from exchanges
    left join {{ ref('int_messages') }} as messages on exchanges.in_post_key = messages.post_key
    where exchanges.exchange_number = 1
),

counts as (
    select exchange_day, count(*) as first_exchange_count, count(case when campaign_id is null then 1 end) as untagged_count
    from firsts
    group by exchange_day
),

bounds as (
    select min(counts.exchange_day) as first_day, max(run.as_of_date) as last_day
    from counts
    cross join run
    having min(counts.exchange_day) is not null
),

calendar as (
    {{ date_spine('first_day', 'last_day', 'bounds') }}
),

days as (
    select
        calendar.calendar_date,
        coalesce(counts.first_exchange_count, 0) as first_exchange_count,
        coalesce(counts.untagged_count, 0) as untagged_count
    from calendar
    left join counts on calendar.calendar_date = counts.exchange_day
),

medians as (
    select days.calendar_date, count(*) as known_day_count, percentile_cont(0.5) within group (order by earlier.untagged_count) as usual_count
    from days
    cross join parameters
    inner join days as earlier
        on earlier.calendar_date < days.calendar_date
        and earlier.calendar_date >= {{ add_days('days.calendar_date', '-parameters.surge_window_days') }}
    group by days.calendar_date
),

deviations as (
    select medians.calendar_date, percentile_cont(0.5) within group (order by abs(earlier.untagged_count - medians.usual_count)) as deviation
    from medians
    cross join parameters
    inner join days as earlier
        on earlier.calendar_date < medians.calendar_date
        and earlier.calendar_date >= {{ add_days('medians.calendar_date', '-parameters.surge_window_days') }}
    group by medians.calendar_date
),

limited as (
    select
        days.*,
        case when medians.known_day_count >= parameters.surge_least_days
            then medians.usual_count + greatest(parameters.surge_deviations * 1.4826e0 * deviations.deviation, parameters.surge_least_excess)
        end as most_usual_count
    from days
    cross join parameters
    left join medians on days.calendar_date = medians.calendar_date
    left join deviations on days.calendar_date = deviations.calendar_date
)

select
    calendar_date,
    cast(first_exchange_count as bigint) as first_exchange_count,
    cast(untagged_count as bigint) as untagged_count,
    round(most_usual_count, 9) as most_usual_count,
    untagged_count > most_usual_count as is_untagged_surge
from limited
