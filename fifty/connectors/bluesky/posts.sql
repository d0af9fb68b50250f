-- Posts as such: searches, quotes, look-ups.
with posts_seen as (select line, item as post from items)

-- include: _posts
