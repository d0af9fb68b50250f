-- One row per call to action and message of the brand that makes it (M5.2): a message labelled `ask`, and each message of a campaign that asks for something.
-- The label's words, or the campaign's, say what for; a plain yes asks for any answer, quote, reshare or click.
with messages as {{ inlined() }} (
    select post_key, platform, campaign_id, is_incentivised, published_at
    from {{ ref('int_messages') }}
    where author_side = 'brand' and not is_deleted and not is_automated
),

labels as (
    select
        entity_id as post_key,
        lower(trim(value)) as words,
        row_number() over (partition by entity_id order by labelled_at desc nulls last, labelled_by, value) as label_rank
    from {{ ref('stg_labels') }}
    where entity = 'post' and label = 'ask' and value is not null
)

select
    'post:' || messages.post_key as call_key,
    'post' as call_kind,
    messages.post_key,
    messages.platform,
    messages.campaign_id,
    case when labels.words in ('true', 'yes', '1') then 'any' else labels.words end as asked_action,
    messages.is_incentivised,
    messages.published_at as asked_at
from labels
inner join messages on labels.post_key = messages.post_key
where labels.label_rank = 1 and labels.words not in ('false', 'no', '0', '')
union all
select
    'campaign:' || campaigns.campaign_id as call_key,
    'campaign' as call_kind,
    messages.post_key,
    messages.platform,
    campaigns.campaign_id,
    lower(trim(campaigns.asked_action)) as asked_action,
    coalesce(campaigns.is_incentivised, false) as is_incentivised,
    messages.published_at as asked_at
from {{ ref('stg_campaigns') }} as campaigns
inner join messages on campaigns.campaign_id = messages.campaign_id
where trim(coalesce(campaigns.asked_action, '')) <> ''
