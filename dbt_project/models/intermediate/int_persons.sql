-- One row per external person who did something, or was addressed, before the as-of instant: identity, reality, exchanges.
with members as {{ inlined() }} (
    select * from {{ ref('int_person_members') }}
),

exchanges as (
    select * from {{ ref('int_exchanges') }}
),

run as (
    select as_of_at, as_of_date from {{ ref('int_run') }}
),

parameters as (
    select new_person_days from {{ ref('int_parameters') }}
),

person_accounts as {{ inlined() }} (
    select * from {{ ref('int_person_accounts') }}
),

objections as (
    select distinct coalesce(claimed.person_id, own.person_id) as person_id
    from {{ ref('stg_person_facts') }} as facts
    left join person_accounts as own on facts.person_ref = own.account_key
    left join (select distinct person_ref, person_id from person_accounts where person_ref is not null) as claimed
        on facts.person_ref = claimed.person_ref
    where facts.objected_at is not null or (facts.fact = 'opt_out' and lower(coalesce(facts.value, 'true')) not in ('false', 'no', '0'))
),

per_person as (
    select
        person_id,
        max(case when main_rank = 1 then account_key end) as main_account_key,
        count(*) as account_count,
        max(case when is_automated then 1 else 0 end) = 1 as is_automated,
        min(case when is_suspended then 1 else 0 end) = 1 as is_suspended,
        min(case when is_deleted then 1 else 0 end) = 1 as is_deleted,
        max(deleted_at) as last_deleted_at,
        min(first_event_at) as first_event_at
    from members
    group by person_id
),

-- Nearly everybody has one account: for them there is nothing to collect.
several_platforms as (
    select person_id, {{ collect_text('platform') }} as platforms_text
    from members
    where person_id in (select person_id from members where main_rank > 1)
    group by person_id
),

reality as (
    select account_key, p_real, p_real_basis from {{ ref('int_account_reality') }}
),

per_exchange as (
    select
        person_id,
        min(second_at) as first_exchange_at,
        max(second_at) as last_exchange_at,
        count(distinct exchange_day) as exchange_day_count
    from exchanges
    group by person_id
)

select
    per_person.person_id,
    per_person.main_account_key,
    main.platform,
    main.display_name,
    main.handle,
    main.profile_url,
    coalesce(several_platforms.platforms_text, main.platform) as platforms_text,
    cast(per_person.account_count as bigint) as account_count,
    cast(coalesce(per_exchange.exchange_day_count, 0) as bigint) as exchange_day_count,
    -- That of the main account (M6.4); one account that says it is automated speaks for all.
    case when per_person.is_automated then cast(0 as double) else reality.p_real end as p_real,
    case when per_person.is_automated then 'stated' else reality.p_real_basis end as p_real_basis,
    per_person.is_automated,
    per_person.is_suspended,
    per_person.is_deleted,
    objections.person_id is not null as has_objected,
    per_person.first_event_at > {{ shift_days('run.as_of_at', '-parameters.new_person_days') }} as is_new,
    -- The day on which a gone person's strength stands still.
    case when per_person.is_deleted and per_person.last_deleted_at < run.as_of_at
        then cast(per_person.last_deleted_at as date) else run.as_of_date
    end as reference_date,
    -- Known to be gone means off every current list, also when it was found out after the as-of instant.
    case when per_person.is_deleted then least(cast(per_person.last_deleted_at as date), run.as_of_date) end as deleted_day,
    per_person.first_event_at,
    per_exchange.first_exchange_at,
    per_exchange.last_exchange_at
from per_person
cross join run
cross join parameters
inner join members as main on per_person.main_account_key = main.account_key
inner join reality on per_person.main_account_key = reality.account_key
left join per_exchange on per_person.person_id = per_exchange.person_id
left join several_platforms on per_person.person_id = several_platforms.person_id
left join objections on per_person.person_id = objections.person_id
