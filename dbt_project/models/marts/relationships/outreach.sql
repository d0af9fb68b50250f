with contacts as (
    select * from {{ ref('int_contacts') }}
),

persons as (
    select person_id, display_name, handle, profile_url, has_objected from {{ ref('int_persons') }}
),

messages as (
    select post_key, url, is_deleted or is_hidden as is_deleted from {{ ref('int_messages') }}
),

run as (
    select * from {{ ref('int_run') }}
)

select
    contacts.contact_key,
    persons.person_id,
    contacts.person_ref,
    persons.display_name,
    persons.handle,
    persons.profile_url,
    contacts.responder_id,
    contacts.channel,
    contacts.source,
    contacts.post_key,
    case when not messages.is_deleted then messages.url end as url,
    contacts.answer_source,
    run.parameters_version,
    {{ seconds_between('contacts.contacted_at', 'contacts.answered_at') }} as answer_seconds,
    contacts.is_first_contact,
    contacts.is_settled,
    contacts.is_answered_in_time,
    coalesce(persons.has_objected, false) as has_objected,
    cast({{ to_local('contacts.contacted_at', 'run.timezone') }} as date) as contacted_date,
    run.as_of_date,
    contacts.contacted_at,
    contacts.answered_at
from contacts
cross join run
left join persons on contacts.person_id = persons.person_id
left join messages on contacts.post_key = messages.post_key
