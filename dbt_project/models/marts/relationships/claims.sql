-- Each observation brings: observed, its unit, n, low, high, is_too_few, missing_reason (nothing can be said, and why) and, where another mart has judged
-- already, given_verdict and given_why. The verdict follows from the rule in the register.
with register as (
    select * from {{ ref('claim_register') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator, claim_weeks, claim_post_days, claim_least_campaigns, claim_most_silence_days, quality_least_labelled from {{ ref('int_parameters') }}
),

currencies as (
    select currency from {{ ref('int_currency') }}
),

verdicts as (
    select 'E1-1' as claim_id, difference as observed, outcome_unit as observed_unit, list_count as n, difference_low as low, difference_high as high,
        false as is_too_few, cast(null as string) as missing_reason, verdict as given_verdict, coalesce(answer_text, verdict_reason) as given_why
    from {{ ref('fifty_versus_crowd') }}
    where is_primary
    union all
    -- How many of the strongest are worth all other followers, per follower: 100 for 10,000 is 0.01.
    select 'E3-1' as claim_id, round(break_even_count / nullif(crowd_count, 0), 9) as observed, 'people per follower' as observed_unit, crowd_count as n,
        round(break_even_low / nullif(crowd_count, 0), 9) as low, round(break_even_high / nullif(crowd_count, 0), 9) as high, is_too_few,
        case when break_even_count is null then coalesce(verdict_reason, 'nobody on the list brought any value') end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('fifty_versus_crowd') }}
    where variant = 'followers'
    union all
    select 'E5-1' as claim_id, crowd_active_share as observed, 'share 0-1' as observed_unit, crowd_count as n, crowd_active_low as low, crowd_active_high as high,
        crowd_count < parameters.least_denominator as is_too_few,
        case when crowd_active_share is null then coalesce(verdict_reason, 'nobody did nothing but like') end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('fifty_versus_crowd') }}
    cross join parameters
    where is_primary
),

audiences as (
    -- Where business data say nothing of interest, being real is what can be told: 1 less the corrected prevalence of made-up accounts. The correction rests on how often
    -- the flags err; while that is a parameter and nobody has labelled accounts, the share is shown and proves nothing: it would be its own assumption.
    select 'E1-2' as claim_id,
        case
            when in_interest_share is not null then in_interest_share
            when error_basis = 'labels' then round(1 - corrected_prevalence, 9)
            else real_share
        end as observed,
        case
            when in_interest_share is not null then 'share real and in interest'
            when error_basis = 'labels' then 'share real'
            else 'share real, by parameters'
        end as observed_unit,
        case when in_interest_share is not null or error_basis <> 'labels' then person_count else judged_count end as n,
        case when in_interest_share is not null then in_interest_low when error_basis = 'labels' then round(1 - corrected_prevalence_high, 9) end as low,
        case when in_interest_share is not null then in_interest_high when error_basis = 'labels' then round(1 - corrected_prevalence_low, 9) end as high,
        coalesce(case when in_interest_share is not null then person_count else judged_count end < parameters.least_denominator, true) as is_too_few,
        case
            when in_interest_share is null and error_basis <> 'labels' then 'how often the flags err is not known: ' || cast(hand_labelled_count as string)
                || ' accounts were labelled by hand, ' || cast(cast(parameters.quality_least_labelled as bigint) as string) || ' are needed'
            when coalesce(in_interest_share, corrected_prevalence) is null then coalesce(person_reason, flagged_reason, in_interest_reason)
        end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('audience_quality') }}
    cross join parameters
    where platform = 'all' and population = 'followers'
    union all
    select 'E2-3' as claim_id, diversity as observed, '1 − Σ share²' as observed_unit, segment_known_count as n, cast(null as double) as low, cast(null as double) as high,
        coalesce(segment_known_count < parameters.least_denominator, true) as is_too_few,
        case when diversity is null then diversity_reason end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('audience_quality') }}
    cross join parameters
    where platform = 'all' and population = 'engaged'
),

newest_reach as (
    select *, row_number() over (order by week_start_date desc) as week_rank
    from {{ ref('reach_weekly') }}
    where platform = 'all' and not is_partial_week
),

reaches as (
    select named.claim_id, newest_reach.engaged_share as observed, 'share of the potential reach' as observed_unit, newest_reach.potential_reach_count as n,
        newest_reach.engaged_share_low as low, newest_reach.engaged_share_high as high, false as is_too_few,
        case when newest_reach.engaged_share is null then coalesce(newest_reach.vanity_gap_reason, 'no potential reach is known') end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from newest_reach
    cross join (select 'E1-3' as claim_id union all select 'E5-5' as claim_id) as named
    where newest_reach.week_rank = 1
),

approaches as (
    select 'E1-5' as claim_id, acceptance_rate as observed, 'share of first contacts answered' as observed_unit, settled_contact_count as n,
        acceptance_rate_low as low, acceptance_rate_high as high, is_too_few,
        case when acceptance_rate is null then acceptance_reason end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('outreach_summary') }}
    where period_kind = 'last_90_days' and channel = 'all'
),

year_of_value as (
    select
        sum(value.earned_value) as earned_value,
        sum(value.cost) as cost,
        sum(value.staff_hours) as staff_hours,
        sum(value.conversion_count) as conversion_count,
        max(value.value_reason) as value_reason,
        max(value.cost_reason) as cost_reason,
        count(case when value.earned_value is null or value.cost is null then 1 end) as unknown_month_count
    from {{ ref('value_and_roi') }} as value
    cross join run
    where value.channel = 'all' and value.month_start_date > {{ add_days('run.as_of_date', '-366') }}
),

returns as (
    select named.claim_id, round((year_of_value.earned_value - year_of_value.cost) / nullif(year_of_value.cost, 0), 9) as observed, 'return on cost, 12 months' as observed_unit,
        cast(year_of_value.conversion_count as bigint) as n, cast(null as double) as low, cast(null as double) as high, false as is_too_few,
        case
            when coalesce(year_of_value.unknown_month_count, 1) > 0 or coalesce(year_of_value.cost, 0) = 0
                then coalesce(year_of_value.value_reason, year_of_value.cost_reason, 'no cost recorded')
        end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from year_of_value
    cross join (select 'E1-6' as claim_id union all select 'E4-8' as claim_id) as named
    union all
    select 'E3-6' as claim_id, round(year_of_value.earned_value / nullif(year_of_value.staff_hours, 0), 9) as observed,
        currencies.currency || ' per staff hour, 12 months' as observed_unit,
        cast(year_of_value.conversion_count as bigint) as n, cast(null as double) as low, cast(null as double) as high, false as is_too_few,
        case when year_of_value.earned_value is null or coalesce(year_of_value.staff_hours, 0) = 0
            then coalesce(year_of_value.value_reason, 'no staff hours are recorded') end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from year_of_value
    cross join currencies
),

livings as (
    select 'E1-7' as claim_id, cast(days.living_count as double) as observed, 'people' as observed_unit, days.engaged_count as n,
        cast(null as double) as low, cast(null as double) as high, false as is_too_few, days.living_reason as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('living_relationships_daily') }} as days
    inner join run on days.as_of_date = run.as_of_date
),

voice_sums as (
    select coalesce(sum(weeks.earned_message_count), 0) as earned_count, coalesce(sum(weeks.message_count), 0) as message_count
    from {{ ref('share_of_voice_weekly') }} as weeks
    cross join run
    cross join parameters
    where weeks.platform = 'all' and not weeks.is_partial_week and weeks.week_start_date > {{ add_days('run.as_of_date', '-7 * (parameters.claim_weeks + 1)') }}
),

voices as (
    select 'E2-1' as claim_id, {{ share('earned_count', 'message_count') }} as observed, 'share of messages' as observed_unit, cast(message_count as bigint) as n,
        {{ wilson_low('earned_count', 'message_count') }} as low, {{ wilson_high('earned_count', 'message_count') }} as high,
        message_count < parameters.least_denominator as is_too_few,
        case when message_count = 0 then 'nobody said anything about the brand' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from voice_sums
    cross join parameters
),

responses as (
    -- Both must hold: never dominate is the interval, never stop the longest silence while somebody waited.
    select 'E2-2' as claim_id, brand_dominance as observed, 'share of messages in conversations' as observed_unit, conversation_message_count as n,
        brand_dominance_low as low, brand_dominance_high as high, is_dominance_too_few as is_too_few,
        case
            when brand_dominance is null then 'there was no conversation'
            when longest_silence_days is null then coalesce(longest_silence_reason, 'no silence can be measured')
        end as missing_reason,
        case when longest_silence_days > parameters.claim_most_silence_days and brand_dominance is not null then 'refuted' end as given_verdict,
        case when longest_silence_days > parameters.claim_most_silence_days and brand_dominance is not null
            then 'nobody answered for ' || cast(round(longest_silence_days, 1) as string) || ' days while somebody waited: that is stopping'
        end as given_why
    from {{ ref('response_summary') }}
    cross join parameters
    where platform = 'all' and period_kind = 'last_90_days'
    union all
    -- A median that was not reached is an answer: it is longer than anybody could be followed.
    select 'E2-8' as claim_id, round(median_response_seconds / cast(60 as double), 9) as observed, 'minutes, median' as observed_unit, ask_count as n,
        cast(null as double) as low, cast(null as double) as high, is_too_few,
        case when ask_count = 0 then coalesce(median_response_reason, 'nobody asked anything') end as missing_reason,
        cast(null as string) as given_verdict,
        case when median_response_seconds is null and ask_count > 0 and not is_too_few
            then 'fewer than half of the asks were answered in the time they could be followed, so that the median lies beyond it. '
                || 'Whether slowness costs customers needs an experiment.'
        end as given_why
    from {{ ref('response_summary') }}
    where platform = 'all' and period_kind = 'last_90_days'
    union all
    select 'E4-2' as claim_id, reply_rate as observed, 'share of addressed messages' as observed_unit, repliable_message_count as n, reply_rate_low as low, reply_rate_high as high,
        is_reply_rate_too_few as is_too_few, case when reply_rate is null then 'the brand addressed nobody long enough ago' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('response_summary') }}
    where platform = 'all' and period_kind = 'last_90_days'
    union all
    select 'E4-10' as claim_id, listening_ratio as observed, 'share of the messages of the brand' as observed_unit, human_brand_message_count as n,
        listening_ratio_low as low, listening_ratio_high as high, is_listening_too_few as is_too_few,
        case when listening_ratio is null then 'the brand wrote nothing' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('response_summary') }}
    where platform = 'all' and period_kind = 'last_90_days'
),

recommendations as (
    select
        named.claim_id,
        case when named.claim_id = 'E4-7' then referrals.share_of_referrals else referrals.conversion_rate end as observed,
        case when named.claim_id = 'E4-7' then 'share of referrals that nobody rewards' else 'share of prospects who convert' end as observed_unit,
        case when named.claim_id = 'E4-7' then referrals.referral_count else referrals.elapsed_prospect_count end as n,
        case when named.claim_id = 'E4-7' then referrals.share_of_referrals_low else referrals.conversion_low end as low,
        case when named.claim_id = 'E4-7' then referrals.share_of_referrals_high else referrals.conversion_high end as high,
        case when named.claim_id = 'E4-7' then referrals.referral_count < parameters.least_denominator else referrals.is_too_few end as is_too_few,
        case
            when named.claim_id = 'E4-7' and referrals.share_of_referrals is null then 'no referrals are recorded'
            when named.claim_id <> 'E4-7' and referrals.conversion_rate is null then referrals.conversion_reason
        end as missing_reason,
        cast(null as string) as given_verdict,
        cast(null as string) as given_why
    from {{ ref('referrals') }} as referrals
    cross join parameters
    inner join (
        select 'E4-3' as claim_id, 'referred' as arm union all select 'E4-5' as claim_id, 'cold' as arm union all select 'E4-7' as claim_id, 'unrewarded' as arm
    ) as named on referrals.arm = named.arm
),

concentrated as (
    select 'E2-7' as claim_id, top_1_share as observed, 'share of all responses' as observed_unit, member_count as n, top_1_share as low, top_1_share as high, is_too_few,
        case when top_1_share is null then concentration_reason end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('concentration') }}
    where measure = 'responses per post'
),

ranked_overlaps as (
    select *, row_number() over (order by overlap_coefficient desc nulls last, first_platform, second_platform) as overlap_rank
    from {{ ref('network_overlap') }}
),

network_overlaps as (
    -- Volunteered links are a lower bound, so its upper end is not known.
    select 'E3-3' as claim_id, overlap_coefficient as observed, 'share of the smaller network, at least' as observed_unit, least(first_person_count, second_person_count) as n,
        overlap_coefficient as low, cast(null as double) as high, is_too_few, case when overlap_coefficient is null then overlap_reason end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from ranked_overlaps
    where overlap_rank = 1
),

capacities as (
    select 'E3-2' as claim_id, cast(max(relationship_count) as double) as observed, 'relations of one responder' as observed_unit, count(*) as n,
        cast(max(relationship_count) as double) as low, cast(max(relationship_count) as double) as high, false as is_too_few,
        case when count(*) = 0 then 'nobody in particular answers for the brand' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('responder_capacity') }}
    where responder_kind = 'person'
),

outcomes as (
    select
        count(case when outcome is not null then 1 end) as judged_count,
        count(case when outcome like 'failed%' then 1 end) as failed_count,
        count(case when is_incentivised and half_life_days is not null then 1 end) as decayed_count,
        max(case when is_incentivised then half_life_days end) as longest_half_life
    from {{ ref('campaigns') }}
),

initiatives as (
    select 'E2-6' as claim_id, {{ share('failed_count', 'judged_count') }} as observed, 'share of campaigns' as observed_unit, judged_count as n,
        {{ wilson_low('failed_count', 'judged_count') }} as low, {{ wilson_high('failed_count', 'judged_count') }} as high,
        judged_count < parameters.claim_least_campaigns as is_too_few,
        case when judged_count = 0 then 'no campaign has an outcome: none is old enough, or none has a control that data can follow' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from outcomes
    cross join parameters
    union all
    select 'E5-2' as claim_id, longest_half_life as observed, 'days, longest half-life' as observed_unit, decayed_count as n, longest_half_life as low, longest_half_life as high,
        decayed_count < parameters.claim_least_campaigns as is_too_few,
        case when decayed_count = 0 then 'no rewarded campaign has a half-life' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from outcomes
    cross join parameters
),

newest_retention as (
    select *, row_number() over (order by campaign_start_date desc, campaign_id) as campaign_rank
    from {{ ref('campaign_retention') }}
    where arm = 'campaign' and is_incentivised and (stayed_90_share is not null or is_too_few)
),

retentions as (
    select 'E5-3' as claim_id, retention.stayed_90_share as observed, 'share of entrants after 90 days' as observed_unit, coalesce(retention.followed_count, 0) as n,
        retention.stayed_90_low as low, retention.stayed_90_high as high, coalesce(retention.is_too_few, false) as is_too_few,
        case when retention.campaign_id is null then 'no rewarded campaign is old enough' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from run
    left join newest_retention as retention on retention.campaign_rank = 1
),

settled_posts as (
    -- Most posts are labelled neither way: what is not known to be promotional stands beside what is.
    select
        posts.like_count,
        posts.comment_count,
        coalesce(posts.is_promotional, false) as is_promotional,
        posts.comment_count > 0 as has_comment
    from {{ ref('posts') }} as posts
    cross join run
    cross join parameters
    where posts.author_side = 'brand' and posts.kind = 'post' and posts.is_settled and not posts.is_deleted and posts.comment_count is not null
        and posts.published_date > {{ add_days('run.as_of_date', '-parameters.claim_post_days') }}
),

post_sums as (
    select
        coalesce(sum(case when like_count is not null then comment_count end), 0) as comment_sum,
        coalesce(sum(like_count), 0) as like_sum,
        count(case when is_promotional then 1 end) as promotional_count,
        count(case when is_promotional and has_comment then 1 end) as promotional_drawn_count,
        count(case when not is_promotional then 1 end) as other_count,
        count(case when not is_promotional and has_comment then 1 end) as other_drawn_count
    from settled_posts
),

-- Newcombe's interval of a difference of two shares, from the two Wilson intervals.
post_shares as (
    select
        *,
        {{ share('promotional_drawn_count', 'promotional_count') }} as promotional_share,
        {{ wilson_low('promotional_drawn_count', 'promotional_count') }} as promotional_low,
        {{ wilson_high('promotional_drawn_count', 'promotional_count') }} as promotional_high,
        {{ share('other_drawn_count', 'other_count') }} as other_share,
        {{ wilson_low('other_drawn_count', 'other_count') }} as other_low,
        {{ wilson_high('other_drawn_count', 'other_count') }} as other_high
    from post_sums
),

published as (
    -- A ratio of counts, each comment beside a like: the interval is that of the share of comments among both.
    select 'E5-4' as claim_id, {{ share('comment_sum', 'like_sum') }} as observed, 'comments per like' as observed_unit, cast(like_sum as bigint) as n,
        round({{ wilson_low('comment_sum', '(comment_sum + like_sum)') }} / nullif(1 - {{ wilson_low('comment_sum', '(comment_sum + like_sum)') }}, 0), 9) as low,
        round({{ wilson_high('comment_sum', '(comment_sum + like_sum)') }} / nullif(1 - {{ wilson_high('comment_sum', '(comment_sum + like_sum)') }}, 0), 9) as high,
        like_sum < parameters.least_denominator as is_too_few,
        case when like_sum = 0 then 'no settled post has likes that are known' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from post_shares
    cross join parameters
    union all
    select 'E5-7' as claim_id, round(promotional_share - other_share, 9) as observed,
        'share of posts with a comment, promotional less not known to be' as observed_unit, promotional_count as n,
        round(promotional_share - other_share - sqrt(power(promotional_share - promotional_low, 2) + power(other_high - other_share, 2)), 9) as low,
        round(promotional_share - other_share + sqrt(power(promotional_high - promotional_share, 2) + power(other_share - other_low, 2)), 9) as high,
        least(promotional_count, other_count) < parameters.least_denominator as is_too_few,
        case
            when promotional_count = 0 then 'no post is known to be promotional'
            when other_count = 0 then 'every post is promotional: there is nothing to compare with'
        end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from post_shares
    cross join parameters
),

stages as (
    select 'E4-9' as claim_id, {{ share('count(case when stage_number <= 3 then 1 end)', 'count(*)') }} as observed, 'share of real people who converse or more' as observed_unit,
        count(*) as n, {{ wilson_low('count(case when stage_number <= 3 then 1 end)', 'count(*)') }} as low,
        {{ wilson_high('count(case when stage_number <= 3 then 1 end)', 'count(*)') }} as high, false as is_too_few,
        case when count(*) = 0 then 'nobody is known' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('lifecycle') }}
    cross join {{ ref('int_parameters') }} as limits
    where stage_number < 9 and p_real >= limits.least_p_real
),

-- M4.9: of those the brand talked with, how many said something that the desk wrote down.
listenings as (
    select 'E1-4' as claim_id, feedback_yield as observed, 'share of people talked with whose feedback was noted' as observed_unit,
        conversed_person_count as n, feedback_yield_low as low, feedback_yield_high as high, is_too_few,
        case when feedback_yield is null then yield_reason end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('feedback_summary') }}
    where period_kind = 'last_90_days' and platform = 'all'
),

agreements as (
    select 'E4-1' as claim_id, influence_agreement as observed, 'rank correlation of followers and influence' as observed_unit, influence_pair_count as n,
        influence_agreement_low as low, influence_agreement_high as high, false as is_too_few,
        case when influence_agreement is null then influence_agreement_reason end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('influence_summary') }}
    where component_number = 1
    union all
    -- What counts is value; component 0 is everybody.
    select 'E2-9' as claim_id, value_agreement as observed, 'rank correlation of followers and earned value' as observed_unit, value_pair_count as n,
        value_agreement_low as low, value_agreement_high as high, false as is_too_few,
        case when value_agreement is null then value_agreement_reason end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('influence_summary') }}
    where component_number = 0
),

-- What a daily build must not fit is taken from the last calibration.
elasticities as (
    select named.claim_id, calibration.value as observed, 'elasticity' as observed_unit, coalesce(calibration.member_count, 0) as n,
        calibration.low, calibration.high, false as is_too_few,
        case when calibration.value is null then coalesce(calibration.note, 'nobody has run `fifty calibrate`') end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from (
        select 'E2-10' as claim_id, 'conversations on posts' as item
        union all
        select 'E5-6' as claim_id, 'conversations on followers' as item
    ) as named
    left join {{ ref('calibration') }} as calibration on calibration.measure = 'M6.7 elasticity' and named.item = calibration.item
),

advocacies as (
    select 'E2-5' as claim_id, advocacy_rate as observed, 'share of customers' as observed_unit, customer_count as n, advocacy_rate_low as low, advocacy_rate_high as high,
        is_advocacy_too_few as is_too_few, case when advocacy_rate is null then advocacy_reason end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('advocacy_summary') }}
    union all
    select 'E3-5' as claim_id, cast(advocate_count as double) as observed, 'advocates' as observed_unit, acting_person_count as n, cast(null as double) as low,
        cast(null as double) as high, false as is_too_few, cast(null as string) as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('advocacy_summary') }}
    union all
    select 'E4-4' as claim_id, multiplier as observed, 'new people per advocate, mean' as observed_unit, advocate_count as n, multiplier_low as low, multiplier_high as high,
        is_too_few,
        case when multiplier_claim_verdict = 'not measurable' then 'most of those who could have been shown an act are not known' when multiplier is null then multiplier_reason end
            as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('advocacy_summary') }}
),

spreads as (
    select 'E2-4' as claim_id, round(percentile_cont(0.5) within group (order by half_seconds) / cast(3600 as double), 9) as observed, 'hours to half, median' as observed_unit,
        count(half_seconds) as n, cast(null as double) as low, cast(null as double) as high, count(half_seconds) < max(limits.least_denominator) as is_too_few,
        case when count(half_seconds) = 0 then 'nothing of the brand was passed on at a known time' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from {{ ref('cascades') }}
    cross join {{ ref('int_parameters') }} as limits
    where author_side = 'brand'
),

newest_push_backs as (
    select *, row_number() over (order by week_start_date desc) as week_rank
    from {{ ref('push_back') }}
    where platform = 'all' and push_back_rate is not null
),

push_backs as (
    select 'E4-6' as claim_id, push_back.push_back_rate as observed, 'share of people reached, newest week known' as observed_unit,
        coalesce(push_back.reached_person_count, 0) as n, push_back.push_back_rate_low as low, push_back.push_back_rate_high as high,
        coalesce(push_back.is_too_few, false) as is_too_few,
        case when push_back.push_back_rate is null then 'no week tells who turned away' end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from run
    left join newest_push_backs as push_back on push_back.week_rank = 1
),

-- What nobody records.
absent as (
    select claim_id, cast(null as double) as observed, cast(null as string) as observed_unit, cast(0 as bigint) as n, cast(null as double) as low, cast(null as double) as high,
        false as is_too_few,
        case
            when claim_id = 'E3-4' then 'no bought score is pulled'
            when claim_id = 'E4-11' then 'it is about other organisations'
        end as missing_reason,
        cast(null as string) as given_verdict, cast(null as string) as given_why
    from register
    where claim_id in ('E3-4', 'E4-11')
),

observations as (
    {%- for name in [
        'verdicts', 'audiences', 'reaches', 'approaches', 'returns', 'livings', 'voices', 'responses',
        'recommendations', 'concentrated', 'network_overlaps', 'capacities', 'initiatives', 'retentions', 'published', 'stages',
        'agreements', 'listenings', 'elasticities', 'advocacies', 'spreads', 'push_backs', 'absent'
    ] %}
    select * from {{ name }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

judged as (
    select
        register.*,
        observations.observed,
        observations.observed_unit,
        coalesce(observations.n, 0) as n,
        observations.low,
        observations.high,
        observations.given_why,
        case when observations.low = observations.high then 'the number' else 'the whole interval' end as seen,
        case when observations.claim_id is null then 'no row of ' || register.mart || ' answers it' else observations.missing_reason end as missing_reason,
        case
            when observations.given_verdict is not null then observations.given_verdict
            when observations.claim_id is null or observations.missing_reason is not null then 'not measurable'
            when observations.is_too_few then 'too few'
            when register.rule = 'described' then 'not testable'
            when register.rule = 'at_least' and observations.low > register.threshold then 'holds'
            when register.rule = 'at_least' and observations.high < register.threshold then 'refuted'
            when register.rule = 'at_most' and observations.high <= register.threshold then 'holds'
            when register.rule = 'at_most' and observations.low > register.threshold then 'refuted'
            -- A number is refuted by an interval without it; an interval with it does not prove it.
            when register.rule = 'equals' and (register.threshold < observations.low or register.threshold > observations.high) then 'refuted'
            else 'not shown'
        end as verdict
    from register
    left join observations on register.claim_id = observations.claim_id
)

select
    judged.claim_id,
    judged.essay,
    judged.claim,
    judged.measure,
    judged.mart,
    judged.claimed,
    judged.observed_unit,
    judged.verdict,
    case
        when judged.given_why is not null then judged.given_why
        when judged.verdict = 'not measurable' then judged.missing_reason
        when judged.verdict = 'too few' then 'only ' || cast(judged.n as string) || ' to judge by'
        when judged.verdict = 'not testable' then judged.note
        when judged.verdict = 'holds' then trim(judged.seen || ' lies on the side of the claim. ' || coalesce(judged.note, ''))
        when judged.verdict = 'refuted' then trim(judged.seen || ' lies against the claim. ' || coalesce(judged.note, ''))
        else trim('the interval does not decide. ' || coalesce(judged.note, ''))
    end as why,
    judged.threshold_label,
    run.parameters_version,
    cast(judged.claim_number as bigint) as claim_number,
    cast(judged.n as bigint) as n,
    round(judged.observed, 9) as observed,
    round(judged.low, 9) as low,
    round(judged.high, 9) as high,
    judged.threshold,
    run.as_of_date
from judged
cross join run
