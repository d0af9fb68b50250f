-- One row per item that somebody could pass on: a post or a quote by the brand or a person. An answer is meant for who asked, a message for one alone;
-- what rewards being passed on tells nothing of influence.
with messages as {{ inlined() }} (
    select post_key, platform, kind, author_side, author_account_key, is_incentivised, is_deleted, published_at from {{ ref('int_messages') }}
),

automatons as (
    select distinct account_key from {{ ref('int_account_roles') }} where role = 'automaton'
),

person_accounts as (
    select account_key, person_id from {{ ref('int_person_accounts') }}
)

select
    messages.post_key,
    messages.platform,
    case when messages.author_side = 'brand' then messages.author_account_key else person_accounts.person_id end as author_key,
    case when messages.author_side = 'brand' then 'brand' else 'person' end as author_kind,
    messages.author_account_key,
    messages.published_at
from messages
left join automatons on messages.author_account_key = automatons.account_key
left join person_accounts on messages.author_account_key = person_accounts.account_key
where messages.kind in ('post', 'quote')
    and messages.author_side in ('brand', 'audience')
    and messages.author_account_key is not null
    and automatons.account_key is null
    and not messages.is_incentivised
    and not messages.is_deleted
