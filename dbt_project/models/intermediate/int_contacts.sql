-- One row per time the brand approached somebody of its own accord (M4.10): what the team wrote down, and on the platforms the first human message to
-- a person who had not written before. Whoever answers an ask approaches nobody; a message that names a crowd approaches none of it.
with refs as (
    select person_ref, person_id from {{ ref('int_person_refs') }}
),

run as (
    select as_of_at, staff_naming_basis from {{ ref('int_run') }}
),

parameters as (
    select exchange_most_named, outreach_answer_days from {{ ref('int_parameters') }}
),

salt as (
    select max(case when brand_key.name = 'person_salt' then brand_key.value end) as person_salt
    from {{ source('ops', 'brand_key') }} as brand_key
),

words as (
    select events.*
    from {{ ref('int_interactions') }} as events
    where events.is_conversational and not events.is_deleted and not events.is_automated and events.direction in ('in', 'out')
),

first_words as (
    select *, row_number() over (partition by person_id order by event_at, event_id) as word_number
    from words
),

written_down as (
    select
        'outreach:' || outreach.outreach_id as contact_key,
        'team' as source,
        coalesce(outreach.channel, 'not stated') as channel,
        refs.person_id,
        outreach.person_ref,
        cast(null as string) as account_key,
        {{ responder_name('outreach.contacted_by') }} as responder_id,
        cast(null as string) as post_key,
        outreach.contacted_at,
        outreach.answered_at
    from {{ ref('stg_outreach') }} as outreach
    cross join salt
    cross join run
    left join refs on outreach.person_ref = refs.person_ref
    where outreach.contacted_at < run.as_of_at
),

seen as (
    select
        'event:' || first_words.event_id as contact_key,
        'platform' as source,
        first_words.platform as channel,
        first_words.person_id,
        first_words.account_key as person_ref,
        first_words.account_key,
        first_words.responder_id,
        first_words.post_key,
        first_words.event_at as contacted_at,
        cast(null as timestamp) as answered_at
    from first_words
    cross join parameters
    where first_words.word_number = 1 and first_words.direction = 'out' and first_words.fanout <= parameters.exchange_most_named
        and not first_words.is_time_observed
),

contacts as (
    select * from written_down
    union all
    select * from seen
),

numbered as (
    select
        contacts.*,
        row_number() over (partition by coalesce(person_id, person_ref) order by contacted_at, contact_key) as contact_number
    from contacts
),

-- The first word of the person after the contact, and whether there was one before it.
answered as (
    select
        numbered.contact_key,
        min(case when words.event_at > numbered.contacted_at then words.event_at end) as seen_answer_at,
        max(case when words.event_at <= numbered.contacted_at then 1 else 0 end) as had_written_before
    from numbered
    inner join words on numbered.person_id = words.person_id and words.direction = 'in'
    group by numbered.contact_key
),

settled as (
    select
        numbered.*,
        case
            when numbered.answered_at < run.as_of_at and (answered.seen_answer_at is null or numbered.answered_at <= answered.seen_answer_at)
                then numbered.answered_at
            else answered.seen_answer_at
        end as first_answer_at,
        case
            when numbered.answered_at < run.as_of_at and (answered.seen_answer_at is null or numbered.answered_at <= answered.seen_answer_at)
                then 'written down by the team'
            when answered.seen_answer_at is not null then 'seen on the platform'
        end as answer_source,
        numbered.contact_number = 1 and coalesce(answered.had_written_before, 0) = 0 as is_first_contact,
        {{ shift_days('numbered.contacted_at', 'parameters.outreach_answer_days') }} as settles_at,
        run.as_of_at
    from numbered
    cross join run
    cross join parameters
    left join answered on numbered.contact_key = answered.contact_key
)

select
    contact_key,
    source,
    channel,
    person_id,
    person_ref,
    account_key,
    responder_id,
    post_key,
    answer_source,
    is_first_contact,
    settles_at <= as_of_at as is_settled,
    -- Answered in time is settled at once; unanswered only when the time is over.
    coalesce(first_answer_at <= settles_at, false) as is_answered_in_time,
    contacted_at,
    first_answer_at as answered_at
from settled
