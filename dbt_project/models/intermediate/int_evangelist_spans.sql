-- One row per person and unbroken time in which the rule of the evangelist holds (M5.1), UTC days; `from_day` counts, `until_day` no longer. A day counts at its end:
-- acts enough on days enough in the window, one of them with a second-degree effect by then, and strength or layer high enough.
-- Strength falls from day to day, so it is asked day by day, but only of advocates with an effect and only while they are.
with acts as (
    select * from {{ ref('int_advocacy_acts') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

-- The window changes only when an act comes in, leaves, or has its first effect.
effects as (
    select act_key, min(cast(first_act_at as date)) as effect_day
    from {{ ref('int_advocacy_effects') }}
    group by act_key
),

windowed as (
    select
        acts.person_id,
        acts.act_key,
        acts.act_day,
        effects.effect_day,
        {{ add_days('acts.act_day', 'parameters.advocacy_window_days') }} as leaves_day
    from acts
    cross join parameters
    left join effects on acts.act_key = effects.act_key
),

promising as (
    select distinct person_id from windowed where effect_day is not null
),

change_days as (
    select windowed.person_id, windowed.act_day as change_day from windowed inner join promising on windowed.person_id = promising.person_id
    union
    select windowed.person_id, windowed.leaves_day as change_day from windowed inner join promising on windowed.person_id = promising.person_id
    union
    select person_id, effect_day as change_day from windowed where effect_day is not null
),

judged as (
    select
        change_days.person_id,
        change_days.change_day,
        count(distinct windowed.act_key) >= max(parameters.advocate_least_acts)
        and count(distinct windowed.act_day) >= max(parameters.advocate_least_days)
        and count(case when windowed.effect_day <= change_days.change_day then 1 end) > 0 as is_candidate
    from change_days
    cross join parameters
    left join windowed
        on change_days.person_id = windowed.person_id
        and windowed.act_day <= change_days.change_day and windowed.leaves_day > change_days.change_day
    group by change_days.person_id, change_days.change_day
),

bounded as (
    select *, lead(change_day) over (partition by person_id order by change_day) as until_day
    from judged
),

candidate_spans as (
    select
        bounded.person_id,
        bounded.change_day,
        {{ days_between('bounded.change_day', 'least(bounded.until_day, ' ~ add_days('run.as_of_date', '1') ~ ')') }} as day_count
    from bounded
    cross join run
    where bounded.is_candidate and bounded.change_day <= run.as_of_date
),

candidate_days as (
    select person_id, change_day, {{ count_up(0, 'day_count - 1') }} as day_number
    from candidate_spans
),

person_days as (
    select candidate_days.person_id, {{ add_days('candidate_days.change_day', 'candidate_days.day_number') }} as judged_day
    from candidate_days
),

events as (
    select
        days.*,
        person_days.judged_day,
        cast(
            days.weight * power(cast(2 as double), -{{ days_between('days.event_day', 'person_days.judged_day') }} / parameters.strength_half_life_days)
        as double) as decayed_weight
    from person_days
    cross join parameters
    inner join {{ ref('int_interaction_days') }} as days on person_days.person_id = days.person_id and days.event_day <= person_days.judged_day
),

strengths as (
    {{ strength_scores('events', ['person_id', 'judged_day']) }}
),

exchanges as (
    select person_id, exchange_day, min(exchange_day) over (partition by person_id) as first_day
    from (select distinct person_id, exchange_day from {{ ref('int_exchanges') }}) as exchange_days
),

frequencies as (
    select
        person_days.person_id,
        person_days.judged_day,
        count(*) as exchange_day_count,
        {{ days_between('min(exchanges.first_day)', 'person_days.judged_day') }} as known_days
    from person_days
    inner join exchanges on person_days.person_id = exchanges.person_id and exchanges.exchange_day <= person_days.judged_day
    group by person_days.person_id, person_days.judged_day
),

close_days as (
    select person_days.person_id, person_days.judged_day
    from person_days
    cross join parameters
    left join strengths on person_days.person_id = strengths.person_id and person_days.judged_day = strengths.judged_day
    left join frequencies on person_days.person_id = frequencies.person_id and person_days.judged_day = frequencies.judged_day
    where round(strengths.strength, 6) >= parameters.evangelist_least_strength
        or (
            frequencies.known_days >= parameters.layer_least_days
            and {{ contact_layer(contact_frequency('frequencies.exchange_day_count', 'frequencies.known_days'), 'parameters') }} in ('L1', 'L2')
        )
),

numbered as (
    select
        *,
        {{ add_days('judged_day', '-1') }} = lag(judged_day) over (partition by person_id order by judged_day) as is_continued
    from close_days
),

islands as (
    select
        *,
        sum(case when coalesce(is_continued, false) then 0 else 1 end) over (
            partition by person_id order by judged_day rows between unbounded preceding and current row
        ) as island_number
    from numbered
)

select person_id, min(judged_day) as from_day, {{ add_days('max(judged_day)', '1') }} as until_day
from islands
group by person_id, island_number
