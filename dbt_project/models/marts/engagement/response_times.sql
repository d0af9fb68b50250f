with asks as (
    select * from {{ ref('int_asks_answers') }}
),

messages as {{ inlined() }} (
    select post_key, kind, text, url, is_deleted or is_hidden as is_deleted from {{ ref('int_messages') }}
),

persons as (
    select person_id, p_real, is_deleted from {{ ref('int_persons') }}
),

members as (
    select account_key, display_name, handle, profile_url from {{ ref('int_person_members') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select waiting_limit_days from {{ ref('int_parameters') }}
),

judged as (
    select
        asks.*,
        not asks.is_answered
        and not asks.is_deleted
        and not coalesce(persons.is_deleted, true)
        and asks.asked_at > {{ shift_days('run.as_of_at', '-parameters.waiting_limit_days') }} as is_waiting,
        persons.person_id as asker_id,
        persons.p_real,
        run.as_of_at,
        run.as_of_date,
        run.timezone,
        run.parameters_version
    from asks
    cross join run
    cross join parameters
    left join persons on asks.person_id = persons.person_id
)

select
    judged.ask_post_key,
    judged.platform,
    judged.ask_kind,
    -- NULL where the asker took everything back, or is staff by now: then the ask stays and the person is none of ours.
    judged.asker_id as person_id,
    judged.account_key,
    members.display_name,
    members.handle,
    members.profile_url,
    judged.brand_account_key,
    judged.root_post_key,
    case when not ask_messages.is_deleted then ask_messages.url end as ask_url,
    case when not ask_messages.is_deleted and ask_messages.kind <> 'message' then ask_messages.text end as ask_text,
    judged.answer_post_key,
    answer_messages.url as answer_url,
    judged.responder_id,
    case when judged.is_time_observed then 'the time is not known' else judged.censor_reason end as censor_reason,
    case
        when judged.is_time_observed then 'the time is not known'
        when judged.duration_business_seconds is null then 'no working hours configured'
        when not judged.is_answered then 'not answered'
    end as business_reason,
    judged.parameters_version,
    judged.joined_ask_count,
    case when judged.is_answered then judged.duration_seconds end as response_seconds,
    case when judged.is_answered then judged.duration_business_seconds end as business_seconds,
    judged.duration_seconds,
    judged.duration_business_seconds,
    case when judged.is_waiting then {{ seconds_between('judged.asked_at', 'judged.as_of_at') }} end as waiting_seconds,
    judged.p_real,
    judged.is_answered,
    judged.is_waiting,
    judged.is_time_observed,
    cast({{ to_local('judged.asked_at', 'judged.timezone') }} as date) as asked_date,
    judged.as_of_date,
    judged.asked_at,
    judged.answered_at,
    judged.censored_at
from judged
left join messages as ask_messages on judged.ask_post_key = ask_messages.post_key
left join messages as answer_messages on judged.answer_post_key = answer_messages.post_key
left join members on judged.account_key = members.account_key
