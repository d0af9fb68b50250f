-- One row per earlier weekly list and person on it: whom the list (M8.1) would have named 7, 14, … days ago by what is known now. The newest list is the_fifty itself.
-- The events are read once: decayed to the as-of date they are summed per person and week of age. A list so many weeks ago is made of the older weeks alone, and each sum
-- is brought back to its day by the half-life.
with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

-- Whoever went later was still on the list then.
persons as (
    select persons.person_id, persons.deleted_day
    from {{ ref('int_persons') }} as persons
    cross join parameters
    where persons.p_real >= parameters.least_p_real and not persons.has_objected
),

events as (
    {{ decayed_events('run.as_of_date') }}
),

-- The oldest list is made of all that is older still: one sum stands for it.
aged as (
    select
        events.*,
        cast(least(floor(events.age_days / 7), parameters.list_history_weeks - 1) as bigint) as age_weeks
    from events
    cross join parameters
    where events.age_days >= 7
),

age_sums as (
    select
        person_id,
        age_weeks,
        sum(cast(case when direction = 'in' and kind = 'like' then decayed_weight end as decimal(38, 18))) as like_sum,
        sum(cast(case when direction = 'in' and kind <> 'like' then decayed_weight end as decimal(38, 18))) as other_sum,
        sum(cast(case when direction = 'out' then decayed_weight end as decimal(38, 18))) as out_sum,
        count(case when direction = 'in' and is_engaged then 1 end) as engaged_in_event_count
    from aged
    group by person_id, age_weeks
),

-- Whoever only likes, is not real or objected is on no list.
engaged as (
    select age_sums.person_id
    from age_sums
    inner join persons on age_sums.person_id = persons.person_id
    group by age_sums.person_id
    having sum(age_sums.engaged_in_event_count) > 0
),

-- What is so many weeks old or older, up to the next younger week of the person in which anything was said.
older_sums as (
    select
        age_sums.person_id,
        age_sums.age_weeks,
        coalesce(lag(age_sums.age_weeks) over younger, 0) as younger_age_weeks,
        cast(coalesce(sum(age_sums.like_sum) over older, 0) as double) as decayed_like_sum,
        cast(coalesce(sum(age_sums.other_sum) over older, 0) as double) as decayed_other_sum,
        cast(coalesce(sum(age_sums.out_sum) over older, 0) as double) as decayed_out_sum,
        sum(age_sums.engaged_in_event_count) over older as engaged_in_event_count
    from age_sums
    inner join engaged on age_sums.person_id = engaged.person_id
    window
        younger as (partition by age_sums.person_id order by age_sums.age_weeks),
        older as (partition by age_sums.person_id order by age_sums.age_weeks desc)
),

listed_weeks as (
    select *, {{ count_up('younger_age_weeks + 1', 'age_weeks') }} as weeks_back
    from older_sums
),

sums_then as (
    select
        listed_weeks.person_id,
        listed_weeks.weeks_back,
        listed_weeks.decayed_like_sum * power(cast(2 as double), 7 * listed_weeks.weeks_back / parameters.strength_half_life_days) as like_sum,
        listed_weeks.decayed_other_sum * power(cast(2 as double), 7 * listed_weeks.weeks_back / parameters.strength_half_life_days) as other_sum,
        listed_weeks.decayed_out_sum * power(cast(2 as double), 7 * listed_weeks.weeks_back / parameters.strength_half_life_days) as out_sum,
        listed_weeks.engaged_in_event_count
    from listed_weeks
    cross join parameters
),

strengths as (
    {{ strength_of_sums('sums_then') }}
),

ranked as (
    select
        strengths.person_id,
        strengths.weeks_back,
        strengths.strength,
        {{ add_days('run.as_of_date', '-7 * strengths.weeks_back') }} as list_date,
        row_number() over (partition by strengths.weeks_back order by strengths.strength desc, strengths.person_id) as list_rank
    from strengths
    cross join run
    inner join persons on strengths.person_id = persons.person_id
    where strengths.strength > 0
        and coalesce(persons.deleted_day > {{ add_days('run.as_of_date', '-7 * strengths.weeks_back') }}, true)
)

select
    ranked.person_id,
    ranked.weeks_back,
    ranked.list_rank,
    ranked.strength,
    ranked.list_date
from ranked
cross join parameters
where ranked.list_rank <= parameters.list_size
