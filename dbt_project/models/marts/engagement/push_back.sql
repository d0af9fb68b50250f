with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

weeks as (
    select week_start_date from {{ ref('int_calendar') }} where is_counted group by week_start_date
),

platforms as (
    select distinct platform from {{ ref('int_account_roles') }} where role = 'brand'
),

scopes as (
    select platform, platform as scope from platforms
    union all
    select platform, 'all' as scope from platforms
),

persons as (
    select members.account_key, members.platform, members.person_id
    from {{ ref('int_person_members') }} as members
    inner join {{ ref('int_persons') }} as persons on members.person_id = persons.person_id
    cross join {{ ref('int_parameters') }} as limits
    where persons.p_real >= limits.least_p_real
),

push_backs as (
    select
        push_backs.*,
        {{ week_start('cast(' ~ to_local('push_backs.pushed_at', 'run.timezone') ~ ' as date)') }} as week_start_date
    from {{ ref('int_push_backs') }} as push_backs
    cross join run
),

-- An act of which no row was ever seen is not known to be absent: the connectors may not tell it.
recorded as (
    select kind, count(*) as row_count from {{ ref('stg_interactions') }} where kind in ('mute', 'block', 'report', 'unsubscribe') group by kind
),

telling as (
    select
        max(case when kind = 'mute' then 1 else 0 end) = 1 as tells_mutes,
        max(case when kind = 'block' then 1 else 0 end) = 1 as tells_blocks,
        max(case when kind = 'report' then 1 else 0 end) = 1 as tells_reports,
        max(case when kind = 'unsubscribe' then 1 else 0 end) = 1 as tells_unsubscribes,
        count(*) as told_kind_count
    from recorded
),

-- Who stopped following is known from the week after the first whole list of followers on.
first_reads as (
    select
        scopes.scope,
        {{ week_start('cast(' ~ to_local('min(reads.observed_at)', 'max(run.timezone)') ~ ' as date)') }} as first_read_week
    from {{ ref('int_listing_reads') }} as reads
    cross join run
    inner join scopes on reads.platform = scopes.platform
    where reads.entity = 'followers'
    group by scopes.scope
),

-- Followed at any time of the week: from the week of the begin to that of the end, both inside.
following_weeks as (
    select
        scopes.scope,
        persons.person_id,
        {{ week_start('cast(' ~ to_local('spans.begins_at', 'run.timezone') ~ ' as date)') }} as first_week,
        {{ week_start('cast(' ~ to_local('least(spans.ends_at, run.as_of_at)', 'run.timezone') ~ ' as date)') }} as last_week
    from (
        select platform, account_key, greatest(begins_at, timestamp '1970-01-05 12:00:00') as begins_at, ends_at from {{ ref('int_following_spans') }}
    ) as spans
    cross join run
    inner join persons on spans.account_key = persons.account_key
    inner join scopes on spans.platform = scopes.platform
    where spans.begins_at < run.as_of_at
),

chained as (
    select
        *,
        max(last_week) over (
            partition by scope, person_id order by first_week, last_week rows between unbounded preceding and 1 preceding
        ) as covered_until_week
    from following_weeks
),

islands as (
    select
        *,
        sum(case when covered_until_week is null or first_week > covered_until_week then 1 else 0 end) over (
            partition by scope, person_id order by first_week, last_week rows between unbounded preceding and current row
        ) as island_number
    from chained
),

following as (
    select scope, person_id, min(first_week) as first_week, max(last_week) as last_week
    from islands
    group by scope, person_id, island_number
),

steps as (
    select scope, first_week as step_week, 1 as step from following
    union all
    select scope, {{ add_days('last_week', '7') }} as step_week, -1 as step from following
    union all
    select scopes.scope, weeks.week_start_date as step_week, 0 as step
    from weeks
    cross join (select distinct scope from scopes) as scopes
),

summed as (
    select scope, step_week, sum(step) as step from steps group by scope, step_week
),

follower_counts as (
    select scope, step_week as week_start_date, sum(step) over (partition by scope order by step_week) as follower_count
    from summed
),

-- Who did not follow in the week but did anything in it was reached too, by turning away at the latest.
acting as (
    select scopes.scope, active.person_id, active.week_start_date
    from {{ ref('int_active_weeks') }} as active
    inner join scopes on active.platform = scopes.platform
    inner join (select distinct person_id from persons) as known on active.person_id = known.person_id
    where active.is_by_hand
    union
    select scopes.scope, push_backs.person_id, push_backs.week_start_date
    from push_backs
    inner join scopes on push_backs.platform = scopes.platform
),

acting_counts as (
    select acting.scope, acting.week_start_date, count(*) as acting_count
    from acting
    left join following
        on acting.scope = following.scope and acting.person_id = following.person_id
        and acting.week_start_date >= following.first_week and acting.week_start_date <= following.last_week
    where following.person_id is null
    group by acting.scope, acting.week_start_date
),

push_counts as (
    select
        scopes.scope,
        push_backs.week_start_date,
        count(distinct push_backs.person_id) as push_back_person_count,
        count(case when push_backs.kind = 'unfollow' then 1 end) as unfollow_count,
        count(case when push_backs.kind = 'mute' then 1 end) as mute_count,
        count(case when push_backs.kind = 'block' then 1 end) as block_count,
        count(case when push_backs.kind = 'report' then 1 end) as report_count,
        count(case when push_backs.kind = 'unsubscribe' then 1 end) as unsubscribe_count
    from push_backs
    inner join scopes on push_backs.platform = scopes.platform
    group by scopes.scope, push_backs.week_start_date
),

combined as (
    select
        follower_counts.scope,
        weeks.week_start_date,
        coalesce(weeks.week_start_date > first_reads.first_read_week, false) as is_known,
        case
            when first_reads.first_read_week is null then 'no list of followers was read'
            when weeks.week_start_date <= first_reads.first_read_week then 'no list of followers had been read before this week'
            when follower_counts.follower_count + coalesce(acting_counts.acting_count, 0) = 0 then 'nobody was reached'
        end as rate_reason,
        cast(follower_counts.follower_count + coalesce(acting_counts.acting_count, 0) as bigint) as reached_person_count,
        coalesce(push_counts.push_back_person_count, 0) as push_back_person_count,
        coalesce(push_counts.unfollow_count, 0) as unfollow_count,
        coalesce(push_counts.mute_count, 0) as mute_count,
        coalesce(push_counts.block_count, 0) as block_count,
        coalesce(push_counts.report_count, 0) as report_count,
        coalesce(push_counts.unsubscribe_count, 0) as unsubscribe_count
    from follower_counts
    inner join weeks on follower_counts.week_start_date = weeks.week_start_date
    left join first_reads on follower_counts.scope = first_reads.scope
    left join acting_counts on follower_counts.scope = acting_counts.scope and weeks.week_start_date = acting_counts.week_start_date
    left join push_counts on follower_counts.scope = push_counts.scope and weeks.week_start_date = push_counts.week_start_date
)

select
    combined.week_start_date,
    combined.scope as platform,
    'who followed at any time of the week, or did anything: nobody says who saw a post' as reach_basis,
    combined.rate_reason,
    case
        when combined.is_known and telling.told_kind_count < 4
            then 'lower bound: no connector tells '
            || concat_ws(
                ', ',
                case when not coalesce(telling.tells_mutes, false) then 'mutes' end,
                case when not coalesce(telling.tells_blocks, false) then 'blocks' end,
                case when not coalesce(telling.tells_reports, false) then 'reports' end,
                case when not coalesce(telling.tells_unsubscribes, false) then 'unsubscriptions' end
            )
    end as coverage_note,
    run.parameters_version,
    case when combined.is_known then combined.unfollow_count end as unfollow_count,
    case when telling.tells_mutes then combined.mute_count end as mute_count,
    case when telling.tells_blocks then combined.block_count end as block_count,
    case when telling.tells_reports then combined.report_count end as report_count,
    case when telling.tells_unsubscribes then combined.unsubscribe_count end as unsubscribe_count,
    case when combined.is_known then combined.push_back_person_count end as push_back_person_count,
    case when combined.is_known then combined.reached_person_count end as reached_person_count,
    case when combined.is_known then {{ share('combined.push_back_person_count', 'combined.reached_person_count') }} end as push_back_rate,
    case when combined.is_known then {{ wilson_low('combined.push_back_person_count', 'combined.reached_person_count') }} end as push_back_rate_low,
    case when combined.is_known then {{ wilson_high('combined.push_back_person_count', 'combined.reached_person_count') }} end as push_back_rate_high,
    case when combined.is_known then cast(1 + telling.told_kind_count as double) / 5 else cast(telling.told_kind_count as double) / 5 end as kind_coverage,
    coalesce(case when combined.is_known then combined.reached_person_count < parameters.least_denominator end, true) as is_too_few,
    run.as_of_date
from combined
cross join run
cross join parameters
cross join telling
