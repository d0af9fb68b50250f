-- One row per external person who counts as known: how far the person has come, each stage judged for itself (M6, M11), so that nesting can be tested.
-- All stages share their filters: external, p_real at least the least, still there; what happened lies in the living window and was not rewarded.
with persons as (
    select person_id, p_real, is_deleted from {{ ref('int_persons') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

parameters as (
    select least_p_real, living_window_days from {{ ref('int_parameters') }}
),

-- Nobody says who saw a post: reached is who follows, or did anything at all.
following as (
    select distinct members.person_id
    from {{ ref('int_current_followers') }} as followers
    inner join {{ ref('int_person_members') }} as members on followers.account_key = members.account_key
),

acting as (
    select distinct events.person_id
    from {{ ref('int_interactions') }} as events
    cross join run
    cross join parameters
    where events.direction = 'in' and not events.is_deleted and not events.is_incentivised and not events.is_automated
        and events.event_day > {{ add_days('run.as_of_date', '-parameters.living_window_days') }}
),

window_days as (
    select
        days.person_id,
        max(case when days.stage = 'engaged' then 1 else 0 end) = 1 as is_engaged,
        max(case when days.stage = 'conversing' then 1 else 0 end) = 1 as is_conversing
    from {{ ref('int_window_days') }} as days
    cross join run
    where days.from_day <= run.as_of_date and days.until_day > run.as_of_date
    group by days.person_id
),

living as (
    select distinct spans.person_id
    from {{ ref('int_living_spans') }} as spans
    cross join run
    where spans.first_day <= run.as_of_date and spans.last_day >= run.as_of_date
),

-- What goes on from a living relationship: recommending the brand, and recommending it to somebody by name.
advocates as (
    select person_id, referral_count from {{ ref('int_advocates') }} where is_advocate
)

select
    persons.person_id,
    following.person_id is not null or acting.person_id is not null as is_reachable,
    coalesce(window_days.is_engaged, false) as is_engaged,
    coalesce(window_days.is_conversing, false) as is_conversing,
    living.person_id is not null as is_living,
    living.person_id is not null and advocates.person_id is not null as is_advocating,
    living.person_id is not null and coalesce(advocates.referral_count > 0, false) as is_referring
from persons
cross join parameters
left join following on persons.person_id = following.person_id
left join acting on persons.person_id = acting.person_id
left join window_days on persons.person_id = window_days.person_id
left join living on persons.person_id = living.person_id
left join advocates on persons.person_id = advocates.person_id
where persons.p_real >= parameters.least_p_real and not persons.is_deleted
