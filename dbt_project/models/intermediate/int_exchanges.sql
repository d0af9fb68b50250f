-- Two-way exchanges (M4.1): two consecutive conversational events of opposite direction between one brand account and one account, close enough in time.
-- One row per pair of messages; measures count distinct days, so that a person has at most one dated exchange a day.
-- Paired twice, with deleted messages and without: an exchange of the second pass stands only where the first has one on the same day.
with events as (
    select * from {{ ref('int_interactions') }}
),

parameters as (
    select exchange_gap_days, exchange_most_named from {{ ref('int_parameters') }}
),

counted as (
    select events.*
    from events
    cross join parameters
    where events.is_conversational
        and events.direction in ('in', 'out')
        and not events.is_automated
        and not events.is_incentivised
        and not (events.direction = 'out' and events.fanout > parameters.exchange_most_named)
),

both_passes as (
    select 'with deleted' as pass, * from counted
    union all
    select 'kept' as pass, * from counted where not is_deleted
),

sequenced as (
    select
        *,
        lead(event_id) over turns as next_event_id,
        lead(direction) over turns as next_direction,
        lead(event_at) over turns as next_event_at,
        lead(post_key) over turns as next_post_key,
        lead(root_post_key) over turns as next_root_post_key,
        lead(responder_id) over turns as next_responder_id
    from both_passes
    window turns as (partition by pass, brand_account_key, account_key order by event_at, event_id)
),

paired as (
    select
        sequenced.*,
        cast(sequenced.next_event_at as date) as exchange_day
    from sequenced
    cross join parameters
    where sequenced.next_direction <> sequenced.direction
        and sequenced.next_event_at <= {{ shift_days('sequenced.event_at', 'parameters.exchange_gap_days') }}
),

days_with_deleted as (
    select distinct brand_account_key, account_key, exchange_day from paired where pass = 'with deleted'
)

select
    paired.event_id || '|' || paired.next_event_id as exchange_id,
    paired.platform,
    paired.brand_account_key,
    paired.account_key,
    paired.person_id,
    case when paired.direction = 'in' then paired.post_key else paired.next_post_key end as in_post_key,
    case when paired.direction = 'out' then paired.post_key else paired.next_post_key end as out_post_key,
    paired.next_root_post_key as root_post_key,
    case when paired.direction = 'out' then paired.responder_id else paired.next_responder_id end as responder_id,
    -- Stored, so that another limit is a filter.
    {{ seconds_between('paired.event_at', 'paired.next_event_at') }} as gap_seconds,
    cast(paired.event_at as date) as first_day,
    paired.exchange_day,
    paired.event_at as first_at,
    paired.next_event_at as second_at
from paired
inner join days_with_deleted
    on paired.brand_account_key = days_with_deleted.brand_account_key and paired.account_key = days_with_deleted.account_key
    and paired.exchange_day = days_with_deleted.exchange_day
where paired.pass = 'kept'
