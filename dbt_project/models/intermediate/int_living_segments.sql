-- One row per person and time in which the exchanges inside the window stay the same (M11). `from_day` counts, `until_day` no longer; UTC days.
-- A day counts at its end. Whether a person qualifies can change only when an exchange comes in (its second message) or leaves (its first message
-- falls out of the window), so only those days are looked at.
with exchanges as (
    select * from {{ ref('int_exchanges') }}
),

persons as (
    select person_id, p_real from {{ ref('int_persons') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

windowed as (
    select
        exchanges.person_id,
        exchanges.in_post_key,
        exchanges.out_post_key,
        exchanges.root_post_key,
        exchanges.responder_id,
        exchanges.exchange_day,
        exchanges.exchange_day as enters_day,
        {{ add_days('exchanges.first_day', 'parameters.living_window_days') }} as leaves_day
    from exchanges
    cross join parameters
    inner join persons on exchanges.person_id = persons.person_id
    where persons.p_real >= parameters.least_p_real
        and exchanges.exchange_day < {{ add_days('exchanges.first_day', 'parameters.living_window_days') }}
),

change_days as (
    select person_id, enters_day as change_day from windowed
    union
    select person_id, leaves_day as change_day from windowed
),

judged as (
    select
        change_days.person_id,
        change_days.change_day,
        coalesce(
            count(distinct windowed.exchange_day) >= max(parameters.living_least_exchange_days)
            and count(distinct windowed.in_post_key) >= max(parameters.living_least_messages)
            and count(distinct windowed.out_post_key) >= max(parameters.living_least_messages)
            and {{ days_between('min(windowed.exchange_day)', 'max(windowed.exchange_day)') }} >= max(parameters.living_least_span_days),
            false
        ) as is_living,
        count(distinct windowed.root_post_key) as root_count,
        count(distinct windowed.responder_id) as responder_count
    from change_days
    cross join parameters
    left join windowed
        on change_days.person_id = windowed.person_id
        and windowed.enters_day <= change_days.change_day and windowed.leaves_day > change_days.change_day
    group by change_days.person_id, change_days.change_day
),

bounded as (
    select
        person_id,
        change_day as from_day,
        lead(change_day) over (partition by person_id order by change_day) as until_day,
        is_living,
        root_count,
        responder_count
    from judged
)

select * from bounded where until_day is not null
