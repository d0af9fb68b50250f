-- One row per follow of a brand account. The first complete reading of a list says who follows, not since when: such a follow has no start.
with follows as (
    select * from {{ ref('stg_interactions') }} where kind = 'follow' and actor_account_id is not null and target_account_id is not null
),

absent as (
    select * from {{ ref('int_interactions_absent') }}
),

brand_accounts as (
    select distinct account_key from {{ ref('int_account_roles') }} where role = 'brand' and account_key is not null
),

first_reads as (
    select platform, source_account_id, min(observed_at) as first_read_at
    from {{ ref('int_listing_reads') }}
    where entity = 'followers'
    group by platform, source_account_id
),

person_accounts as (
    select account_key, person_id from {{ ref('int_person_accounts') }}
)

select
    follows.platform || ':' || follows.interaction_id as follow_key,
    brand_accounts.account_key as brand_account_key,
    follows.platform || ':' || follows.actor_account_id as account_key,
    person_accounts.person_id,
    coalesce(follows.occurred_at, case when follows.first_observed_at > first_reads.first_read_at then follows.first_observed_at end) as started_at,
    follows.first_observed_at,
    coalesce(follows.ended_at, absent.ended_at) as ended_at,
    first_reads.first_read_at
from follows
inner join brand_accounts on follows.platform || ':' || follows.target_account_id = brand_accounts.account_key
left join absent on follows.platform = absent.platform and follows.interaction_id = absent.interaction_id
left join first_reads on follows.platform = first_reads.platform and follows.source_account_id = first_reads.source_account_id
left join person_accounts on follows.platform || ':' || follows.actor_account_id = person_accounts.account_key
