-- Read before any mapping of this platform.
-- The hash in an avatar's address. Without an e-mail address there is none, or that of the empty text: it stands for everybody.
create or replace temp macro avatar_hash(avatars) as
    nullif(
        nullif(nullif(regexp_extract(coalesce(avatars."96", avatars."48", avatars."24"), '/avatar/([0-9a-f]{32,64})', 1), ''), md5('')),
        sha256('')
    );
