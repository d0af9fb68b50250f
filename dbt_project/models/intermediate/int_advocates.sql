-- One row per person with an act of advocacy in the window: what they did, whom it reached and moved, and whether that makes them an advocate (M5.1).
with parameters as (
    select * from {{ ref('int_parameters') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

acts as (
    select acts.*
    from {{ ref('int_advocacy_acts') }} as acts
    cross join run
    cross join parameters
    where acts.act_day > {{ add_days('run.as_of_date', '-parameters.advocacy_window_days') }}
),

counted as (
    select
        person_id,
        count(*) as act_count,
        count(distinct act_day) as act_day_count,
        count(case when act_kind = 'reshare' then 1 end) as reshare_count,
        count(case when act_kind = 'quote' then 1 end) as quote_count,
        count(case when act_kind = 'mention' then 1 end) as mention_count,
        count(case when act_kind = 'referral' then 1 end) as referral_count,
        min(acted_at) as first_act_at,
        max(acted_at) as last_act_at
    from acts
    group by person_id
),

reached as (
    select acts.person_id, count(distinct exposures.newcomer_key) as reached_person_count
    from acts
    inner join {{ ref('int_exposures') }} as exposures on acts.act_key = exposures.act_key
    group by acts.person_id
),

moved as (
    select acts.person_id, count(distinct effects.newcomer_key) as effect_person_count
    from acts
    inner join {{ ref('int_advocacy_effects') }} as effects on acts.act_key = effects.act_key
    group by acts.person_id
),

-- The newest words of their own are the reason they gave.
worded as (
    select
        person_id,
        own_words,
        url,
        row_number() over (partition by person_id order by acted_at desc, act_key) as newness
    from acts
    where own_words is not null
)

select
    counted.person_id,
    worded.own_words as reason_text,
    worded.url as reason_url,
    counted.act_count,
    counted.act_day_count,
    counted.reshare_count,
    counted.quote_count,
    counted.mention_count,
    counted.referral_count,
    coalesce(reached.reached_person_count, 0) as reached_person_count,
    coalesce(moved.effect_person_count, 0) as effect_person_count,
    counted.act_count >= parameters.advocate_least_acts and counted.act_day_count >= parameters.advocate_least_days as is_advocate,
    counted.first_act_at,
    counted.last_act_at
from counted
cross join parameters
left join reached on counted.person_id = reached.person_id
left join moved on counted.person_id = moved.person_id
left join worded on counted.person_id = worded.person_id and worded.newness = 1
