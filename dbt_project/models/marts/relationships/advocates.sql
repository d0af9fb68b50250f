with advocates as (
    select * from {{ ref('int_advocates') }}
),

persons as (
    select person_id, display_name, handle, platform, profile_url, main_account_key from {{ ref('int_persons') }}
),

accounts as (
    select account_key, follower_count from {{ ref('int_accounts') }}
),

strengths as (
    select person_id, strength from {{ ref('relationship_strength') }}
),

layers as (
    select person_id, layer from {{ ref('int_person_layers') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

evangelists as (
    select spans.person_id
    from {{ ref('int_evangelist_spans') }} as spans
    cross join run
    where spans.from_day <= run.as_of_date and spans.until_day > run.as_of_date
),

credits as (
    select advocate_person_id as person_id, count(*) as credited_person_count
    from {{ ref('int_advocate_credits') }}
    group by advocate_person_id
),

customers as (
    select distinct ledger.person_id
    from {{ ref('int_value_ledger') }} as ledger
    cross join run
    cross join parameters
    where ledger.ledger = 'buyer' and not ledger.is_refunded
        and ledger.occurred_at >= {{ shift_days('run.as_of_at', '-parameters.customer_days') }}
)

select
    advocates.person_id,
    persons.display_name,
    persons.handle,
    persons.platform,
    persons.profile_url,
    advocates.reason_text,
    advocates.reason_url,
    case when advocates.reason_text is null then 'passed on or recommended without public words of their own' end as reason_note,
    case
        when evangelists.person_id is not null then cast(null as string)
        when not advocates.is_advocate then 'too few acts, or too few days with one'
        when advocates.effect_person_count = 0 then 'nobody new is known to have acted after one of the acts'
        else 'neither strong nor close enough'
    end as evangelist_reason,
    layers.layer,
    run.parameters_version,
    advocates.act_count,
    advocates.act_day_count,
    advocates.reshare_count,
    advocates.quote_count,
    advocates.mention_count,
    advocates.referral_count,
    advocates.effect_person_count,
    coalesce(credits.credited_person_count, 0) as credited_person_count,
    advocates.reached_person_count,
    accounts.follower_count as potential_reach_count,
    strengths.strength,
    advocates.is_advocate,
    evangelists.person_id is not null as is_evangelist,
    customers.person_id is not null as is_customer,
    run.as_of_date,
    advocates.first_act_at,
    advocates.last_act_at
from advocates
cross join run
inner join persons on advocates.person_id = persons.person_id
left join accounts on persons.main_account_key = accounts.account_key
left join strengths on advocates.person_id = strengths.person_id
left join layers on advocates.person_id = layers.person_id
left join evangelists on advocates.person_id = evangelists.person_id
left join credits on advocates.person_id = credits.person_id
left join customers on advocates.person_id = customers.person_id
