-- One row per campaign and person first seen in its weeks: by the campaign itself (arm campaign) or outside of any (arm organic), with how long they stayed (M7.4).
-- A day is days since the first event. Whoever does nothing unrewarded for more than 30 days has lapsed, on the day of the last unrewarded event before that silence;
-- while the silence is not over nothing is known yet, and the person is censored on the last day seen.
with windows as (
    select * from {{ ref('int_campaign_windows') }}
),

parameters as (
    select campaign_lapse_days, least_p_real from {{ ref('int_parameters') }}
),

run as (
    select as_of_date, as_of_at from {{ ref('int_run') }}
),

persons as (
    select persons.person_id
    from {{ ref('int_persons') }} as persons
    cross join parameters
    where persons.p_real >= parameters.least_p_real
),

events as (
    select events.person_id, events.platform, events.campaign_id, events.is_incentivised, events.is_time_observed, events.event_id, events.event_day, events.event_at
    from {{ ref('int_interactions') }} as events
    inner join persons on events.person_id = persons.person_id
    where events.direction = 'in' and not events.is_deleted and not events.is_automated and events.kind not in ('mute', 'block', 'report', 'unsubscribe')
),

ranked as (
    select *, row_number() over (partition by person_id order by event_at, event_id) as event_rank
    from events
),

firsts as (
    select * from ranked where event_rank = 1
),

-- The same weeks: from the Monday of the first day to the Sunday of the last.
weeks as (
    select
        campaign_id,
        first_day,
        last_day,
        {{ week_start('first_day') }} as first_monday,
        {{ add_days(week_start('last_day'), '7') }} as next_monday
    from windows
),

newcomers as (
    select
        weeks.campaign_id,
        firsts.person_id,
        firsts.platform,
        case when firsts.campaign_id = weeks.campaign_id then 'campaign' else 'organic' end as arm,
        firsts.is_time_observed,
        firsts.event_day as first_day,
        firsts.event_at as first_event_at
    from weeks
    inner join firsts on firsts.event_day >= weeks.first_monday and firsts.event_day < weeks.next_monday
        and (firsts.campaign_id = weeks.campaign_id or firsts.campaign_id is null)
),

-- The days that keep somebody: the first event, rewarded or not, and every unrewarded one.
stays as (
    select distinct newcomers.campaign_id, newcomers.person_id, newcomers.first_day, events.event_day
    from newcomers
    inner join events on newcomers.person_id = events.person_id and not events.is_incentivised
    union
    select campaign_id, person_id, first_day, first_day as event_day from newcomers
),

gapped as (
    select
        stays.*,
        lead(stays.event_day) over (partition by stays.campaign_id, stays.person_id order by stays.event_day) as next_day
    from stays
),

silences as (
    select
        gapped.campaign_id,
        gapped.person_id,
        min(case when {{ days_between('gapped.event_day', 'coalesce(gapped.next_day, run.as_of_date)') }} > parameters.campaign_lapse_days
            then {{ days_between('gapped.first_day', 'gapped.event_day') }} end) as lapse_days,
        max(gapped.event_day) as last_kept_day
    from gapped
    cross join run
    cross join parameters
    group by gapped.campaign_id, gapped.person_id
),

unrewarded as (
    select person_id, count(*) as unrewarded_count, max(event_at) as last_unrewarded_at
    from events
    where not is_incentivised
    group by person_id
)

select
    newcomers.campaign_id,
    newcomers.person_id,
    newcomers.arm,
    newcomers.platform,
    coalesce(silences.lapse_days, {{ days_between('newcomers.first_day', 'run.as_of_date') }}) as stay_days,
    {{ days_between('silences.last_kept_day', 'run.as_of_date') }} as silent_days,
    coalesce(unrewarded.unrewarded_count, 0) as unrewarded_count,
    silences.lapse_days is not null as has_lapsed,
    newcomers.is_time_observed,
    newcomers.first_day,
    newcomers.first_event_at,
    unrewarded.last_unrewarded_at
from newcomers
cross join run
inner join silences on newcomers.campaign_id = silences.campaign_id and newcomers.person_id = silences.person_id
left join unrewarded on newcomers.person_id = unrewarded.person_id
