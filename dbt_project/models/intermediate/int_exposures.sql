-- One row per act of advocacy and person, new to the brand when it was done, who is known to have been shown it: named in it, answering or quoting it, in its tree,
-- passing it on, following who did it, or the prospect of the referral (M5.1, M5.4). Nobody says who saw a post: these are those of whom it can be known.
with acts as (
    select act_key, act_kind, person_id, post_key, referral_id, acted_at from {{ ref('int_advocacy_acts') }} where not is_time_observed
),

-- What was shown is the act's own message; a reshare has none.
written as (
    select * from acts where act_kind in ('quote', 'mention')
),

newcomers as {{ inlined() }} (
    select * from {{ ref('int_newcomers') }}
),

person_accounts as {{ inlined() }} (
    select account_key, person_id from {{ ref('int_person_accounts') }}
),

messages as {{ inlined() }} (
    select post_key, upper_post_key, subject_post_key, root_post_key, author_account_key from {{ ref('int_messages') }}
),

answered as (
    select written.act_key, messages.author_account_key as account_key, 'answered it' as exposure_kind, written.acted_at as exposed_at
    from written
    inner join messages on written.post_key = messages.upper_post_key
    union all
    select written.act_key, messages.author_account_key as account_key, 'quoted it' as exposure_kind, written.acted_at as exposed_at
    from written
    inner join messages on written.post_key = messages.subject_post_key
    union all
    select written.act_key, messages.author_account_key as account_key, 'wrote in its thread' as exposure_kind, written.acted_at as exposed_at
    from written
    inner join messages on written.post_key = messages.root_post_key and written.post_key <> messages.post_key
),

concerned as (
    select
        written.act_key,
        case when events.kind = 'reshare' then events.actor_account_key else events.target_account_key end as account_key,
        case when events.kind = 'reshare' then 'passed it on' else 'named in it' end as exposure_kind,
        written.acted_at as exposed_at
    from written
    inner join {{ ref('int_interactions') }} as events on written.post_key = events.post_key
    where events.direction = 'peer' and events.kind in ('reshare', 'mention')
),

follows as (
    select
        person_accounts.person_id as followed_person_id,
        follows.platform || ':' || follows.actor_account_id as account_key,
        coalesce(follows.occurred_at, timestamp '0001-01-01 00:00:00') as begins_at,
        coalesce(follows.ended_at, timestamp '9999-12-31 00:00:00') as ends_at
    from {{ ref('stg_interactions') }} as follows
    inner join person_accounts on follows.platform || ':' || follows.target_account_id = person_accounts.account_key
    where follows.kind = 'follow'
),

followed as (
    select acts.act_key, follows.account_key, 'follows who did it' as exposure_kind, acts.acted_at as exposed_at
    from acts
    inner join follows on acts.person_id = follows.followed_person_id and follows.begins_at <= acts.acted_at and follows.ends_at > acts.acted_at
    where acts.act_kind <> 'referral'
),

by_account as (
    select * from answered
    union all
    select * from concerned
    union all
    select * from followed
),

shown as (
    select by_account.act_key, person_accounts.person_id as newcomer_key, by_account.exposure_kind, by_account.exposed_at
    from by_account
    inner join person_accounts on by_account.account_key = person_accounts.account_key
    union all
    select acts.act_key, coalesce(refs.person_id, referrals.prospect_ref) as newcomer_key, 'was referred' as exposure_kind, acts.acted_at as exposed_at
    from acts
    inner join {{ ref('stg_referrals') }} as referrals on acts.referral_id = referrals.referral_id
    left join {{ ref('int_person_refs') }} as refs on referrals.prospect_ref = refs.person_ref
),

ranked as (
    select
        shown.*,
        newcomers.first_contact_at,
        newcomers.first_act_at,
        row_number() over (partition by shown.act_key, shown.newcomer_key order by shown.exposed_at, shown.exposure_kind) as exposure_number
    from shown
    left join newcomers on shown.newcomer_key = newcomers.newcomer_key
)

select
    ranked.act_key,
    ranked.newcomer_key,
    acts.person_id as exposer_person_id,
    ranked.exposure_kind,
    ranked.exposed_at,
    ranked.first_contact_at,
    ranked.first_act_at
from ranked
inner join acts on ranked.act_key = acts.act_key
-- New means: no contact before it was shown. Who never had any is reached and new.
where ranked.exposure_number = 1
    and ranked.newcomer_key is not null and ranked.newcomer_key <> acts.person_id
    and coalesce(ranked.first_contact_at >= ranked.exposed_at, true)
