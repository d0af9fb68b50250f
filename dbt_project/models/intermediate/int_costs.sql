-- One row per cost before the as-of instant, in the brand's currency. Staff hours without an amount have the price that the parameter states, or none.
select
    costs.cost_id,
    costs.campaign_id,
    coalesce(costs.channel, 'not split') as channel,
    costs.cost_kind,
    brand.currency,
    case
        when costs.amount is null and (costs.hours is null or parameters.staff_hour_price = 0) then 'staff hours without a price'
        when costs.amount is not null and coalesce(costs.currency, '') <> coalesce(brand.currency, '')
            then 'in ' || coalesce(costs.currency, 'no currency') || ', not in ' || coalesce(brand.currency, 'a currency configured for the brand')
    end as amount_reason,
    case
        when costs.amount is null and parameters.staff_hour_price > 0 then costs.hours * parameters.staff_hour_price
        when costs.currency = brand.currency then costs.amount
    end as amount,
    costs.hours,
    least(cast({{ to_local('costs.incurred_at', 'run.timezone') }} as date), run.as_of_date) as incurred_date,
    costs.incurred_at
from {{ ref('stg_costs') }} as costs
cross join {{ ref('int_run') }} as run
cross join {{ ref('int_currency') }} as brand
cross join {{ ref('int_parameters') }} as parameters
where costs.incurred_at < run.as_of_at
