with persons as (
    select * from {{ ref('int_persons') }}
),

events as (
    select * from {{ ref('int_interactions') }} where not is_deleted
),

run as (
    select * from {{ ref('int_run') }}
),

counts as (
    select
        person_id,
        count(case when direction = 'in' then 1 end) as in_event_count,
        count(case when direction = 'in' and is_conversational then 1 end) as in_conversational_count,
        count(case when direction = 'in' and kind = 'like' then 1 end) as in_like_count,
        count(case when direction = 'in' and kind = 'reshare' then 1 end) as in_reshare_count,
        count(case when direction = 'out' and is_conversational and not is_automated then 1 end) as out_event_count,
        count(case when direction = 'peer' then 1 end) as peer_event_count,
        max(case when direction = 'in' then event_at end) as last_in_at,
        max(case when direction = 'out' and is_conversational and not is_automated then event_at end) as last_out_at
    from events
    group by person_id
)

select
    persons.person_id,
    persons.display_name,
    persons.handle,
    persons.platform,
    persons.main_account_key as account_key,
    persons.profile_url,
    persons.platforms_text,
    persons.p_real_basis,
    run.parameters_version,
    persons.account_count,
    coalesce(counts.in_event_count, 0) as in_event_count,
    coalesce(counts.in_conversational_count, 0) as in_conversational_count,
    coalesce(counts.in_like_count, 0) as in_like_count,
    coalesce(counts.in_reshare_count, 0) as in_reshare_count,
    coalesce(counts.out_event_count, 0) as out_event_count,
    coalesce(counts.peer_event_count, 0) as peer_event_count,
    persons.exchange_day_count,
    persons.p_real,
    persons.is_automated,
    persons.is_suspended,
    persons.is_deleted,
    persons.is_new,
    persons.has_objected,
    run.as_of_date,
    persons.first_event_at,
    counts.last_in_at,
    counts.last_out_at,
    persons.first_exchange_at,
    persons.last_exchange_at
from persons
cross join run
left join counts on persons.person_id = counts.person_id
