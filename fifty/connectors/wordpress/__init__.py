"""WordPress: the brand's posts, the comments below them, their authors.

/wp-json/wp/v2 → users, posts, recent_comments, known_posts, comments → landing

Ids as staging names them: a post is `post:<id>`, a comment its id alone (posts and comments are numbered apart), a user the id alone.
All times are read from the `_gmt` fields. README.md says what the site gives and what it hides.
"""

from __future__ import annotations

from datetime import timedelta

from fifty.connectors.base import Connector, Following, Stream, list_fields
from fifty.http import basic_authorization

API = "wp-json/wp/v2"
AVATARS = list_fields(text="24 48 96")
TERM = list_fields(id="id", text="name slug taxonomy link", json="_links")
TEXT = list_fields(text="rendered raw", boolean="protected", json="block_version")
USER = {
    "id": "id!",
    "avatar_urls": AVATARS,
    "roles": ["text"],
    **list_fields(
        text="name url description link slug username first_name last_name email nickname locale",
        time="registered_date",
        json="capabilities extra_capabilities meta _links",
    ),
}
POST = {
    "id": "id!",
    "guid": TEXT,
    "title": TEXT,
    "content": TEXT,
    "excerpt": TEXT,
    "categories": ["id"],
    "tags": ["id"],
    "_embedded": {"author": "json", "wp:term": [[TERM]], "wp:featuredmedia": "json"},
    **list_fields(
        id="author featured_media",
        text="date modified slug status type link comment_status ping_status template format",
        utc_time="date_gmt modified_gmt",
        boolean="sticky",
        json="meta _links password permalink_template generated_slug",
    ),
}
COMMENT = {
    "id": "id!",
    "post": "id!",
    "content": TEXT,
    "author_avatar_urls": AVATARS,
    **list_fields(
        id="parent author",
        text="author_name author_email author_url date link status type",
        utc_time="date_gmt",
        json="meta _links author_ip author_user_agent",
    ),
}

# Only what is used is asked for: with the edit view a comment would bring the address and the browser of its author along.
POST_FIELDS = "id,date_gmt,modified_gmt,slug,status,type,link,title,content,author,featured_media,tags,_links,_embedded"
COMMENT_FIELDS = "id,post,parent,author,author_name,author_email,author_url,date_gmt,content,link,status,type,author_avatar_urls"
EDIT = {"context": "edit"}
POST_PARAMS = {"per_page": "100", "_embed": "author,wp:term", "_fields": POST_FIELDS}
FOLLOWING = Following(id="id", created_at="date_gmt")

CONNECTOR = Connector(
    platform="wordpress",
    title="WordPress",
    authenticate=basic_authorization,
    error_code="code",
    missing={
        "rest_cannot_read": "trashed",
        "rest_cannot_read_post": "trashed",
        "rest_forbidden": "trashed",
        "rest_post_invalid_id": "not_found",
        "rest_comment_invalid_id": "not_found",
    },
    past_end=frozenset({"rest_post_invalid_page_number"}),
    streams=(
        Stream(
            name="users",
            kind="state",
            path=f"{API}/users",
            params={"per_page": "100", "orderby": "id", "order": "asc"},
            credential_params=EDIT,
            paging="page_number",
            page_size=100,
            shape=USER,
            entity="accounts",
            expected="header:X-WP-Total",
        ),
        Stream(
            name="posts",
            kind="events",
            path=f"{API}/posts",
            params={**POST_PARAMS, "orderby": "date", "order": "asc", "after": "{since}", "before": "{until}"},
            paging="page_number",
            page_size=100,
            lookback=timedelta(days=2),
            read_kind="window",
            shape=POST,
            entity="posts",
            follows=FOLLOWING,
            expected="header:X-WP-Total",
        ),
        # A scheduled post keeps the date of its last edit when it appears, so neither order of time alone finds all.
        Stream(
            name="edited_posts",
            kind="events",
            path=f"{API}/posts",
            params={**POST_PARAMS, "orderby": "modified", "order": "asc", "modified_after": "{since}", "modified_before": "{until}"},
            paging="page_number",
            page_size=100,
            lookback=timedelta(days=1),
            read_kind="window",
            shape=POST,
            mapping="posts",
            entity="posts",
            follows=FOLLOWING,
            expected="header:X-WP-Total",
        ),
        Stream(
            name="recent_comments",
            kind="events",
            path=f"{API}/comments",
            params={"per_page": "100", "orderby": "date_gmt", "order": "asc", "after": "{since}", "before": "{until}", "_fields": COMMENT_FIELDS},
            credential_params=EDIT,
            paging="page_number",
            page_size=100,
            lookback=timedelta(days=2),
            read_kind="window",
            shape=COMMENT,
            mapping="comments",
            entity="comments",
            touches="post",
            expected="header:X-WP-Total",
        ),
        Stream(
            name="known_posts",
            kind="state",
            path=f"{API}/posts",
            params={**POST_PARAMS, "include": "{ids_joined}"},
            asks="known",
            batch=100,
            read_kind="lookup",
            shape=POST,
            mapping="posts",
            entity="posts",
            scope={"post_id": "{post_id}"},
            subject="post:{post_id}",
            follows=FOLLOWING,
        ),
        Stream(
            name="comments",
            kind="state",
            path=f"{API}/comments",
            params={"post": "{post_id}", "per_page": "100", "orderby": "date_gmt", "order": "asc", "_fields": COMMENT_FIELDS},
            credential_params=EDIT,
            paging="page_number",
            page_size=100,
            asks="post",
            shape=COMMENT,
            entity="comments",
            scope={"post_id": "{post_id}"},
            subject="post:{post_id}",
            expected="header:X-WP-Total",
        ),
    ),
)
