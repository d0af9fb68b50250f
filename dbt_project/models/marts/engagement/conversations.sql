with messages as {{ inlined() }} (
    select * from {{ ref('int_messages') }}
),

members as (
    select account_key, person_id from {{ ref('int_person_members') }}
),

run as (
    select * from {{ ref('int_run') }}
),

parameters as (
    select least_denominator from {{ ref('int_parameters') }}
),

-- Staff who do not answer for the brand and agencies are on neither side.
sided as (
    select
        messages.*,
        case when messages.author_side = 'brand' then 'brand' when messages.author_side in ('audience', 'unidentified') then 'audience' end as side,
        members.person_id,
        messages.is_deleted or messages.is_hidden as is_removed
    from messages
    left join members on messages.author_account_key = members.account_key
),

standing as (
    select * from sided where side is not null and not is_removed
),

turns as (
    select
        standing.root_post_key,
        count(*) as turn_count
    from standing
    inner join standing as uppers on standing.upper_post_key = uppers.post_key
    where standing.side <> uppers.side
    group by standing.root_post_key
),

first_words as (
    select
        root_post_key,
        min(case when side = 'audience' then published_at end) as first_audience_at,
        max(case when side = 'brand' and not is_automated then published_at end) as last_human_brand_at
    from standing
    group by root_post_key
),

deleted as (
    select root_post_key, count(*) as deleted_message_count from sided where is_removed group by root_post_key
),

-- A tree in which only staff or an agency still speaks is a tree without messages of either side.
trees as (
    select
        root_post_key,
        min(platform) as platform,
        count(side) as message_count,
        count(case when side = 'brand' then 1 end) as brand_message_count,
        count(case when side = 'brand' and not is_automated then 1 end) as human_brand_message_count,
        count(case when side = 'audience' then 1 end) as audience_message_count,
        count(case when side = 'audience' and author_side = 'unidentified' then 1 end) as unidentified_message_count,
        coalesce(max(case when side is not null then depth end), 0) as depth,
        count(distinct case when side is not null then coalesce(person_id, author_account_key) end) as participant_count,
        count(distinct case when side = 'audience' then coalesce(person_id, author_account_key) end) as person_count,
        min(published_at) as started_at,
        max(published_at) as last_message_at
    from sided
    where not is_removed
    group by root_post_key
),

roots as (
    select * from messages where post_key = root_post_key
)

select
    trees.root_post_key,
    trees.platform,
    roots.author_side as root_author_side,
    case when roots.author_side <> 'internal' then roots.author_account_key end as root_author_account_key,
    case when not (roots.is_deleted or roots.is_hidden) and roots.kind <> 'message' then roots.text end as root_text,
    case when not (roots.is_deleted or roots.is_hidden) then roots.url end as root_url,
    roots.campaign_id,
    run.parameters_version,
    trees.message_count,
    trees.brand_message_count,
    trees.human_brand_message_count,
    trees.audience_message_count,
    trees.unidentified_message_count,
    cast(coalesce(deleted.deleted_message_count, 0) as bigint) as deleted_message_count,
    trees.depth,
    cast(coalesce(turns.turn_count, 0) as bigint) as turn_count,
    trees.participant_count,
    trees.person_count,
    {{ share('trees.brand_message_count', 'trees.message_count') }} as brand_share,
    {{ wilson_low('trees.brand_message_count', 'trees.message_count') }} as brand_share_low,
    {{ wilson_high('trees.brand_message_count', 'trees.message_count') }} as brand_share_high,
    coalesce(first_words.last_human_brand_at > first_words.first_audience_at, false) as is_conversation,
    trees.message_count < parameters.least_denominator as is_too_few,
    roots.post_key is not null as is_root_known,
    coalesce(roots.is_incentivised, false) as is_incentivised,
    cast({{ to_local('trees.started_at', 'run.timezone') }} as date) as started_date,
    run.as_of_date,
    trees.started_at,
    trees.last_message_at
from trees
cross join run
cross join parameters
left join first_words on trees.root_post_key = first_words.root_post_key
left join turns on trees.root_post_key = turns.root_post_key
left join deleted on trees.root_post_key = deleted.root_post_key
left join roots on trees.root_post_key = roots.post_key
