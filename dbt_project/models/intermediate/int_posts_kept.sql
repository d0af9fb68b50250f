-- One row per message before the as-of instant, with its author's side at that moment and what is known of its deletion.
with posts as (
    select * from {{ ref('stg_posts') }}
),

run as (
    select as_of_at, timezone from {{ ref('int_run') }}
),

absent as (
    select * from {{ ref('int_posts_absent') }}
),

gone as (
    select * from {{ ref('int_gone') }} where entity = 'post'
),

roles as (
    select * from {{ ref('int_account_roles') }}
),

accounts as (
    select account_key, is_automated, is_gone, last_seen_at from {{ ref('int_accounts') }}
),

salt as (
    select max(case when brand_key.name = 'person_salt' then brand_key.value end) as person_salt
    from {{ source('ops', 'brand_key') }} as brand_key
),

dated as (
    select
        posts.*,
        posts.platform || ':' || posts.post_id as post_key,
        posts.platform || ':' || posts.author_account_id as author_account_key,
        coalesce(posts.created_at, posts.first_observed_at) as published_at,
        posts.created_at is null as is_time_observed,
        posts.deleted_at as stated_deleted_at,
        coalesce(gone.gone_at, absent.ended_at) as found_gone_at
    from posts
    left join gone on posts.platform = gone.platform and posts.post_id = gone.entity_id
    left join absent on posts.platform = absent.platform and posts.post_id = absent.post_id
),

-- What vanished after its author was last seen, the author being gone too, was not taken back: it went with the account. It is hidden, not deleted.
judged as (
    select
        dated.*,
        accounts.is_automated as is_author_automated,
        accounts.is_gone as is_author_gone,
        coalesce(
            dated.stated_deleted_at,
            case when not coalesce(accounts.is_gone and dated.found_gone_at > coalesce(accounts.last_seen_at, dated.found_gone_at), false)
                then dated.found_gone_at
            end
        ) as judged_deleted_at
    from dated
    left join accounts on dated.author_account_key = accounts.account_key
)

select
    judged.post_key,
    judged.platform,
    judged.source_account_id,
    judged.post_id,
    judged.kind,
    case
        when judged.author_account_id is null then 'unidentified'
        when roles.side in ('brand', 'internal') then roles.side
        else 'audience'
    end as author_side,
    roles.role as author_role,
    judged.author_account_key,
    case when roles.side = 'brand' then coalesce(
        {{ responder_pseudonym('judged.responder_id') }}, roles.responder_id, judged.author_account_key
    ) end as responder_id,
    judged.platform || ':' || nullif(judged.parent_post_id, judged.post_id) as parent_post_key,
    judged.platform || ':' || judged.root_post_id as stated_root_post_key,
    judged.platform || ':' || nullif(judged.subject_post_id, judged.post_id) as subject_post_key,
    judged.text,
    judged.language,
    judged.url,
    judged.media_type,
    judged.hashtags,
    judged.link_urls,
    judged.mentioned_account_ids,
    judged.load_id,
    judged.seq as load_seq,
    coalesce(judged.is_automated, false)
    or coalesce(roles.role = 'automaton', false)
    -- What the platform says of the brand's own account does not make its people robots; the configuration says which accounts are.
    or (coalesce(judged.is_author_automated, false) and coalesce(roles.side, 'audience') <> 'brand') as is_automated,
    judged.judged_deleted_at is not null as is_deleted,
    coalesce(judged.is_author_gone, false) as is_hidden,
    judged.is_time_observed,
    -- A thread is what parent, root or the place itself tie together; a direct message that names neither stands in none.
    judged.kind = 'message' and judged.parent_post_id is null and judged.root_post_id is null as is_rootless,
    judged.published_at,
    judged.edited_at,
    judged.judged_deleted_at as deleted_at,
    judged.first_observed_at,
    judged.observed_at as last_observed_at
from judged
cross join run
cross join salt
left join roles
    on judged.author_account_key = roles.account_key and judged.published_at >= roles.begins_at and judged.published_at < roles.ends_at
where judged.published_at < run.as_of_at
