-- One row per name that a business file may give a person: an account as it is, or a business id that the person's own statement ties to an account.
with person_accounts as {{ inlined() }} (
    select account_key, person_id, person_ref from {{ ref('int_person_accounts') }}
),

named as (
    select account_key as person_ref, person_id, 'account' as link_kind, 2 as link_order from person_accounts
    union all
    select person_ref, person_id, 'statement' as link_kind, 1 as link_order from person_accounts where person_ref is not null
),

ranked as (
    select *, row_number() over (partition by person_ref order by link_order, person_id) as link_rank from named
)

-- An account that a statement ties to others is named by itself all the same: nothing had to be stated for it.
select
    ranked.person_ref,
    ranked.person_id,
    case when accounts.account_key is not null then 'account' else ranked.link_kind end as link_kind
from ranked
left join person_accounts as accounts on ranked.person_ref = accounts.account_key
where ranked.link_rank = 1
