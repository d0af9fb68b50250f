with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

brand as (
    select currency from {{ ref('int_currency') }}
),

persons as {{ inlined() }} (
    select person_id, platform from {{ ref('int_persons') }}
),

-- The channel of value is where the credited person is mostly met; who is met nowhere is not linked.
credits as (
    select
        ledger.*,
        coalesce(persons.platform, 'not linked') as channel,
        coalesce(ledger.person_id, ledger.credited_ref, ledger.conversion_id) as person_key,
        {{ month_start('ledger.conversion_date') }} as month_start_date
    from {{ ref('int_value_ledger') }} as ledger
    left join persons on ledger.person_id = persons.person_id
),

costs as (
    select *, {{ month_start('incurred_date') }} as month_start_date from {{ ref('int_costs') }}
),

recorded as (
    select count(*) as conversion_row_count from {{ ref('stg_conversions') }}
),

platforms as (
    select distinct platform, true as is_platform from persons
),

scoped_credits as (
    select month_start_date, channel, ledger, conversion_id, person_key, credited_amount, amount_reason, is_refunded from credits
    union all
    select month_start_date, 'all' as channel, ledger, conversion_id, person_key, credited_amount, amount_reason, is_refunded from credits
),

scoped_costs as (
    select month_start_date, channel, cost_kind, amount, amount_reason, hours from costs
    union all
    select month_start_date, 'all' as channel, cost_kind, amount, amount_reason, hours from costs
),

value_sums as (
    select
        month_start_date,
        channel,
        {{ exact_sum("case when ledger = 'buyer' then credited_amount end") }} as buyer_amount,
        {{ exact_sum("case when ledger = 'referral' then credited_amount end") }} as referral_amount,
        {{ exact_sum("case when ledger = 'earned' then credited_amount end") }} as earned_amount,
        count(distinct case when ledger = 'earned' and not is_refunded then conversion_id end) as conversion_count,
        count(distinct case when ledger = 'earned' and is_refunded then conversion_id end) as refunded_count,
        count(distinct case when ledger = 'earned' and credited_amount is null then conversion_id end) as unvalued_count
    from scoped_credits
    group by month_start_date, channel
),

earned_deviations as (
    select month_start_date, channel, {{ sum_deviation('person_amount') }} as earned_deviation
    from (
        select month_start_date, channel, person_key, cast({{ exact_sum('credited_amount') }} as double) as person_amount
        from scoped_credits
        where ledger = 'earned'
        group by month_start_date, channel, person_key
    ) as person_sums
    group by month_start_date, channel
),

cost_sums as (
    select
        month_start_date,
        channel,
        {{ exact_sum('amount') }} as cost_amount,
        {{ exact_sum("case when cost_kind = 'staff' then amount end") }} as staff_cost_amount,
        {{ exact_sum('hours') }} as staff_hours,
        count(case when amount_reason is not null then 1 end) as unpriced_count,
        min(amount_reason) as unpriced_reason
    from scoped_costs
    group by month_start_date, channel
),

months as (
    select month_start_date, channel from value_sums
    union
    select month_start_date, channel from cost_sums
),

month_ends as (
    select
        months.month_start_date,
        months.channel,
        {{ add_days(month_start(add_days('months.month_start_date', '31')), '-1') }} as month_end_date,
        least({{ add_days(month_start(add_days('months.month_start_date', '31')), '-1') }}, run.as_of_date) as counted_date
    from months
    cross join run
),

counted_dates as (
    select distinct counted_date from month_ends
),

-- One row per person and month in which the relationship was alive at its end.
living as (
    select counted_dates.counted_date, coalesce(persons.platform, 'not linked') as channel
    from {{ ref('int_living_spans') }} as spans
    inner join counted_dates on counted_dates.counted_date between spans.first_day and spans.last_day
    left join persons on spans.person_id = persons.person_id
),

living_counts as (
    select counted_date, channel, count(*) as living_count from living group by counted_date, channel
    union all
    select counted_date, 'all' as channel, count(*) as living_count from living group by counted_date
),

combined as (
    select
        month_ends.month_start_date,
        month_ends.channel,
        month_ends.month_end_date,
        month_ends.month_end_date <= run.as_of_date as is_whole_month,
        case
            when recorded.conversion_row_count = 0 then 'no conversions recorded'
            when value_sums.channel is null and not coalesce(platforms.is_platform, month_ends.channel = 'all')
                then 'no person is met in this channel: its value cannot be told'
            when value_sums.unvalued_count > 0 and value_sums.earned_amount is null then 'no amount in the currency of the brand'
        end as value_reason,
        value_sums.buyer_amount,
        value_sums.referral_amount,
        value_sums.earned_amount,
        earned_deviations.earned_deviation,
        coalesce(value_sums.conversion_count, 0) as conversion_count,
        coalesce(value_sums.refunded_count, 0) as refunded_count,
        coalesce(value_sums.unvalued_count, 0) as unvalued_count,
        case
            when coalesce(cost_sums.cost_amount, 0) = 0 and cost_sums.unpriced_count > 0 then cost_sums.unpriced_reason
            when coalesce(cost_sums.cost_amount, 0) = 0 then 'no cost recorded'
        end as cost_reason,
        cost_sums.cost_amount,
        cost_sums.staff_cost_amount,
        cost_sums.staff_hours,
        coalesce(cost_sums.unpriced_count, 0) as unpriced_cost_count,
        cost_sums.unpriced_reason,
        case when coalesce(platforms.is_platform, month_ends.channel = 'all') then coalesce(living_counts.living_count, 0) end as living_count,
        run.as_of_date,
        run.parameters_version
    from month_ends
    cross join run
    cross join recorded
    left join value_sums on month_ends.month_start_date = value_sums.month_start_date and month_ends.channel = value_sums.channel
    left join earned_deviations
        on month_ends.month_start_date = earned_deviations.month_start_date and month_ends.channel = earned_deviations.channel
    left join cost_sums on month_ends.month_start_date = cost_sums.month_start_date and month_ends.channel = cost_sums.channel
    left join living_counts on month_ends.counted_date = living_counts.counted_date and month_ends.channel = living_counts.channel
    left join platforms on month_ends.channel = platforms.platform
),

-- Zero is said only where something would have been recorded.
valued as (
    select
        *,
        case when value_reason is null then coalesce(buyer_amount, 0) end as buyer_value,
        case when value_reason is null then coalesce(referral_amount, 0) end as referral_value,
        case when value_reason is null then coalesce(earned_amount, 0) end as earned_value,
        -- Of a month without any conversion nothing tells how many there might have been.
        case when value_reason is null then {{ sum_low('earned_amount', 'earned_deviation') }} end as earned_low,
        case when value_reason is null then {{ sum_high('earned_amount', 'earned_deviation') }} end as earned_high,
        case when cost_reason is null then cost_amount end as cost,
        unpriced_cost_count = 0 and unvalued_count = 0 as is_complete
    from combined
)

select
    valued.month_start_date,
    valued.channel,
    brand.currency,
    valued.value_reason,
    valued.cost_reason,
    case
        when valued.cost_reason is not null then valued.cost_reason
        when valued.value_reason is not null then valued.value_reason
        when valued.unpriced_cost_count > 0 then 'cost is not complete: ' || valued.unpriced_reason
        when valued.unvalued_count > 0 then 'value is not complete: an amount is missing or in another currency'
    end as roi_reason,
    case
        when valued.value_reason is not null then valued.value_reason
        when coalesce(valued.staff_hours, 0) = 0 then 'no staff hours recorded'
    end as value_per_staff_hour_reason,
    case
        when valued.living_count is null then 'no person is met in this channel'
        when valued.cost_reason is not null then valued.cost_reason
        when valued.living_count = 0 then 'no living relationship'
    end as cost_per_living_reason,
    valued.parameters_version,
    round(cast(valued.buyer_value as double), 9) as buyer_value,
    round(cast(valued.referral_value as double), 9) as referral_value,
    round(cast(valued.earned_value as double), 9) as earned_value,
    round(cast(valued.earned_low as double), 9) as earned_value_low,
    round(cast(valued.earned_high as double), 9) as earned_value_high,
    valued.conversion_count,
    valued.refunded_count,
    valued.unvalued_count,
    round(cast(valued.cost as double), 9) as cost,
    round(cast(valued.staff_cost_amount as double), 9) as staff_cost,
    round(cast(valued.staff_hours as double), 9) as staff_hours,
    valued.unpriced_cost_count,
    case when valued.is_complete then round(cast((valued.earned_value - valued.cost) / nullif(valued.cost, 0) as double), 9) end as roi,
    case when valued.is_complete then round(cast((valued.earned_low - valued.cost) / nullif(valued.cost, 0) as double), 9) end as roi_low,
    case when valued.is_complete then round(cast((valued.earned_high - valued.cost) / nullif(valued.cost, 0) as double), 9) end as roi_high,
    round(cast(valued.earned_value / nullif(valued.staff_hours, 0) as double), 9) as value_per_staff_hour,
    round(cast(valued.earned_low / nullif(valued.staff_hours, 0) as double), 9) as value_per_staff_hour_low,
    round(cast(valued.earned_high / nullif(valued.staff_hours, 0) as double), 9) as value_per_staff_hour_high,
    valued.living_count,
    round(cast(valued.cost / nullif(valued.living_count, 0) as double), 9) as cost_per_living,
    valued.conversion_count < parameters.least_denominator as is_too_few,
    valued.is_whole_month,
    valued.month_end_date,
    valued.as_of_date
from valued
cross join brand
cross join parameters
