"""WordPress REST v2 over the demo world: a blog for each brand, its comments and their authors.

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
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from starlette.requests import Request
from starlette.responses import Response

from demo.ids import hash_email
from demo.model import to_datetime, to_ms
from demo.platforms.base import Handler, JSONAnswer, Limit, LimitState, Platform, PlatformError, dump, join
from demo.state import Account, Flags, Message, Numbers

API = "/wp-json/wp/v2"


def refuse(code: str, message: str, status: int, **data: Any) -> PlatformError:
    """A WP_Error as the REST server renders it."""
    return PlatformError(status, {"code": code, "message": message, "data": {"status": status, **data}})


def refuse_parameter(name: str, message: str, detail_code: str = "rest_invalid_type", detail_data: Any = None) -> PlatformError:
    """The 400 for one bad parameter."""
    detail = {name: {"code": detail_code, "message": message, "data": detail_data}}
    return refuse("rest_invalid_param", f"Invalid parameter(s): {name}", 400, params={name: message}, details=detail)


@dataclass(frozen=True)
class Site:
    """The blog of one brand."""

    key: str
    name: str
    address: str
    zone_name: str
    administrator: str
    password: str
    tag_ids: dict[str, int]
    users: Numbers

    @property
    def zone(self) -> ZoneInfo:
        """The time zone its dates are in."""
        return ZoneInfo(self.zone_name)


class WordPress(Platform):
    """The blogs of the brands, each below a path of its own."""

    name = platform = "wordpress"
    limits: ClassVar[dict[str, Limit]] = {"true": Limit(600, 60), "raised": Limit(200_000, 60)}
    planned: ClassVar[tuple[int, ...]] = (13, 61, 337)
    metric = "author"
    lacks: ClassVar[frozenset[str]] = frozenset({"partial_error", "dead_metric"})

    def __init__(self, folder: Path, *arguments: Any, **named: Any) -> None:
        super().__init__(folder, *arguments, **named)
        messages = self.state.messages
        self.is_post = messages.kind.are("post")
        numbers = pc.replace_substring(messages.post_id.column, "post:", "")
        self.numbers: Numbers = pc.cast(numbers, pa.int64()).to_numpy(zero_copy_only=False) if messages.size else np.zeros(0, dtype=np.int64)
        self.sites = {brand: self.describe_site(brand) for brand in self.brands if self.has_account(brand)}

    def describe_site(self, brand: str) -> Site:
        """The blog of a brand: its users are the brand's own accounts and who wrote there as a registered user."""
        state, said = self.state, self.brands[brand]
        own = state.account_numbers[self.own_account(brand)]
        is_here = state.messages.site.are(brand)
        tags = {tag for tag, no in zip(state.tags.tag.codes.tolist(), state.tags.message_no.tolist(), strict=True) if is_here[no]}
        wrote = np.zeros(state.accounts.size, dtype=bool)
        wrote[state.messages.author_no[is_here]] = True
        is_guest = np.array([account_id.startswith("guest:") for account_id in state.accounts.account_id], dtype=bool)
        is_alone = len(self.brands) == 1
        users = np.flatnonzero(~is_guest & (state.accounts.brand.are(brand) | ((wrote | is_alone) & (state.accounts.brand.codes < 0))))
        return Site(
            brand,
            said["blog_name"],
            f"https://{said['blog_host']}",
            said["timezone"],
            state.account(own).username,
            make_application_password(self.make_secret(brand, "wordpress-password")),
            {tag: 20 + number for number, tag in enumerate(sorted(state.tags.tag.words[code] for code in tags))},
            users,
        )

    def routes(self) -> list[tuple[str, Handler, list[str]]]:
        """The endpoints a reader of a blog needs."""
        get = ["GET"]
        paths: list[tuple[str, Handler]] = [
            ("/wp-json/", self.show_index),
            ("/wp-json", self.show_index),
            (f"{API}/posts", self.list_posts),
            (f"{API}/posts/{{id:int}}", self.show_post),
            (f"{API}/comments", self.list_comments),
            (f"{API}/comments/{{id:int}}", self.show_comment),
            (f"{API}/users", self.list_users),
            (f"{API}/users/me", self.show_me),
            (f"{API}/users/{{id:int}}", self.show_user),
            (f"{API}/tags", self.list_tags),
        ]
        return [("/{site}" + path, handler, get) for path, handler in paths]

    def find_site(self, request: Request) -> Site:
        """The site the path begins with. Raises the 404 of a path that leads nowhere."""
        site = self.sites.get(request.path_params["site"])
        if site is None:
            raise refuse("rest_no_route", "No route was found matching the URL and request method.", 404)
        return site

    def name_caller(self, request: Request) -> str:
        """Who asks which site: the front proxy counts each site's visitors apart."""
        return f"{request.path_params.get('site')} {super().name_caller(request)}"

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
        header, site = request.headers.get("authorization", ""), self.find_site(request)
        if not header.startswith("Basic "):
            return False
        try:
            user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if user not in (site.administrator, f"{site.administrator}@mail.example"):
            raise refuse(
                "invalid_username",
                "<strong>Error:</strong> The username <strong>" + html.escape(user) + "</strong> is not registered on this site.",
                401,
            )
        if password.replace(" ", "") != site.password.replace(" ", ""):
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
        return to_ms(moment if moment.tzinfo else moment.replace(tzinfo=self.find_site(request).zone))

    def read_choice(self, request: Request, name: str, default: str, choices: Sequence[str]) -> str:
        """A parameter that is one of a few words."""
        value = request.query_params.get(name, default)
        if value not in choices:
            raise refuse_parameter(name, f"{name} is not one of {', '.join(choices[:-1])}, and {choices[-1]}.", "rest_not_in_enum")
        return value

    def answer_page(self, request: Request, rows: Sequence[int] | Numbers, render: Callable[[int], bytes], is_strict: bool) -> Response:
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
        shown = self.place_page(request, start, size, len(rows))
        if page > 1:
            links.append(f'<{address}?{urlencode([*kept, ("page", min(page - 1, pages))])}>; rel="prev"')
        if page < pages:
            links.append(f'<{address}?{urlencode([*kept, ("page", page if shown.is_cursor_repeated else page + 1)])}>; rel="next"')
        if links:
            headers["Link"] = ", ".join(links)
        return JSONAnswer(join(render(int(row)) for row in rows[shown.first : shown.last]), headers=headers)

    # -- shapes ---------------------------------------------------------------------------------------------------

    def format_local(self, site: Site, milliseconds: int) -> str:
        """A time in the site's zone, without saying so."""
        return to_datetime(milliseconds).astimezone(site.zone).strftime("%Y-%m-%dT%H:%M:%S")

    def format_gmt(self, milliseconds: int) -> str:
        """A time in UTC, without saying so."""
        return to_datetime(milliseconds).strftime("%Y-%m-%dT%H:%M:%S")

    def find_user_id(self, account: Account) -> int:
        """The user id, 0 for a guest."""
        return 0 if account.account_id.startswith("guest:") else int(account.account_id)

    def render_avatars(self, account: Account) -> dict[str, str]:
        """Avatar addresses: they carry the hash of the e-mail, or nothing when there is none."""
        digest = hash_email(account.email) if account.email else ""
        return {str(size): f"https://secure.gravatar.example/avatar/{digest}?s={size}&d=mm&r=g" for size in (24, 48, 96)}

    def render_text(self, segments: list[list[str]]) -> str:
        """Rendered HTML: paragraphs, typographic apostrophes, links."""
        parts = []
        for kind, value in segments:
            if kind == "u":
                parts.append(f'<a href="{html.escape(value)}" rel="nofollow ugc">{html.escape(value)}</a>')
            elif kind == "m":
                parts.append("@" + html.escape(self.state.account(self.state.account_numbers[value]).username))
            else:
                text = ("#" if kind == "h" else "") + value
                parts.append(html.escape(text, quote=False).replace("&amp;", "&#038;").replace("'", "&#8217;").replace("...", "&#8230;"))
        paragraphs = "".join(parts).split("\n\n")
        return "".join(f"<p>{paragraph.replace(chr(10), '<br />' + chr(10))}</p>\n" for paragraph in paragraphs)

    def slug_of(self, message: Message) -> str:
        """The slug of a blog post."""
        return re.sub(r"[^a-z0-9]+", "-", (message.title or "").lower()).strip("-") + f"-{self.numbers[message.no]}"

    def post_link(self, site: Site, message: Message) -> str:
        """The public address of a blog post."""
        return f"{site.address}/{to_datetime(message.created_at).strftime('%Y/%m')}/{self.slug_of(message)}/"

    def render_post(self, no: int, is_edit: bool = False) -> bytes:
        """A post."""
        rendered: bytes = self.recall(("post", no, is_edit), lambda: dump(self.build_post(self.state.message(no), is_edit)))
        return rendered

    def build_post(self, post: Message, is_edit: bool) -> dict[str, Any]:
        """A post, made anew."""
        site, number, modified = self.sites[post.site or ""], int(self.numbers[post.no]), post.edited_at or post.created_at
        author = self.find_user_id(self.state.account(post.author_no))
        content, title = self.render_text(post.segments), html.escape(post.title or "", quote=False)
        rendered: dict[str, Any] = {
            "id": number,
            "date": self.format_local(site, post.created_at),
            "date_gmt": self.format_gmt(post.created_at),
            "guid": {"rendered": f"{site.address}/?p={number}"},
            "modified": self.format_local(site, modified),
            "modified_gmt": self.format_gmt(modified),
            "slug": self.slug_of(post),
            "status": "publish",
            "type": "post",
            "link": self.post_link(site, post),
            "title": {"rendered": title},
            "content": {"rendered": content, "protected": False},
            "excerpt": {"rendered": content.split("</p>")[0] + "</p>\n", "protected": False},
            "author": author,
            "featured_media": 0,
            "comment_status": "open",
            "ping_status": "open",
            "sticky": False,
            "template": "",
            "format": "standard",
            "meta": {"footnotes": ""},
            "categories": [1],
            "tags": [site.tag_ids[v] for k, v in post.segments if k == "h"],
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
                "permalink_template": f"{site.address}/%year%/%monthnum%/%postname%/",
                "generated_slug": self.slug_of(post),
            }
        base = f"{site.address}{API}"
        rendered["_links"] = {
            "self": [{"href": f"{base}/posts/{number}"}],
            "collection": [{"href": f"{base}/posts"}],
            "about": [{"href": f"{base}/types/post"}],
            "author": [{"embeddable": True, "href": f"{base}/users/{author}"}],
            "replies": [{"embeddable": True, "href": f"{base}/comments?post={number}"}],
        }
        return rendered

    def list_parents(self) -> Numbers:
        """Of each message, the number of the comment above it, 0 at the top; deleting a comment for good moves its children up a level."""
        messages, state = self.state.messages, self.state
        is_gone = (messages.deleted_at <= state.now) & ~messages.delete_mode.are("trash")
        parents = messages.parent_no.copy()
        while (moved := np.flatnonzero((parents >= 0) & is_gone[parents])).size:
            parents[moved] = messages.parent_no[parents[moved]]
        return np.where((parents < 0) | self.is_post[parents], 0, self.numbers[parents])

    def find_parent_number(self, no: int) -> int:
        """The parent comment's number, 0 at the top."""
        return int(self.recall(("parents",), self.list_parents)[no])

    def render_comment(self, no: int, is_edit: bool = False) -> bytes:
        """A comment."""
        rendered: bytes = self.recall(("comment", no, is_edit), lambda: dump(self.build_comment(self.state.message(no), is_edit)))
        return rendered

    def build_comment(self, post: Message, is_edit: bool) -> dict[str, Any]:
        """A comment, made anew."""
        author, number, parent = self.state.account(post.author_no), int(self.numbers[post.no]), self.find_parent_number(post.no)
        site, above = self.sites[post.site or ""], self.state.message(post.root_no)
        user_id, post_number = self.find_user_id(author), int(self.numbers[post.root_no])
        rendered: dict[str, Any] = {
            "id": number,
            "post": post_number,
            "parent": parent,
            "author": user_id,
            "author_name": author.display_name,
        }
        if is_edit:
            rendered |= {"author_email": author.email}
        rendered["author_url"] = ""
        if is_edit:
            rendered |= {
                "author_ip": f"198.51.100.{number % 250}",
                "author_user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
            }
        rendered |= {
            "date": self.format_local(site, post.created_at),
            "date_gmt": self.format_gmt(post.created_at),
            "content": {"rendered": self.render_text(post.segments)},
            "link": f"{self.post_link(site, above)}#comment-{number}",
            "status": "trash" if post.deleted_at is not None else "approved",
            "type": "comment",
            "author_avatar_urls": self.render_avatars(author),
            "meta": [],
        }
        if is_edit:
            rendered["content"]["raw"] = "".join(v for _, v in post.segments)
        base = f"{site.address}{API}"
        links: dict[str, Any] = {
            "self": [{"href": f"{base}/comments/{number}"}],
            "collection": [{"href": f"{base}/comments"}],
        }
        if user_id:
            links["author"] = [{"embeddable": True, "href": f"{base}/users/{user_id}"}]
        links["up"] = [{"embeddable": True, "post_type": "post", "href": f"{base}/posts/{post_number}"}]
        if parent:
            links["in-reply-to"] = [{"embeddable": True, "href": f"{base}/comments/{parent}"}]
        if self.state.list_standing(self.state.children, post.no).size:
            links["children"] = [{"href": f"{base}/comments?parent={number}"}]
        return rendered | {"_links": links}

    def render_user(self, site: Site, no: int, is_edit: bool = False) -> bytes:
        """A user."""
        account = self.state.account(no)
        number, base = int(account.account_id), f"{site.address}{API}"
        rendered: dict[str, Any] = {"id": number}
        if is_edit:
            role = "administrator" if account.username == site.administrator else "editor" if account.role == "staff" else "subscriber"
            rendered |= {
                "username": account.username,
                "first_name": "",
                "last_name": "",
                "email": account.email,
                "roles": [role],
                "registered_date": to_datetime(account.created_at).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
                "capabilities": {role: True},
                "extra_capabilities": {role: True},
                "locale": "en_US",
                "nickname": account.username,
            }
        rendered |= {
            "name": account.display_name,
            "url": "",
            "description": account.bio,
            "link": f"{site.address}/author/{account.username}/",
            "slug": account.username,
            "avatar_urls": self.render_avatars(account),
            "meta": [],
            "_links": {"self": [{"href": f"{base}/users/{number}"}], "collection": [{"href": f"{base}/users"}]},
        }
        return dump(rendered)

    # -- endpoints ------------------------------------------------------------------------------------------------

    def show_index(self, request: Request) -> Response:
        """The site and its routes."""
        site = self.find_site(request)
        routes = {
            path.removeprefix("/{site}/wp-json").replace("{id:int}", "(?P<id>[\\d]+)") or "/": {
                "namespace": "wp/v2",
                "methods": ["GET"],
            }
            for path, _, _ in self.routes()
        }
        return JSONAnswer(
            {
                "name": site.name,
                "description": "Slow news from a small drum",
                "url": site.address,
                "home": site.address,
                "gmt_offset": "0",
                "timezone_string": site.zone_name,
                "namespaces": ["oembed/1.0", "wp/v2", "wp-site-health/v1", "wp-block-editor/v1"],
                "authentication": {"application-passwords": {"endpoints": {"authorization": f"{site.address}/wp-admin/authorize-application.php"}}},
                "routes": routes,
                "site_logo": 0,
                "site_icon": 0,
                "site_icon_url": "",
                "_links": {"help": [{"href": "https://developer.wordpress.example/rest-api/"}]},
            }
        )

    def list_blog_posts(self, site: Site) -> Numbers:
        """All published posts of a site."""
        rows: Numbers = self.recall(
            ("blog", site.key), lambda: np.flatnonzero(self.state.standing & self.is_post & self.state.messages.site.are(site.key))
        )
        return rows

    def sort_rows(self, request: Request, rows: Numbers, keys: dict[str, Callable[[Numbers], Any]], default: str) -> Numbers:
        """Rows by orderby and order; newest first unless said otherwise."""
        by = self.read_choice(request, "orderby", default, list(keys))
        order = self.read_choice(request, "order", "desc", ["asc", "desc"])
        ascending = rows[np.lexsort((self.numbers[rows], keys[by](rows)))]
        return ascending[::-1] if order == "desc" else ascending

    def recall_rows(self, request: Request, name: str, make: Callable[[], Numbers]) -> Numbers:
        """The rows a list request asks for, kept for its other pages."""
        asked = sorted((k, v) for k, v in request.query_params.multi_items() if k not in ("page", "per_page", "offset"))
        rows: Numbers = self.recall((name, self.find_site(request).key, self.is_administrator(request), *asked), make)
        return rows

    def list_edits(self) -> Numbers:
        """When each message was last edited, or written."""
        modified = self.state.messages.created_at.copy()
        rows = self.state.edits.ts <= self.state.now
        np.maximum.at(modified, self.state.edits.message_no[rows], self.state.edits.ts[rows])
        return modified

    def read_texts(self, rows: Numbers, wanted: str) -> Flags:
        """Which of some messages have words in their title or text."""
        messages = map(self.state.message, rows.tolist())
        return np.array([wanted in ((m.title or "") + "".join(v for _, v in m.segments)).lower() for m in messages], dtype=bool)

    def list_posts(self, request: Request) -> Response:
        """Posts."""
        site = self.find_site(request)
        is_edit = self.read_context(request, "Sorry, you are not allowed to edit posts in this post type.")
        windows = [(name, self.read_moment(request, name)) for name in ("after", "before", "modified_after", "modified_before")]
        wanted = {name: self.read_numbers(request, name) for name in ("include", "exclude", "author", "tags")}
        query, messages = request.query_params, self.state.messages
        modified: Numbers = self.recall(("modified",), self.list_edits)

        def find_authors(rows: Numbers) -> Numbers:
            return np.array([self.find_user_id(self.state.account(no)) for no in messages.author_no[rows].tolist()], dtype=np.int64)

        keys: dict[str, Callable[[Numbers], Any]] = {
            "author": find_authors,
            "date": lambda rows: messages.created_at[rows],
            "id": lambda rows: self.numbers[rows],
            "include": lambda rows: self.numbers[rows],
            "modified": lambda rows: modified[rows],
            "slug": lambda rows: [self.slug_of(self.state.message(no)) for no in rows.tolist()],
            "title": lambda rows: [self.state.message(no).title or "" for no in rows.tolist()],
        }

        def gather() -> Numbers:
            rows = self.list_blog_posts(site)
            for name, moment in windows:
                if moment is not None:
                    times = (modified if name.startswith("modified") else messages.created_at)[rows]
                    rows = rows[times > moment if name.endswith("after") else times < moment]
            for name, ids in wanted.items():
                if ids is None:
                    continue
                if name == "tags":
                    names = {tag for tag, number in site.tag_ids.items() if number in ids}
                    is_in = np.array([any(["h", tag] in self.state.message(no).segments for tag in names) for no in rows.tolist()], dtype=bool)
                else:
                    is_in = np.isin(find_authors(rows) if name == "author" else self.numbers[rows], list(ids))
                rows = rows[~is_in if name == "exclude" else is_in]
            if query.get("search"):
                rows = rows[self.read_texts(rows, query["search"].lower())]
            if "slug" in query:
                rows = rows[np.array([self.slug_of(self.state.message(no)) == query["slug"] for no in rows.tolist()], dtype=bool)]
            return self.sort_rows(request, rows, keys, "date")

        return self.answer_page(request, self.recall_rows(request, "posts", gather), lambda no: self.render_post(no, is_edit), is_strict=True)

    def find_on_site(self, site: Site, post_id: str) -> int:
        """The number of a message of a site, −1 when there is none or it is not yet there."""
        no = self.state.numbers_on_sites.get((site.key, post_id), -1)
        return no if no < self.state.begun else -1

    def show_post(self, request: Request) -> Response:
        """One post."""
        no = self.find_on_site(self.find_site(request), f"post:{request.path_params['id']}")
        if not self.state.stands(no):
            raise refuse("rest_post_invalid_id", "Invalid post ID.", 404)
        return JSONAnswer(self.render_post(no, self.read_context(request, "Sorry, you are not allowed to edit this post.")))

    def list_comments(self, request: Request) -> Response:
        """Comments; trashed ones only for an administrator who asks for that status."""
        site, query = self.find_site(request), request.query_params
        is_edit = self.read_context(request, "Sorry, you are not allowed to edit comments.")
        status = query.get("status", "approve")
        if (status != "approve" or "author_email" in query) and not self.is_administrator(request):
            name = "status" if status != "approve" else "author_email"
            raise refuse("rest_forbidden_param", f"Query parameter not permitted: {name}", 401)
        after, before = self.read_moment(request, "after"), self.read_moment(request, "before")
        wanted = {
            name: self.read_numbers(request, name) for name in ("include", "exclude", "author", "author_exclude", "post", "parent", "parent_exclude")
        }
        state, messages = self.state, self.state.messages
        parents: Numbers = self.recall(("parents",), self.list_parents)

        def find_authors(rows: Numbers) -> Numbers:
            return np.array([self.find_user_id(state.account(no)) for no in messages.author_no[rows].tolist()], dtype=np.int64)

        def gather() -> Numbers:
            if wanted["post"] is not None:
                above = [state.numbers_on_sites.get((site.key, f"post:{number}"), -1) for number in sorted(wanted["post"])]
                rows = np.concatenate([np.zeros(0, dtype=np.int64), *(state.threads.of(no) for no in above if no >= 0)])
            else:
                rows = np.flatnonzero(messages.site.are(site.key))
            rows = rows[(rows < state.begun) & ~self.is_post[rows]]
            rows = rows[state.standing[messages.root_no[rows]]]
            is_approved = state.standing[rows]
            if status in ("approve", "all"):
                rows = rows[is_approved]
            else:
                rows = rows[~is_approved & messages.delete_mode.are(status)[rows]]
            facts: dict[str, Callable[[Numbers], Numbers]] = {
                "include": lambda rows: self.numbers[rows],
                "author": find_authors,
                "parent": lambda rows: parents[rows],
            }
            for name, ids in wanted.items():
                if ids is not None and name != "post":
                    kind = "include" if name == "exclude" else name.removesuffix("_exclude")
                    is_in = np.isin(facts[kind](rows), list(ids))
                    rows = rows[~is_in if name.endswith("exclude") else is_in]
            if after is not None:
                rows = rows[messages.created_at[rows] > after]
            if before is not None:
                rows = rows[messages.created_at[rows] < before]
            if "author_email" in query:
                rows = rows[np.array([state.account(no).email == query["author_email"] for no in messages.author_no[rows].tolist()], dtype=bool)]
            if query.get("search"):
                rows = rows[self.read_texts(rows, query["search"].lower())]
            keys: dict[str, Callable[[Numbers], Any]] = {
                "date": lambda rows: messages.created_at[rows] // 1000,
                "date_gmt": lambda rows: messages.created_at[rows] // 1000,
                "id": lambda rows: self.numbers[rows],
                "include": lambda rows: self.numbers[rows],
                "post": lambda rows: self.numbers[messages.root_no[rows]],
                "parent": lambda rows: parents[rows],
                "type": lambda rows: self.numbers[rows],
            }
            return self.sort_rows(request, rows, keys, "date_gmt")

        return self.answer_page(request, self.recall_rows(request, "comments", gather), lambda no: self.render_comment(no, is_edit), is_strict=False)

    def show_comment(self, request: Request) -> Response:
        """One comment."""
        is_administrator = self.is_administrator(request)
        no = self.find_on_site(self.find_site(request), str(request.path_params["id"]))
        message = self.state.message(no) if no >= 0 else None
        if message is None or (message.deleted_at is not None and message.delete_mode != "trash"):
            raise refuse("rest_comment_invalid_id", "Invalid comment ID.", 404)
        if (message.deleted_at is not None and not is_administrator) or not self.state.stands(message.root_no):
            raise refuse("rest_cannot_read", "Sorry, you are not allowed to read this comment.", 401)
        return JSONAnswer(self.render_comment(no, self.read_context(request, "Sorry, you are not allowed to edit this comment.")))

    def list_writers(self, site: Site) -> set[int]:
        """The authors of published posts."""
        return set(self.state.messages.author_no[self.list_blog_posts(site)].tolist())

    def list_users(self, request: Request) -> Response:
        """Users: only authors of posts, unless an administrator asks in the edit view."""
        site = self.find_site(request)
        is_edit = self.read_context(request, "Sorry, you are not allowed to list users.")
        writers, include = self.list_writers(site), self.read_numbers(request, "include")
        users = [self.state.account(no) for no in site.users.tolist()]
        rows = [a for a in users if (is_edit or a.no in writers) and (include is None or int(a.account_id) in include)]
        order = self.read_choice(request, "order", "asc", ["asc", "desc"])
        by = self.read_choice(request, "orderby", "name", ["id", "include", "name", "registered_date", "slug", "email", "url"])
        rows.sort(key=lambda a: (a.display_name.lower() if by == "name" else "", int(a.account_id)), reverse=order == "desc")
        return self.answer_page(request, [a.no for a in rows], lambda no: self.render_user(site, no, is_edit), is_strict=False)

    def show_user(self, request: Request) -> Response:
        """One user; a reader without rights sees authors of posts only."""
        site = self.find_site(request)
        is_edit = self.read_context(request, "Sorry, you are not allowed to edit this user.")
        account = self.state.find_account(str(request.path_params["id"]))
        if account is None or account.no not in site.users:
            raise refuse("rest_user_invalid_id", "Invalid user ID.", 404)
        if not self.is_administrator(request) and account.no not in self.list_writers(site):
            raise refuse("rest_user_cannot_view", "Sorry, you are not allowed to list users.", 401)
        return JSONAnswer(self.render_user(site, account.no, is_edit))

    def show_me(self, request: Request) -> Response:
        """The user the application password belongs to."""
        if not self.is_administrator(request):
            raise refuse("rest_not_logged_in", "You are not currently logged in.", 401)
        site = self.find_site(request)
        own = self.state.account_numbers[self.own_account(site.key)]
        return JSONAnswer(self.render_user(site, own, request.query_params.get("context") == "edit"))

    def list_tags(self, request: Request) -> Response:
        """Tags."""
        self.is_administrator(request)
        site = self.find_site(request)
        base, names = f"{site.address}{API}", list(site.tag_ids)
        posts = [self.state.message(no).segments for no in self.list_blog_posts(site).tolist()]

        def render(place: int) -> bytes:
            tag = names[place]
            return dump(
                {
                    "id": site.tag_ids[tag],
                    "count": sum(["h", tag] in segments for segments in posts),
                    "description": "",
                    "link": f"{site.address}/tag/{tag.lower()}/",
                    "name": tag,
                    "slug": tag.lower(),
                    "taxonomy": "post_tag",
                    "meta": [],
                    "_links": {"self": [{"href": f"{base}/tags/{site.tag_ids[tag]}"}]},
                }
            )

        return self.answer_page(request, range(len(names)), render, is_strict=False)


def make_application_password(secret: str) -> str:
    """An application password in WordPress's form: six groups of four characters."""
    return " ".join(secret[i : i + 4] for i in range(0, 24, 4))
