with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

-- What is told of the world outside both groups: the whole value of the time, and how it is linked to people.
ledger as (
    select ledger.*
    from {{ ref('int_value_ledger') }} as ledger
    cross join run
    cross join parameters
    where ledger.ledger = 'earned' and ledger.occurred_at >= {{ shift_days('run.as_of_at', '-parameters.verdict_days') }}
),

totals as (
    select
        coalesce({{ exact_sum('credited_amount') }}, cast(0 as double)) as total_value,
        count(distinct case when credited_amount is null then conversion_id end) as unvalued_count
    from ledger
),

costs as (
    select {{ exact_sum('costs.amount') }} as cost, count(case when costs.amount_reason is not null then 1 end) as unpriced_count
    from {{ ref('int_costs') }} as costs
    cross join run
    cross join parameters
    where costs.incurred_at >= {{ shift_days('run.as_of_at', '-parameters.verdict_days') }}
),

recorded as (
    select
        (select count(*) from {{ ref('stg_conversions') }}) as conversion_row_count,
        (select count(*) from {{ ref('stg_referrals') }}) as referral_row_count,
        (select count(*) from {{ ref('stg_interactions') }} where kind = 'click') as click_row_count
),

members as (
    select * from {{ ref('int_verdict_members') }}
),

group_sums as (
    select
        side,
        list_size,
        count(*) as member_count,
        max(link_rate) as link_rate,
        {{ exact_sum('measured_value') }} as measured_value,
        count(case when measured_value <> 0 then 1 end) as value_person_count,
        sum(conversion_count) as conversion_count,
        count(case when conversion_count > 0 then 1 end) as conversion_person_count,
        sum(referral_count) as referral_count,
        count(case when referral_count > 0 then 1 end) as referral_person_count,
        sum(reply_count) as reply_count,
        count(case when reply_count > 0 then 1 end) as reply_person_count,
        count(case when click_count > 0 then 1 end) as click_person_count,
        sum(reached_count) as reached_count,
        count(case when reached_count > 0 then 1 end) as reached_person_count
    from members
    group by side, list_size
),

measured as (
    select
        intervals.*,
        coalesce(list_groups.member_count, 0) as list_count,
        coalesce(crowd_groups.member_count, 0) as crowd_count,
        case when intervals.outcome = 'value' then list_groups.value_person_count else list_groups.click_person_count end as list_active_count,
        case when intervals.outcome = 'value' then crowd_groups.value_person_count else crowd_groups.click_person_count end as crowd_active_count,
        list_groups.measured_value,
        list_groups.link_rate as list_link_rate,
        crowd_groups.link_rate as crowd_link_rate
    from {{ ref('int_verdict_intervals') }} as intervals
    left join group_sums as list_groups on intervals.list_side = list_groups.side and intervals.list_size = list_groups.list_size
    left join group_sums as crowd_groups on intervals.crowd_side = crowd_groups.side
),

-- The word is decided here, and nowhere else.
judged as (
    select
        measured.*,
        case
            when measured.outcome = 'clicks' and recorded.click_row_count = 0 then 'not measurable: no connector tells who clicked'
            when measured.outcome = 'value' and recorded.conversion_row_count = 0 then 'not measurable: no conversions are recorded'
            when measured.list_count = 0 and measured.list_side = 'evangelists' then 'too few: nobody was an evangelist when the list was made'
            when measured.list_count = 0 then 'too few: nobody was in a relationship with the brand when the list was made'
            when measured.crowd_count = 0 and measured.crowd_side <> 'crowd' then 'too few: no follower of that time is known'
            when measured.crowd_count = 0 then 'too few: nobody did nothing but like in the year before the list was made'
            when measured.list_people_count is null or measured.crowd_people_count is null then 'too few: nobody is left in a group without its largest'
            when measured.outcome = 'value' and measured.list_link_rate = 0 and measured.crowd_link_rate = 0
                then 'not measurable: conversions name people by a business id, and nobody of either group has stated theirs'
            when measured.outcome = 'value' and least(measured.list_link_rate, measured.crowd_link_rate)
                < parameters.least_link_ratio * greatest(measured.list_link_rate, measured.crowd_link_rate)
                then 'not testable: people of the two groups are linked to their conversions too differently'
            when measured.difference_low > 0 then 'holds: the interval of the difference lies above 0'
            when measured.difference_high < 0 then 'refuted: the interval of the difference lies below 0'
            else 'not shown: the interval of the difference contains 0'
        end as finding
    from measured
    cross join recorded
    cross join parameters
),

told as (
    select
        *,
        split_part(finding, ': ', 1) as verdict,
        split_part(finding, ': ', 1) in ('holds', 'refuted', 'not shown', 'not testable') as has_figures
    from judged
),

compared as (
    select told.*, main.verdict as main_verdict
    from told
    left join told as main on main.variant = 'main' and told.outcome = main.outcome
),

-- Shown beside the money and never added to it: what else came of both groups.
secondary as (
    select
        'secondary' as variant,
        outcomes.outcome,
        list_groups.list_size,
        list_groups.member_count as list_count,
        coalesce(crowd_groups.member_count, 0) as crowd_count,
        case outcomes.outcome
            when 'replies' then list_groups.reply_count when 'referrals' then list_groups.referral_count
            when 'people reached' then list_groups.reached_count else list_groups.conversion_count
        end as list_sum,
        case outcomes.outcome
            when 'replies' then crowd_groups.reply_count when 'referrals' then crowd_groups.referral_count
            when 'people reached' then crowd_groups.reached_count else crowd_groups.conversion_count
        end as crowd_sum,
        case outcomes.outcome
            when 'replies' then list_groups.reply_person_count when 'referrals' then list_groups.referral_person_count
            when 'people reached' then list_groups.reached_person_count else list_groups.conversion_person_count
        end as list_active_count,
        case outcomes.outcome
            when 'replies' then crowd_groups.reply_person_count when 'referrals' then crowd_groups.referral_person_count
            when 'people reached' then crowd_groups.reached_person_count else crowd_groups.conversion_person_count
        end as crowd_active_count,
        case
            when outcomes.outcome = 'referrals' and recorded.referral_row_count = 0 then 'not measurable: no referrals are recorded'
            when outcomes.outcome = 'conversions' and recorded.conversion_row_count = 0 then 'not measurable: no conversions are recorded'
        end as outcome_reason
    from (
        select 'replies' as outcome
        union all
        select 'referrals' as outcome
        union all
        select 'conversions' as outcome
        union all
        select 'people reached' as outcome
    ) as outcomes
    cross join recorded
    inner join group_sums as list_groups on list_groups.side = 'list'
    inner join {{ ref('int_verdict_lists') }} as lists on list_groups.list_size = lists.list_size and lists.is_main
    left join group_sums as crowd_groups on crowd_groups.side = 'crowd'
),

rows_told as (
    select
        variant,
        outcome,
        verdict,
        finding as verdict_reason,
        list_size,
        list_count,
        crowd_count,
        case when has_figures then list_sum end as list_sum,
        case when has_figures then crowd_sum end as crowd_sum,
        case when has_figures then list_sum - crowd_sum end as difference,
        case when has_figures then difference_low end as difference_low,
        case when has_figures then difference_high end as difference_high,
        case when has_figures then not_more_share end as not_more_share,
        case when has_figures then list_sum / list_people_count end as list_per_head,
        case when has_figures then crowd_sum / crowd_people_count end as crowd_per_head,
        case when has_figures then per_head_ratio_low end as per_head_ratio_low,
        case when has_figures then per_head_ratio_high end as per_head_ratio_high,
        case when has_figures and list_sum > 0 then crowd_sum / (list_sum / list_people_count) end as break_even_count,
        case when has_figures then break_even_low end as break_even_low,
        case when has_figures then break_even_high end as break_even_high,
        case when has_figures then list_active_count end as list_active_count,
        case when has_figures then crowd_active_count end as crowd_active_count,
        case when has_figures then list_largest_share end as list_largest_share,
        case when has_figures then crowd_largest_share end as crowd_largest_share,
        case when outcome = 'value' and variant in ('main', 'list size') and has_figures then measured_value end as measured_value,
        case when outcome = 'value' then list_link_rate end as list_link_rate,
        case when outcome = 'value' then crowd_link_rate end as crowd_link_rate,
        case when has_figures then replicate_count end as replicate_count,
        case when variant not in ('main', 'followers', 'evangelists') then verdict <> main_verdict end as is_verdict_flipped
    from compared
    union all
    select
        variant,
        outcome,
        cast(null as string) as verdict,
        coalesce(outcome_reason, 'a secondary outcome has no verdict: it is shown beside the money and never added to it') as verdict_reason,
        list_size,
        list_count,
        crowd_count,
        case when outcome_reason is null then cast(list_sum as double) end as list_sum,
        case when outcome_reason is null then cast(crowd_sum as double) end as crowd_sum,
        cast(null as double) as difference,
        cast(null as double) as difference_low,
        cast(null as double) as difference_high,
        cast(null as double) as not_more_share,
        case when outcome_reason is null then cast(list_sum as double) / nullif(list_count, 0) end as list_per_head,
        case when outcome_reason is null then cast(crowd_sum as double) / nullif(crowd_count, 0) end as crowd_per_head,
        cast(null as double) as per_head_ratio_low,
        cast(null as double) as per_head_ratio_high,
        cast(null as double) as break_even_count,
        cast(null as double) as break_even_low,
        cast(null as double) as break_even_high,
        case when outcome_reason is null then list_active_count end as list_active_count,
        case when outcome_reason is null then crowd_active_count end as crowd_active_count,
        cast(null as double) as list_largest_share,
        cast(null as double) as crowd_largest_share,
        cast(null as double) as measured_value,
        cast(null as double) as list_link_rate,
        cast(null as double) as crowd_link_rate,
        cast(null as bigint) as replicate_count,
        cast(null as boolean) as is_verdict_flipped
    from secondary
)

select
    rows_told.variant,
    rows_told.outcome,
    case when rows_told.outcome = 'value' then brand.currency else rows_told.outcome end as outcome_unit,
    rows_told.verdict,
    rows_told.verdict_reason,
    case rows_told.verdict
        when 'holds' then 'Yes: the ' || case when rows_told.variant = 'evangelists' then 'evangelists were' else 'list was' end || ' worth more in total than '
            || case when rows_told.variant in ('followers', 'evangelists') then 'all other followers' else 'the like-only crowd' end
            || ' (' || cast(rows_told.list_count as string) || ' people against ' || cast(rows_told.crowd_count as string) || ').'
        when 'refuted' then 'NO: ' || case when rows_told.variant in ('followers', 'evangelists') then 'all other followers were' else 'the like-only crowd was' end
            || ' worth more in total.'
        when 'not shown' then 'Not shown: with so few who bring anything, chance alone could turn the difference round.'
        when 'not testable' then 'Not testable: what the two groups bring is not known equally well.'
        when 'not measurable' then 'Not measurable with what is recorded.'
        when 'too few' then 'Too few people to say.'
    end as answer_text,
    run.parameters_version,
    case when rows_told.variant = 'evangelists' then rows_told.list_count else rows_told.list_size end as list_size,
    rows_told.list_count,
    rows_told.crowd_count,
    round(rows_told.list_sum, 9) as list_sum,
    round(rows_told.crowd_sum, 9) as crowd_sum,
    round(rows_told.difference, 9) as difference,
    rows_told.difference_low,
    rows_told.difference_high,
    rows_told.not_more_share,
    round(rows_told.list_per_head, 9) as list_per_head,
    round(rows_told.crowd_per_head, 9) as crowd_per_head,
    round(rows_told.list_per_head / nullif(rows_told.crowd_per_head, 0), 9) as per_head_ratio,
    rows_told.per_head_ratio_low,
    rows_told.per_head_ratio_high,
    round(rows_told.break_even_count, 9) as break_even_count,
    rows_told.break_even_low,
    rows_told.break_even_high,
    cast(rows_told.list_active_count as bigint) as list_active_count,
    {{ share('rows_told.list_active_count', 'rows_told.list_count') }} as list_active_share,
    {{ wilson_low('rows_told.list_active_count', 'rows_told.list_count') }} as list_active_low,
    {{ wilson_high('rows_told.list_active_count', 'rows_told.list_count') }} as list_active_high,
    cast(rows_told.crowd_active_count as bigint) as crowd_active_count,
    {{ share('rows_told.crowd_active_count', 'rows_told.crowd_count') }} as crowd_active_share,
    {{ wilson_low('rows_told.crowd_active_count', 'rows_told.crowd_count') }} as crowd_active_low,
    {{ wilson_high('rows_told.crowd_active_count', 'rows_told.crowd_count') }} as crowd_active_high,
    round(rows_told.list_largest_share, 9) as list_largest_share,
    round(rows_told.crowd_largest_share, 9) as crowd_largest_share,
    round(rows_told.measured_value, 9) as measured_value,
    case when rows_told.measured_value is not null then round(totals.total_value, 9) end as total_value,
    {{ share('rows_told.measured_value', 'totals.total_value') }} as share_of_total,
    rows_told.list_link_rate,
    rows_told.crowd_link_rate,
    case when rows_told.measured_value is not null then totals.unvalued_count end as unvalued_count,
    case when rows_told.measured_value is not null and costs.unpriced_count = 0 then round(costs.cost / nullif(rows_told.list_count, 0), 9) end as list_cost_per_head,
    case when rows_told.measured_value is not null and costs.unpriced_count = 0 then round(costs.cost / nullif(rows_told.crowd_count, 0), 9) end as crowd_cost_per_head,
    cast(rows_told.replicate_count as bigint) as replicate_count,
    rows_told.variant = 'main' and rows_told.outcome = 'value' as is_primary,
    rows_told.is_verdict_flipped,
    rows_told.list_count < parameters.least_denominator or rows_told.crowd_count < parameters.least_denominator as is_too_few,
    {{ add_days('run.as_of_date', '-parameters.verdict_days') }} as chosen_date,
    run.as_of_date
from rows_told
cross join run
cross join parameters
cross join totals
cross join costs
cross join {{ ref('int_currency') }} as brand
