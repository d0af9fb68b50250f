-- One row per referral and link of the chain it ends: position 1 is who recommended it, position 2 who had recommended that one, and so on (M5.7).
-- A chain that bites its tail ends where it would meet itself.
with recursive referrals as (
    select referral_id, referrer_ref, parent_referral_id from {{ ref('stg_referrals') }} where coalesce(arm, 'referred') <> 'cold'
),

parameters as (
    select chain_longest from {{ ref('int_parameters') }}
),

walked as (
    select referral_id, referral_id as link_referral_id, referrer_ref, parent_referral_id, cast(1 as bigint) as link_position
    from referrals
    union all
    select walked.referral_id, parents.referral_id as link_referral_id, parents.referrer_ref, parents.parent_referral_id, walked.link_position + 1 as link_position
    from walked
    inner join referrals as parents on walked.parent_referral_id = parents.referral_id
    cross join parameters
    where walked.link_position < parameters.chain_longest and parents.referral_id <> walked.referral_id
),

once as (
    select *, row_number() over (partition by referral_id, link_referral_id order by link_position) as meeting_number from walked
)

select
    once.referral_id,
    once.link_position,
    once.link_referral_id,
    once.referrer_ref,
    refs.person_id as referrer_person_id
from once
left join {{ ref('int_person_refs') }} as refs on once.referrer_ref = refs.person_ref
where once.meeting_number = 1
