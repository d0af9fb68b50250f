-- Read before any mapping of this platform. A server that hides a count says -1.
create or replace temp macro known_count(stated) as case when stated >= 0 then stated end;

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
