-- One row per person and unbroken time in one published stage (M9.1): the best stage whose condition held on any of the last days. `until_day` counts no longer.
-- A stage held for a while is a condition that ends a while later; so the hysteresis is a longer window, and no row per person and day is made.
with windows as (
    select * from {{ ref('int_stage_windows') }}
),

persons as (
    select person_id, deleted_day from {{ ref('int_persons') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

parameters as (
    select lifecycle_memory_days from {{ ref('int_parameters') }}
),

remembered as (
    select
        windows.person_id,
        windows.stage_number,
        windows.from_day,
        case
            when windows.stage_number >= 7 then windows.until_day
            else least(
                {{ add_days('windows.until_day', 'parameters.lifecycle_memory_days - 1') }},
                -- Who is gone is gone at once.
                coalesce(persons.deleted_day, date '9999-12-31')
            )
        end as until_day
    from windows
    cross join parameters
    inner join persons on windows.person_id = persons.person_id
),

change_days as (
    select person_id, from_day as change_day from remembered
    union
    select person_id, until_day as change_day from remembered
),

judged as (
    select change_days.person_id, change_days.change_day, min(remembered.stage_number) as stage_number
    from change_days
    cross join run
    inner join remembered
        on change_days.person_id = remembered.person_id
        and remembered.from_day <= change_days.change_day and remembered.until_day > change_days.change_day
    where change_days.change_day <= run.as_of_date
    group by change_days.person_id, change_days.change_day
),

compared as (
    select *, lag(stage_number) over (partition by person_id order by change_day) as stage_before
    from judged
),

begun as (
    select person_id, stage_number, stage_before, change_day as from_day
    from compared
    where stage_before is distinct from stage_number
)

select
    person_id,
    cast(row_number() over (partition by person_id order by from_day) as bigint) as span_number,
    {{ lifecycle_stage('stage_number') }} as stage,
    {{ lifecycle_stage('stage_before') }} as previous_stage,
    stage_number,
    stage_before as previous_stage_number,
    from_day,
    coalesce(lead(from_day) over (partition by person_id order by from_day), date '9999-12-31') as until_day
from begun
