-- One row per person: the last conversational event in each direction, as it still stands.
with events as (
    select * from {{ ref('int_interactions') }}
    where is_conversational and direction in ('in', 'out') and not is_deleted and not (direction = 'out' and is_automated)
),

messages as (
    select post_key, text, url from {{ ref('int_messages') }}
),

ranked as (
    select
        *,
        row_number() over (partition by person_id, direction order by event_at desc, event_id desc) as recency
    from events
)

select
    ranked.person_id,
    max(case when ranked.direction = 'in' then ranked.kind end) as last_in_kind,
    max(case when ranked.direction = 'in' then ranked.post_key end) as last_in_post_key,
    max(case when ranked.direction = 'in' and ranked.kind <> 'message' and not ranked.is_hidden then messages.text end) as last_in_text,
    max(case when ranked.direction = 'in' then messages.url end) as last_in_url,
    max(case when ranked.direction = 'in' then ranked.event_at end) as last_in_at,
    max(case when ranked.direction = 'out' then ranked.kind end) as last_out_kind,
    max(case when ranked.direction = 'out' then ranked.post_key end) as last_out_post_key,
    max(case when ranked.direction = 'out' and ranked.kind <> 'message' then messages.text end) as last_out_text,
    max(case when ranked.direction = 'out' then messages.url end) as last_out_url,
    max(case when ranked.direction = 'out' then ranked.event_at end) as last_out_at
from ranked
left join messages on ranked.post_key = messages.post_key
where ranked.recency = 1
group by ranked.person_id
