-- One row per campaign that has begun: its costs, and the earned value (M5.7) of the 90 days from its beginning against the 90 days before, by arm,
-- with how far the difference would move if other people had come.
with windows as (
    select * from {{ ref('int_campaign_windows') }}
),

parameters as (
    select campaign_settled_days from {{ ref('int_parameters') }}
),

costs as (
    select
        campaign_id,
        count(*) as cost_row_count,
        count(case when amount is null then 1 end) as unknown_cost_count,
        {{ exact_sum('amount') }} as cost_amount,
        {{ exact_sum('hours') }} as staff_hours
    from {{ ref('int_costs') }}
    where campaign_id is not null
    group by campaign_id
),

credits as (
    select
        windows.campaign_id,
        case when arms.person_id is not null then 'control' else 'treated' end as arm,
        case when ledger.occurred_at >= cast(windows.first_day as timestamp) then 'post' else 'pre' end as side,
        coalesce(ledger.person_id, ledger.credited_ref, ledger.conversion_id) as person_key,
        ledger.credited_amount
    from windows
    cross join parameters
    inner join {{ ref('int_value_ledger') }} as ledger
        on ledger.ledger = 'earned'
        and ledger.occurred_at >= {{ shift_days('cast(windows.first_day as timestamp)', '-parameters.campaign_settled_days') }}
        and ledger.occurred_at < {{ shift_days('cast(windows.first_day as timestamp)', 'parameters.campaign_settled_days') }}
    left join {{ ref('int_campaign_arms') }} as arms on windows.campaign_id = arms.campaign_id and ledger.person_id = arms.person_id
),

amounts as (
    select
        campaign_id,
        count(case when credited_amount is null then 1 end) as unknown_value_count,
        coalesce({{ exact_sum("case when arm = 'treated' and side = 'pre' then credited_amount end") }}, 0) as treated_pre_value,
        coalesce({{ exact_sum("case when arm = 'treated' and side = 'post' then credited_amount end") }}, 0) as treated_post_value,
        coalesce({{ exact_sum("case when arm = 'control' and side = 'pre' then credited_amount end") }}, 0) as control_pre_value,
        coalesce({{ exact_sum("case when arm = 'control' and side = 'post' then credited_amount end") }}, 0) as control_post_value
    from credits
    group by campaign_id
),

deviations as (
    select campaign_id, {{ sum_deviation('person_difference') }} as value_deviation
    from (
        select campaign_id, person_key, cast({{ exact_sum("case when side = 'post' then credited_amount else -credited_amount end") }} as double) as person_difference
        from credits
        group by campaign_id, person_key
    ) as person_differences
    group by campaign_id
),

judged as (
    select
        windows.campaign_id,
        coalesce(costs.cost_row_count, 0) as cost_row_count,
        coalesce(costs.unknown_cost_count, 0) as unknown_cost_count,
        costs.cost_amount,
        costs.staff_hours,
        case
            when windows.control_kind is null then 'there is no control that data can follow'
            when windows.as_of_day_number < parameters.campaign_settled_days - 1 then 'its 90 days are not over'
            when amounts.campaign_id is null then 'no conversions are recorded around it'
            when amounts.unknown_value_count > 0 then 'some conversions have no amount in the currency of the brand'
        end as value_reason,
        (amounts.treated_post_value - amounts.treated_pre_value) - (amounts.control_post_value - amounts.control_pre_value) as value_difference,
        deviations.value_deviation
    from windows
    cross join parameters
    left join costs on windows.campaign_id = costs.campaign_id
    left join amounts on windows.campaign_id = amounts.campaign_id
    left join deviations on windows.campaign_id = deviations.campaign_id
)

select
    campaign_id,
    value_reason,
    case
        when value_reason is not null then value_reason
        when cost_row_count = 0 then 'no cost recorded'
        when unknown_cost_count > 0 then 'some costs have no amount in the currency of the brand'
        when cost_amount = 0 then 'no cost recorded'
    end as return_reason,
    cost_row_count,
    unknown_cost_count,
    cost_amount,
    staff_hours,
    case when value_reason is null then round(value_difference, 9) end as incremental_value,
    case when value_reason is null then round(value_difference - 1.959964e0 * value_deviation, 9) end as incremental_value_low,
    case when value_reason is null then round(value_difference + 1.959964e0 * value_deviation, 9) end as incremental_value_high,
    case when value_reason is null and cost_row_count > 0 and unknown_cost_count = 0
        then round((value_difference - cost_amount) / nullif(cost_amount, 0), 9)
    end as incremental_return,
    case when value_reason is null and cost_row_count > 0 and unknown_cost_count = 0
        then round((value_difference - 1.959964e0 * value_deviation - cost_amount) / nullif(cost_amount, 0), 9)
    end as incremental_return_low,
    case when value_reason is null and cost_row_count > 0 and unknown_cost_count = 0
        then round((value_difference + 1.959964e0 * value_deviation - cost_amount) / nullif(cost_amount, 0), 9)
    end as incremental_return_high
from judged
