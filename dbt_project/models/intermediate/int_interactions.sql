{{ config(joins_as_written=true) }}
-- The canonical events: one row per (source row, target), with the side of both, the direction and all flags that measures filter on.
-- A message gives one event to the author of what it answers (else quotes, else of the tree's first message) and to each account it names by hand.
with messages as {{ inlined() }} (
    select * from {{ ref('int_messages') }}
),

run as (
    select as_of_at from {{ ref('int_run') }}
),

roles as (
    select * from {{ ref('int_account_roles') }}
),

accounts as {{ inlined() }} (
    select account_key, is_automated, is_gone, last_seen_at from {{ ref('int_accounts') }}
),

person_accounts as (
    select account_key, person_id from {{ ref('int_person_accounts') }}
),

hand_named as (
    select distinct post_key, platform || ':' || account_id as target_account_key
    from (
        select messages.post_key, messages.platform, messages.author_account_key, {{ explode_list('messages.mentioned_account_ids') }} as account_id
        from messages
    ) as mentioned
    where account_id is not null and platform || ':' || account_id <> coalesce(author_account_key, '')
),

-- Staff and agencies are nobody to be named.
named_counts as (
    select hand_named.post_key, count(*) as named_count
    from hand_named
    inner join messages on hand_named.post_key = messages.post_key
    left join roles
        on hand_named.target_account_key = roles.account_key
        and messages.published_at >= roles.begins_at and messages.published_at < roles.ends_at
    where coalesce(roles.side, 'external') <> 'internal'
    group by hand_named.post_key
),

message_targets as (
    select
        messages.post_key,
        coalesce(
            messages.parent_author_key,
            messages.subject_author_key,
            -- Who answers somebody that nobody can identify addresses that somebody, not whoever began the tree.
            case when parents.post_key is null or parents.author_account_key is not null then messages.root_author_key end
        ) as target_account_key,
        case
            when messages.kind = 'message' then 'message'
            when messages.parent_author_key is null and messages.subject_author_key is not null then 'quote'
            when messages.kind = 'comment' then 'comment'
            else 'reply'
        end as kind,
        case when coalesce(messages.parent_author_key, messages.subject_author_key) is not null or messages.kind = 'message' then 1 end as fixed_fanout
    from messages
    left join messages as parents on messages.parent_post_key = parents.post_key
    -- The first message of a tree addresses nobody but those it names or quotes.
    where messages.parent_post_key is not null or messages.subject_author_key is not null or messages.post_key <> messages.root_post_key
    union all
    select
        hand_named.post_key,
        hand_named.target_account_key,
        case when messages.kind = 'message' then 'message' else 'mention' end as kind,
        case when messages.kind = 'message' then 1 end as fixed_fanout
    from hand_named
    inner join messages on hand_named.post_key = messages.post_key
),

-- For one target a reply or comment beats a quote beats a mention.
ranked_targets as (
    select
        message_targets.*,
        row_number() over (
            partition by message_targets.post_key, message_targets.target_account_key
            order by
                case message_targets.kind when 'message' then 1 when 'reply' then 2 when 'comment' then 2 when 'quote' then 3 else 4 end,
                message_targets.fixed_fanout nulls last
        ) as kind_rank
    from message_targets
    where message_targets.target_account_key is not null
),

message_events as (
    select
        'post:' || messages.post_key || '>' || ranked_targets.target_account_key as event_id,
        messages.platform,
        messages.post_key,
        ranked_targets.kind,
        messages.author_account_key as actor_account_key,
        ranked_targets.target_account_key,
        messages.brand_account_key as actor_brand_account_key,
        messages.responder_id,
        messages.root_post_key,
        messages.parent_post_key,
        messages.campaign_id,
        cast(coalesce(ranked_targets.fixed_fanout, named_counts.named_count, 0) as bigint) as fanout,
        messages.is_automated,
        messages.is_incentivised,
        messages.is_deleted,
        messages.is_hidden,
        messages.is_time_observed,
        messages.is_rootless,
        -- A message says itself whether its author is automated.
        false as is_actor_automated,
        messages.published_at as event_at,
        messages.deleted_at,
        messages.first_observed_at
    from ranked_targets
    inner join messages on ranked_targets.post_key = messages.post_key
    left join named_counts on ranked_targets.post_key = named_counts.post_key
    where ranked_targets.kind_rank = 1 and messages.author_account_key is not null
),

interactions as (
    select
        interactions.*,
        interactions.platform || ':' || interactions.post_id as post_key,
        interactions.platform || ':' || interactions.actor_account_id as actor_account_key,
        coalesce(interactions.occurred_at, interactions.first_observed_at) as event_at,
        -- What vanished with its actor's account was not taken back.
        coalesce(
            interactions.ended_at,
            case when not coalesce(actors.is_gone and absent.ended_at > coalesce(actors.last_seen_at, absent.ended_at), false) then absent.ended_at end
        ) as withdrawn_at,
        coalesce(actors.is_gone, false) as is_hidden,
        coalesce(actors.is_automated, false) as is_actor_automated
    from {{ ref('stg_interactions') }} as interactions
    left join {{ ref('int_interactions_absent') }} as absent
        on interactions.platform = absent.platform and interactions.interaction_id = absent.interaction_id
    left join accounts as actors on interactions.platform || ':' || interactions.actor_account_id = actors.account_key
    where interactions.actor_account_id is not null
),

interaction_campaigns as (
    select
        interactions.platform,
        interactions.interaction_id,
        matches.campaign_id,
        matches.is_incentivised,
        row_number() over (
            partition by interactions.platform, interactions.interaction_id
            order by matches.rule_rank, matches.starts_at nulls first, matches.campaign_id
        ) as match_rank
    from interactions
    inner join {{ ref('int_campaign_matches') }} as matches
        on interactions.post_key = matches.post_key
        and interactions.event_at >= coalesce(matches.starts_at, interactions.event_at)
        and (matches.ends_at is null or interactions.event_at < matches.ends_at)
),

interaction_events as (
    select
        'interaction:' || interactions.platform || ':' || interactions.interaction_id as event_id,
        interactions.platform,
        interactions.post_key,
        interactions.kind,
        interactions.actor_account_key,
        coalesce(interactions.platform || ':' || interactions.target_account_id, messages.author_account_key) as target_account_key,
        cast(null as string) as actor_brand_account_key,
        cast(null as string) as responder_id,
        messages.root_post_key,
        cast(null as string) as parent_post_key,
        interaction_campaigns.campaign_id,
        cast(1 as bigint) as fanout,
        false as is_automated,
        coalesce(interaction_campaigns.is_incentivised, false) as is_incentivised,
        -- A like on a deleted message went with it.
        interactions.withdrawn_at is not null or coalesce(messages.is_deleted, false) as is_deleted,
        interactions.is_hidden,
        interactions.occurred_at is null as is_time_observed,
        false as is_rootless,
        interactions.is_actor_automated,
        interactions.event_at,
        coalesce(interactions.withdrawn_at, messages.deleted_at) as deleted_at,
        interactions.first_observed_at
    from interactions
    left join messages on interactions.post_key = messages.post_key
    left join interaction_campaigns
        on interactions.platform = interaction_campaigns.platform and interactions.interaction_id = interaction_campaigns.interaction_id
        and interaction_campaigns.match_rank = 1
),

events as (
    select * from message_events
    union all
    select * from interaction_events
),

sided as (
    select
        events.*,
        coalesce(actor_roles.side, 'external') as actor_side,
        coalesce(target_roles.side, 'external') as target_side,
        actor_roles.role as actor_role,
        target_roles.role as target_role
    from events
    cross join run
    left join roles as actor_roles
        on events.actor_account_key = actor_roles.account_key
        and events.event_at >= actor_roles.begins_at and events.event_at < actor_roles.ends_at
    left join roles as target_roles
        on events.target_account_key = target_roles.account_key
        and events.event_at >= target_roles.begins_at and events.event_at < target_roles.ends_at
    where events.event_at < run.as_of_at
        and events.target_account_key is not null
        and events.actor_account_key <> events.target_account_key
),

brand_accounts as (
    select platform, min(account_key) as account_key from roles where role = 'brand' and account_key is not null group by platform
),

root_brand_accounts as (
    select messages.root_post_key, min(messages.brand_account_key) as account_key
    from messages
    where messages.post_key = messages.root_post_key and messages.author_side = 'brand'
    group by messages.root_post_key
),

directed as (
    select
        sided.*,
        case
            when sided.actor_side = 'brand' then 'out'
            when sided.target_side = 'brand' then 'in'
            else 'peer'
        end as direction,
        case
            when sided.actor_side = 'brand' then coalesce(
                sided.actor_brand_account_key,
                case when sided.actor_role = 'brand' then sided.actor_account_key end, brand_accounts.account_key, sided.actor_account_key
            )
            when sided.target_side = 'brand' then
                case
                    when sided.target_role = 'brand' then sided.target_account_key
                    else coalesce(root_brand_accounts.account_key, brand_accounts.account_key, sided.target_account_key)
                end
        end as brand_account_key,
        case when sided.actor_side = 'brand' then sided.target_account_key else sided.actor_account_key end as account_key
    from sided
    left join brand_accounts on sided.platform = brand_accounts.platform
    left join root_brand_accounts on sided.root_post_key = root_brand_accounts.root_post_key
    -- Staff who do not answer for the brand, and agencies, are dropped from both sides; so is the brand talking to itself.
    where sided.actor_side <> 'internal' and sided.target_side <> 'internal'
        and not (sided.actor_side = 'brand' and sided.target_side = 'brand')
)

select
    directed.event_id,
    directed.platform,
    directed.kind,
    directed.direction,
    directed.brand_account_key,
    directed.account_key,
    person_accounts.person_id,
    directed.actor_account_key,
    directed.target_account_key,
    directed.post_key,
    directed.root_post_key,
    directed.parent_post_key,
    directed.responder_id,
    directed.campaign_id,
    directed.fanout,
    directed.kind in ('mention', 'comment', 'reply', 'quote', 'message') as is_conversational,
    directed.kind in ('mention', 'comment', 'reply', 'quote', 'message', 'reshare') as is_engaged,
    directed.is_automated or (directed.is_actor_automated and directed.actor_side <> 'brand') as is_automated,
    directed.is_incentivised,
    directed.is_deleted,
    directed.is_hidden,
    directed.is_time_observed,
    directed.is_rootless,
    cast(directed.event_at as date) as event_day,
    directed.event_at,
    directed.deleted_at,
    directed.first_observed_at
from directed
left join person_accounts on directed.account_key = person_accounts.account_key
