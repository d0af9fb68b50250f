-- One row per person, or business reference that leads to nobody known: the first contact with the brand of any kind, and the first act of one's own, a conversational
-- event, click or conversion. What the platform does not date was at the earliest when the message appeared; who stood on the first list of followers has
-- followed since ever. So nobody is new for want of a time.
with events as {{ inlined() }} (
    select * from {{ ref('int_interactions') }} where not is_deleted and kind <> 'follow'
),

messages as (
    select post_key, published_at from {{ ref('int_messages') }}
),

run as (
    select as_of_at from {{ ref('int_run') }}
),

touches as (
    select
        events.person_id as newcomer_key,
        events.person_id,
        case when events.is_time_observed then least(events.event_at, coalesce(messages.published_at, timestamp '0001-01-01 00:00:00')) else events.event_at end as contact_at,
        case
            when events.direction in ('in', 'peer') and (events.is_conversational or events.kind = 'click')
                and not events.is_automated and not events.is_incentivised and not events.is_time_observed
                then events.event_at
        end as act_at
    from events
    left join messages on events.post_key = messages.post_key
    union all
    select
        follows.person_id as newcomer_key,
        follows.person_id,
        coalesce(follows.started_at, timestamp '0001-01-01 00:00:00') as contact_at,
        cast(null as timestamp) as act_at
    from {{ ref('int_follows') }} as follows
    cross join run
    where coalesce(follows.started_at < run.as_of_at, true)
    union all
    select
        coalesce(ledger.person_id, ledger.credited_ref) as newcomer_key,
        ledger.person_id,
        ledger.occurred_at as contact_at,
        ledger.occurred_at as act_at
    from {{ ref('int_value_ledger') }} as ledger
    where ledger.ledger = 'buyer' and not ledger.is_refunded and coalesce(ledger.person_id, ledger.credited_ref) is not null
)

select newcomer_key, max(person_id) as person_id, min(contact_at) as first_contact_at, min(act_at) as first_act_at
from touches
group by newcomer_key
