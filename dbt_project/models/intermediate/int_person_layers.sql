-- One row per person: how often the brand and the person are in exchange (M3.1), and the layer that follows from it (M3.2).
-- A person whose accounts are gone, or who objected, stands in no layer.
with persons as (
    select person_id, exchange_day_count, first_exchange_at, is_deleted, has_objected from {{ ref('int_persons') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

aged as (
    select
        persons.*,
        {{ days_between('cast(persons.first_exchange_at as date)', 'run.as_of_date') }} as known_days
    from persons
    cross join run
),

judged as (
    select
        aged.*,
        case
            when aged.is_deleted then 'every account is gone'
            when aged.has_objected then 'the person objected'
            when aged.first_exchange_at is null then 'no exchange yet'
            when aged.known_days < parameters.layer_least_days then 'the first exchange is too young'
        end as layer_reason
    from aged
    cross join parameters
),

measured as (
    select
        judged.*,
        case when judged.layer_reason is null then {{ contact_frequency('judged.exchange_day_count', 'judged.known_days') }} end as contact_frequency
    from judged
)

select
    measured.person_id,
    {{ contact_layer('measured.contact_frequency', 'parameters') }} as layer,
    measured.layer_reason,
    measured.contact_frequency,
    measured.known_days
from measured
cross join parameters
