-- Blog posts. Their ids and those of comments are counted apart: a post is `post:<id>`, a comment its id alone.
-- The title opens the text. Only what is public is a post; what lies in the trash is evidence of a deletion.
-- into: posts
select
    line,
    'post:' || item.id as post_id,
    nullif(item.author, '0') as author_account_id,
    'post' as kind,
    concat_ws(chr(10) || chr(10), nullif(strip_html(item.title.rendered), ''), nullif(strip_html(item."content".rendered), '')) as "text",
    item.link as url,
    case
        when nullif(item.featured_media, '0') is not null or contains(item."content".rendered, '<img') then 'image'
        when contains(item."content".rendered, '<video') or contains(item."content".rendered, '<iframe') then 'video'
        when contains(item."content".rendered, '<audio') then 'audio'
        else 'none'
    end as media_type,
    keep_first(
        list_transform(
            list_filter(flatten(coalesce(item._embedded."wp:term", [])), lambda term: term.taxonomy = 'post_tag'),
            lambda term: replace(lower(ltrim(decode_entities(term."name"), '#')), ' ', '')
        )
    ) as hashtags,
    find_links(item."content".rendered) as link_urls,
    item.date_gmt as created_at,
    case when item.modified_gmt > item.date_gmt then item.modified_gmt end as edited_at,
from items
where coalesce(item.status, 'publish') = 'publish'

-- into: deletions
select
    line,
    'post' as entity,
    'post:' || item.id as entity_id,
    'trashed' as reason,
from items
where item.status = 'trash'
