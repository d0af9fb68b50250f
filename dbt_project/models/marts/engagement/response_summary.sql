with periods as (
    select * from {{ ref('int_periods') }}
),

period_bounds as (
    select distinct period_kind, period_start_date, period_end_date from periods
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

asks as (
    select
        asks.*,
        cast({{ to_local('asks.asked_at', 'run.timezone') }} as date) as asked_date
    from {{ ref('int_asks_answers') }} as asks
    cross join run
),

platforms as (
    select platform from {{ ref('int_account_roles') }}
    union
    select platform from asks
    union
    select 'all' as platform
),

scoped_asks as (
    select platform, asked_date, is_answered, is_deleted, is_time_observed, duration_seconds from asks
    union all
    select 'all' as platform, asked_date, is_answered, is_deleted, is_time_observed, duration_seconds from asks
),

ask_counts as (
    select
        periods.period_kind,
        periods.period_start_date,
        scoped_asks.platform,
        count(case when not scoped_asks.is_time_observed then 1 end) as ask_count,
        count(case when not scoped_asks.is_time_observed and scoped_asks.is_answered then 1 end) as answered_count,
        count(case when not scoped_asks.is_time_observed and not scoped_asks.is_answered and not scoped_asks.is_deleted then 1 end) as open_count,
        count(case when not scoped_asks.is_time_observed and not scoped_asks.is_answered and scoped_asks.is_deleted then 1 end) as deleted_ask_count,
        count(case when scoped_asks.is_time_observed then 1 end) as unknown_time_count,
        count(case when scoped_asks.is_answered and scoped_asks.duration_seconds <= 3600 then 1 end) as answered_0_1h_count,
        count(case when scoped_asks.is_answered and scoped_asks.duration_seconds > 3600 and scoped_asks.duration_seconds <= 14400 then 1 end) as answered_1_4h_count,
        count(case when scoped_asks.is_answered and scoped_asks.duration_seconds > 14400 and scoped_asks.duration_seconds <= 28800 then 1 end) as answered_4_8h_count,
        count(case when scoped_asks.is_answered and scoped_asks.duration_seconds > 28800 and scoped_asks.duration_seconds <= 86400 then 1 end) as answered_8_24h_count,
        count(case when scoped_asks.is_answered and scoped_asks.duration_seconds > 86400 then 1 end) as answered_after_24h_count
    from scoped_asks
    inner join periods on scoped_asks.asked_date = periods.calendar_date
    group by periods.period_kind, periods.period_start_date, scoped_asks.platform
),

curve_points as (
    select * from {{ ref('int_response_curve') }}
),

curves as (
    select
        period_kind,
        period_start_date,
        platform,
        min(case when clock = 'clock' and survival <= 0.5 then duration_seconds end) as median_response_seconds,
        min(case when clock = 'business' and survival <= 0.5 then duration_seconds end) as median_business_seconds,
        count(case when clock = 'business' then 1 end) as business_point_count,
        -- The curve only falls: its least value up to a moment is its value there.
        1 - min(case when clock = 'clock' and duration_seconds <= 3600 then survival else 1 end) as within_1h_rate,
        max(case when clock = 'clock' and duration_seconds <= 3600 then greenwood_sum else 0 end) as within_1h_greenwood,
        1 - min(case when clock = 'clock' and duration_seconds <= 86400 then survival else 1 end) as within_24h_rate,
        max(case when clock = 'clock' and duration_seconds <= 86400 then greenwood_sum else 0 end) as within_24h_greenwood
    from curve_points
    group by period_kind, period_start_date, platform
),

brand_messages as (
    select
        messages.*,
        cast({{ to_local('messages.published_at', 'run.timezone') }} as date) as published_date
    from {{ ref('int_brand_messages') }} as messages
    cross join run
),

scoped_messages as (
    select platform, published_date, is_addressed, is_repliable, is_replied from brand_messages
    union all
    select 'all' as platform, published_date, is_addressed, is_repliable, is_replied from brand_messages
),

message_counts as (
    select
        periods.period_kind,
        periods.period_start_date,
        scoped_messages.platform,
        count(*) as human_brand_message_count,
        count(case when scoped_messages.is_addressed then 1 end) as addressed_message_count,
        count(case when scoped_messages.is_repliable then 1 end) as repliable_message_count,
        count(case when scoped_messages.is_repliable and scoped_messages.is_replied then 1 end) as replied_message_count
    from scoped_messages
    inner join periods on scoped_messages.published_date = periods.calendar_date
    group by periods.period_kind, periods.period_start_date, scoped_messages.platform
),

conversations as {{ inlined() }} (
    select platform, started_date, message_count, brand_message_count from {{ ref('conversations') }} where is_conversation
),

scoped_conversations as (
    select * from conversations
    union all
    select 'all' as platform, started_date, message_count, brand_message_count from conversations
),

conversation_counts as (
    select
        periods.period_kind,
        periods.period_start_date,
        scoped_conversations.platform,
        count(*) as conversation_count,
        sum(scoped_conversations.message_count) as conversation_message_count,
        sum(scoped_conversations.brand_message_count) as conversation_brand_message_count
    from scoped_conversations
    inner join periods on scoped_conversations.started_date = periods.calendar_date
    group by periods.period_kind, periods.period_start_date, scoped_conversations.platform
),

silences as (
    select
        silences.platform,
        silences.silence_seconds,
        -- A silence cut by the as-of instant belongs to the last day that counts.
        cast({{ to_local(shift_days('silences.ended_at', '-0.00001'), 'run.timezone') }} as date) as ended_date
    from {{ ref('int_silences') }} as silences
    cross join run
),

longest_silences as (
    select
        periods.period_kind,
        periods.period_start_date,
        silences.platform,
        max(silences.silence_seconds) as silence_seconds
    from silences
    inner join periods on silences.ended_date = periods.calendar_date
    group by periods.period_kind, periods.period_start_date, silences.platform
),

combined as (
    select
        period_bounds.period_kind,
        period_bounds.period_start_date,
        period_bounds.period_end_date,
        platforms.platform,
        coalesce(ask_counts.ask_count, 0) as ask_count,
        coalesce(ask_counts.answered_count, 0) as answered_count,
        coalesce(ask_counts.open_count, 0) as open_count,
        coalesce(ask_counts.deleted_ask_count, 0) as deleted_ask_count,
        coalesce(ask_counts.unknown_time_count, 0) as unknown_time_count,
        coalesce(ask_counts.answered_0_1h_count, 0) as answered_0_1h_count,
        coalesce(ask_counts.answered_1_4h_count, 0) as answered_1_4h_count,
        coalesce(ask_counts.answered_4_8h_count, 0) as answered_4_8h_count,
        coalesce(ask_counts.answered_8_24h_count, 0) as answered_8_24h_count,
        coalesce(ask_counts.answered_after_24h_count, 0) as answered_after_24h_count,
        curves.median_response_seconds,
        curves.median_business_seconds,
        coalesce(curves.business_point_count, 0) as business_point_count,
        round(curves.within_1h_rate, 9) as answered_within_1h_rate,
        round(curves.within_24h_rate, 9) as answered_within_24h_rate,
        -- Sample size that gives a plain proportion Greenwood's variance: (1 − S) / (S · Σ).
        case
            when curves.within_1h_greenwood > 0 and curves.within_1h_rate < 1
                then curves.within_1h_rate / ((1 - curves.within_1h_rate) * curves.within_1h_greenwood)
            else cast(ask_counts.ask_count as double)
        end as effective_1h_count,
        case
            when curves.within_24h_greenwood > 0 and curves.within_24h_rate < 1
                then curves.within_24h_rate / ((1 - curves.within_24h_rate) * curves.within_24h_greenwood)
            else cast(ask_counts.ask_count as double)
        end as effective_24h_count,
        coalesce(message_counts.human_brand_message_count, 0) as human_brand_message_count,
        coalesce(message_counts.addressed_message_count, 0) as addressed_message_count,
        coalesce(message_counts.repliable_message_count, 0) as repliable_message_count,
        coalesce(message_counts.replied_message_count, 0) as replied_message_count,
        coalesce(conversation_counts.conversation_count, 0) as conversation_count,
        cast(coalesce(conversation_counts.conversation_message_count, 0) as bigint) as conversation_message_count,
        cast(coalesce(conversation_counts.conversation_brand_message_count, 0) as bigint) as conversation_brand_message_count,
        longest_silences.silence_seconds
    from period_bounds
    cross join platforms
    left join ask_counts
        on period_bounds.period_kind = ask_counts.period_kind and period_bounds.period_start_date = ask_counts.period_start_date
        and platforms.platform = ask_counts.platform
    left join curves
        on period_bounds.period_kind = curves.period_kind and period_bounds.period_start_date = curves.period_start_date
        and platforms.platform = curves.platform
    left join message_counts
        on period_bounds.period_kind = message_counts.period_kind and period_bounds.period_start_date = message_counts.period_start_date
        and platforms.platform = message_counts.platform
    left join conversation_counts
        on period_bounds.period_kind = conversation_counts.period_kind
        and period_bounds.period_start_date = conversation_counts.period_start_date
        and platforms.platform = conversation_counts.platform
    left join longest_silences
        on period_bounds.period_kind = longest_silences.period_kind and period_bounds.period_start_date = longest_silences.period_start_date
        and platforms.platform = longest_silences.platform
)

select
    combined.period_kind,
    combined.period_start_date,
    combined.platform,
    case when combined.ask_count = 0 then 'no asks' when combined.median_response_seconds is null then 'not reached' end as median_response_reason,
    case
        when combined.ask_count = 0 then 'no asks'
        when combined.business_point_count = 0 then 'no working hours configured'
        when combined.median_business_seconds is null then 'not reached'
    end as median_business_reason,
    case when combined.silence_seconds is null then 'no silence with an open ask ended in the period' end as longest_silence_reason,
    run.parameters_version,
    combined.ask_count,
    combined.answered_count,
    combined.open_count,
    combined.deleted_ask_count,
    combined.unknown_time_count,
    {{ share('combined.answered_count', 'combined.ask_count') }} as answered_rate,
    {{ wilson_low('combined.answered_count', 'combined.ask_count') }} as answered_rate_low,
    {{ wilson_high('combined.answered_count', 'combined.ask_count') }} as answered_rate_high,
    cast(combined.median_response_seconds as double) as median_response_seconds,
    cast(combined.median_business_seconds as double) as median_business_seconds,
    combined.answered_within_1h_rate,
    {{ wilson_low('(combined.answered_within_1h_rate * combined.effective_1h_count)', 'combined.effective_1h_count') }} as answered_within_1h_low,
    {{ wilson_high('(combined.answered_within_1h_rate * combined.effective_1h_count)', 'combined.effective_1h_count') }} as answered_within_1h_high,
    combined.answered_within_24h_rate,
    {{ wilson_low('(combined.answered_within_24h_rate * combined.effective_24h_count)', 'combined.effective_24h_count') }} as answered_within_24h_low,
    {{ wilson_high('(combined.answered_within_24h_rate * combined.effective_24h_count)', 'combined.effective_24h_count') }} as answered_within_24h_high,
    combined.answered_0_1h_count,
    combined.answered_1_4h_count,
    combined.answered_4_8h_count,
    combined.answered_8_24h_count,
    combined.answered_after_24h_count,
    combined.human_brand_message_count,
    combined.addressed_message_count,
    {{ share('combined.addressed_message_count', 'combined.human_brand_message_count') }} as listening_ratio,
    {{ wilson_low('combined.addressed_message_count', 'combined.human_brand_message_count') }} as listening_ratio_low,
    {{ wilson_high('combined.addressed_message_count', 'combined.human_brand_message_count') }} as listening_ratio_high,
    {{ share('combined.addressed_message_count', '(combined.human_brand_message_count - combined.addressed_message_count)') }} as conversation_to_broadcast_ratio,
    combined.replied_message_count,
    combined.repliable_message_count,
    {{ share('combined.replied_message_count', 'combined.repliable_message_count') }} as reply_rate,
    {{ wilson_low('combined.replied_message_count', 'combined.repliable_message_count') }} as reply_rate_low,
    {{ wilson_high('combined.replied_message_count', 'combined.repliable_message_count') }} as reply_rate_high,
    combined.conversation_count,
    combined.conversation_message_count,
    combined.conversation_brand_message_count,
    {{ share('combined.conversation_brand_message_count', 'combined.conversation_message_count') }} as brand_dominance,
    {{ wilson_low('combined.conversation_brand_message_count', 'combined.conversation_message_count') }} as brand_dominance_low,
    {{ wilson_high('combined.conversation_brand_message_count', 'combined.conversation_message_count') }} as brand_dominance_high,
    round(cast(combined.silence_seconds as double) / 86400, 9) as longest_silence_days,
    combined.ask_count < parameters.least_denominator as is_too_few,
    combined.repliable_message_count < parameters.least_denominator as is_reply_rate_too_few,
    combined.human_brand_message_count < parameters.least_denominator as is_listening_too_few,
    combined.conversation_message_count < parameters.least_denominator as is_dominance_too_few,
    combined.period_end_date,
    run.as_of_date
from combined
cross join run
cross join parameters
