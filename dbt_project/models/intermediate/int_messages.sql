-- One row per message before the as-of instant, placed in its tree and campaign; the base of every event that is a message.
with posts as {{ inlined() }} (
    select * from {{ ref('int_posts_kept') }}
),

trees as (
    select * from {{ ref('int_post_trees') }}
),

labels as (
    select * from {{ ref('int_post_labels') }}
),

brand_accounts as (
    select platform, min(account_key) as account_key
    from {{ ref('int_account_roles') }}
    where role = 'brand' and account_key is not null
    group by platform
),

campaign_matches as (
    select
        posts.post_key,
        matches.campaign_id,
        matches.is_incentivised,
        matches.is_promotional,
        row_number() over (
            partition by posts.post_key order by matches.rule_rank, matches.starts_at nulls first, matches.campaign_id
        ) as match_rank
    from posts
    inner join {{ ref('int_campaign_matches') }} as matches
        on posts.post_key = matches.post_key
        and posts.published_at >= coalesce(matches.starts_at, posts.published_at)
        and (matches.ends_at is null or posts.published_at < matches.ends_at)
)

select
    posts.post_key,
    posts.platform,
    posts.source_account_id,
    posts.post_id,
    posts.kind,
    posts.author_side,
    posts.author_role,
    posts.author_account_key,
    -- A person who answers for the brand speaks for a brand account: the one that began the tree, else the platform's first.
    case when posts.author_side = 'brand' then
        case
            when posts.author_role = 'brand' then posts.author_account_key
            when roots.author_role = 'brand' then roots.author_account_key
            else coalesce(brand_accounts.account_key, posts.author_account_key)
        end
    end as brand_account_key,
    posts.responder_id,
    posts.parent_post_key,
    trees.upper_post_key,
    posts.subject_post_key,
    trees.root_post_key,
    trees.depth,
    trees.is_root_known,
    parents.author_account_key as parent_author_key,
    subjects.author_account_key as subject_author_key,
    roots.author_account_key as root_author_key,
    posts.text,
    posts.language,
    posts.url,
    posts.media_type,
    posts.hashtags,
    posts.mentioned_account_ids,
    campaign_matches.campaign_id,
    posts.load_id,
    posts.load_seq,
    posts.is_automated,
    -- A label on the message itself has the last word.
    coalesce(labels.incentivised = 1, coalesce(root_labels.incentivised = 1, false) or coalesce(campaign_matches.is_incentivised, false)) as is_incentivised,
    coalesce(labels.promotional = 1, campaign_matches.is_promotional) as is_promotional,
    posts.is_deleted,
    posts.is_hidden,
    posts.is_time_observed,
    posts.is_rootless,
    posts.published_at,
    posts.edited_at,
    posts.deleted_at,
    posts.first_observed_at,
    posts.last_observed_at
from posts
inner join trees on posts.post_key = trees.post_key
left join posts as parents on posts.parent_post_key = parents.post_key
left join posts as subjects on posts.subject_post_key = subjects.post_key
left join posts as roots on trees.root_post_key = roots.post_key
left join labels on posts.post_key = labels.post_key
left join labels as root_labels on trees.root_post_key = root_labels.post_key
left join brand_accounts on posts.platform = brand_accounts.platform
left join campaign_matches on posts.post_key = campaign_matches.post_key and campaign_matches.match_rank = 1
