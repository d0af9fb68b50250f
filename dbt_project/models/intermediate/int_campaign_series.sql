-- One row per campaign, arm (treated, control) and day around its beginning: what people did towards the brand that day, and what such a weekday
-- brought before (M7.1). Without a control that data can follow everything is treated. Events whose time is only that of their being seen are left out.
with windows as (
    select * from {{ ref('int_campaign_windows') }}
),

parameters as (
    select campaign_baseline_days, campaign_settled_days from {{ ref('int_parameters') }}
),

events as (
    select event_day, platform, person_id
    from {{ ref('int_interactions') }}
    where direction = 'in' and (is_engaged or kind = 'like') and not is_automated and not is_deleted and not is_time_observed
),

first_days as (
    select min(event_day) as first_data_day from events
),

network_days as (
    select 'network' as control_kind, platform as control_name, event_day, count(*) as interaction_count
    from events
    group by platform, event_day
),

segment_days as (
    select 'segment' as control_kind, labels.segment as control_name, events.event_day, count(*) as interaction_count
    from events
    inner join {{ ref('int_person_labels') }} as labels on events.person_id = labels.person_id
    where labels.segment is not null
    group by labels.segment, events.event_day
),

control_days as (
    select * from network_days
    union all
    select * from segment_days
),

all_days as (
    select event_day, sum(interaction_count) as interaction_count from network_days group by event_day
),

numbered as (
    select
        windows.campaign_id,
        windows.control_kind,
        windows.control_name,
        windows.first_day,
        windows.last_day,
        {{ count_up('-parameters.campaign_baseline_days', 'least(parameters.campaign_settled_days, windows.as_of_day_number)') }} as day_number
    from windows
    cross join parameters
),

dated as (
    select numbered.*, {{ add_days('numbered.first_day', 'numbered.day_number') }} as calendar_date
    from numbered
),

-- Days before anything was ever seen are unknown, not empty.
known as (
    select
        dated.*,
        coalesce(all_days.interaction_count, 0) as whole_count,
        coalesce(control_days.interaction_count, 0) as control_count,
        others.campaign_id is not null as is_other_campaign
    from dated
    cross join first_days
    left join all_days on dated.calendar_date = all_days.event_day
    left join control_days
        on dated.control_kind = control_days.control_kind and dated.control_name = control_days.control_name and dated.calendar_date = control_days.event_day
    left join (
        select distinct dated.campaign_id, dated.day_number
        from dated
        inner join windows on dated.campaign_id <> windows.campaign_id and dated.calendar_date between windows.first_day and windows.last_day
    ) as others on dated.campaign_id = others.campaign_id and dated.day_number = others.day_number
    where dated.calendar_date >= first_days.first_data_day
),

armed as (
    select campaign_id, 'treated' as arm, day_number, calendar_date, last_day, is_other_campaign, whole_count - control_count as interaction_count from known
    union all
    select campaign_id, 'control' as arm, day_number, calendar_date, last_day, is_other_campaign, control_count as interaction_count
    from known
    where control_kind is not null
),

baselines as (
    select
        campaign_id,
        arm,
        {{ day_of_week('calendar_date') }} as weekday,
        percentile_cont(0.5) within group (order by cast(interaction_count as double)) as baseline,
        count(*) as baseline_day_count
    from armed
    where day_number < 0 and not is_other_campaign
    group by campaign_id, arm, {{ day_of_week('calendar_date') }}
)

select
    armed.campaign_id,
    armed.arm,
    armed.day_number,
    armed.is_other_campaign,
    armed.day_number >= 0 and armed.calendar_date <= armed.last_day as is_campaign_day,
    cast(armed.interaction_count as bigint) as interaction_count,
    cast(coalesce(baselines.baseline_day_count, 0) as bigint) as baseline_day_count,
    cast(baselines.baseline as double) as baseline,
    armed.interaction_count - cast(baselines.baseline as double) as excess,
    armed.calendar_date
from armed
left join baselines
    on armed.campaign_id = baselines.campaign_id and armed.arm = baselines.arm and {{ day_of_week('armed.calendar_date') }} = baselines.weekday
