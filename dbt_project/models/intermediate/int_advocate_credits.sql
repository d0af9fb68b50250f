-- One row per new person who acted through an act of advocacy in the window, and the advocate it is credited to: who did the act, else whoever had brought that one,
-- over all generations (M5.4). Whoever no advocate stands behind is in no row.
with recursive run as (
    select as_of_date from {{ ref('int_run') }}
),

parameters as (
    select advocacy_window_days, chain_longest from {{ ref('int_parameters') }}
),

advocates as (
    select person_id from {{ ref('int_advocates') }} where is_advocate
),

credits as (
    select effects.newcomer_key, effects.exposer_person_id, advocates.person_id is not null as is_advocate
    from {{ ref('int_advocacy_effects') }} as effects
    cross join run
    cross join parameters
    left join advocates on effects.exposer_person_id = advocates.person_id
    where effects.is_credited and cast(effects.exposed_at as date) > {{ add_days('run.as_of_date', '-parameters.advocacy_window_days') }}
),

climbed as (
    select newcomer_key, exposer_person_id, is_advocate, cast(1 as bigint) as generation
    from credits
    union all
    select climbed.newcomer_key, credits.exposer_person_id, credits.is_advocate, climbed.generation + 1 as generation
    from climbed
    inner join credits on climbed.exposer_person_id = credits.newcomer_key
    cross join parameters
    where not climbed.is_advocate and climbed.generation < parameters.chain_longest
)

select newcomer_key, exposer_person_id as advocate_person_id, generation
from climbed
where is_advocate
