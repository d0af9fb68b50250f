-- One row per message and campaign it may belong to: because it, the message it answers or quotes, or the first message of its tree is a post of the
-- campaign; else by its own hashtags; else by its own links. Whether an event lies inside the campaign's dates is the event's question.
with campaigns as (
    select * from {{ ref('stg_campaigns') }}
),

posts as {{ inlined() }} (
    select post_key, subject_post_key, hashtags, link_urls from {{ ref('int_posts_kept') }}
),

trees as {{ inlined() }} (
    select post_key, upper_post_key, root_post_key from {{ ref('int_post_trees') }}
),

campaign_posts as (
    select campaign_id, {{ explode_list('post_ids') }} as post_key from campaigns
),

campaign_hashtags as (
    select campaign_id, {{ explode_list('hashtags') }} as hashtag from campaigns
),

campaign_links as (
    select campaign_id, {{ explode_list('link_patterns') }} as link_pattern from campaigns
),

post_hashtags as (
    select post_key, {{ explode_list('hashtags') }} as hashtag from posts
),

post_links as (
    select post_key, {{ explode_list('link_urls') }} as link_url from posts
),

direct as (
    select post_key, campaign_id, 1 as rule_rank from campaign_posts
    union all
    select post_hashtags.post_key, campaign_hashtags.campaign_id, 2 as rule_rank
    from post_hashtags
    inner join campaign_hashtags on lower(post_hashtags.hashtag) = lower(campaign_hashtags.hashtag)
    union all
    select post_links.post_key, campaign_links.campaign_id, 3 as rule_rank
    from post_links
    inner join campaign_links on campaign_links.link_pattern <> '' and {{ contains_text('post_links.link_url', 'campaign_links.link_pattern') }}
),

context as (
    select trees.post_key, trees.post_key as context_post_key from trees
    union
    select trees.post_key, trees.upper_post_key as context_post_key from trees where trees.upper_post_key is not null
    union
    select trees.post_key, trees.root_post_key as context_post_key from trees
    union
    select posts.post_key, posts.subject_post_key as context_post_key from posts where posts.subject_post_key is not null
)

select
    context.post_key,
    campaigns.campaign_id,
    min(direct.rule_rank) as rule_rank,
    campaigns.starts_at,
    campaigns.ends_at,
    campaigns.is_incentivised,
    campaigns.is_promotional
from context
inner join direct
    on context.context_post_key = direct.post_key and (direct.rule_rank = 1 or context.context_post_key = context.post_key)
inner join campaigns on direct.campaign_id = campaigns.campaign_id
group by context.post_key, campaigns.campaign_id, campaigns.starts_at, campaigns.ends_at, campaigns.is_incentivised, campaigns.is_promotional
