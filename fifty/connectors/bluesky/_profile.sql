-- Shared by every stream that holds people: reads `people_seen` (line, person), which the mapping defines.
-- into: accounts
select
    line,
    person.did as account_id,
    nullif(person.handle, 'handle.invalid') as handle,
    nullif(trim(person."displayName"), '') as display_name,
    'https://bsky.app/profile/' || person.did as profile_url,
    person."description" as bio,
    read_time(person."createdAt") as created_at,
    is_labelled_bot(person.labels) as is_automated,
    person."followersCount" as follower_count,
    person."followsCount" as following_count,
    person."postsCount" as post_count,
    -- A profile in a list tells picture and text: what is left out there, the account does not have.
    to_json({'has_default_picture': coalesce(person.avatar, '') = '', 'has_bio': coalesce(trim(person."description"), '') <> ''})::varchar
        as attributes,
from people_seen
where person.did is not null
