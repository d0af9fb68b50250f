with run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

persons as (
    select * from {{ ref('int_persons') }}
),

strengths as (
    select
        person_id,
        strength,
        balance,
        in_event_count,
        out_event_count,
        strength * strength_in / nullif(strength_volume, 0) as strength_from_them,
        strength * (strength_volume - strength_in) / nullif(strength_volume, 0) as strength_from_us
    from {{ ref('relationship_strength') }}
),

asks as (
    select * from {{ ref('response_times') }} where is_waiting
),

exchanges as {{ inlined() }} (
    select * from {{ ref('int_exchanges') }}
),

events as (
    select * from {{ ref('int_interactions') }} where not is_deleted
),

living as (
    select person_id from {{ ref('living_people') }} where is_living
),

-- Chosen before looking at value: external, more likely real than not, still there, no objection.
ranked as (
    select
        strengths.*,
        persons.main_account_key,
        persons.display_name,
        persons.handle,
        persons.platform,
        persons.profile_url,
        persons.p_real,
        persons.p_real_basis,
        persons.is_new,
        persons.exchange_day_count,
        persons.first_event_at,
        persons.last_exchange_at,
        row_number() over (order by strengths.strength desc, strengths.person_id) as rank
    from strengths
    inner join persons on strengths.person_id = persons.person_id
    cross join parameters
    where strengths.strength > 0
        and persons.p_real >= parameters.least_p_real
        and not persons.is_deleted
        and not persons.has_objected
),

chosen as (
    select ranked.*
    from ranked
    cross join parameters
    where ranked.rank <= parameters.list_size
),

exchange_days as (
    select distinct person_id, exchange_day from exchanges
),

gaps as (
    select
        person_id,
        exchange_day,
        {{ days_between('lag(exchange_day) over (partition by person_id order by exchange_day)', 'exchange_day') }} as gap_days
    from exchange_days
),

rhythms as (
    select
        gaps.person_id,
        round(percentile_cont(0.5) within group (order by gaps.gap_days), 9) as median_gap_days
    from gaps
    where gaps.gap_days is not null
    group by gaps.person_id
),

recent_exchanges as (
    select
        exchanges.person_id,
        count(distinct case
            when exchanges.first_day > {{ add_days('run.as_of_date', '-parameters.living_window_days') }} then exchanges.exchange_day
        end) as exchange_day_count_90d,
        count(distinct case when exchanges.exchange_day > {{ add_days('run.as_of_date', '-30') }} then exchanges.exchange_day end) as last_month_count,
        count(distinct case
            when exchanges.exchange_day > {{ add_days('run.as_of_date', '-60') }} and exchanges.exchange_day <= {{ add_days('run.as_of_date', '-30') }}
                then exchanges.exchange_day
        end) as month_before_count
    from exchanges
    cross join run
    cross join parameters
    group by exchanges.person_id
),

recent_events as (
    select
        events.person_id,
        count(case when events.direction = 'in' and events.is_engaged then 1 end) as in_event_count_90d,
        count(case when events.direction = 'out' and events.is_conversational and not events.is_automated then 1 end) as out_event_count_90d
    from events
    cross join run
    cross join parameters
    where events.event_day > {{ add_days('run.as_of_date', '-parameters.living_window_days') }}
    group by events.person_id
),

ranked_asks as (
    select *, row_number() over (partition by person_id order by asked_at, ask_post_key) as ask_rank
    from asks
),

bases as (
    select
        person_id,
        basis,
        purpose,
        row_number() over (partition by person_id order by collected_at desc nulls last, fact, value, person_ref) as basis_rank
    from {{ ref('int_person_bases') }}
),

-- Whoever was approached of late is left in peace, whatever came of it.
contacts as (
    select
        outreach.person_id,
        outreach.answered_at is not null as has_answered,
        {{ days_between('cast(outreach.contacted_at as date)', 'run.as_of_date') }} as contact_days,
        row_number() over (partition by outreach.person_id order by outreach.contacted_at desc, outreach.contact_key) as contact_rank
    from {{ ref('outreach') }} as outreach
    cross join run
    cross join parameters
    where outreach.person_id is not null
        and {{ days_between('cast(outreach.contacted_at as date)', 'run.as_of_date') }} < parameters.outreach_rest_days
),

-- Weekly lists in a row, back from the one of this day.
earlier_lists as (
    select person_id, weeks_back, row_number() over (partition by person_id order by weeks_back) as list_number
    from {{ ref('int_list_weeks') }}
),

unbroken as (
    select person_id, count(*) as earlier_week_count
    from earlier_lists
    where weeks_back = list_number
    group by person_id
),

described as (
    select
        chosen.*,
        words.last_in_kind,
        words.last_in_text,
        words.last_in_url,
        words.last_in_post_key,
        words.last_in_at,
        words.last_out_kind,
        words.last_out_text,
        words.last_out_url,
        words.last_out_post_key,
        words.last_out_at,
        ranked_asks.ask_url as waiting_ask_url,
        ranked_asks.ask_text as waiting_ask_text,
        ranked_asks.asked_at as waiting_since_at,
        ranked_asks.ask_post_key is not null as is_waiting_for_answer,
        living.person_id is not null as is_living,
        layers.layer,
        layers.layer_reason,
        lifecycle.stage,
        lifecycle.p_alive,
        lifecycle.p_alive_reason,
        bases.basis as lawful_basis,
        bases.purpose as lawful_purpose,
        coalesce(recent_events.in_event_count_90d, 0) as in_event_count_90d,
        coalesce(recent_events.out_event_count_90d, 0) as out_event_count_90d,
        coalesce(recent_exchanges.exchange_day_count_90d, 0) as exchange_day_count_90d,
        coalesce(recent_exchanges.last_month_count, 0) as last_month_count,
        coalesce(recent_exchanges.month_before_count, 0) as month_before_count,
        rhythms.median_gap_days,
        contacts.contact_days,
        contacts.has_answered,
        1 + coalesce(unbroken.earlier_week_count, 0) as weeks_on_list,
        {{ days_between('cast(chosen.last_exchange_at as date)', 'run.as_of_date') }} as days_since_last_exchange,
        {{ days_between('cast(ranked_asks.asked_at as date)', 'run.as_of_date') }} as waiting_days,
        {{ days_between('cast(words.last_out_at as date)', 'run.as_of_date') }} as days_since_last_out,
        run.as_of_date,
        run.timezone,
        run.parameters_version
    from chosen
    cross join run
    left join {{ ref('int_last_words') }} as words on chosen.person_id = words.person_id
    left join ranked_asks on chosen.person_id = ranked_asks.person_id and ranked_asks.ask_rank = 1
    left join living on chosen.person_id = living.person_id
    left join {{ ref('int_person_layers') }} as layers on chosen.person_id = layers.person_id
    left join {{ ref('lifecycle') }} as lifecycle on chosen.person_id = lifecycle.person_id
    left join bases on chosen.person_id = bases.person_id and bases.basis_rank = 1
    left join contacts on chosen.person_id = contacts.person_id and contacts.contact_rank = 1
    left join unbroken on chosen.person_id = unbroken.person_id
    left join recent_events on chosen.person_id = recent_events.person_id
    left join recent_exchanges on chosen.person_id = recent_exchanges.person_id
    left join rhythms on chosen.person_id = rhythms.person_id
),

reasoned as (
    select
        described.*,
        case
            when described.is_waiting_for_answer then 'waiting_for_answer'
            when described.contact_days is not null then 'resting'
            when described.days_since_last_exchange > parameters.slipping_least_days
                and described.days_since_last_exchange > parameters.slipping_gap_factor * coalesce(described.median_gap_days, 0) then 'slipping'
            when described.last_in_at > coalesce(described.last_out_at, timestamp '0001-01-01 00:00:00') then 'brand_owes'
            when described.is_new then 'new_relationship'
            when described.last_month_count > described.month_before_count then 'warming'
            when described.days_since_last_out > parameters.slipping_least_days then 'person_silent'
            else 'steady'
        end as reason_code,
        parameters.list_expires_days,
        parameters.outreach_rest_days
    from described
    cross join parameters
)

select
    person_id,
    display_name,
    handle,
    platform,
    main_account_key as account_key,
    profile_url,
    reason_code,
    case reason_code
        when 'waiting_for_answer' then case
            when waiting_days = 0 then 'Asked something on the last day and has no answer yet.'
            when waiting_days = 1 then 'Has been waiting for an answer for 1 day.'
            else 'Has been waiting for an answer for ' || cast(waiting_days as string) || ' days.'
        end
        when 'resting' then case
            when contact_days = 0 then 'You got in touch on the last day'
            when contact_days = 1 then 'You got in touch 1 day ago'
            else 'You got in touch ' || cast(contact_days as string) || ' days ago'
        end || case when has_answered then ', and they answered.' else '; no answer so far.' end
        when 'slipping' then 'You last talked ' || cast(days_since_last_exchange as string) || ' days ago'
            || case
                when median_gap_days is not null
                    then '; before that it was every ' || cast(cast(greatest(ceil(median_gap_days), 1) as bigint) as string)
                        || case when ceil(median_gap_days) <= 1 then ' day or so.' else ' days or so.' end
                else ', and only once.'
            end
        when 'brand_owes' then 'Had the last word; nobody of yours has said anything since.'
        when 'new_relationship' then 'Is new: first seen within the last weeks, and already talking with you.'
        when 'warming' then 'Talked with you on ' || cast(last_month_count as string)
            || case when last_month_count = 1 then ' day' else ' days' end || ' of the last 30, against '
            || cast(month_before_count as string) || ' of the 30 before.'
        when 'person_silent' then 'Has not come back since you last wrote, ' || cast(days_since_last_out as string) || ' days ago.'
        else 'Talks with you regularly.'
    end as reason_text,
    case reason_code
        when 'waiting_for_answer' then 'Answer the open question first, in the thread where it was asked.'
        when 'resting' then 'Leave them in peace for another '
            || cast(cast(outreach_rest_days - contact_days as bigint) as string)
            || case when outreach_rest_days - contact_days = 1 then ' day' else ' days' end || '; answer if they write.'
        when 'slipping' then 'Get in touch personally, and pick up what was last talked about.'
        when 'brand_owes' then 'Reply to what was last said, or thank for it.'
        when 'new_relationship' then 'Welcome them by name and ask what brought them.'
        when 'warming' then 'Keep it going: invite them to something, or ask for their view.'
        when 'person_silent' then 'Do not write again in public; wait, or ask once, in person, how things are.'
        else 'Nothing is due. Keep answering.'
    end as suggested_action,
    layer,
    layer_reason,
    stage,
    p_alive_reason,
    last_in_kind,
    last_in_text,
    last_in_url,
    last_in_post_key,
    last_out_kind,
    last_out_text,
    last_out_url,
    last_out_post_key,
    waiting_ask_url,
    waiting_ask_text,
    p_real_basis,
    lawful_basis,
    case when lawful_basis is null then 'nothing on file' end as lawful_basis_reason,
    lawful_purpose,
    parameters_version,
    rank,
    strength,
    round(strength_from_them, 9) as strength_from_them,
    round(strength_from_us, 9) as strength_from_us,
    balance,
    p_alive,
    in_event_count,
    out_event_count,
    in_event_count_90d,
    out_event_count_90d,
    exchange_day_count,
    exchange_day_count_90d,
    days_since_last_exchange,
    weeks_on_list,
    p_real,
    is_new as is_provisional,
    is_living,
    is_waiting_for_answer,
    cast({{ to_local('first_event_at', 'timezone') }} as date) as first_event_date,
    cast({{ to_local('last_exchange_at', 'timezone') }} as date) as last_exchange_date,
    {{ add_days('as_of_date', 'list_expires_days') }} as expires_date,
    as_of_date,
    last_in_at,
    last_out_at,
    waiting_since_at
from reasoned
