-- M4.7: one row per moment at which a silence ended (or is cut by the as-of instant): the time since the last human answer of the brand, or since
-- the first open ask, if that is later, while at least one ask was open. Per platform, and for all platforms together.
with asks as {{ inlined() }} (
    select platform, asked_at, coalesce(answered_at, censored_at) as ended_at from {{ ref('int_asks_answers') }} where not is_time_observed
),

replies as (
    select distinct platform, post_key, event_at
    from {{ ref('int_interactions') }}
    where direction = 'out' and is_conversational and not is_automated and not is_deleted and not is_time_observed
),

moments as (
    select platform, asked_at as moment_at, 'c opens' as moment_kind, 1 as opened from asks
    union all
    select platform, ended_at as moment_at, 'b closes' as moment_kind, -1 as opened from asks
    union all
    select platform, event_at as moment_at, 'a reply' as moment_kind, 0 as opened from replies
),

scoped as (
    select platform, moment_at, moment_kind, opened from moments
    union all
    select 'all' as platform, moment_at, moment_kind, opened from moments
),

-- At one instant a reply comes first, then what it closes, then what opens.
grouped as (
    select platform, moment_at, moment_kind, sum(opened) as opened
    from scoped
    group by platform, moment_at, moment_kind
),

counted as (
    select
        *,
        coalesce(sum(opened) over (
            partition by platform order by moment_at, moment_kind rows between unbounded preceding and 1 preceding
        ), 0) as open_before
    from grouped
),

dated as (
    select
        *,
        max(case when moment_kind = 'c opens' and open_before = 0 then moment_at end) over (
            partition by platform order by moment_at, moment_kind rows between unbounded preceding and current row
        ) as first_open_at,
        max(case when moment_kind = 'a reply' then moment_at end) over (
            partition by platform order by moment_at, moment_kind rows between unbounded preceding and 1 preceding
        ) as last_reply_at
    from counted
)

select
    platform,
    moment_at as ended_at,
    {{ seconds_between('greatest(first_open_at, coalesce(last_reply_at, first_open_at))', 'moment_at') }} as silence_seconds
from dated
where open_before > 0 and moment_kind <> 'c opens'
