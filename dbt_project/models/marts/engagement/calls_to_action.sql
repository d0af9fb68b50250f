with calls as (
    select * from {{ ref('int_calls') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select * from {{ ref('int_parameters') }}
),

persons as (
    select persons.person_id
    from {{ ref('int_persons') }} as persons
    cross join parameters
    where persons.p_real >= parameters.least_p_real
),

events as {{ inlined() }} (
    select person_id, platform, kind, post_key, root_post_key, parent_post_key, event_at
    from {{ ref('int_interactions') }}
    where direction = 'in' and not is_deleted and not is_automated and not is_time_observed
),

-- What people write who ask for something, and what is then seen.
words as (
    select 'any' as word, 'reply' as kind union all
    select 'any' as word, 'comment' as kind union all
    select 'any' as word, 'quote' as kind union all
    select 'any' as word, 'reshare' as kind union all
    select 'any' as word, 'click' as kind union all
    select 'reply' as word, 'reply' as kind union all
    select 'reply' as word, 'comment' as kind union all
    select 'answer' as word, 'reply' as kind union all
    select 'answer' as word, 'comment' as kind union all
    select 'comment' as word, 'reply' as kind union all
    select 'comment' as word, 'comment' as kind union all
    select 'share' as word, 'reshare' as kind union all
    select 'share' as word, 'quote' as kind union all
    select 'repost' as word, 'reshare' as kind union all
    select 'boost' as word, 'reshare' as kind union all
    select 'quote' as word, 'quote' as kind union all
    select 'follow' as word, 'follow' as kind union all
    select 'mention' as word, 'mention' as kind union all
    select 'like' as word, 'like' as kind union all
    select 'click' as word, 'click' as kind
),

conversions as (
    select ledger.person_id, lower(ledger.conversion_kind) as conversion_kind, ledger.occurred_at
    from {{ ref('int_value_ledger') }} as ledger
    where ledger.ledger = 'buyer' and not ledger.is_refunded
),

wanted as (
    select distinct calls.call_key, words.kind
    from calls
    inner join words on {{ contains_text('calls.asked_action', 'words.word') }}
),

wanted_conversions as (
    select distinct calls.call_key, kinds.conversion_kind
    from calls
    inner join (select distinct conversion_kind from conversions where conversion_kind is not null) as kinds
        on {{ contains_text('calls.asked_action', 'kinds.conversion_kind') }}
),

quotes as (
    select post_key, subject_post_key from {{ ref('int_messages') }} where subject_post_key is not null
),

asking_spans as (
    select call_key, platform, min(asked_at) as first_asked_at, max(asked_at) as last_asked_at
    from calls
    group by call_key, platform
),

-- Follows and mentions name no message: each beside the last time it was asked for. Read off one line of time, because a campaign asks a thousand times, and
-- each time would be paired with everybody.
timed as (
    select
        *,
        max(case when is_ask = 1 then moment_at end) over (
            partition by call_key, platform, kind
            order by moment_at, is_ask desc, person_id
            rows between unbounded preceding and current row
        ) as last_asked_at
    from (
        select calls.call_key, calls.platform, wanted.kind, cast(null as string) as person_id, calls.asked_at as moment_at, 1 as is_ask
        from calls
        inner join wanted on calls.call_key = wanted.call_key
        where wanted.kind in ('follow', 'mention')
        union all
        select asking_spans.call_key, asking_spans.platform, wanted.kind, events.person_id, events.event_at as moment_at, 0 as is_ask
        from asking_spans
        cross join parameters
        inner join wanted on asking_spans.call_key = wanted.call_key
        inner join events on asking_spans.platform = events.platform and wanted.kind = events.kind
        where events.kind in ('follow', 'mention')
            and events.event_at >= asking_spans.first_asked_at
            and events.event_at <= {{ shift_days('asking_spans.last_asked_at', 'parameters.call_days') }}
    ) as line
),

-- On the message, below it, or quoting it; a follow or a mention names no message, and is told by its time.
answering as (
    select calls.call_key, calls.asked_at, events.person_id, events.kind, events.event_at
    from calls
    inner join events on calls.post_key = events.post_key
    where events.kind in ('reshare', 'like', 'click')
    union all
    select calls.call_key, calls.asked_at, events.person_id, events.kind, events.event_at
    from calls
    inner join events on calls.post_key = events.root_post_key
    where events.kind in ('reply', 'comment')
    union all
    select calls.call_key, calls.asked_at, events.person_id, events.kind, events.event_at
    from calls
    inner join events on calls.post_key = events.parent_post_key
    where events.kind in ('reply', 'comment')
    union all
    select calls.call_key, calls.asked_at, events.person_id, events.kind, events.event_at
    from calls
    inner join quotes on calls.post_key = quotes.subject_post_key
    inner join events on quotes.post_key = events.post_key
    where events.kind = 'quote'
    union all
    select call_key, last_asked_at as asked_at, person_id, kind, moment_at as event_at
    from timed
    where is_ask = 0 and last_asked_at is not null
),

did as (
    select answering.call_key, answering.person_id
    from answering
    cross join parameters
    inner join wanted on answering.call_key = wanted.call_key and answering.kind = wanted.kind
    where answering.event_at >= answering.asked_at and answering.event_at <= {{ shift_days('answering.asked_at', 'parameters.call_days') }}
    union
    select calls.call_key, conversions.person_id
    from calls
    cross join parameters
    inner join wanted_conversions on calls.call_key = wanted_conversions.call_key
    inner join conversions
        on wanted_conversions.conversion_kind = conversions.conversion_kind
        and conversions.occurred_at >= calls.asked_at and conversions.occurred_at <= {{ shift_days('calls.asked_at', 'parameters.call_days') }}
    where conversions.person_id is not null
),

-- Who was asked by name; else who followed when it was asked.
named as (
    select distinct calls.call_key, mentions.person_id
    from calls
    inner join {{ ref('int_interactions') }} as mentions on calls.post_key = mentions.post_key
    where mentions.direction = 'out' and mentions.kind in ('mention', 'message')
),

named_counts as (
    select named.call_key, count(*) as named_count
    from named
    inner join persons on named.person_id = persons.person_id
    group by named.call_key
),

-- Who followed at one of the times when it was asked: each time of following beside the first time of asking in it, on one line of time again.
followed as (
    select
        *,
        min(case when is_ask = 1 then moment_at end) over (
            partition by call_key, platform
            order by moment_at desc, is_ask desc, account_key
            rows between unbounded preceding and current row
        ) as next_asked_at
    from (
        select call_key, platform, cast(null as string) as account_key, asked_at as moment_at, cast(null as timestamp) as ends_at, 1 as is_ask
        from calls
        union all
        select asking_spans.call_key, asking_spans.platform, spans.account_key, spans.begins_at as moment_at, spans.ends_at, 0 as is_ask
        from asking_spans
        inner join {{ ref('int_following_spans') }} as spans on asking_spans.platform = spans.platform
    ) as line
),

following as (
    select distinct followed.call_key, members.person_id
    from followed
    inner join {{ ref('int_person_members') }} as members on followed.account_key = members.account_key
    where followed.is_ask = 0 and followed.next_asked_at < followed.ends_at
),

reached as (
    select named.call_key, named.person_id
    from named
    union
    select following.call_key, following.person_id
    from following
    left join named_counts on following.call_key = named_counts.call_key
    where named_counts.call_key is null
    union
    select did.call_key, did.person_id
    from did
    left join named_counts on did.call_key = named_counts.call_key
    where named_counts.call_key is null
),

counted as (
    select
        reached.call_key,
        count(*) as reached_person_count,
        count(did.person_id) as acted_person_count
    from reached
    inner join persons on reached.person_id = persons.person_id
    left join did on reached.call_key = did.call_key and reached.person_id = did.person_id
    group by reached.call_key
),

read_lists as (
    select distinct platform from {{ ref('int_listing_reads') }} where entity = 'followers'
),

described as (
    select
        calls.call_key,
        max(calls.call_kind) as call_kind,
        max(calls.campaign_id) as campaign_id,
        case when max(calls.call_kind) = 'post' then max(calls.post_key) end as post_key,
        {{ collect_text('calls.platform') }} as platforms_text,
        max(calls.asked_action) as asked_action,
        count(*) as message_count,
        max(case when calls.is_incentivised then 1 else 0 end) = 1 as is_incentivised,
        max(case when read_lists.platform is not null then 1 else 0 end) = 1 as has_followers,
        min(calls.asked_at) as first_asked_at,
        max(calls.asked_at) as last_asked_at
    from calls
    left join read_lists on calls.platform = read_lists.platform
    group by calls.call_key
),

seen as (
    select call_key from wanted
    union
    select call_key from wanted_conversions
),

judged as (
    select
        described.*,
        named_counts.call_key is not null as is_named,
        {{ shift_days('described.last_asked_at', 'parameters.call_days') }} <= run.as_of_at as is_settled,
        coalesce(counted.reached_person_count, 0) as reached_person_count,
        coalesce(counted.acted_person_count, 0) as acted_person_count,
        case
            when seen.call_key is null then 'not measurable: what was asked is nothing that can be seen'
            when {{ shift_days('described.last_asked_at', 'parameters.call_days') }} > run.as_of_at then 'the days to follow it are not over'
            when named_counts.call_key is null and not described.has_followers then 'nobody was asked by name, and no list of followers was read'
            when coalesce(counted.reached_person_count, 0) = 0 then 'nobody was reached'
        end as rate_reason
    from described
    cross join run
    cross join parameters
    left join named_counts on described.call_key = named_counts.call_key
    left join counted on described.call_key = counted.call_key
    left join seen on described.call_key = seen.call_key
)

select
    judged.call_key,
    judged.call_kind,
    judged.campaign_id,
    judged.post_key,
    judged.platforms_text,
    judged.asked_action,
    case when judged.is_named then 'asked by name' else 'followed when it was asked, or did it' end as reach_basis,
    judged.rate_reason,
    run.parameters_version,
    judged.message_count,
    judged.acted_person_count,
    judged.reached_person_count,
    case when judged.rate_reason is null then {{ share('judged.acted_person_count', 'judged.reached_person_count') }} end as action_rate,
    case when judged.rate_reason is null then {{ wilson_low('judged.acted_person_count', 'judged.reached_person_count') }} end as action_rate_low,
    case when judged.rate_reason is null then {{ wilson_high('judged.acted_person_count', 'judged.reached_person_count') }} end as action_rate_high,
    judged.is_incentivised,
    judged.is_settled,
    judged.reached_person_count < parameters.least_denominator as is_too_few,
    run.as_of_date,
    judged.first_asked_at,
    judged.last_asked_at
from judged
cross join run
cross join parameters
