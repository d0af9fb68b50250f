"""WordPress REST v2 over the demo world: the brand's blog, its comments and their authors.

Data flow: state as of now -> posts, comments, users, tags in the shapes of wp-json/wp/v2.
Odd on purpose, as the real thing: a page past the end of posts is a 400 while an offset past it is an empty 200 that still names a next page,
comments have no modified date, a trashed comment is a 401 and a deleted one a 404, guests have author 0, and e-mail shows to an administrator only.
WordPress itself has no rate limit; the 429 here is that of a front proxy.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from demo.model import to_datetime, to_ms
from demo.people import hash_email
from demo.platforms.base import Handler, JSONAnswer, Limit, LimitState, Platform, PlatformError
from demo.state import AccountState, Post

Row = TypeVar("Row")
API = "/wp-json/wp/v2"
ADMINISTRATOR = "moorhen"


def refuse(code: str, message: str, status: int, **data: Any) -> PlatformError:
    """A WP_Error as the REST server renders it."""
    return PlatformError(status, {"code": code, "message": message, "data": {"status": status, **data}})


def refuse_parameter(name: str, message: str, detail_code: str = "rest_invalid_type", detail_data: Any = None) -> PlatformError:
    """The 400 for one bad parameter."""
    detail = {name: {"code": detail_code, "message": message, "data": detail_data}}
    return refuse("rest_invalid_param", f"Invalid parameter(s): {name}", 400, params={name: message}, details=detail)


class WordPress(Platform):
    """The brand's blog."""

    name = platform = "wordpress"
    limits: ClassVar[dict[str, Limit]] = {"true": Limit(600, 60, 0), "raised": Limit(12_000, 60, 19)}
    health_path = "/wp-json/"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.zone = ZoneInfo(self.world.brand["timezone"])
        self.site = f"https://{self.world.brand['blog_host']}"
        hashtags = sorted({v for post in self.state.posts.values() for k, v in post.segments if k == "h"})
        self.tag_ids = {tag: 20 + number for number, tag in enumerate(hashtags)}

    def routes(self) -> list[tuple[str, Handler, list[str]]]:
        """The endpoints a reader of a blog needs."""
        get = ["GET"]
        return [
            ("/wp-json/", self.show_index, get),
            ("/wp-json", self.show_index, get),
            (f"{API}/posts", self.list_posts, get),
            (f"{API}/posts/{{id:int}}", self.show_post, get),
            (f"{API}/comments", self.list_comments, get),
            (f"{API}/comments/{{id:int}}", self.show_comment, get),
            (f"{API}/users", self.list_users, get),
            (f"{API}/users/me", self.show_me, get),
            (f"{API}/users/{{id:int}}", self.show_user, get),
            (f"{API}/tags", self.list_tags, get),
        ]

    # -- limits, errors, who asks ---------------------------------------------------------------------------------

    def answer_refusal(self, limit: LimitState) -> Response:
        """429 of the proxy in front: an HTML page and Retry-After."""
        seconds = max(1, round(limit.reset - self.clock()))
        head, line = "<head><title>429 Too Many Requests</title></head>", "<center><h1>429 Too Many Requests</h1></center>"
        page = "\r\n".join(["<html>", head, "<body>", line, "<hr><center>nginx</center>", "</body>", "</html>", ""])
        return Response(page, 429, {"Retry-After": str(seconds)}, "text/html")

    def answer_error(self, status: int, message: str) -> Response:
        """An unexpected error in WordPress's shape."""
        return JSONAnswer(
            {
                "code": "internal_server_error",
                "message": f"<p>{message}</p>",
                "data": {"status": status},
                "additional_errors": [],
            },
            status,
        )

    def answer_no_route(self, request: Request, error: Exception) -> Response:
        """An unknown route."""
        return JSONAnswer(
            {
                "code": "rest_no_route",
                "message": "No route was found matching the URL and request method.",
                "data": {"status": 404},
            },
            404,
        )

    def is_administrator(self, request: Request) -> bool:
        """Whether the right application password came along; a wrong one is a 401 anywhere."""
        header = request.headers.get("authorization", "")
        if not header.startswith("Basic "):
            return False
        try:
            user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if user not in (ADMINISTRATOR, f"{ADMINISTRATOR}@mail.example"):
            raise refuse(
                "invalid_username",
                "<strong>Error:</strong> The username <strong>" + html.escape(user) + "</strong> is not registered on this site.",
                401,
            )
        if password.replace(" ", "") != make_application_password(self.make_secret("wordpress-password")).replace(" ", ""):
            raise refuse("incorrect_password", "The provided password is an invalid application password.", 401)
        return True

    def read_context(self, request: Request, message: str) -> bool:
        """Whether the edit view was asked for and may be had."""
        context, is_administrator = request.query_params.get("context", "view"), self.is_administrator(request)
        if context not in ("view", "embed", "edit"):
            raise refuse_parameter("context", "context is not one of view, embed, and edit.", "rest_not_in_enum")
        if context == "edit" and not is_administrator:
            raise refuse("rest_forbidden_context", message, 401)
        return context == "edit"

    # -- parameters -----------------------------------------------------------------------------------------------

    def read_number(self, request: Request, name: str, default: int | None, low: int, high: int | None = None) -> int | None:
        """An integer parameter within its bounds."""
        text = request.query_params.get(name)
        if text is None:
            return default
        if not re.fullmatch(r"-?\d+", text):
            raise refuse_parameter(name, f"{name} is not of type integer.", "rest_invalid_type", {"param": name})
        value = int(text)
        if high is not None and not low <= value <= high:
            raise refuse_parameter(name, f"{name} must be between {low} (inclusive) and {high} (inclusive)", "rest_out_of_bounds")
        if value < low:
            raise refuse_parameter(name, f"{name} must be greater than or equal to {low}", "rest_out_of_bounds")
        return value

    def read_numbers(self, request: Request, name: str) -> set[int] | None:
        """A list parameter: name=1,2 or name[]=1&name[]=2."""
        texts = [*request.query_params.getlist(f"{name}[]"), *request.query_params.getlist(name)]
        if not texts:
            return None
        pieces = [piece.strip() for text in texts for piece in text.split(",") if piece.strip()]
        if not all(re.fullmatch(r"\d+", piece) for piece in pieces):
            raise refuse_parameter(name, f"{name}[0] is not of type integer.", "rest_invalid_type", {"param": f"{name}[0]"})
        return {int(piece) for piece in pieces}

    def read_moment(self, request: Request, name: str) -> int | None:
        """A date parameter in milliseconds; without a zone it is the site's own time."""
        text = request.query_params.get(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text.replace(" ", "+").replace("Z", "+00:00"))
        except ValueError as error:
            raise refuse_parameter(name, "Invalid date.", "rest_invalid_date") from error
        return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=self.zone))

    def read_choice(self, request: Request, name: str, default: str, choices: Sequence[str]) -> str:
        """A parameter that is one of a few words."""
        value = request.query_params.get(name, default)
        if value not in choices:
            raise refuse_parameter(name, f"{name} is not one of {', '.join(choices[:-1])}, and {choices[-1]}.", "rest_not_in_enum")
        return value

    def answer_page(self, request: Request, rows: Sequence[Row], render: Callable[[Row], dict[str, Any]], is_strict: bool) -> Response:
        """A page of rows with totals and Link; ``is_strict`` refuses a page past the end, as posts do and comments do not."""
        size = self.read_number(request, "per_page", 10, 1, 100) or 10
        page = self.read_number(request, "page", 1, 1) or 1
        offset = self.read_number(request, "offset", None, 0)
        start = offset if offset is not None else (page - 1) * size
        pages = -(-len(rows) // size)
        if is_strict and offset is None and page > pages and len(rows):
            raise refuse(
                "rest_post_invalid_page_number",
                "The page number requested is larger than the number of pages available.",
                400,
            )
        headers, links = {"X-WP-Total": str(len(rows)), "X-WP-TotalPages": str(pages)}, []
        kept = [(k, v) for k, v in request.query_params.multi_items() if k != "page"]
        address = f"{str(request.base_url).rstrip('/')}{request.url.path}"
        if page > 1:
            links.append(f'<{address}?{urlencode([*kept, ("page", min(page - 1, pages))])}>; rel="prev"')
        if page < pages:
            links.append(f'<{address}?{urlencode([*kept, ("page", page + 1)])}>; rel="next"')
        if links:
            headers["Link"] = ", ".join(links)
        return JSONAnswer([render(row) for row in rows[start : start + size]], headers=headers)

    # -- shapes ---------------------------------------------------------------------------------------------------

    def format_local(self, milliseconds: int) -> str:
        """A time in the site's zone, without saying so."""
        return to_datetime(milliseconds).astimezone(self.zone).strftime("%Y-%m-%dT%H:%M:%S")

    def format_gmt(self, milliseconds: int) -> str:
        """A time in UTC, without saying so."""
        return to_datetime(milliseconds).strftime("%Y-%m-%dT%H:%M:%S")

    def find_user_id(self, account: AccountState) -> int:
        """The user id, 0 for a guest."""
        return 0 if account.account_id.startswith("guest:") else int(account.account_id)

    def render_avatars(self, account: AccountState) -> dict[str, str]:
        """Avatar addresses: they carry the hash of the e-mail, or nothing when there is none."""
        digest = hash_email(account.account.email) if account.account.email else ""
        return {str(size): f"https://secure.gravatar.example/avatar/{digest}?s={size}&d=mm&r=g" for size in (24, 48, 96)}

    def render_text(self, segments: list[list[str]]) -> str:
        """Rendered HTML: paragraphs, typographic apostrophes, links."""
        parts = []
        for kind, value in segments:
            if kind == "u":
                parts.append(f'<a href="{html.escape(value)}" rel="nofollow ugc">{html.escape(value)}</a>')
            elif kind == "m":
                parts.append("@" + html.escape(self.state.accounts[value].username))
            else:
                text = ("#" if kind == "h" else "") + value
                parts.append(html.escape(text, quote=False).replace("&amp;", "&#038;").replace("'", "&#8217;").replace("...", "&#8230;"))
        paragraphs = "".join(parts).split("\n\n")
        return "".join(f"<p>{paragraph.replace(chr(10), '<br />' + chr(10))}</p>\n" for paragraph in paragraphs)

    def post_number(self, post_id: str) -> int:
        """The number in a blog post's id."""
        return int(post_id.removeprefix("post:"))

    def slug_of(self, post: Post) -> str:
        """The slug of a blog post."""
        return re.sub(r"[^a-z0-9]+", "-", (post.title or "").lower()).strip("-") + f"-{self.post_number(post.post_id)}"

    def post_link(self, post: Post) -> str:
        """The public address of a blog post."""
        return f"{self.site}/{to_datetime(post.created_at).strftime('%Y/%m')}/{self.slug_of(post)}/"

    def render_post(self, post: Post, is_edit: bool = False) -> dict[str, Any]:
        """A post."""
        number, modified = self.post_number(post.post_id), post.edited_at or post.created_at
        content, title = self.render_text(post.segments), html.escape(post.title or "", quote=False)
        rendered: dict[str, Any] = {
            "id": number,
            "date": self.format_local(post.created_at),
            "date_gmt": self.format_gmt(post.created_at),
            "guid": {"rendered": f"{self.site}/?p={number}"},
            "modified": self.format_local(modified),
            "modified_gmt": self.format_gmt(modified),
            "slug": self.slug_of(post),
            "status": "publish",
            "type": "post",
            "link": self.post_link(post),
            "title": {"rendered": title},
            "content": {"rendered": content, "protected": False},
            "excerpt": {"rendered": content.split("</p>")[0] + "</p>\n", "protected": False},
            "author": int(post.author_id),
            "featured_media": 0,
            "comment_status": "open",
            "ping_status": "open",
            "sticky": False,
            "template": "",
            "format": "standard",
            "meta": {"footnotes": ""},
            "categories": [1],
            "tags": [self.tag_ids[v] for k, v in post.segments if k == "h"],
        }
        if is_edit:
            plain = "".join(v for _, v in post.segments)
            rendered["title"]["raw"], rendered["content"]["raw"], rendered["content"]["block_version"] = (
                post.title,
                plain,
                0,
            )
            rendered |= {
                "password": "",
                "permalink_template": f"{self.site}/%year%/%monthnum%/%postname%/",
                "generated_slug": self.slug_of(post),
            }
        base = f"{self.site}{API}"
        rendered["_links"] = {
            "self": [{"href": f"{base}/posts/{number}"}],
            "collection": [{"href": f"{base}/posts"}],
            "about": [{"href": f"{base}/types/post"}],
            "author": [{"embeddable": True, "href": f"{base}/users/{post.author_id}"}],
            "replies": [{"embeddable": True, "href": f"{base}/comments?post={number}"}],
        }
        return rendered

    def find_parent_number(self, post: Post) -> int:
        """The parent comment's number, 0 at the top; deleting a comment for good moves its children up a level."""
        parent = self.state.posts.get(post.parent_id or "")
        while parent is not None and parent.deleted_at is not None and parent.delete_mode != "trash":
            parent = self.state.posts.get(parent.parent_id or "")
        return 0 if parent is None or parent.kind == "post" else int(parent.post_id)

    def render_comment(self, post: Post, is_edit: bool = False) -> dict[str, Any]:
        """A comment."""
        rendered: dict[str, Any] = self.recall(("comment", post.post_id, is_edit), lambda: self.build_comment(post, is_edit))
        return rendered

    def build_comment(self, post: Post, is_edit: bool) -> dict[str, Any]:
        """A comment, made anew."""
        author, number, parent = self.state.accounts[post.author_id], int(post.post_id), self.find_parent_number(post)
        above = self.state.posts[post.root_id]
        user_id, post_number = self.find_user_id(author), self.post_number(post.root_id)
        rendered: dict[str, Any] = {
            "id": number,
            "post": post_number,
            "parent": parent,
            "author": user_id,
            "author_name": author.display_name,
        }
        if is_edit:
            rendered |= {"author_email": author.account.email}
        rendered["author_url"] = ""
        if is_edit:
            rendered |= {
                "author_ip": f"198.51.100.{number % 250}",
                "author_user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
            }
        rendered |= {
            "date": self.format_local(post.created_at),
            "date_gmt": self.format_gmt(post.created_at),
            "content": {"rendered": self.render_text(post.segments)},
            "link": f"{self.post_link(above)}#comment-{number}",
            "status": "trash" if post.deleted_at is not None else "approved",
            "type": "comment",
            "author_avatar_urls": self.render_avatars(author),
            "meta": [],
        }
        if is_edit:
            rendered["content"]["raw"] = "".join(v for _, v in post.segments)
        base = f"{self.site}{API}"
        links: dict[str, Any] = {
            "self": [{"href": f"{base}/comments/{number}"}],
            "collection": [{"href": f"{base}/comments"}],
        }
        if user_id:
            links["author"] = [{"embeddable": True, "href": f"{base}/users/{user_id}"}]
        links["up"] = [{"embeddable": True, "post_type": "post", "href": f"{base}/posts/{post_number}"}]
        if parent:
            links["in-reply-to"] = [{"embeddable": True, "href": f"{base}/comments/{parent}"}]
        if any(self.state.find_post(child) for child in self.state.children[post.post_id]):
            links["children"] = [{"href": f"{base}/comments?parent={number}"}]
        return rendered | {"_links": links}

    def render_user(self, account: AccountState, is_edit: bool = False) -> dict[str, Any]:
        """A user."""
        number, base = int(account.account_id), f"{self.site}{API}"
        rendered: dict[str, Any] = {"id": number}
        if is_edit:
            role = "administrator" if account.username == ADMINISTRATOR else "editor" if account.account.role == "staff" else "subscriber"
            rendered |= {
                "username": account.username,
                "first_name": "",
                "last_name": "",
                "email": account.account.email,
                "roles": [role],
                "registered_date": to_datetime(account.account.created_at).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
                "capabilities": {role: True},
                "extra_capabilities": {role: True},
                "locale": "en_US",
                "nickname": account.username,
            }
        return rendered | {
            "name": account.display_name,
            "url": "",
            "description": account.account.bio,
            "link": f"{self.site}/author/{account.username}/",
            "slug": account.username,
            "avatar_urls": self.render_avatars(account),
            "meta": [],
            "_links": {"self": [{"href": f"{base}/users/{number}"}], "collection": [{"href": f"{base}/users"}]},
        }

    # -- endpoints ------------------------------------------------------------------------------------------------

    def show_index(self, request: Request) -> Response:
        """The site and its routes."""
        routes = {
            path.replace("{id:int}", "(?P<id>[\\d]+)").removeprefix("/wp-json") or "/": {
                "namespace": "wp/v2",
                "methods": ["GET"],
            }
            for path, _, _ in self.routes()
        }
        return JSONAnswer(
            {
                "name": self.world.brand["blog_name"],
                "description": "Slow news from a small drum",
                "url": self.site,
                "home": self.site,
                "gmt_offset": "0",
                "timezone_string": self.world.brand["timezone"],
                "namespaces": ["oembed/1.0", "wp/v2", "wp-site-health/v1", "wp-block-editor/v1"],
                "authentication": {"application-passwords": {"endpoints": {"authorization": f"{self.site}/wp-admin/authorize-application.php"}}},
                "routes": routes,
                "site_logo": 0,
                "site_icon": 0,
                "site_icon_url": "",
                "_links": {"help": [{"href": "https://developer.wordpress.example/rest-api/"}]},
            }
        )

    def list_blog_posts(self) -> list[Post]:
        """All published posts."""
        return [p for post_id in self.state.posts if post_id.startswith("post:") and (p := self.state.find_post(post_id))]

    def sort_rows(self, request: Request, rows: list[Post], keys: dict[str, Callable[[Post], Any]], default: str) -> list[Post]:
        """Rows by orderby and order; newest first unless said otherwise."""
        by = self.read_choice(request, "orderby", default, list(keys))
        order = self.read_choice(request, "order", "desc", ["asc", "desc"])
        return sorted(rows, key=lambda p: (keys[by](p), self.post_number(p.post_id)), reverse=order == "desc")

    def list_posts(self, request: Request) -> Response:
        """Posts."""
        is_edit = self.read_context(request, "Sorry, you are not allowed to edit posts in this post type.")
        after, before = self.read_moment(request, "after"), self.read_moment(request, "before")
        modified_after, modified_before = (
            self.read_moment(request, "modified_after"),
            self.read_moment(request, "modified_before"),
        )
        wanted = {name: self.read_numbers(request, name) for name in ("include", "exclude", "author", "tags")}
        rows = [
            p
            for p in self.list_blog_posts()
            if (after is None or p.created_at > after)
            and (before is None or p.created_at < before)
            and (modified_after is None or (p.edited_at or p.created_at) > modified_after)
            and (modified_before is None or (p.edited_at or p.created_at) < modified_before)
            and (wanted["include"] is None or self.post_number(p.post_id) in wanted["include"])
            and (wanted["exclude"] is None or self.post_number(p.post_id) not in wanted["exclude"])
            and (wanted["author"] is None or int(p.author_id) in wanted["author"])
            and (wanted["tags"] is None or wanted["tags"] & {self.tag_ids[v] for k, v in p.segments if k == "h"})
            and request.query_params.get("search", "").lower() in ((p.title or "") + "".join(v for _, v in p.segments)).lower()
            and request.query_params.get("slug", self.slug_of(p)) == self.slug_of(p)
        ]
        keys: dict[str, Callable[[Post], Any]] = {
            "author": lambda p: int(p.author_id),
            "date": lambda p: p.created_at,
            "id": lambda p: 0,
            "include": lambda p: 0,
            "modified": lambda p: p.edited_at or p.created_at,
            "slug": self.slug_of,
            "title": lambda p: p.title,
        }
        return self.answer_page(request, self.sort_rows(request, rows, keys, "date"), lambda p: self.render_post(p, is_edit), is_strict=True)

    def show_post(self, request: Request) -> Response:
        """One post."""
        post = self.state.find_post(f"post:{request.path_params['id']}")
        if post is None:
            raise refuse("rest_post_invalid_id", "Invalid post ID.", 404)
        return JSONAnswer(self.render_post(post, self.read_context(request, "Sorry, you are not allowed to edit this post.")))

    def list_comments(self, request: Request) -> Response:
        """Comments; trashed ones only for an administrator who asks for that status."""
        is_edit = self.read_context(request, "Sorry, you are not allowed to edit comments.")
        status = request.query_params.get("status", "approve")
        if (status != "approve" or "author_email" in request.query_params) and not self.is_administrator(request):
            name = "status" if status != "approve" else "author_email"
            raise refuse("rest_forbidden_param", f"Query parameter not permitted: {name}", 401)
        after, before = self.read_moment(request, "after"), self.read_moment(request, "before")
        wanted = {
            name: self.read_numbers(request, name) for name in ("include", "exclude", "author", "author_exclude", "post", "parent", "parent_exclude")
        }
        email = request.query_params.get("author_email")
        rows = []
        for post in self.state.posts.values():
            if post.kind == "post" or self.state.find_post(post.root_id) is None:
                continue
            standing = "approve" if post.deleted_at is None else post.delete_mode
            if standing != status and not (status == "all" and standing == "approve"):
                continue
            author = self.state.accounts[post.author_id]
            facts = {
                "include": int(post.post_id),
                "exclude": int(post.post_id),
                "author": self.find_user_id(author),
                "author_exclude": self.find_user_id(author),
                "post": self.post_number(post.root_id),
                "parent": self.find_parent_number(post),
                "parent_exclude": self.find_parent_number(post),
            }
            if any(ids is not None and (facts[name] in ids) == name.endswith("exclude") for name, ids in wanted.items()):
                continue
            if (
                (after is not None and post.created_at <= after)
                or (before is not None and post.created_at >= before)
                or (email is not None and author.account.email != email)
            ):
                continue
            if request.query_params.get("search", "").lower() in "".join(v for _, v in post.segments).lower():
                rows.append(post)
        keys: dict[str, Callable[[Post], Any]] = {
            "date": lambda p: p.created_at // 1000,
            "date_gmt": lambda p: p.created_at // 1000,
            "id": lambda p: 0,
            "include": lambda p: 0,
            "post": lambda p: self.post_number(p.root_id),
            "parent": self.find_parent_number,
            "type": lambda p: 0,
        }
        return self.answer_page(
            request,
            self.sort_rows(request, rows, keys, "date_gmt"),
            lambda p: self.render_comment(p, is_edit),
            is_strict=False,
        )

    def show_comment(self, request: Request) -> Response:
        """One comment."""
        is_administrator = self.is_administrator(request)
        post = self.state.posts.get(str(request.path_params["id"]))
        if post is None or (post.deleted_at is not None and post.delete_mode != "trash"):
            raise refuse("rest_comment_invalid_id", "Invalid comment ID.", 404)
        if (post.deleted_at is not None and not is_administrator) or self.state.find_post(post.root_id) is None:
            raise refuse("rest_cannot_read", "Sorry, you are not allowed to read this comment.", 401)
        return JSONAnswer(self.render_comment(post, self.read_context(request, "Sorry, you are not allowed to edit this comment.")))

    def list_users(self, request: Request) -> Response:
        """Users: only authors of posts, unless an administrator asks in the edit view."""
        is_edit = self.read_context(request, "Sorry, you are not allowed to list users.")
        writers = {p.author_id for p in self.list_blog_posts()}
        include = self.read_numbers(request, "include")
        rows = [
            a
            for a in self.state.accounts.values()
            if self.find_user_id(a) and (is_edit or a.account_id in writers) and (include is None or int(a.account_id) in include)
        ]
        order = self.read_choice(request, "order", "asc", ["asc", "desc"])
        by = self.read_choice(request, "orderby", "name", ["id", "include", "name", "registered_date", "slug", "email", "url"])
        rows.sort(key=lambda a: (a.display_name.lower() if by == "name" else "", int(a.account_id)), reverse=order == "desc")
        return self.answer_page(request, rows, lambda a: self.render_user(a, is_edit), is_strict=False)

    def show_user(self, request: Request) -> Response:
        """One user; a reader without rights sees authors of posts only."""
        is_edit = self.read_context(request, "Sorry, you are not allowed to edit this user.")
        account = self.state.accounts.get(str(request.path_params["id"]))
        if account is None:
            raise refuse("rest_user_invalid_id", "Invalid user ID.", 404)
        if not self.is_administrator(request) and account.account_id not in {p.author_id for p in self.list_blog_posts()}:
            raise refuse("rest_user_cannot_view", "Sorry, you are not allowed to list users.", 401)
        return JSONAnswer(self.render_user(account, is_edit))

    def show_me(self, request: Request) -> Response:
        """The user the application password belongs to."""
        if not self.is_administrator(request):
            raise refuse("rest_not_logged_in", "You are not currently logged in.", 401)
        me = next(a for a in self.state.accounts.values() if a.username == ADMINISTRATOR)
        return JSONAnswer(self.render_user(me, request.query_params.get("context") == "edit"))

    def list_tags(self, request: Request) -> Response:
        """Tags."""
        self.is_administrator(request)
        base = f"{self.site}{API}"
        return self.answer_page(
            request,
            list(self.tag_ids.items()),
            lambda tag: {
                "id": tag[1],
                "count": sum(["h", tag[0]] in p.segments for p in self.list_blog_posts()),
                "description": "",
                "link": f"{self.site}/tag/{tag[0].lower()}/",
                "name": tag[0],
                "slug": tag[0].lower(),
                "taxonomy": "post_tag",
                "meta": [],
                "_links": {"self": [{"href": f"{base}/tags/{tag[1]}"}]},
            },
            is_strict=False,
        )


def make_application_password(secret: str) -> str:
    """An application password in WordPress's form: six groups of four characters."""
    return " ".join(secret[i : i + 4] for i in range(0, 24, 4))
