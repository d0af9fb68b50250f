-- One row per person and group of M8.1 and M5.8, formed by what had happened before the choice, `verdict_days` before the as-of instant: the list (by strength as it
-- stood then, ranked; as far as the longest list compared), the like-only crowd, the followers, and for M5.8 the evangelists of that day and all other followers.
-- With what each person brought from the choice to the as-of instant.
-- Who did nothing but like for a year is crowd, whatever strength is left from before it: nobody is both on the list and in the crowd.
with choice as (
    select
        {{ add_days('run.as_of_date', '-parameters.verdict_days') }} as chosen_date,
        {{ shift_days('run.as_of_at', '-parameters.verdict_days') }} as chosen_at,
        {{ shift_days('run.as_of_at', '-(parameters.verdict_days + parameters.like_only_days)') }} as like_only_since_at,
        parameters.least_p_real,
        parameters.list_size,
        greatest(parameters.list_size, 250) as longest_list
    from {{ ref('int_run') }} as run
    cross join {{ ref('int_parameters') }} as parameters
),

events as (
    {{ decayed_events("least(persons.reference_date, " ~ add_days('run.as_of_date', '-parameters.verdict_days') ~ ")") }}
),

strengths as (
    {{ strength_scores('events') }}
),

-- Whoever went after the choice was still to be chosen: leaving them out would look ahead.
persons as (
    select persons.person_id
    from {{ ref('int_persons') }} as persons
    cross join choice
    where persons.p_real >= choice.least_p_real
        and not persons.has_objected
        and coalesce(persons.deleted_day > choice.chosen_date, true)
),

acts as {{ inlined() }} (
    select interactions.person_id, interactions.kind, interactions.is_conversational, interactions.is_automated, interactions.direction, interactions.event_at
    from {{ ref('int_interactions') }} as interactions
    where interactions.direction <> 'out' and not interactions.is_deleted
),

habits as (
    select acts.person_id, min(case when acts.kind in ('like', 'follow', 'click', 'impression') then 1 else 0 end) = 1 as is_like_only
    from acts
    cross join choice
    where acts.event_at >= choice.like_only_since_at and acts.event_at < choice.chosen_at
    group by acts.person_id
),

ranked as (
    select
        strengths.person_id,
        strengths.strength,
        row_number() over (order by strengths.strength desc, strengths.person_id) as list_rank
    from strengths
    inner join persons on strengths.person_id = persons.person_id
    left join habits on strengths.person_id = habits.person_id
    where strengths.strength > 0 and not coalesce(habits.is_like_only, false)
),

-- A label that rests on acts after the choice would be chosen by what it is tested against.
evangelists as (
    select spans.person_id
    from {{ ref('int_evangelist_spans') }} as spans
    cross join choice
    inner join persons on spans.person_id = persons.person_id
    where spans.from_day <= choice.chosen_date and spans.until_day > choice.chosen_date
),

-- A follow without a known start was there when the list was first read: it is taken to be older than the choice.
followers as (
    select distinct follows.person_id
    from {{ ref('int_follows') }} as follows
    cross join choice
    inner join persons on follows.person_id = persons.person_id
    where coalesce(follows.started_at < choice.chosen_at, true) and coalesce(follows.ended_at >= choice.chosen_at, true)
),

members as (
    select ranked.person_id, 'list' as side, ranked.list_rank, ranked.strength
    from ranked
    cross join choice
    where ranked.list_rank <= choice.longest_list
    union all
    select habits.person_id, 'crowd' as side, cast(null as bigint) as list_rank, cast(null as double) as strength
    from habits
    inner join persons on habits.person_id = persons.person_id
    where habits.is_like_only
    union all
    select followers.person_id, 'followers' as side, cast(null as bigint) as list_rank, cast(null as double) as strength
    from followers
    cross join choice
    left join ranked on followers.person_id = ranked.person_id and ranked.list_rank <= choice.list_size
    where ranked.person_id is null
    union all
    select person_id, 'evangelists' as side, cast(null as bigint) as list_rank, cast(null as double) as strength
    from evangelists
    union all
    select followers.person_id, 'other followers' as side, cast(null as bigint) as list_rank, cast(null as double) as strength
    from followers
    left join evangelists on followers.person_id = evangelists.person_id
    where evangelists.person_id is null
),

later_acts as (
    select
        acts.person_id,
        count(case when acts.kind = 'click' then 1 end) as click_count,
        count(case when acts.is_conversational and acts.direction = 'in' and not acts.is_automated then 1 end) as reply_count
    from acts
    cross join choice
    where acts.event_at >= choice.chosen_at
    group by acts.person_id
),

-- What is credited by an account's own name needs no link; what is credited by a business id is seen of linked people only.
later_credits as (
    select
        ledger.person_id,
        {{ exact_sum("case when ledger.ledger = 'earned' and ledger.link_kind = 'account' then ledger.credited_amount end") }} as named_amount,
        {{ exact_sum("case when ledger.ledger = 'earned' and ledger.link_kind = 'statement' then ledger.credited_amount end") }} as linked_amount,
        count(case when ledger.ledger = 'buyer' and not ledger.is_refunded then 1 end) as conversion_count
    from {{ ref('int_value_ledger') }} as ledger
    cross join choice
    where ledger.occurred_at >= choice.chosen_at
    group by ledger.person_id
),

later_referrals as (
    select refs.person_id, count(*) as referral_count
    from {{ ref('stg_referrals') }} as referrals
    cross join choice
    cross join {{ ref('int_run') }} as run
    inner join {{ ref('int_person_refs') }} as refs on referrals.referrer_ref = refs.person_ref
    where coalesce(referrals.arm, 'referred') <> 'cold' and referrals.referred_at >= choice.chosen_at and referrals.referred_at < run.as_of_at
    group by refs.person_id
),

-- People new to the brand who are known to have been shown an act of advocacy (M5.1).
later_reach as (
    select exposures.exposer_person_id as person_id, count(distinct exposures.newcomer_key) as reached_count
    from {{ ref('int_exposures') }} as exposures
    cross join choice
    where exposures.exposed_at >= choice.chosen_at
    group by exposures.exposer_person_id
),

links as (
    select distinct person_id from {{ ref('int_person_accounts') }} where person_ref is not null
)

select
    members.person_id,
    members.side,
    cast(members.list_rank as bigint) as list_rank,
    members.strength,
    coalesce(later_credits.named_amount, cast(0 as double)) as named_amount,
    coalesce(later_credits.linked_amount, cast(0 as double)) as linked_amount,
    coalesce(later_credits.conversion_count, 0) as conversion_count,
    coalesce(later_referrals.referral_count, 0) as referral_count,
    coalesce(later_acts.reply_count, 0) as reply_count,
    coalesce(later_acts.click_count, 0) as click_count,
    coalesce(later_reach.reached_count, 0) as reached_count,
    links.person_id is not null as is_linked
from members
left join later_acts on members.person_id = later_acts.person_id
left join later_credits on members.person_id = later_credits.person_id
left join later_referrals on members.person_id = later_referrals.person_id
left join later_reach on members.person_id = later_reach.person_id
left join links on members.person_id = links.person_id
