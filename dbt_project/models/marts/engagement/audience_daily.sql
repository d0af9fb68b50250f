with brand_accounts as (
    select distinct account_key, platform from {{ ref('int_account_roles') }} where role = 'brand' and account_key is not null
),

calendar as (
    select calendar_date, day_ends_at, is_counted from {{ ref('int_calendar') }}
),

run as (
    select * from {{ ref('int_run') }}
),

follows as (
    select follows.*, reality.p_real
    from {{ ref('int_follows') }} as follows
    inner join {{ ref('int_account_reality') }} as reality on follows.account_key = reality.account_key
),

measured as (
    select
        platform || ':' || account_id as account_key,
        follower_count,
        following_count,
        post_count,
        coalesce(measured_at, observed_at) as measured_at
    from {{ ref('stg_account_metrics') }}
    where follower_count is not null
),

dated as (
    select
        measured.*,
        cast({{ to_local('measured.measured_at', 'run.timezone') }} as date) as measured_date,
        row_number() over (
            partition by measured.account_key, cast({{ to_local('measured.measured_at', 'run.timezone') }} as date)
            order by measured.measured_at, measured.follower_count
        ) as from_first,
        row_number() over (
            partition by measured.account_key, cast({{ to_local('measured.measured_at', 'run.timezone') }} as date)
            order by measured.measured_at desc, measured.follower_count desc
        ) as from_last
    from measured
    cross join run
),

-- A nightly run measures shortly after midnight: the first measurement of the next day tells how the day ended, better than the morning before.
candidates as (
    select account_key, {{ add_days('measured_date', '-1') }} as audience_date, 1 as preference, follower_count, following_count, post_count, measured_at
    from dated
    where from_first = 1
    union all
    select account_key, measured_date as audience_date, 2 as preference, follower_count, following_count, post_count, measured_at
    from dated
    where from_last = 1
),

ranked as (
    select *, row_number() over (partition by account_key, audience_date order by preference) as preference_rank
    from candidates
),

measured_days as (
    select * from ranked where preference_rank = 1
),

starts as (
    select account_key, min(audience_date) as first_date from measured_days group by account_key
    union all
    select follows.brand_account_key as account_key, min(cast({{ to_local('follows.started_at', 'run.timezone') }} as date)) as first_date
    from follows
    cross join run
    where follows.started_at is not null
    group by follows.brand_account_key
),

first_dates as (
    select account_key, min(first_date) as first_date from starts group by account_key
),

last_dates as (
    select max(calendar_date) as last_date from calendar where is_counted
),

days as (
    select
        brand_accounts.account_key,
        brand_accounts.platform,
        calendar.calendar_date,
        calendar.day_ends_at
    from brand_accounts
    cross join last_dates
    left join first_dates on brand_accounts.account_key = first_dates.account_key
    inner join calendar
        on calendar.is_counted and calendar.calendar_date >= least(coalesce(first_dates.first_date, last_dates.last_date), last_dates.last_date)
),

carried as (
    select
        days.*,
        measured_days.measured_at is not null as is_measured,
        {{ first_known('measured_days.follower_count', 'carrying') }} as follower_count,
        {{ first_known('measured_days.following_count', 'carrying') }} as following_count,
        {{ first_known('measured_days.post_count', 'carrying') }} as post_count,
        {{ first_known('measured_days.measured_at', 'carrying') }} as measured_at
    from days
    left join measured_days on days.account_key = measured_days.account_key and days.calendar_date = measured_days.audience_date
    -- From here back in time: the first value known is the last one measured.
    window carrying as (partition by days.account_key order by days.calendar_date desc rows between current row and unbounded following)
),

follow_changes as (
    select follows.brand_account_key as account_key, cast({{ to_local('follows.started_at', 'run.timezone') }} as date) as change_date, 1 as gained, 0 as lost,
        cast(follows.p_real as decimal(38, 18)) as weight
    from follows
    cross join run
    where follows.started_at < run.as_of_at
    union all
    select follows.brand_account_key as account_key, cast({{ to_local('follows.ended_at', 'run.timezone') }} as date) as change_date, 0 as gained, 1 as lost,
        -cast(follows.p_real as decimal(38, 18)) as weight
    from follows
    cross join run
    where follows.ended_at < run.as_of_at
),

changes as (
    select account_key, change_date, sum(gained) as gained, sum(lost) as lost, sum(weight) as weight from follow_changes group by account_key, change_date
),

list_reads as (
    select
        brand_account_key as account_key,
        min(first_read_at) as first_read_at,
        -- Follows of unknown start were there before the first reading.
        count(case when started_at is null then 1 end) as baseline_count,
        sum(case when started_at is null then cast(p_real as decimal(38, 18)) end) as baseline_weight
    from follows
    group by brand_account_key
),

summed as (
    select
        carried.*,
        coalesce(changes.gained, 0) as gained,
        coalesce(changes.lost, 0) as lost,
        list_reads.account_key is not null as is_named,
        list_reads.first_read_at,
        list_reads.baseline_count,
        list_reads.baseline_weight,
        sum(coalesce(changes.gained, 0) - coalesce(changes.lost, 0)) over (
            partition by carried.account_key order by carried.calendar_date rows between unbounded preceding and current row
        ) as net_known,
        sum(coalesce(changes.weight, 0)) over (
            partition by carried.account_key order by carried.calendar_date rows between unbounded preceding and current row
        ) as net_weight,
        lag(carried.follower_count) over (partition by carried.account_key order by carried.calendar_date) as previous_follower_count
    from carried
    left join changes on carried.account_key = changes.account_key and carried.calendar_date = changes.change_date
    left join list_reads on carried.account_key = list_reads.account_key
)

select
    summed.account_key as brand_account_key,
    summed.calendar_date as audience_date,
    summed.platform,
    case when summed.follower_count is null then 'never measured by then' end as follower_count_reason,
    case
        when not summed.is_named then 'no list of followers was read'
        when summed.first_read_at is null or cast({{ to_local('summed.first_read_at', 'run.timezone') }} as date) > {{ add_days('summed.calendar_date', '1') }}
            then 'the list of followers was first read later'
    end as known_follower_reason,
    run.parameters_version,
    summed.follower_count,
    summed.follower_count - summed.previous_follower_count as net_follower_change,
    cast(case when summed.is_named then summed.gained end as bigint) as new_follower_count,
    cast(case when summed.is_named then summed.lost end as bigint) as lost_follower_count,
    cast(case
        when summed.is_named and cast({{ to_local('summed.first_read_at', 'run.timezone') }} as date) <= {{ add_days('summed.calendar_date', '1') }}
            then summed.baseline_count + summed.net_known
    end as bigint) as known_follower_count,
    round(cast(case
        when summed.is_named and cast({{ to_local('summed.first_read_at', 'run.timezone') }} as date) <= {{ add_days('summed.calendar_date', '1') }}
            then coalesce(summed.baseline_weight, 0) + summed.net_weight
    end as double), 9) as known_follower_weight,
    summed.following_count,
    summed.post_count,
    summed.is_measured,
    run.as_of_date,
    summed.measured_at
from summed
cross join run
