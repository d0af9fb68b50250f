-- Shared by every stream that holds whole statuses: reads `statuses_seen` (line, status, quoted_id), which the mapping defines.
-- Ids are those of the configured server, which gives one id to each person it knows; `profile_url` says where they are at home.
-- Mentions that open the text of a reply are put there by the program that answers; any other is by hand.
-- Direct messages: metadata only, never their text.
-- into: posts
with

opened as (
    select
        line,
        status,
        quoted_id,
        strip_html(status."content") as plain,
        coalesce(status.visibility = 'direct', false) as is_direct,
    from statuses_seen
),

read_on as (
    select
        opened.*,
        case
            when status.in_reply_to_id is not null and len(status.mentions) > 0
                then regexp_replace(plain, '^(?:\s*@[\w.-]+(?:@[\w.-]+)?)+', '')
        end as own_words,
    from opened
)

select
    line,
    status.id as post_id,
    status.account.id as author_account_id,
    case
        when is_direct then 'message'
        when status.in_reply_to_id is not null then 'reply'
        when quoted_id is not null then 'quote'
        else 'post'
    end as kind,
    status.in_reply_to_id as parent_post_id,
    quoted_id as subject_post_id,
    case when not is_direct then plain end as "text",
    status."language" as "language",
    coalesce(status.url, status.uri) as url,
    case
        when status.media_attachments[1]."type" in ('image', 'video', 'audio') then status.media_attachments[1]."type"
        when status.media_attachments[1]."type" = 'gifv' then 'video'
        when len(status.media_attachments) > 0 then 'other'
        when status.poll is not null then 'poll'
        when status.card is not null then 'link'
        else 'none'
    end as media_type,
    case when not is_direct then keep_first(list_transform(status.tags, lambda tag: lower(tag."name"))) end as hashtags,
    case when not is_direct then find_links(status."content") end as link_urls,
    case
        when own_words is null then list_transform(status.mentions, lambda mention: mention.id)
        when not contains(own_words, '@') then []
        else list_transform(
            list_filter(
                status.mentions,
                lambda mention: list_contains(regexp_extract_all(lower(own_words), '@([\w.-]*\w)', 1), lower(mention.username))
            ),
            lambda mention: mention.id
        )
    end as mentioned_account_ids,
    status.application."name" as client_name,
    status.created_at as created_at,
    status.edited_at as edited_at,
    to_json({'visibility': status.visibility, 'content_warning': case when not is_direct then nullif(status.spoiler_text, '') end})::varchar
        as attributes,
from read_on

-- into: accounts
with last_seen as (
    select line.load_id as load_id, status.account.id as account_id, max(line.seq) as seq, from statuses_seen group by all
)

select
    line,
    status.account.id as account_id,
    ltrim(status.account.acct, '@') as handle,
    nullif(trim(status.account.display_name), '') as display_name,
    coalesce(status.account.url, status.account.uri) as profile_url,
    nullif(strip_html(status.account.note), '') as bio,
    status.account.created_at as created_at,
    status.account.bot as is_automated,
    status.account.locked as is_protected,
    status.account.suspended as is_suspended,
    known_count(status.account.followers_count) as follower_count,
    known_count(status.account.following_count) as following_count,
    known_count(status.account.statuses_count) as post_count,
    profile_facts(status.account.avatar, status.account.note, status.account.last_status_at) as attributes,
from statuses_seen
inner join last_seen
    on statuses_seen.line.load_id = last_seen.load_id
    and statuses_seen.status.account.id = last_seen.account_id
    and statuses_seen.line.seq = last_seen.seq

-- into: post_metrics
select
    line,
    status.id as post_id,
    line.observed_at as measured_at,
    status.favourites_count as like_count,
    status.replies_count as reply_count,
    status.reblogs_count as reshare_count,
    status.quotes_count as quote_count,
from statuses_seen
