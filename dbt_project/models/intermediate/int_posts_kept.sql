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
        dated.post_key,
        coalesce(
            dated.stated_deleted_at,
            case when not coalesce(accounts.is_gone and dated.found_gone_at > coalesce(accounts.last_seen_at, dated.found_gone_at), false)
                then dated.found_gone_at
            end
        ) as deleted_at
    from dated
    left join accounts on dated.author_account_key = accounts.account_key
)

select
    dated.post_key,
    dated.platform,
    dated.source_account_id,
    dated.post_id,
    dated.kind,
    case
        when dated.author_account_id is null then 'unidentified'
        when roles.side in ('brand', 'internal') then roles.side
        else 'audience'
    end as author_side,
    roles.role as author_role,
    dated.author_account_key,
    case when roles.side = 'brand' then coalesce(
        'responder-' || substr(md5(salt.person_salt || '|' || dated.responder_id), 1, 12), roles.responder_id, dated.author_account_key
    ) end as responder_id,
    dated.platform || ':' || nullif(dated.parent_post_id, dated.post_id) as parent_post_key,
    dated.platform || ':' || dated.root_post_id as stated_root_post_key,
    dated.platform || ':' || nullif(dated.subject_post_id, dated.post_id) as subject_post_key,
    dated.text,
    dated.language,
    dated.url,
    dated.media_type,
    dated.hashtags,
    dated.link_urls,
    dated.mentioned_account_ids,
    dated.load_id,
    dated.seq as load_seq,
    coalesce(dated.is_automated, false)
    or coalesce(roles.role = 'automaton', false)
    -- What the platform says of the brand's own account does not make its people robots; the configuration says which accounts are.
    or (coalesce(accounts.is_automated, false) and coalesce(roles.side, 'audience') <> 'brand') as is_automated,
    judged.deleted_at is not null as is_deleted,
    coalesce(accounts.is_gone, false) as is_hidden,
    dated.is_time_observed,
    -- A thread is what parent, root or the place itself tie together; a direct message that names neither stands in none.
    dated.kind = 'message' and dated.parent_post_id is null and dated.root_post_id is null as is_rootless,
    dated.published_at,
    dated.edited_at,
    judged.deleted_at,
    dated.first_observed_at,
    dated.observed_at as last_observed_at
from dated
cross join run
cross join salt
inner join judged on dated.post_key = judged.post_key
left join roles
    on dated.author_account_key = roles.account_key and dated.published_at >= roles.begins_at and dated.published_at < roles.ends_at
left join accounts on dated.author_account_key = accounts.account_key
where dated.published_at < run.as_of_at
