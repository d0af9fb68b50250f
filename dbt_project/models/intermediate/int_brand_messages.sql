-- One row per human message of the brand side that is not deleted: whether it addressed anybody, and whether that drew an answer in time (M4.2, M4.4).
with messages as {{ inlined() }} (
    select * from {{ ref('int_messages') }} where author_side = 'brand' and not is_automated and not is_deleted
),

uppers as (
    select post_key, author_side from {{ ref('int_messages') }}
),

run as (
    select as_of_at from {{ ref('int_run') }}
),

parameters as (
    select audience_reply_days from {{ ref('int_parameters') }}
),

addressed as (
    select distinct post_key, person_id
    from {{ ref('int_interactions') }}
    where direction = 'out' and is_conversational
),

addressed_posts as (
    select distinct post_key from addressed
),

-- Grouped, so that thread and person are looked up together: by the thread alone, all its messages would meet all its answers.
asked as (
    select messages.post_key, messages.root_post_key, messages.published_at, addressed.person_id
    from messages
    inner join addressed on messages.post_key = addressed.post_key
    group by messages.post_key, messages.root_post_key, messages.published_at, addressed.person_id
),

answers as {{ inlined() }} (
    select event_at, person_id, root_post_key, parent_post_key, is_rootless
    from {{ ref('int_interactions') }}
    where direction = 'in' and is_conversational and not is_automated and not is_deleted
),

drawn as (
    select distinct messages.post_key
    from messages
    cross join parameters
    inner join answers
        on answers.parent_post_key = messages.post_key
        and answers.event_at > messages.published_at
        and answers.event_at <= {{ shift_days('messages.published_at', 'parameters.audience_reply_days') }}
    union
    select distinct asked.post_key
    from asked
    cross join parameters
    inner join answers
        on asked.root_post_key = answers.root_post_key and asked.person_id = answers.person_id
        and answers.event_at > asked.published_at
        and answers.event_at <= {{ shift_days('asked.published_at', 'parameters.audience_reply_days') }}
)

select
    messages.post_key,
    messages.platform,
    messages.brand_account_key,
    -- An answer to somebody whom the platform does not name is addressed all the same, but cannot be seen to draw an answer of that person.
    addressed_posts.post_key is not null or coalesce(uppers.author_side = 'unidentified', false) as is_addressed,
    addressed_posts.post_key is not null
    and messages.published_at <= {{ shift_days('run.as_of_at', '-parameters.audience_reply_days') }} as is_repliable,
    drawn.post_key is not null as is_replied,
    messages.published_at
from messages
cross join run
cross join parameters
left join addressed_posts on messages.post_key = addressed_posts.post_key
left join uppers on messages.upper_post_key = uppers.post_key
left join drawn on messages.post_key = drawn.post_key
