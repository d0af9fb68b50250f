-- Read before any mapping of this platform.
create or replace temp macro author_of(post_uri) as nullif(regexp_extract(post_uri, '^at://([^/]+)/', 1), '');

-- A quote embeds a record, or a record beside media; lists, feeds and starter packs are embedded the same way and are no posts.
create or replace temp macro quoted_post(beside_media, alone) as
    case when contains(coalesce(beside_media, alone), '/app.bsky.feed.post/') then coalesce(beside_media, alone) end;

create or replace temp macro facet_features(facets) as
    flatten(list_transform(coalesce(facets, []), lambda facet: coalesce(facet.features, [])));

create or replace temp macro facet_links(facets) as
    list_filter(list_transform(facet_features(facets), lambda feature: feature.uri), lambda link: link is not null);

create or replace temp macro facet_tags(facets) as
    list_filter(list_transform(facet_features(facets), lambda feature: feature.tag), lambda tag: tag is not null);

create or replace temp macro facet_mentions(facets) as
    list_filter(list_transform(facet_features(facets), lambda feature: feature.did), lambda did: did is not null);

-- Labels come from the account itself and from moderation services; no list of labels says nothing.
create or replace temp macro is_labelled_bot(labels) as
    case when labels is not null then list_contains(list_transform(labels, lambda label: lower(label.val)), 'bot') end;

create or replace temp macro program_of(via) as
    case when starts_with(via, '"') then nullif(trim(json_extract_string(via, '$')), '') end;
