-- One row per act of advocacy before the as-of instant (M5.1): an unrewarded reshare or quote of the brand, mention of it labelled positive, or referral, by an
-- external person who is probably real, still there, and has not objected. A quote that a label calls not positive speaks against the brand and is none.
with events as {{ inlined() }} (
    select * from {{ ref('int_interactions') }}
),

messages as (
    select post_key, text, url, is_hidden from {{ ref('int_messages') }}
),

labels as (
    select post_key, positive from {{ ref('int_post_labels') }}
),

refs as (
    select person_ref, person_id from {{ ref('int_person_refs') }}
),

persons as (
    select persons.person_id
    from {{ ref('int_persons') }} as persons
    cross join {{ ref('int_parameters') }} as parameters
    where persons.p_real >= parameters.least_p_real and not persons.is_deleted and not persons.has_objected
),

run as (
    select as_of_at from {{ ref('int_run') }}
),

seen as (
    select
        'event:' || events.event_id as act_key,
        events.person_id,
        events.kind as act_kind,
        events.platform,
        events.post_key,
        cast(null as string) as referral_id,
        case when events.kind <> 'reshare' and not messages.is_hidden then messages.text end as own_words,
        messages.url,
        events.is_time_observed,
        events.event_at as acted_at
    from events
    left join messages on events.post_key = messages.post_key
    left join labels on events.post_key = labels.post_key
    where events.direction = 'in'
        and not events.is_deleted and not events.is_incentivised and not events.is_automated
        and (
            events.kind = 'reshare'
            or (events.kind = 'quote' and coalesce(labels.positive, 1) = 1)
            or (events.kind = 'mention' and labels.positive = 1)
        )
),

referred as (
    select
        'referral:' || referrals.referral_id as act_key,
        refs.person_id,
        'referral' as act_kind,
        cast(null as string) as platform,
        cast(null as string) as post_key,
        referrals.referral_id,
        cast(null as string) as own_words,
        cast(null as string) as url,
        false as is_time_observed,
        referrals.referred_at as acted_at
    from {{ ref('stg_referrals') }} as referrals
    cross join run
    inner join refs on referrals.referrer_ref = refs.person_ref
    where coalesce(referrals.arm, 'referred') <> 'cold'
        -- As elsewhere, rewarded is what somebody says is.
        and not coalesce(referrals.is_rewarded, false)
        and referrals.referred_at < run.as_of_at
),

acts as (
    select * from seen
    union all
    select * from referred
)

select acts.*, cast(acts.acted_at as date) as act_day
from acts
inner join persons on acts.person_id = persons.person_id
