with messages as (
    select * from {{ ref('int_messages') }} where not is_deleted and kind <> 'message' and author_account_key is not null
),

active as (
    select * from {{ ref('int_active_weeks') }}
),

reshares as (
    select platform, account_key, event_at from {{ ref('int_interactions') }} where direction = 'in' and not is_deleted and kind = 'reshare'
),

persons as (
    select person_id, p_real from {{ ref('int_persons') }}
),

accounts as (
    select account_key, follower_count from {{ ref('int_accounts') }}
),

audience as (
    select brand_account_key, platform, audience_date, follower_count, known_follower_count, known_follower_reason from {{ ref('audience_daily') }}
),

calendar as (
    select
        week_start_date,
        min(calendar_date) as first_date,
        max(calendar_date) as last_date,
        max(day_ends_at) as ends_at
    from {{ ref('int_calendar') }}
    where is_counted
    group by week_start_date
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_p_real, least_denominator from {{ ref('int_parameters') }}
),

platforms as (
    select distinct platform from {{ ref('int_account_roles') }} where role = 'brand'
    union
    select distinct platform from messages
    union
    select distinct platform from active
),

scopes as (
    select platform, platform as scope from platforms
    union all
    select platform, 'all' as scope from platforms
),

-- Whoever published about the brand that week, the brand itself too, or passed on what it published.
posters as (
    select
        messages.platform,
        messages.author_account_key as account_key,
        {{ week_start('cast(' ~ to_local('messages.published_at', 'run.timezone') ~ ' as date)') }} as week_start_date
    from messages
    cross join run
    union
    select
        reshares.platform,
        reshares.account_key,
        {{ week_start('cast(' ~ to_local('reshares.event_at', 'run.timezone') ~ ' as date)') }} as week_start_date
    from reshares
    cross join run
),

-- The brand's own followers are measured day by day; of others the newest count known stands for every week.
poster_followers as (
    select
        posters.platform,
        posters.week_start_date,
        posters.account_key,
        coalesce(audience.follower_count, accounts.follower_count) as follower_count
    from posters
    inner join calendar on posters.week_start_date = calendar.week_start_date
    left join accounts on posters.account_key = accounts.account_key
    left join audience on posters.account_key = audience.brand_account_key and calendar.last_date = audience.audience_date
),

potential as (
    select
        scopes.scope,
        poster_followers.week_start_date,
        count(*) as poster_count,
        count(case when poster_followers.follower_count is null then 1 end) as unmeasured_poster_count,
        cast(sum(poster_followers.follower_count) as bigint) as follower_sum
    from poster_followers
    inner join scopes on poster_followers.platform = scopes.platform
    group by scopes.scope, poster_followers.week_start_date
),

-- Each begin and end of following is one step in the week in which it happened; a running sum over the weeks is who follows at its end.
follow_changes as (
    select spans.platform, spans.begins_at as change_at, 1 as step from {{ ref('int_following_spans') }} as spans
    union all
    select spans.platform, spans.ends_at as change_at, -1 as step from {{ ref('int_following_spans') }} as spans
),

follow_steps as (
    select
        scopes.scope,
        greatest(
            {{ week_start('cast(' ~ to_local('follow_changes.change_at', 'run.timezone') ~ ' as date)') }}, first_weeks.week_start_date
        ) as week_start_date,
        sum(follow_changes.step) as step
    from follow_changes
    cross join run
    cross join (select min(week_start_date) as week_start_date from calendar) as first_weeks
    inner join scopes on follow_changes.platform = scopes.platform
    where follow_changes.change_at < run.as_of_at and follow_changes.change_at > timestamp '0001-01-02 00:00:00'
    group by 1, 2
),

baselines as (
    select scopes.scope, count(*) as baseline_count
    from {{ ref('int_following_spans') }} as spans
    inner join scopes on spans.platform = scopes.platform
    where spans.begins_at < timestamp '0001-01-02 00:00:00'
    group by scopes.scope
),

named_weeks as (
    select
        scopes.scope,
        calendar.week_start_date,
        count(audience.known_follower_count) as named_account_count
    from calendar
    inner join audience on calendar.last_date = audience.audience_date
    inner join scopes on audience.platform = scopes.platform
    group by scopes.scope, calendar.week_start_date
),

person_weeks as (
    select
        scopes.scope,
        active.week_start_date,
        active.person_id,
        max(case when active.is_engaged then 1 else 0 end) = 1 as is_engaged,
        max(case when active.is_engaged_freely then 1 else 0 end) = 1 as is_engaged_freely
    from active
    cross join parameters
    inner join scopes on active.platform = scopes.platform
    inner join persons on active.person_id = persons.person_id and persons.p_real >= parameters.least_p_real
    group by scopes.scope, active.week_start_date, active.person_id
),

people as (
    select
        scope,
        week_start_date,
        count(*) as acting_person_count,
        count(case when is_engaged then 1 end) as engaged_person_count,
        count(case when is_engaged and not is_engaged_freely then 1 end) as rewarded_only_person_count
    from person_weeks
    group by scope, week_start_date
),

impressions as (
    select
        scopes.scope,
        {{ week_start('cast(' ~ to_local('posts.published_at', 'run.timezone') ~ ' as date)') }} as week_start_date,
        cast(sum(posts.stated_view_count) as bigint) as impression_count
    from {{ ref('posts') }} as posts
    cross join run
    inner join scopes on posts.platform = scopes.platform
    where posts.author_side = 'brand' and not posts.is_deleted
    group by 1, 2
),

weeks as (
    select
        calendar.week_start_date,
        all_scopes.scope as platform,
        {{ days_between('calendar.week_start_date', 'calendar.last_date') }} < 6 as is_partial_week,
        coalesce(potential.poster_count, 0) as poster_count,
        coalesce(potential.unmeasured_poster_count, 0) as unmeasured_poster_count,
        case when potential.poster_count is null then 0 else potential.follower_sum end as potential_reach_count,
        coalesce(named_weeks.named_account_count, 0) as named_account_count,
        coalesce(baselines.baseline_count, 0)
        + coalesce(
            sum(follow_steps.step) over (
                partition by all_scopes.scope order by calendar.week_start_date rows between unbounded preceding and current row
            ), 0
        ) as named_follower_count,
        coalesce(people.acting_person_count, 0) as acting_person_count,
        coalesce(people.engaged_person_count, 0) as engaged_person_count,
        coalesce(people.rewarded_only_person_count, 0) as rewarded_only_person_count,
        impressions.impression_count
    from calendar
    cross join (select distinct scope from scopes) as all_scopes
    left join potential on calendar.week_start_date = potential.week_start_date and all_scopes.scope = potential.scope
    left join named_weeks on calendar.week_start_date = named_weeks.week_start_date and all_scopes.scope = named_weeks.scope
    left join baselines on all_scopes.scope = baselines.scope
    left join follow_steps on calendar.week_start_date = follow_steps.week_start_date and all_scopes.scope = follow_steps.scope
    left join people on calendar.week_start_date = people.week_start_date and all_scopes.scope = people.scope
    left join impressions on calendar.week_start_date = impressions.week_start_date and all_scopes.scope = impressions.scope
)

select
    weeks.week_start_date,
    weeks.platform,
    case when weeks.potential_reach_count is null then 'no follower count of any poster is known' end as potential_reach_reason,
    case when weeks.named_account_count = 0 then 'no list of followers had been read by then' end as deduplicated_reach_reason,
    'not measurable: no platform says who saw a post' as actual_reach_reason,
    case when weeks.impression_count is null then 'not reported for any post of the week' end as impression_reason,
    case
        when weeks.potential_reach_count is null then 'no follower count of any poster is known'
        when weeks.engaged_person_count = 0 then 'no one engaged'
        when weeks.engaged_person_count > weeks.potential_reach_count then 'more people engaged than followers are known'
    end as vanity_gap_reason,
    run.parameters_version,
    weeks.poster_count,
    weeks.unmeasured_poster_count,
    weeks.potential_reach_count,
    cast(case when weeks.named_account_count > 0 then weeks.named_follower_count end as bigint) as deduplicated_reach_count,
    cast(null as bigint) as actual_reach_count,
    weeks.impression_count,
    weeks.acting_person_count,
    weeks.engaged_person_count,
    weeks.rewarded_only_person_count,
    case when weeks.engaged_person_count <= weeks.potential_reach_count
        then {{ share('weeks.potential_reach_count', 'weeks.engaged_person_count') }}
    end as vanity_gap_ratio,
    case when weeks.engaged_person_count <= weeks.potential_reach_count
        then {{ share('weeks.engaged_person_count', 'weeks.potential_reach_count') }}
    end as engaged_share,
    case when weeks.engaged_person_count <= weeks.potential_reach_count
        then {{ wilson_low('weeks.engaged_person_count', 'weeks.potential_reach_count') }}
    end as engaged_share_low,
    case when weeks.engaged_person_count <= weeks.potential_reach_count
        then {{ wilson_high('weeks.engaged_person_count', 'weeks.potential_reach_count') }}
    end as engaged_share_high,
    coalesce(weeks.potential_reach_count < parameters.least_denominator, true) as is_too_few,
    weeks.is_partial_week,
    run.as_of_date
from weeks
cross join run
cross join parameters
