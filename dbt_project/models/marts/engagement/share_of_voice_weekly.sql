with messages as {{ inlined() }} (
    select * from {{ ref('int_messages') }} where not is_deleted and kind <> 'message'
),

members as (
    select members.account_key, persons.p_real
    from {{ ref('int_person_members') }} as members
    inner join {{ ref('int_persons') }} as persons on members.person_id = persons.person_id
),

-- Whoever wrote about the brand without addressing it is no person of the marts, but a voice.
accounts as (
    select account_key, p_real from {{ ref('int_account_reality') }}
),

calendar as (
    select week_start_date, max(calendar_date) as last_date from {{ ref('int_calendar') }} where is_counted group by week_start_date
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_p_real, least_denominator from {{ ref('int_parameters') }}
),

platforms as (
    select distinct platform from {{ ref('int_account_roles') }}
    union
    select distinct platform from messages
    union
    select 'all' as platform
),

voiced as (
    select
        messages.platform,
        messages.author_side,
        {{ week_start('cast(' ~ to_local('messages.published_at', 'run.timezone') ~ ' as date)') }} as week_start_date,
        case
            when messages.author_side = 'brand' then 'owned'
            when messages.author_role = 'agency' then 'paid'
            when messages.author_side = 'internal' then cast(null as string)
            when messages.is_incentivised then 'paid'
            when messages.author_side = 'unidentified' or coalesce(members.p_real, accounts.p_real) >= parameters.least_p_real then 'earned'
        end as voice
    from messages
    cross join run
    cross join parameters
    left join members on messages.author_account_key = members.account_key
    left join accounts on messages.author_account_key = accounts.account_key
),

scoped as (
    select platform, author_side, week_start_date, voice from voiced
    union all
    select 'all' as platform, author_side, week_start_date, voice from voiced
),

counted as (
    select
        platform,
        week_start_date,
        count(case when voice = 'earned' then 1 end) as earned_message_count,
        count(case when voice = 'owned' then 1 end) as owned_message_count,
        count(case when voice = 'paid' then 1 end) as paid_message_count,
        count(voice) as message_count,
        count(case when voice = 'earned' and author_side = 'unidentified' then 1 end) as unidentified_message_count
    from scoped
    group by platform, week_start_date
),

weeks as (
    select
        calendar.week_start_date,
        platforms.platform,
        {{ days_between('calendar.week_start_date', 'calendar.last_date') }} < 6 as is_partial_week,
        coalesce(counted.earned_message_count, 0) as earned_message_count,
        coalesce(counted.owned_message_count, 0) as owned_message_count,
        coalesce(counted.paid_message_count, 0) as paid_message_count,
        coalesce(counted.message_count, 0) as message_count,
        coalesce(counted.unidentified_message_count, 0) as unidentified_message_count
    from calendar
    cross join platforms
    left join counted on calendar.week_start_date = counted.week_start_date and platforms.platform = counted.platform
)

select
    weeks.week_start_date,
    weeks.platform,
    run.parameters_version,
    weeks.earned_message_count,
    weeks.owned_message_count,
    weeks.paid_message_count,
    weeks.message_count,
    {{ share('weeks.earned_message_count', 'weeks.message_count') }} as earned_share,
    {{ wilson_low('weeks.earned_message_count', 'weeks.message_count') }} as earned_share_low,
    {{ wilson_high('weeks.earned_message_count', 'weeks.message_count') }} as earned_share_high,
    weeks.unidentified_message_count,
    weeks.message_count < parameters.least_denominator as is_too_few,
    weeks.is_partial_week,
    run.as_of_date
from weeks
cross join run
cross join parameters
