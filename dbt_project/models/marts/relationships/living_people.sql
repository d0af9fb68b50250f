with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select flow_days, living_window_days from {{ ref('int_parameters') }}
),

spans as (
    select * from {{ ref('int_living_spans') }}
),

exchanges as (
    select * from {{ ref('int_exchanges') }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

messages as {{ inlined() }} (
    select post_key, url from {{ ref('int_messages') }}
),

compared as (
    select
        spans.*,
        spans.first_day <= run.as_of_date and spans.last_day >= run.as_of_date as is_living,
        spans.first_day <= {{ add_days('run.as_of_date', '-parameters.flow_days') }}
        and spans.last_day >= {{ add_days('run.as_of_date', '-parameters.flow_days') }} as was_living
    from spans
    cross join run
    cross join parameters
),

per_person as (
    select
        person_id,
        max(case when is_living then 1 else 0 end) = 1 as is_living,
        max(case when was_living then 1 else 0 end) = 1 as was_living,
        max(case when is_ended_by_deletion and not is_living then 1 else 0 end) = 1 as is_gone,
        max(span_number) as last_span_number,
        max(first_day) as living_since_date,
        max(last_day) as living_until_date
    from compared
    group by person_id
),

flowing as (
    select
        per_person.*,
        case
            when per_person.is_living and per_person.was_living then 'kept'
            when per_person.is_living and per_person.last_span_number = 1 then 'new'
            when per_person.is_living then 'reactivated'
            else 'lapsed'
        end as flow,
        case when per_person.is_living then run.as_of_date else per_person.living_until_date end as evidence_date
    from per_person
    cross join run
    where per_person.is_living or per_person.was_living
),

-- For the lapsed, the exchanges that made the relationship live on its last day.
evidence as (
    select
        exchanges.*,
        row_number() over (partition by flowing.person_id order by exchanges.second_at, exchanges.exchange_id) as from_first,
        row_number() over (partition by flowing.person_id order by exchanges.second_at desc, exchanges.exchange_id desc) as from_last
    from flowing
    cross join parameters
    inner join exchanges
        on flowing.person_id = exchanges.person_id
        and exchanges.exchange_day <= flowing.evidence_date
        and exchanges.first_day > {{ add_days('flowing.evidence_date', '-parameters.living_window_days') }}
),

summed as (
    select
        person_id,
        count(distinct exchange_day) as exchange_day_count,
        {{ days_between('min(exchange_day)', 'max(exchange_day)') }} as exchange_span_days,
        count(distinct in_post_key) as person_message_count,
        count(distinct out_post_key) as brand_message_count,
        count(distinct root_post_key) as root_count,
        count(distinct responder_id) as responder_count,
        max(case when from_first = 1 then in_post_key end) as first_in_post_key,
        max(case when from_first = 1 then out_post_key end) as first_out_post_key,
        max(case when from_last = 1 then in_post_key end) as last_in_post_key,
        max(case when from_last = 1 then out_post_key end) as last_out_post_key,
        min(second_at) as first_exchange_at,
        max(second_at) as last_exchange_at
    from evidence
    group by person_id
)

select
    flowing.person_id,
    persons.display_name,
    persons.handle,
    persons.platform,
    persons.profile_url,
    flowing.flow,
    case flowing.flow
        when 'kept' then 'was and is in a living relationship'
        when 'new' then 'in a living relationship for the first time'
        when 'reactivated' then 'in a living relationship again'
        else case when flowing.is_gone then 'the account is gone' else 'the exchanges of the last weeks no longer suffice' end
    end as flow_reason,
    summed.first_in_post_key,
    first_in.url as first_in_url,
    summed.first_out_post_key,
    first_out.url as first_out_url,
    summed.last_in_post_key,
    last_in.url as last_in_url,
    summed.last_out_post_key,
    last_out.url as last_out_url,
    persons.p_real_basis,
    run.parameters_version,
    summed.exchange_day_count,
    summed.exchange_span_days,
    summed.person_message_count,
    summed.brand_message_count,
    summed.root_count,
    summed.responder_count,
    persons.p_real,
    flowing.is_living,
    flowing.flow = 'new' as is_new,
    case when flowing.is_living then summed.root_count = 1 end as has_single_root,
    case when flowing.is_living then summed.responder_count = 1 end as has_single_responder,
    flowing.living_since_date,
    flowing.living_until_date,
    run.as_of_date,
    summed.first_exchange_at,
    summed.last_exchange_at
from flowing
cross join run
inner join persons on flowing.person_id = persons.person_id
left join summed on flowing.person_id = summed.person_id
left join messages as first_in on summed.first_in_post_key = first_in.post_key
left join messages as first_out on summed.first_out_post_key = first_out.post_key
left join messages as last_in on summed.last_in_post_key = last_in.post_key
left join messages as last_out on summed.last_out_post_key = last_out.post_key
