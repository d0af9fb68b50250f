-- One row per counted event of a person of today, decayed to the as-of date, or to the day on which the person's accounts went (M2.4).
with days as (
    select * from {{ ref('int_interaction_days') }}
),

persons as (
    select person_id, reference_date from {{ ref('int_persons') }}
),

parameters as (
    select strength_half_life_days from {{ ref('int_parameters') }}
),

aged as (
    select
        days.*,
        {{ days_between('days.event_day', 'persons.reference_date') }} as age_days
    from days
    inner join persons on days.person_id = persons.person_id
    where days.event_day <= persons.reference_date
)

select
    aged.*,
    cast(aged.weight * power(cast(2 as double), -aged.age_days / parameters.strength_half_life_days) as double) as decayed_weight
from aged
cross join parameters
