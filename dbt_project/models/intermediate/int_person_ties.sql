-- One row per person: the class of the tie in the last weeks (M2.1, after Marlow), and the messages on which it rests.
-- They are the messages that can make an exchange: by hand, not rewarded, and not to a crowd.
with events as (
    select
        person_id,
        direction,
        kind,
        is_conversational and not is_automated and not is_incentivised as is_message,
        fanout,
        event_day
    from {{ ref('int_interactions') }}
    where not is_deleted and direction in ('in', 'out')
),

persons as (
    select person_id from {{ ref('int_persons') }}
),

run as (
    select as_of_date from {{ ref('int_run') }}
),

parameters as (
    select tie_window_days, tie_maintained_looks, exchange_most_named from {{ ref('int_parameters') }}
),

following as (
    select distinct members.person_id
    from {{ ref('int_current_followers') }} as followers
    inner join {{ ref('int_person_members') }} as members on followers.account_key = members.account_key
),

counted as (
    select
        events.person_id,
        count(case when events.direction = 'in' and events.is_message then 1 end) as in_message_count,
        count(case when events.direction = 'out' and events.is_message and events.fanout <= parameters.exchange_most_named then 1 end) as out_message_count,
        count(case when events.direction = 'in' and events.kind in ('click', 'profile_view') then 1 end) as look_count
    from events
    cross join run
    cross join parameters
    where events.event_day > {{ add_days('run.as_of_date', '-parameters.tie_window_days') }}
    group by events.person_id
)

select
    persons.person_id,
    case
        when counted.in_message_count > 0 and counted.out_message_count > 0 then 'reciprocal'
        when counted.in_message_count > 0 then 'one_way_in'
        when counted.out_message_count > 0 then 'one_way_out'
        when counted.look_count > parameters.tie_maintained_looks then 'maintained'
        when following.person_id is not null then 'declared'
        else 'none'
    end as tie_class,
    coalesce(counted.in_message_count, 0) as in_message_count,
    coalesce(counted.out_message_count, 0) as out_message_count,
    coalesce(counted.look_count, 0) as look_count
from persons
cross join parameters
left join counted on persons.person_id = counted.person_id
left join following on persons.person_id = following.person_id
