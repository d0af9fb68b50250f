"""WordPress REST v2 over the demo world: a blog for each brand, its comments and their authors.

Data flow: state as of now -> posts, comments, users, tags in the shapes of wp-json/wp/v2.
Odd on purpose, as the real thing: a page past the end of posts is a 400 while an offset past it is an empty 200 that still names a next page,
comments have no modified date, a trashed comment is a 401 and a deleted one a 404, guests have author 0, e-mail shows to an administrator only,
and a wrong password is none. WordPress itself has no rate limit; the 429 here is that of a front proxy.
Held against a real WordPress by the contract test: statuses, headers, shapes, errors.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Sequence
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
from demo.platforms.wordpress_text import make_slug, render_comment_text, render_excerpt, render_post_text, save_comment_text, save_name, texturize
from demo.state import NEVER, Account, Flags, Message, Numbers

API = "/wp-json/wp/v2"
MEDIA_TYPE = "application/json; charset=UTF-8"
CATEGORY = 1
CURIES = [{"name": "wp", "href": "https://api.w.org/{rel}", "templated": True}]
#: headers of every answer, errors too
HEADERS = {
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Access-Control-Expose-Headers": "X-WP-Total, X-WP-TotalPages, Link",
    "Access-Control-Allow-Headers": "Authorization, X-WP-Nonce, Content-Disposition, Content-MD5, Content-Type",
}
#: headers beside those of what an administrator sees
PRIVATE = {"Expires": "Wed, 11 Jan 1984 05:00:00 GMT", "Cache-Control": "no-cache, must-revalidate, max-age=0"}
#: what is left out of the embed view
NOT_EMBEDDED = {
    "post": [
        "date_gmt",
        "guid",
        "modified",
        "modified_gmt",
        "status",
        "content",
        "comment_status",
        "ping_status",
        "sticky",
        "template",
        "format",
        "meta",
        "categories",
        "tags",
    ],
    "comment": ["post", "date_gmt", "status", "meta"],
    "user": ["meta"],
    "term": ["count", "description", "meta", "parent"],
}
_SUBSCRIBER = "read level_0"
_AUTHOR = f"upload_files edit_posts edit_published_posts publish_posts level_2 level_1 delete_posts delete_published_posts {_SUBSCRIBER}"
_EDITOR = (
    "moderate_comments manage_categories manage_links unfiltered_html edit_others_posts edit_pages level_7 level_6 level_5 level_4 level_3 "
    "edit_others_pages edit_published_pages publish_pages delete_pages delete_others_pages delete_published_pages delete_others_posts "
    f"delete_private_posts edit_private_posts read_private_posts delete_private_pages edit_private_pages read_private_pages {_AUTHOR}"
)
_ADMINISTRATOR = (
    "switch_themes edit_themes activate_plugins edit_plugins edit_users edit_files manage_options import level_10 level_9 level_8 delete_users "
    "create_users unfiltered_upload edit_dashboard update_plugins delete_plugins install_plugins update_themes install_themes update_core "
    f"list_users remove_users promote_users edit_theme_options delete_themes export {_EDITOR}"
)
CAPABILITIES = {"administrator": _ADMINISTRATOR, "editor": _EDITOR, "author": _AUTHOR, "subscriber": _SUBSCRIBER}


def refuse(code: str, message: str, status: int, *, is_forbidden: bool = False, **data: Any) -> PlatformError:
    """A WP_Error as the REST server renders it; ``is_forbidden``: the route itself is not to be had, so that no method is allowed."""
    headers = {"Allow": ""} if is_forbidden else {}
    return PlatformError(status, {"code": code, "message": message, "data": {"status": status, **data}}, headers)


def forbid(code: str, message: str, status: int = 401) -> PlatformError:
    """What somebody without the right gets."""
    return refuse(code, message, status, is_forbidden=True)


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
    logins: frozenset[str]
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
        #: what depends on no moment
        self.lasting: dict[str, Any] = {}
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
            frozenset({state.account(own).username, state.account(own).email}),
            make_application_password(self.make_secret(brand, "wordpress-password")),
            {tag: CATEGORY + 1 + number for number, tag in enumerate(sorted(state.tags.tag.words[code] for code in tags))},
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
            (f"{API}/tags/{{id:int}}", self.show_tag),
        ]
        return [("/{site}" + path, handler, get) for path, handler in paths]

    def find_site(self, request: Request) -> Site:
        """The site the path begins with. Raises the 404 of a path that leads nowhere."""
        site = self.sites.get(request.path_params["site"])
        if site is None:
            raise forbid("rest_no_route", "No route was found matching the URL and request method.", 404)
        return site

    def wrap(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A handler with the headers WordPress sends with everything."""
        answer = super().wrap(handler)

        async def finish(request: Request) -> Response:
            return self.add_headers(request, await answer(request))

        return finish

    def add_headers(self, request: Request, response: Response) -> Response:
        """The headers of WordPress on an answer of its own; what the front proxy or a fault says is left as it is."""
        site = self.sites.get(request.path_params.get("site", request.url.path.split("/")[1]))
        if site is None or not response.headers.get("content-type", "").startswith("application/json"):
            return response
        is_administrator = self.is_administrator(request)
        response.headers["Content-Type"] = MEDIA_TYPE
        response.headers.update(HEADERS)
        response.headers.setdefault("Link", f'<{site.address}/wp-json/>; rel="https://api.w.org/"')
        response.headers.setdefault("Allow", self.list_allowed(request.url.path) if is_administrator else "GET")
        if not response.headers["Allow"]:
            del response.headers["Allow"]
        if is_administrator:
            response.headers.update(PRIVATE)
        elif request.method == "GET":
            response.headers["Vary"] = "Origin"
        return response

    def list_allowed(self, path: str) -> str:
        """The methods an administrator may use on a path."""
        if path.rstrip("/").rsplit("/", 1)[-1] in ("posts", "users", "tags"):
            return "GET, POST"
        return "GET" if path.rstrip("/").endswith(("comments", "wp-json")) else "GET, POST, PUT, PATCH, DELETE"

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
        no_route = {"code": "rest_no_route", "message": "No route was found matching the URL and request method.", "data": {"status": 404}}
        return self.date_answer(self.add_headers(request, JSONAnswer(no_route, 404, {"Allow": ""})), 0)

    def is_administrator(self, request: Request) -> bool:
        """Whether the right application password came along; a wrong one counts as none."""
        header, site = request.headers.get("authorization", ""), self.sites.get(request.url.path.split("/")[1])
        if site is None or not header.startswith("Basic "):
            return False
        try:
            user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return user in site.logins and password.replace(" ", "") == site.password.replace(" ", "")

    def read_context(self, request: Request, message: str) -> str:
        """The view asked for: view, embed, or edit where it may be had."""
        context = self.read_choice(request, "context", "view", ["view", "embed", "edit"])
        if context == "edit" and not self.is_administrator(request):
            raise forbid("rest_forbidden_context", message)
        return context

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
            named = f"{', '.join(choices[:-1])}, and {choices[-1]}" if len(choices) > 2 else " and ".join(choices)
            raise refuse_parameter(name, f"{name} is not one of {named}.", "rest_not_in_enum")
        return value

    def answer_page(self, request: Request, rows: Sequence[int] | Numbers, render: Callable[[int], bytes], is_strict: bool) -> Response:
        """A page of rows with totals and Link; ``is_strict`` refuses a page past the end, as posts do and comments do not."""
        size = self.read_number(request, "per_page", 10, 1, 100) or 10
        page = self.read_number(request, "page", 1, 1) or 1
        offset = self.read_number(request, "offset", None, -(1 << 31))
        start = abs(offset) if offset is not None else (page - 1) * size
        # Posts are counted where the page begins: past the end there are none.
        total = 0 if is_strict and start >= len(rows) and offset is not None else len(rows)
        pages = -(-total // size)
        if is_strict and offset is None and page > pages and len(rows):
            raise refuse(
                "rest_post_invalid_page_number",
                "The page number requested is larger than the number of pages available.",
                400,
            )
        headers, links = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}, []
        shown = self.place_page(request, start, size, len(rows))
        if page > 1:
            links.append(f'<{self.address_page(request, min(page - 1, pages))}>; rel="prev"')
        if page < pages:
            links.append(f'<{self.address_page(request, page if shown.is_cursor_repeated else page + 1)}>; rel="next"')
        if links:
            headers["Link"] = ", ".join(links)
        return JSONAnswer(join(render(int(row)) for row in rows[shown.first : shown.last]), headers=headers)

    def address_page(self, request: Request, page: int) -> str:
        """The address of another page of the same list."""
        asked = request.query_params.multi_items()
        pairs = [(name, str(page) if name == "page" else value) for name, value in asked]
        pairs += [] if "page" in request.query_params else [("page", str(page))]
        site = self.find_site(request)
        return f"{site.address}{request.url.path.removeprefix('/' + site.key)}?{urlencode(pairs)}"

    def show(self, request: Request, kind: str, no: int, context: str) -> bytes:
        """One thing as a request wants to see it: its view, its fields, what is embedded."""
        fields, embed = request.query_params.get("_fields"), request.query_params.get("_embed")

        def make() -> bytes:
            rendered = self.build(kind, no, context, self.find_site(request))
            wanted = [field.strip() for field in fields.split(",")] if fields else []
            picked = pick_fields(rendered, wanted) if wanted else rendered
            if embed is not None and "_links" in picked and (not wanted or "_embedded" in wanted or "_embedded" not in rendered):
                picked = picked | {"_embedded": self.embed(kind, no, embed, self.find_site(request))}
            return dump(picked)

        shown: bytes = self.recall((kind, no, context, fields, embed, self.find_site(request).key), make)
        return shown

    def build(self, kind: str, no: int, context: str, site: Site) -> dict[str, Any]:
        """A post, comment, user or tag in a view."""
        if kind == "post":
            rendered = self.build_post(self.state.message(no), context == "edit")
        elif kind == "comment":
            rendered = self.build_comment(self.state.message(no), context == "edit")
        elif kind == "user":
            rendered = self.build_user(site, self.state.account(no), context == "edit")
        else:
            rendered = self.build_term(site, no)
        return {name: value for name, value in rendered.items() if name not in NOT_EMBEDDED[kind]} if context == "embed" else rendered

    def embed(self, kind: str, no: int, wanted: str, site: Site) -> dict[str, Any]:
        """What ``_embed`` brings along with a post; other things here are never embedded into."""
        names = {name.strip() for name in wanted.split(",")}
        is_all = wanted in ("", "1", "true")
        if kind != "post":
            return {}
        message, embedded = self.state.message(no), {}
        if is_all or "author" in names:
            embedded["author"] = [self.build("user", message.author_no, "embed", site)]
        if is_all and (comments := self.list_comments_of(no)).size:
            embedded["replies"] = [[self.build("comment", comment, "embed", site) for comment in comments[:100].tolist()]]
        if is_all or "wp:term" in names:
            tags = [self.build("term", site.tag_ids[tag], "embed", site) for tag in read_tags(message)]
            embedded["wp:term"] = [[self.build("term", CATEGORY, "embed", site)], tags]
        return embedded

    def list_comments_of(self, no: int) -> Numbers:
        """The comments below a post that everybody sees, newest first."""
        rows = self.state.list_standing(self.state.threads, no)
        rows = rows[~self.is_post[rows]]
        return rows[np.lexsort((self.numbers[rows], self.state.messages.created_at[rows]))][::-1]

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

    def write_raw(self, message: Message) -> str:
        """The text of a message as it was typed."""
        parts = []
        for kind, value in message.segments:
            mentioned = self.state.account(self.state.account_numbers[value]).username if kind == "m" else ""
            parts.append({"m": f"@{mentioned}", "h": f"#{value}"}.get(kind, value))
        text = "".join(parts)
        return text if message.kind == "post" else save_comment_text(text)

    def slug_of(self, message: Message) -> str:
        """The slug of a blog post: of its title, with a number where an earlier post has the same."""
        slugs: dict[int, str] = self.recall_always("slugs", self.list_slugs)
        return slugs[message.no]

    def recall_always(self, name: str, make: Callable[[], Any]) -> Any:
        """What ``make`` gives, kept for all moments."""
        if name not in self.lasting:
            self.lasting[name] = make()
        return self.lasting[name]

    def list_slugs(self) -> dict[int, str]:
        """The slug of every post of every site, from first to last, so that it never changes."""
        slugs: dict[int, str] = {}
        taken: dict[tuple[str | None, str], int] = {}
        for no in np.flatnonzero(self.is_post).tolist():
            base = make_slug(self.state.messages.title[no] or "") or str(self.numbers[no])
            key = (self.state.messages.site[no], base)
            taken[key] = taken.get(key, 0) + 1
            slugs[no] = base if taken[key] == 1 else f"{base}-{taken[key]}"
        return slugs

    def post_link(self, site: Site, message: Message) -> str:
        """The public address of a blog post; one that is not public has none but its number."""
        name = f"{self.slug_of(message)}/" if self.state.stands(message.no) else f"?p={self.numbers[message.no]}"
        return f"{site.address}/{name}"

    def build_post(self, post: Message, is_edit: bool) -> dict[str, Any]:
        """A post."""
        site, number, modified = self.sites[post.site or ""], int(self.numbers[post.no]), post.edited_at or post.created_at
        author, raw, link = self.find_user_id(self.state.account(post.author_no)), self.write_raw(post), self.post_link(site, post)
        content = render_post_text(raw)
        rendered: dict[str, Any] = {
            "id": number,
            "date": self.format_local(site, post.created_at),
            "date_gmt": self.format_gmt(post.created_at),
            "guid": {"rendered": link} | ({"raw": link} if is_edit else {}),
            "modified": self.format_local(site, modified),
            "modified_gmt": self.format_gmt(modified),
            **({"password": ""} if is_edit else {}),
            "slug": self.slug_of(post),
            "status": self.find_status(post),
            "type": "post",
            "link": link,
            "title": ({"raw": post.title} if is_edit else {}) | {"rendered": texturize(post.title or "")},
            "content": ({"raw": raw} if is_edit else {}) | {"rendered": content, "protected": False} | ({"block_version": 0} if is_edit else {}),
            "excerpt": ({"raw": ""} if is_edit else {}) | {"rendered": render_excerpt(content), "protected": False},
            "author": author,
            "featured_media": 0,
            "comment_status": "open",
            "ping_status": "open",
            "sticky": False,
            "template": "",
            "format": "standard",
            "meta": [],
            "categories": [CATEGORY],
            "tags": [site.tag_ids[tag] for tag in read_tags(post)],
        }
        if is_edit:
            rendered |= {"permalink_template": f"{site.address}/%postname%/", "generated_slug": make_slug(post.title or "")}
        return rendered | {"_links": self.link_post(site, post, number, author, is_edit)}

    def find_status(self, message: Message) -> str:
        """The status of a post or comment."""
        if message.deleted_at is not None and message.deleted_at <= self.state.now:
            return "trash"
        is_shown = message.visible_at <= self.state.now
        return ("publish" if is_shown else "future") if message.kind == "post" else ("approved" if is_shown else "hold")

    def link_post(self, site: Site, post: Message, number: int, author: int, is_edit: bool) -> dict[str, Any]:
        """Where one gets from a post."""
        base = f"{site.address}{API}"
        own, edits = f"{base}/posts/{number}", len(post.versions) - 1
        terms = [
            {"taxonomy": taxonomy, "embeddable": True, "href": f"{base}/{path}?post={number}"}
            for taxonomy, path in (("category", "categories"), ("post_tag", "tags"))
        ]
        links: dict[str, Any] = {
            "self": [{"href": own}],
            "collection": [{"href": f"{base}/posts"}],
            "about": [{"href": f"{base}/types/post"}],
            "author": [{"embeddable": True, "href": f"{base}/users/{author}"}],
            "replies": [{"embeddable": True, "href": f"{base}/comments?post={number}"}],
            "version-history": [{"count": edits, "href": f"{own}/revisions"}],
        }
        if edits:
            # Revisions are numbered among the posts; here apart, so that a post keeps its number whatever is edited.
            revision = number * 1000 + edits
            links["predecessor-version"] = [{"id": revision, "href": f"{own}/revisions/{revision}"}]
        links |= {"wp:attachment": [{"href": f"{base}/media?parent={number}"}], "wp:term": terms}
        if is_edit:
            actions = [
                "publish",
                "unfiltered-html",
                "sticky",
                "assign-author",
                "create-categories",
                "assign-categories",
                "create-tags",
                "assign-tags",
            ]
            links |= {f"wp:action-{action}": [{"href": own}] for action in actions}
        return links | {"curies": CURIES}

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

    def build_comment(self, comment: Message, is_edit: bool) -> dict[str, Any]:
        """A comment."""
        author, number, parent = self.state.account(comment.author_no), int(self.numbers[comment.no]), self.find_parent_number(comment.no)
        site, above = self.sites[comment.site or ""], self.state.message(comment.root_no)
        user_id, post_number, raw = self.find_user_id(author), int(self.numbers[comment.root_no]), self.write_raw(comment)
        base = f"{site.address}{API}"
        links: dict[str, Any] = {"self": [{"href": f"{base}/comments/{number}"}], "collection": [{"href": f"{base}/comments"}]}
        if user_id:
            links["author"] = [{"embeddable": True, "href": f"{base}/users/{user_id}"}]
        links["up"] = [{"embeddable": True, "post_type": "post", "href": f"{base}/posts/{post_number}"}]
        if parent:
            links["in-reply-to"] = [{"embeddable": True, "href": f"{base}/comments/{parent}"}]
        if self.state.list_standing(self.state.children, comment.no).size:
            links["children"] = [{"embeddable": True, "href": f"{base}/comments?parent={number}"}]
        return {
            "id": number,
            "post": post_number,
            "parent": parent,
            "author": user_id,
            "author_name": author.display_name if user_id else save_name(author.display_name),
            **({"author_email": author.email} if is_edit else {}),
            "author_url": "" if user_id else author.traits.get("url", ""),
            **({"author_ip": f"198.51.100.{number % 250}", "author_user_agent": "Mozilla/5.0 (X11; Linux x86_64)"} if is_edit else {}),
            "date": self.format_local(site, comment.created_at),
            "date_gmt": self.format_gmt(comment.created_at),
            "content": {"rendered": render_comment_text(raw)} | ({"raw": raw} if is_edit else {}),
            "link": f"{self.post_link(site, above)}#comment-{number}",
            "status": self.find_status(comment),
            "type": "comment",
            "author_avatar_urls": self.render_avatars(author),
            "meta": [],
            "_links": links,
        }

    def build_user(self, site: Site, account: Account, is_edit: bool) -> dict[str, Any]:
        """A user."""
        number, base = int(account.account_id), f"{site.address}{API}"
        shown = {
            "name": account.display_name,
            "url": site.address if account.username == site.administrator else account.traits.get("url", ""),
            "description": account.bio,
            "link": f"{site.address}/author/{account.username}/",
            "slug": account.username,
            "avatar_urls": self.render_avatars(account),
            "meta": {"persisted_preferences": []} if is_edit else [],
            "_links": {"self": [{"href": f"{base}/users/{number}"}], "collection": [{"href": f"{base}/users"}]},
        }
        if not is_edit:
            return {"id": number, **shown}
        role = self.find_role(site, account)
        return {
            "id": number,
            "username": account.username,
            "first_name": "",
            "last_name": "",
            "email": account.email,
            "locale": "en_US",
            "nickname": account.username,
            "roles": [role],
            "registered_date": to_datetime(account.created_at).strftime("%Y-%m-%dT%H:%M:%S+00:00"),
            "capabilities": dict.fromkeys([*CAPABILITIES[role].split(), role], True),
            "extra_capabilities": {role: True},
            **shown,
        }

    def find_role(self, site: Site, account: Account) -> str:
        """The role of a user on a site."""
        if account.username == site.administrator:
            return "administrator"
        return str(account.traits.get("wordpress_role") or ("editor" if account.role == "staff" else "subscriber"))

    def build_term(self, site: Site, number: int) -> dict[str, Any]:
        """A tag, or the one category."""
        base, is_category = f"{site.address}{API}", number == CATEGORY
        taxonomy, path = ("category", "categories") if is_category else ("post_tag", "tags")
        name = "Uncategorized" if is_category else next(tag for tag, its_number in site.tag_ids.items() if its_number == number)
        counts: dict[str, int] = self.recall(("tag counts", site.key), lambda: self.count_tags(site))
        return {
            "id": number,
            "count": int(self.list_blog_posts(site).size) if is_category else counts.get(name, 0),
            "description": "",
            "link": f"{site.address}/{'category' if is_category else 'tag'}/{make_slug(name)}/",
            "name": name,
            "slug": make_slug(name),
            "taxonomy": taxonomy,
            **({"parent": 0} if is_category else {}),
            "meta": [],
            "_links": {
                "self": [{"href": f"{base}/{path}/{number}"}],
                "collection": [{"href": f"{base}/{path}"}],
                "about": [{"href": f"{base}/taxonomies/{taxonomy}"}],
                "wp:post_type": [{"href": f"{base}/posts?{path}={number}"}],
                "curies": CURIES,
            },
        }

    def count_tags(self, site: Site) -> dict[str, int]:
        """How many published posts have each tag."""
        counts: dict[str, int] = {}
        for no in self.list_blog_posts(site).tolist():
            for tag in read_tags(self.state.message(no)):
                counts[tag] = counts.get(tag, 0) + 1
        return counts

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
        order = "asc" if by == "include" else self.read_choice(request, "order", "desc", ["asc", "desc"])
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
        context = self.read_context(request, "Sorry, you are not allowed to edit posts in this post type.")
        status = self.read_post_status(request)
        windows = [(name, self.read_moment(request, name)) for name in ("after", "before", "modified_after", "modified_before")]
        wanted = {name: self.read_numbers(request, name) for name in ("include", "exclude", "author", "tags")}
        query, messages = request.query_params, self.state.messages
        modified: Numbers = self.recall(("modified",), self.list_edits)

        def find_authors(rows: Numbers) -> Numbers:
            return np.array([self.find_user_id(self.state.account(no)) for no in messages.author_no[rows].tolist()], dtype=np.int64)

        keys: dict[str, Callable[[Numbers], Any]] = {
            "author": find_authors,
            "date": lambda rows: messages.created_at[rows] // 1000,
            "id": lambda rows: self.numbers[rows],
            "include": lambda rows: self.place_included(request, rows),
            "modified": lambda rows: modified[rows] // 1000,
            "parent": lambda rows: np.zeros(len(rows), dtype=np.int64),
            "relevance": lambda rows: messages.created_at[rows],
            "slug": lambda rows: [self.slug_of(self.state.message(no)) for no in rows.tolist()],
            "include_slugs": lambda rows: self.numbers[rows],
            "title": lambda rows: [self.state.message(no).title or "" for no in rows.tolist()],
        }

        def gather() -> Numbers:
            rows = self.list_blog_posts(site) if status == "publish" else self.list_scheduled_posts(site)
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

        if query.get("orderby") == "relevance" and not query.get("search"):
            raise refuse("rest_no_search_term_defined", "You need to define a search term to order by relevance.", 400)
        return self.answer_page(
            request, self.recall_rows(request, "posts", gather), lambda no: self.show(request, "post", no, context), is_strict=True
        )

    def read_post_status(self, request: Request) -> str:
        """The status of the posts asked for: published, or scheduled for who may see them."""
        status = self.read_choice(request, "status", "publish", ["publish", "future", "draft", "pending", "private", "trash", "any"])
        if status != "publish" and not self.is_administrator(request):
            raise refuse_parameter("status", "Status is forbidden.", "rest_forbidden_status", {"status": 401})
        return status

    def list_scheduled_posts(self, site: Site) -> Numbers:
        """The posts of a site that are still to appear."""
        state = self.state
        is_ahead = (state.messages.visible_at > state.now) & (state.messages.deleted_at == NEVER)
        return np.flatnonzero(is_ahead & self.is_post & state.messages.site.are(site.key))

    def place_included(self, request: Request, rows: Numbers) -> Numbers:
        """Where each row stands in ``include``."""
        asked = [int(piece) for text in request.query_params.getlist("include") for piece in text.split(",") if piece.strip().isdigit()]
        places = {number: place for place, number in enumerate(asked)}
        return np.array([places.get(number, len(places)) for number in self.numbers[rows].tolist()], dtype=np.int64)

    def find_on_site(self, site: Site, post_id: str) -> int:
        """The number of a message of a site, −1 when there is none or it was deleted for good."""
        no = self.state.numbers_on_sites.get((site.key, post_id), -1)
        if no < 0 or (self.state.messages.created_at[no] > self.state.now and not self.is_post[no]):
            return -1
        is_gone = self.state.messages.deleted_at[no] <= self.state.now and self.state.messages.delete_mode[no] != "trash"
        return -1 if is_gone else no

    def show_post(self, request: Request) -> Response:
        """One post; one in the trash or still to appear only to an administrator."""
        site = self.find_site(request)
        no = self.find_on_site(site, f"post:{request.path_params['id']}")
        if no < 0:
            raise forbid("rest_post_invalid_id", "Invalid post ID.", 404)
        context = self.read_context(request, "Sorry, you are not allowed to edit this post.")
        if not self.state.stands(no) and not self.is_administrator(request):
            raise forbid("rest_forbidden", "Sorry, you are not allowed to do that.")
        link = self.post_link(site, self.state.message(no))
        return JSONAnswer(self.show(request, "post", no, context), headers={"Link": f'<{link}>; rel="alternate"; type=text/html'})

    def list_comments(self, request: Request) -> Response:
        """Comments; trashed ones only for an administrator who asks for that status."""
        site, query = self.find_site(request), request.query_params
        status = query.get("status", "approve")
        after, before = self.read_moment(request, "after"), self.read_moment(request, "before")
        wanted = {
            name: self.read_numbers(request, name) for name in ("include", "exclude", "author", "author_exclude", "post", "parent", "parent_exclude")
        }
        state, messages = self.state, self.state.messages
        parents: Numbers = self.recall(("parents",), self.list_parents)
        keys: dict[str, Callable[[Numbers], Any]] = {
            "date": lambda rows: messages.created_at[rows] // 1000,
            "date_gmt": lambda rows: messages.created_at[rows] // 1000,
            "id": lambda rows: self.numbers[rows],
            "include": lambda rows: self.place_included(request, rows),
            "post": lambda rows: self.numbers[messages.root_no[rows]],
            "parent": lambda rows: parents[rows],
            "type": lambda rows: np.zeros(len(rows), dtype=np.int64),
        }
        for name, default, choices in (("orderby", "date_gmt", list(keys)), ("order", "desc", ["asc", "desc"])):
            self.read_choice(request, name, default, choices)
        context = self.read_comment_rights(request, site, wanted["post"])

        def find_authors(rows: Numbers) -> Numbers:
            return np.array([self.find_user_id(state.account(no)) for no in messages.author_no[rows].tolist()], dtype=np.int64)

        def gather() -> Numbers:
            if wanted["post"] is not None:
                above = [state.numbers_on_sites.get((site.key, f"post:{number}"), -1) for number in sorted(wanted["post"])]
                rows = np.concatenate([np.zeros(0, dtype=np.int64), *(state.threads.of(no) for no in above if no >= 0)])
            else:
                rows = np.flatnonzero(messages.site.are(site.key))
            rows = rows[(messages.created_at[rows] <= state.now) & ~self.is_post[rows]]
            rows = rows[state.standing[messages.root_no[rows]]]
            is_there, is_held = messages.deleted_at[rows] > state.now, messages.visible_at[rows] > state.now
            chosen = {
                "hold": is_there & is_held,
                "trash": ~is_there & messages.delete_mode.are("trash")[rows],
                "all": is_there,
            }.get(status, is_there & ~is_held)
            rows = rows[chosen]
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
            return self.sort_rows(request, rows, keys, "date_gmt")

        return self.answer_page(
            request, self.recall_rows(request, "comments", gather), lambda no: self.show(request, "comment", no, context), is_strict=False
        )

    def read_comment_rights(self, request: Request, site: Site, posts: set[int] | None) -> str:
        """The view of comments asked for. Raises what somebody without the rights gets, in the order WordPress looks."""
        query, is_administrator = request.query_params, self.is_administrator(request)
        for number in sorted(posts or ()):
            no = self.find_on_site(site, f"post:{number}")
            if no >= 0 and not self.state.stands(no) and not is_administrator:
                raise forbid("rest_cannot_read_post", "Sorry, you are not allowed to read the post for this comment.")
        context = self.read_context(request, "Sorry, you are not allowed to edit comments.")
        restricted = [name for name in ("author", "author_exclude", "author_email") if name in query]
        restricted += ["status"] if query.get("status", "approve") != "approve" else []
        if restricted and not is_administrator:
            raise forbid("rest_forbidden_param", f"Query parameter not permitted: {', '.join(restricted)}")
        return context

    def show_comment(self, request: Request) -> Response:
        """One comment; one in the trash, held or below a hidden post only to an administrator."""
        is_administrator = self.is_administrator(request)
        no = self.find_on_site(self.find_site(request), str(request.path_params["id"]))
        root = int(self.state.messages.root_no[no]) if no >= 0 else -1
        is_below_gone = no >= 0 and self.state.messages.deleted_at[root] <= self.state.now and self.state.messages.delete_mode[root] != "trash"
        if no < 0 or is_below_gone:
            raise forbid("rest_comment_invalid_id", "Invalid comment ID.", 404)
        context = self.read_context(request, "Sorry, you are not allowed to edit comments.")
        if not (self.state.stands(no) and self.state.stands(root)) and not is_administrator:
            raise forbid("rest_cannot_read", "Sorry, you are not allowed to read this comment.")
        return JSONAnswer(self.show(request, "comment", no, context))

    def list_writers(self, site: Site) -> set[int]:
        """The authors of published posts."""
        return set(self.state.messages.author_no[self.list_blog_posts(site)].tolist())

    def list_users(self, request: Request) -> Response:
        """Users: only authors of posts, unless an administrator asks in the edit view."""
        site, is_administrator = self.find_site(request), self.is_administrator(request)
        order = self.read_choice(request, "order", "asc", ["asc", "desc"])
        by = self.read_choice(request, "orderby", "name", ["id", "include", "name", "registered_date", "slug", "include_slugs", "email", "url"])
        context = self.read_context(request, "Sorry, you are not allowed to edit users.")
        if by in ("email", "registered_date") and not is_administrator:
            raise forbid("rest_forbidden_orderby", "Sorry, you are not allowed to order users by this parameter.")
        writers, include = self.list_writers(site), self.read_numbers(request, "include")
        users = [self.state.account(no) for no in site.users.tolist()]
        rows = [a for a in users if (is_administrator or a.no in writers) and (include is None or int(a.account_id) in include)]
        keys: dict[str, Callable[[Account], Any]] = {
            "name": lambda a: a.display_name.lower(),
            "slug": lambda a: a.username.lower(),
            "email": lambda a: a.email.lower(),
            "registered_date": lambda a: a.created_at // 1000,
        }
        rows.sort(key=lambda a: (keys[by](a) if by in keys else 0, int(a.account_id)), reverse=order == "desc")
        return self.answer_page(request, [a.no for a in rows], lambda no: self.show(request, "user", no, context), is_strict=False)

    def show_user(self, request: Request) -> Response:
        """One user; a reader without rights sees authors of posts only."""
        site = self.find_site(request)
        account = self.state.find_account(str(request.path_params["id"]))
        if account is None or account.no not in site.users:
            raise forbid("rest_user_invalid_id", "Invalid user ID.", 404)
        context = self.read_context(request, "Sorry, you are not allowed to edit this user.")
        if not self.is_administrator(request) and account.no not in self.list_writers(site):
            raise forbid("rest_user_cannot_view", "Sorry, you are not allowed to list users.")
        return JSONAnswer(self.show(request, "user", account.no, context))

    def show_me(self, request: Request) -> Response:
        """The user the application password belongs to."""
        if not self.is_administrator(request):
            raise refuse("rest_not_logged_in", "You are not currently logged in.", 401)
        own = self.state.account_numbers[self.own_account(self.find_site(request).key)]
        return JSONAnswer(self.show(request, "user", own, self.read_context(request, "")))

    def list_tags(self, request: Request) -> Response:
        """Tags."""
        numbers = sorted(self.find_site(request).tag_ids.values())
        return self.answer_page(request, numbers, lambda number: self.show(request, "term", number, "view"), is_strict=False)

    def show_tag(self, request: Request) -> Response:
        """One tag."""
        number = int(request.path_params["id"])
        if number not in self.find_site(request).tag_ids.values():
            raise forbid("rest_term_invalid", "Term does not exist.", 404)
        return JSONAnswer(self.show(request, "term", number, "view"))


def read_tags(post: Message) -> list[str]:
    """The tags of a post, each once: the hashtags in its text."""
    return list(dict.fromkeys(value for kind, value in post.segments if kind == "h"))


def pick_fields(rendered: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """The members named in ``_fields``; a dot leads into a member, but links come whole."""
    picked: dict[str, Any] = {}
    for name, value in rendered.items():
        deeper = [field.partition(".")[2] for field in wanted if field.partition(".")[0] == name]
        if not deeper:
            continue
        if "" in deeper or not isinstance(value, dict) or name.startswith("_"):
            picked[name] = value
        else:
            picked[name] = pick_fields(value, deeper)
    return picked


def make_application_password(secret: str) -> str:
    """An application password in WordPress's form: six groups of four characters."""
    return " ".join(secret[i : i + 4] for i in range(0, 24, 4))
