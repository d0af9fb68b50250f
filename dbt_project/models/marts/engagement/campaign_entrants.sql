with newcomers as (
    select * from {{ ref('int_campaign_newcomers') }} where arm = 'campaign'
),

persons as (
    select person_id, display_name, handle, profile_url, p_real, is_deleted, has_objected from {{ ref('int_persons') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select campaign_lapse_days, campaign_slip_days from {{ ref('int_parameters') }}
)

select
    newcomers.campaign_id,
    newcomers.person_id,
    newcomers.platform,
    persons.display_name,
    persons.handle,
    persons.profile_url,
    case
        when newcomers.is_time_observed then 'first time not known'
        when newcomers.has_lapsed and newcomers.unrewarded_count = 0 then 'came for the reward only'
        when newcomers.has_lapsed then 'lapsed'
        when newcomers.silent_days >= parameters.campaign_slip_days then 'about to lapse'
        else 'present'
    end as state,
    run.parameters_version,
    newcomers.stay_days,
    newcomers.silent_days,
    case when not newcomers.has_lapsed then cast(parameters.campaign_lapse_days as bigint) - newcomers.silent_days end as days_left,
    newcomers.unrewarded_count,
    persons.p_real,
    newcomers.has_lapsed,
    newcomers.first_day as first_seen_date,
    run.as_of_date,
    newcomers.first_event_at,
    newcomers.last_unrewarded_at
from newcomers
cross join run
cross join parameters
inner join persons on newcomers.person_id = persons.person_id
where not persons.is_deleted and not persons.has_objected
