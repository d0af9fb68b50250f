-- Read before any mapping of this platform. A server that hides a count says -1.
create or replace temp macro known_count(stated) as case when stated >= 0 then stated end;

-- What else a profile tells (M6.3): the picture is one of those that the common server programs give to whoever sends none; an empty note is no note.
create or replace temp macro profile_facts(avatar, note, last_status_at) as to_json({
    'has_default_picture': regexp_matches(avatar, '/avatars/original/missing[.]png|/images/avi[.]png|/default_avatars/|/identicon/'),
    'has_bio': case when note is not null then coalesce(strip_html(note), '') <> '' end,
    'last_post_date': last_status_at[:10]
})::varchar;

-- The parts of a status that a status within a status has too.
create or replace temp macro plain_status(status) as struct_pack(
    id := status.id,
    account := status.account,
    application := status.application,
    media_attachments := status.media_attachments,
    mentions := status.mentions,
    tags := status.tags,
    in_reply_to_id := status.in_reply_to_id,
    visibility := status.visibility,
    spoiler_text := status.spoiler_text,
    "language" := status."language",
    uri := status.uri,
    url := status.url,
    "content" := status."content",
    replies_count := status.replies_count,
    reblogs_count := status.reblogs_count,
    favourites_count := status.favourites_count,
    quotes_count := status.quotes_count,
    created_at := status.created_at,
    edited_at := status.edited_at,
    card := status.card,
    poll := status.poll
);
