-- One row per ask (M4.3) with its answer. Several asks by one person in one thread with no answer between are one ask, timed at the first that still stands.
-- Outside any thread (direct messages) an answer counts for the asks of the days before it only.
with events as {{ inlined() }} (
    select * from {{ ref('int_interactions') }}
),

run as (
    select as_of_at, timezone from {{ ref('int_run') }}
),

parameters as (
    select rootless_answer_days from {{ ref('int_parameters') }}
),

calendar as (
    select * from {{ ref('int_calendar') }}
),

-- A message to two brand accounts is one ask.
asks as (
    select
        *,
        row_number() over (
            partition by post_key order by case kind when 'mention' then 2 when 'quote' then 1 else 0 end, event_id
        ) as target_rank
    from events
    where is_conversational and direction = 'in' and not is_automated and not is_incentivised
),

answers as (
    select
        *,
        row_number() over (partition by post_key, person_id order by case kind when 'mention' then 2 when 'quote' then 1 else 0 end, event_id) as target_rank
    from events
    where is_conversational and direction = 'out' and not is_automated and not is_deleted
),

turns as (
    select * from asks where target_rank = 1
    union all
    select * from answers where target_rank = 1
),

threaded as (
    select
        *,
        case when is_rootless then 'outside threads ' || brand_account_key else root_post_key end as thread_key
    from turns
),

numbered as (
    select
        *,
        -- An answer of the same instant is not later: it is numbered before the ask.
        row_number() over (
            partition by person_id, thread_key order by event_at, case direction when 'out' then 0 else 1 end, event_id
        ) as turn_number
    from threaded
),

looking_ahead as (
    select
        *,
        min(case when direction = 'out' then turn_number end) over (
            partition by person_id, thread_key order by turn_number rows between 1 following and unbounded following
        ) as answer_turn_number
    from numbered
),

answered as (
    select
        looking_ahead.*,
        answers.event_id as answer_event_id,
        answers.post_key as answer_post_key,
        answers.event_at as answer_at,
        answers.responder_id as answer_responder_id,
        answers.is_time_observed as is_answer_time_observed,
        case
            when answers.event_id is null then false
            when looking_ahead.is_rootless then answers.event_at <= {{ shift_days('looking_ahead.event_at', 'parameters.rootless_answer_days') }}
            else true
        end as is_in_time
    from looking_ahead
    cross join parameters
    left join numbered as answers
        on looking_ahead.person_id = answers.person_id and looking_ahead.thread_key = answers.thread_key
        and looking_ahead.answer_turn_number = answers.turn_number
    where looking_ahead.direction = 'in'
),

joined as (
    select
        *,
        row_number() over (asking order by case when is_deleted then 1 else 0 end, turn_number) as ask_rank,
        count(*) over (asking) as joined_ask_count,
        min(case when is_deleted then 1 else 0 end) over (asking) = 1 as are_all_deleted,
        max(deleted_at) over (asking) as last_deleted_at
    from answered
    window asking as (partition by person_id, thread_key, answer_turn_number, is_in_time)
),

settled as (
    select
        joined.*,
        joined.is_in_time and (not joined.are_all_deleted or joined.answer_at <= joined.last_deleted_at) as is_answered,
        run.as_of_at,
        run.timezone
    from joined
    cross join run
    where joined.ask_rank = 1
),

observed as (
    select
        settled.*,
        settled.is_time_observed or (settled.is_answered and coalesce(settled.is_answer_time_observed, false)) as is_any_time_observed,
        case
            when settled.is_answered then settled.answer_at
            when settled.are_all_deleted then greatest(least(coalesce(settled.last_deleted_at, settled.as_of_at), settled.as_of_at), settled.event_at)
            else settled.as_of_at
        end as ended_at
    from settled
),

clocked as (
    select
        observed.*,
        {{ business_clock('observed.event_at', 'ask_days') }} as ask_clock,
        {{ business_clock('observed.ended_at', 'end_days') }} as end_clock
    from observed
    left join calendar as ask_days on cast({{ to_local('observed.event_at', 'observed.timezone') }} as date) = ask_days.calendar_date
    left join calendar as end_days on cast({{ to_local('observed.ended_at', 'observed.timezone') }} as date) = end_days.calendar_date
)

select
    post_key as ask_post_key,
    event_id as ask_event_id,
    platform,
    kind as ask_kind,
    person_id,
    account_key,
    brand_account_key,
    root_post_key,
    thread_key,
    case when is_answered then answer_post_key end as answer_post_key,
    case when is_answered then answer_responder_id end as responder_id,
    case
        when is_answered then cast(null as string)
        when are_all_deleted then 'ask deleted'
        else 'open at the as-of instant'
    end as censor_reason,
    cast(joined_ask_count as bigint) as joined_ask_count,
    case when not is_any_time_observed then {{ seconds_between('event_at', 'ended_at') }} end as duration_seconds,
    case when not is_any_time_observed then cast(floor((end_clock - ask_clock) / 1000000) as bigint) end as duration_business_seconds,
    is_answered,
    are_all_deleted as is_deleted,
    is_any_time_observed as is_time_observed,
    event_at as asked_at,
    case when is_answered then answer_at end as answered_at,
    case when not is_answered then ended_at end as censored_at
from clocked
