-- One row per account that did something, or was addressed, before the as-of instant, with its person; `main_rank` 1 is the account shown for the person.
with events as {{ inlined() }} (
    select * from {{ ref('int_interactions') }}
),

run as (
    select as_of_at from {{ ref('int_run') }}
),

accounts as (
    select * from {{ ref('int_accounts') }}
),

person_accounts as (
    select * from {{ ref('int_person_accounts') }}
),

insiders as (
    select distinct roles.account_key
    from {{ ref('int_account_roles') }} as roles
    cross join run
    where roles.side in ('brand', 'internal') and roles.begins_at < run.as_of_at and roles.ends_at >= run.as_of_at
),

-- What a person did to another concerns both.
touched as (
    select account_key, event_at, is_conversational and direction in ('in', 'out') as is_conversational, is_deleted from events
    union all
    select target_account_key as account_key, event_at, false as is_conversational, is_deleted from events where direction = 'peer'
),

-- An account that only ever appeared in what is now deleted or withdrawn is no person any more.
per_account as (
    select
        account_key,
        min(event_at) as first_event_at,
        count(case when is_conversational then 1 end) as conversational_count,
        count(*) as event_count
    from touched
    where not is_deleted
    group by account_key
),

members as (
    select
        person_accounts.person_id,
        person_accounts.link_rule,
        person_accounts.link_evidence,
        person_accounts.link_confidence,
        person_accounts.veto_reason,
        person_accounts.linked_at,
        accounts.*,
        per_account.first_event_at,
        row_number() over (
            partition by person_accounts.person_id
            order by
                case when accounts.is_deleted or accounts.is_suspended then 1 else 0 end,
                per_account.conversational_count desc,
                per_account.event_count desc,
                accounts.account_key
        ) as main_rank,
        max(case when insiders.account_key is not null then 1 else 0 end) over (partition by person_accounts.person_id) as has_insider
    from per_account
    inner join person_accounts on per_account.account_key = person_accounts.account_key
    inner join accounts on per_account.account_key = accounts.account_key
    left join insiders on per_account.account_key = insiders.account_key
)

-- Whoever is brand, staff or agency at the as-of instant is no person of the audience, with none of their accounts.
select * from members where has_insider = 0
