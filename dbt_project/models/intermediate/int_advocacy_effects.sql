-- One row per act of advocacy and real person, new to the brand, who acted within days of being shown it: the second degree (M5.1). Each is credited once, to the
-- latest of the acts that can have led there (M5.4). A buyer whom no account is known of is real enough to pay.
with exposures as (
    select * from {{ ref('int_exposures') }}
),

parameters as (
    select exposure_days, least_p_real from {{ ref('int_parameters') }}
),

persons as (
    select person_id, p_real from {{ ref('int_persons') }}
),

known as (
    select distinct person_id from {{ ref('int_person_accounts') }}
),

effects as (
    select exposures.*
    from exposures
    cross join parameters
    left join persons on exposures.newcomer_key = persons.person_id
    left join known on exposures.newcomer_key = known.person_id
    where exposures.first_act_at >= exposures.exposed_at
        and exposures.first_act_at <= {{ shift_days('exposures.exposed_at', 'parameters.exposure_days') }}
        and (persons.p_real >= parameters.least_p_real or known.person_id is null)
)

select
    act_key,
    newcomer_key,
    exposer_person_id,
    exposure_kind,
    row_number() over (partition by newcomer_key order by exposed_at desc, exposer_person_id, act_key) = 1 as is_credited,
    exposed_at,
    first_act_at
from effects
