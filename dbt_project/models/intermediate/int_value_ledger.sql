-- One row per conversion, ledger and credited person (M5.7). `buyer`: the amount to who bought. `referral`: the amount to the chain of those who recommended it.
-- `earned`: each conversion once, to the chain if there is one, else to the buyer. Two ledgers are never added.
-- A refunded conversion is worth 0. An amount in another currency than the brand's is NULL: it is neither added nor converted.
with parameters as (
    select chain_credit_decay from {{ ref('int_parameters') }}
),

conversions as (
    select
        conversions.conversion_id,
        conversions.person_ref,
        refs.person_id as buyer_person_id,
        refs.link_kind as buyer_link_kind,
        conversions.conversion_kind,
        conversions.referral_id,
        conversions.is_rewarded,
        conversions.refunded_at is not null as is_refunded,
        case
            when conversions.refunded_at is not null then 'refunded'
            when conversions.amount is null then 'no amount recorded'
            when coalesce(conversions.currency, '') <> coalesce(brand.currency, '')
                then 'in ' || coalesce(conversions.currency, 'no currency') || ', not in ' || coalesce(brand.currency, 'a currency configured for the brand')
        end as amount_reason,
        case
            when conversions.refunded_at is not null then cast(0 as double)
            when conversions.currency = brand.currency then conversions.amount
        end as amount,
        brand.currency,
        least(cast({{ to_local('conversions.occurred_at', 'run.timezone') }} as date), run.as_of_date) as conversion_date,
        conversions.occurred_at
    from {{ ref('stg_conversions') }} as conversions
    cross join {{ ref('int_run') }} as run
    cross join {{ ref('int_currency') }} as brand
    left join {{ ref('int_person_refs') }} as refs on conversions.person_ref = refs.person_ref
    where conversions.occurred_at < run.as_of_at
),

-- Who recommends something to themselves earns nothing by it.
links as (
    select
        conversions.conversion_id,
        chains.referrer_ref,
        chains.referrer_person_id,
        row_number() over (partition by conversions.conversion_id order by chains.link_position) as chain_position
    from conversions
    inner join {{ ref('int_referral_chains') }} as chains on conversions.referral_id = chains.referral_id
    where chains.referrer_ref is not null
        and coalesce(chains.referrer_person_id, chains.referrer_ref) <> coalesce(conversions.buyer_person_id, conversions.person_ref, '')
),

weighted as (
    select links.*, power(parameters.chain_credit_decay, links.chain_position - 1) as link_weight
    from links
    cross join parameters
),

shares as (
    select *, link_weight / sum(link_weight) over (partition by conversion_id) as credit_share from weighted
),

credits as (
    select conversion_id, 'buyer' as ledger, person_ref as credited_ref, buyer_person_id as person_id, cast(null as bigint) as chain_position, cast(1 as double) as credit_share
    from conversions
    union all
    select conversion_id, 'referral' as ledger, referrer_ref as credited_ref, referrer_person_id as person_id, chain_position, credit_share from shares
    union all
    select conversion_id, 'earned' as ledger, referrer_ref as credited_ref, referrer_person_id as person_id, chain_position, credit_share from shares
    union all
    select
        conversions.conversion_id,
        'earned' as ledger,
        conversions.person_ref as credited_ref,
        conversions.buyer_person_id as person_id,
        cast(null as bigint) as chain_position,
        cast(1 as double) as credit_share
    from conversions
    left join shares on conversions.conversion_id = shares.conversion_id and shares.chain_position = 1
    where shares.conversion_id is null
)

select
    credits.conversion_id,
    credits.ledger,
    credits.credited_ref,
    credits.person_id,
    refs.link_kind,
    conversions.conversion_kind,
    conversions.currency,
    conversions.amount_reason,
    conversions.referral_id,
    cast(credits.chain_position as bigint) as chain_position,
    round(credits.credit_share, 12) as credit_share,
    round(conversions.amount * credits.credit_share, 9) as credited_amount,
    conversions.is_rewarded,
    conversions.is_refunded,
    conversions.conversion_date,
    conversions.occurred_at
from credits
inner join conversions on credits.conversion_id = conversions.conversion_id
left join {{ ref('int_person_refs') }} as refs on credits.credited_ref = refs.person_ref
