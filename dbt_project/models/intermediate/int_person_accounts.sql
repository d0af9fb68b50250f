-- One row per account: which person it belongs to. One account is one person, until the person states that several accounts are theirs
-- (`person_facts`, fact `account`). Every link names its rule and evidence; taking the fact away undoes it.
-- Vetoes: two accounts of one platform are never one person, nor a bot and a human; an account claimed by two is linked to none.
with accounts as {{ inlined() }} (
    select account_key, platform, is_automated from {{ ref('int_accounts') }}
),

run as (
    select as_of_at from {{ ref('int_run') }}
),

salt as (
    select max(case when brand_key.name = 'person_salt' then brand_key.value end) as person_salt
    from {{ source('ops', 'brand_key') }} as brand_key
),

facts as (
    select
        facts.person_ref,
        facts.value,
        facts.source,
        facts.collected_at,
        absent.ended_at is not null
        or coalesce(facts.expires_at < run.as_of_at, false)
        or facts.objected_at is not null
        or coalesce(facts.collected_at >= run.as_of_at, false) as is_withdrawn
    from {{ ref('stg_person_facts') }} as facts
    cross join run
    left join {{ ref('int_person_facts_absent') }} as absent
        on facts.platform = absent.platform and facts.person_ref = absent.person_ref and facts.fact = absent.fact and facts.value = absent.value
    where facts.fact = 'account'
),

stated as (
    select person_ref, value as account_key, source, collected_at, is_withdrawn from facts
    union all
    -- A person reference that is itself an account belongs to the group it speaks for.
    select facts.person_ref, facts.person_ref as account_key, facts.source, facts.collected_at, facts.is_withdrawn
    from facts
    inner join accounts on facts.person_ref = accounts.account_key
),

claims as (
    select
        stated.person_ref,
        stated.account_key,
        accounts.platform,
        accounts.is_automated,
        min(case when stated.is_withdrawn then 1 else 0 end) = 1 as is_withdrawn,
        min(stated.source) as source,
        min(stated.collected_at) as collected_at
    from stated
    inner join accounts on stated.account_key = accounts.account_key
    group by stated.person_ref, stated.account_key, accounts.platform, accounts.is_automated
),

weighed as (
    select
        claims.*,
        count(case when not is_withdrawn then 1 end) over (partition by account_key) as claimant_count,
        count(case when not is_withdrawn then 1 end) over (partition by person_ref, platform) as same_platform_count,
        count(case when not is_withdrawn and is_automated then 1 end) over (partition by person_ref) as bot_count,
        count(case when not is_withdrawn and not is_automated then 1 end) over (partition by person_ref) as human_count
    from claims
),

judged as (
    select
        *,
        case
            when is_withdrawn then 'withdrawn: the statement ended, expired or was objected to'
            when claimant_count > 1 then 'claimed by two'
            when same_platform_count > 1 then 'same platform twice'
            when is_automated and human_count > 0 then 'bot with human'
        end as veto_reason
    from weighed
),

linked as (
    select
        *,
        min(account_key) over (partition by person_ref) as leading_account_key,
        count(*) over (partition by person_ref) as linked_count
    from judged
    where veto_reason is null
),

refused as (
    select
        account_key,
        veto_reason,
        row_number() over (partition by account_key order by person_ref) as refusal_rank
    from judged
    where veto_reason is not null
),

merged as (
    select
        accounts.account_key,
        accounts.platform,
        accounts.is_automated,
        case when linked.linked_count > 1 then linked.leading_account_key else accounts.account_key end as leading_account_key,
        case when linked.linked_count > 1 then 'stated_account' else 'own_account' end as link_rule,
        case when linked.linked_count > 1 then linked.person_ref || ' (' || coalesce(linked.source, 'source not stated') || ')' end as link_evidence,
        cast(case when linked.linked_count > 1 then 1 end as double) as link_confidence,
        case when linked.linked_count > 1 then linked.collected_at end as linked_at,
        linked.person_ref,
        refused.veto_reason
    from accounts
    left join linked on accounts.account_key = linked.account_key
    left join refused on accounts.account_key = refused.account_key and refused.refusal_rank = 1
)

select
    merged.account_key,
    md5(salt.person_salt || '|' || merged.leading_account_key) as person_id,
    merged.platform,
    merged.link_rule,
    merged.link_evidence,
    merged.link_confidence,
    merged.person_ref,
    merged.veto_reason,
    merged.linked_at
from merged
cross join salt
