"""What every platform of the demo shares: the application, who asks, rate limits, faults, the moment; the rest is each platform's own.

Data flow: request -> another moment or other faults? -> fault? -> rate limit? -> the platform's handler -> response with its limit headers
(and an entity tag where the platform sends one) -> spoilt by a fault?

A new platform is a class with ``name``, ``platform``, ``routes`` and ``answer_refusal``; everything else has a default.
"""

from __future__ import annotations

import asyncio
import email.utils
import hashlib
import hmac
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic_core import PydanticSerializationError, to_json
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from demo.faults import HANG_SECONDS, HUGE_BYTES, OVERLAP, Fault, draw_skew, is_hit, read_faults
from demo.model import parse_instant
from demo.state import PlatformState

#: rendered things kept at most; more than that and all are forgotten
REMEMBERED = 60_000
#: seconds for which a planned refusal closes the door
CLOSED_SECONDS = 1.0

Handler = Callable[[Request], Awaitable[Response] | Response]


def dump(content: Any) -> bytes:
    """JSON as the platforms send it: UTF-8, compact, not ASCII-escaped."""
    try:
        return to_json(content)
    except PydanticSerializationError:  # half of a surrogate pair, as strangers type it
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def compose(*parts: Mapping[str, Any] | tuple[str, bytes]) -> bytes:
    """One JSON object from dictionaries and from members that are JSON already, (name, bytes), in the order given."""
    pieces = [b'"%s":%s' % (part[0].encode(), part[1]) if isinstance(part, tuple) else dump(part)[1:-1] for part in parts]
    return b"{" + b",".join(filter(None, pieces)) + b"}"


def join(items: Iterable[bytes]) -> bytes:
    """One JSON array of items that are JSON already."""
    return b"[" + b",".join(items) + b"]"


class JSONAnswer(Response):
    """An answer in JSON; bytes are JSON already."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None, media_type: str | None = None) -> None:
        body = content if isinstance(content, bytes) else dump(content)
        super().__init__(body, status_code, headers, media_type or "application/json; charset=utf-8")


class PlatformError(Exception):
    """An error the platform answers in its own shape."""

    def __init__(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(content))
        self.status, self.content, self.headers = status, content, headers


@dataclass(frozen=True)
class Limit:
    """So many requests in a window of so many seconds."""

    requests: int
    seconds: int


@dataclass
class LimitState:
    """Where a limit stands: what is left, when it resets (unix seconds), whether this request is refused and the how-many-th refusal it is."""

    limit: int
    remaining: int
    reset: float
    is_refused: bool
    refusal_number: int = 0


class RateLimiter:
    """Counts one caller's requests in fixed windows."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.time) -> None:
        self.limit, self.clock = limit, clock
        self.window_start, self.used, self.closed_until = 0.0, 0, 0.0

    def count_request(self) -> LimitState:
        """Count one request and say whether it is refused."""
        now = self.clock()
        window = now - now % self.limit.seconds
        if window != self.window_start:
            self.window_start, self.used = window, 0
        if now < self.closed_until:
            return LimitState(self.limit.requests, 0, self.closed_until, True)
        reset = window + self.limit.seconds
        if self.used >= self.limit.requests:
            return LimitState(self.limit.requests, 0, reset, True)
        self.used += 1
        return LimitState(self.limit.requests, self.limit.requests - self.used, reset, False)


class Doorkeeper:
    """The limits of a service, counted for each caller apart. ``planned`` requests, counted over all callers, find the door closed for a second:
    a fixed few a run, however long it is, so that a client has to wait them out and a large run does not take longer than its requests."""

    def __init__(self, limit: Limit, planned: Iterable[int] = (), clock: Callable[[], float] = time.time) -> None:
        self.limit, self.planned, self.clock = limit, frozenset(planned), clock
        self.limiters: dict[str, RateLimiter] = {}
        self.counted, self.refusals = 0, 0

    def count_request(self, caller: str) -> LimitState:
        """Count one request of a caller and say whether it is refused."""
        limiter = self.limiters.get(caller)
        if limiter is None:
            limiter = self.limiters[caller] = RateLimiter(self.limit, self.clock)
        if self.clock() >= limiter.closed_until:
            self.counted += 1
            if self.counted in self.planned:
                limiter.closed_until = self.clock() + CLOSED_SECONDS
        state = limiter.count_request()
        if state.is_refused:
            self.refusals += 1
            state.refusal_number = self.refusals
        return state

    def begin_anew(self) -> None:
        """Plan the same refusals again: another run begins."""
        self.counted = 0


@dataclass(frozen=True)
class Page:
    """A page in an ordered list: the rows shown, [first, last), and the row after which the next page begins, as faults would have it."""

    first: int
    last: int
    after: int
    is_cursor_repeated: bool = False


class WatchedFile:
    """A small file that may be replaced at any time; says when its content is another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen: tuple[int, int, int] | None = None

    def read_news(self) -> str | None:
        """Its text when it was replaced since the last look ("" when it was removed), else None."""
        try:
            stat = self.path.stat()
            seen: tuple[int, int, int] | None = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        except FileNotFoundError:
            seen = None
        if seen == self.seen:
            return None
        self.seen = seen
        return self.path.read_text(encoding="utf-8") if seen else ""


class Platform:
    """One platform service over one ``PlatformState``. Subclasses set ``name``, ``platform``, ``limits`` and give ``routes``."""

    name = ""
    platform = ""
    #: true: the platform's own limits; raised: so high that no run meets them
    limits: ClassVar[dict[str, Limit]] = {"true": Limit(300, 300), "raised": Limit(200_000, 300)}
    #: with raised limits, the requests of a run that are refused all the same
    planned: ClassVar[tuple[int, ...]] = (29, 97, 389)
    #: the count that the faults dead_metric and changed_type are about
    metric: ClassVar[str] = ""
    #: faults there is no such thing as on this platform
    lacks: ClassVar[frozenset[str]] = frozenset({"partial_error"})
    sends_entity_tags = False

    def __init__(self, folder: Path, limits: str = "true", clock: Callable[[], float] = time.time, state: PlatformState | None = None) -> None:
        self.state, self.clock = state or PlatformState(folder, self.platform), clock
        self.head, self.brands = self.state.head, self.state.head.brands
        self.doorkeeper = Doorkeeper(self.limits[limits], self.planned if limits == "raised" else (), clock)
        self.faults: list[Fault] = []
        self.asked: dict[str, int] = {}
        self.moment_file, self.faults_file = WatchedFile(folder / "now.json"), WatchedFile(folder / "faults.json")
        self.memory: dict[tuple[Any, ...], Any] = {}
        self.memory_of = self.state.now
        self.date_of, self.date = 0, ""
        self.look_at_files()
        routes = [Route(path, self.wrap(handler), methods=methods) for path, handler, methods in self.routes()]

        def answer_elsewhere(request: Request, error: Exception) -> Response:
            return self.date_answer(self.answer_no_route(request, error), 0)

        self.app = Starlette(routes=routes, exception_handlers={404: answer_elsewhere, 405: answer_elsewhere})

    # -- what a platform says of itself ---------------------------------------------------------------------------

    def routes(self) -> list[tuple[str, Handler, list[str]]]:
        """(path, handler, methods) of every endpoint."""
        raise NotImplementedError

    def name_caller(self, request: Request) -> str:
        """Who asks, for the limits and the faults: the credential, else the address."""
        return request.headers.get("authorization") or (request.client.host if request.client else "")

    def limit_headers(self, limit: LimitState) -> dict[str, str]:
        """The limit headers of an answer in this platform's style."""
        return {}

    def answer_refusal(self, limit: LimitState) -> Response:
        """The 429 in this platform's style."""
        raise NotImplementedError

    def answer_error(self, status: int, message: str) -> Response:
        """An unexpected error in this platform's style."""
        return JSONAnswer({"error": message}, status)

    def answer_no_route(self, request: Request, error: Exception) -> Response:
        """The answer to a path the platform does not know."""
        return self.answer_error(error.status_code if isinstance(error, HTTPException) else 404, "Not Found")

    # -- what platforms use ---------------------------------------------------------------------------------------

    def recall(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What ``make`` gives, kept as long as the moment stays the same; what is given must not be changed by its reader."""
        if self.memory_of != self.state.now or len(self.memory) > REMEMBERED:
            self.memory, self.memory_of = {}, self.state.now
        found = self.memory.get(key)
        if found is None:
            found = self.memory[key] = make()
        return found

    def make_secret(self, brand: str, purpose: str) -> str:
        """A token or password of a brand; see the function of the same name."""
        return make_secret(self.head.seed, brand, purpose)

    def own_account(self, brand: str) -> str:
        """The id of a brand's account here. Raises KeyError for a brand without one."""
        for row in self.brands[brand]["accounts"]:
            if row["platform"] == self.platform and row["role"] == "brand":
                return str(row["account_id"])
        raise KeyError(f"{brand} has no account on {self.platform}")

    def list_own_accounts(self) -> dict[str, str]:
        """The account id of each brand that is here, by brand."""
        return {brand: self.own_account(brand) for brand in self.brands if self.has_account(brand)}

    def has_account(self, brand: str) -> bool:
        """Whether a brand is on this platform."""
        return any(row["platform"] == self.platform and row["role"] == "brand" for row in self.brands[brand]["accounts"])

    def place_page(self, request: Request, start: int, size: int, total: int) -> Page:
        """The page of ``size`` rows from ``start`` in a list of ``total``, spoilt when a fault says so."""
        hits: frozenset[str] = request.scope.get("hits", frozenset())
        start = min(start, total)
        if "short_page" in hits:
            size = max(1, size // 2)
        first, last = start, min(start + size, total)
        after = last
        is_between = 0 < start < total  # the first page has none before it, and the end stays the end
        if "overlapping_page" in hits and is_between:
            first = max(0, start - OVERLAP)
        if "duplicate_page" in hits and is_between:
            first, last = max(0, start - size), start
        return Page(first, last, after, "repeated_cursor" in hits)

    def has_fault(self, request: Request, name: str) -> bool:
        """Whether this request is hit by a fault."""
        return name in request.scope.get("hits", ())

    # -- one request ----------------------------------------------------------------------------------------------

    def look_at_files(self) -> None:
        """Move to another moment, or switch to other faults, when a file says so."""
        moment = self.moment_file.read_news()
        if moment:
            self.state.now = parse_instant(json.loads(moment)["now"])
            self.doorkeeper.begin_anew()
            self.asked = {}
        faults = self.faults_file.read_news()
        if faults is not None:
            self.faults = [fault for fault in read_faults(faults) if fault.service == self.name and fault.name not in self.lacks]
            self.asked = {}

    def draw_faults(self, request: Request, caller: str) -> dict[str, Fault]:
        """The faults that hit this request, by name."""
        parts = sorted(request.query_params.multi_items())
        canonical = f"{request.method} {request.url.path} {parts} {caller}"
        number = self.asked[canonical] = self.asked.get(canonical, 0) + 1
        return {fault.name: fault for fault in self.faults if is_hit(fault, canonical, number)}

    def wrap(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A handler with the moment, faults, limits, errors and headers around it."""

        async def answer(request: Request) -> Response:
            self.look_at_files()
            caller = self.name_caller(request)
            hits = self.draw_faults(request, caller) if self.faults else {}
            skew = draw_skew(hits["clock_skew"]) if "clock_skew" in hits else 0
            if hits and (failure := await self.fail(request, hits)) is not None:
                return self.date_answer(failure, skew)
            limit = self.doorkeeper.count_request(caller)
            limit.reset += skew
            if limit.is_refused:
                return self.date_answer(self.answer_refusal(limit), skew)
            request.scope["hits"] = frozenset(hits)
            try:
                outcome = handler(request)
                response = outcome if isinstance(outcome, Response) else await outcome
            except PlatformError as error:
                response = JSONAnswer(error.content, error.status, error.headers)
            response.headers.update(self.limit_headers(limit))
            self.date_answer(response, skew)
            if response.status_code != 200:
                return response
            if self.sends_entity_tags:
                tag = f'W/"{hashlib.sha256(response.body).hexdigest()[:32]}"'
                response.headers["ETag"] = tag
                if request.headers.get("if-none-match") == tag:
                    kept = {name: value for name, value in response.headers.items() if name not in ("content-length", "content-type")}
                    return Response(status_code=304, headers=kept)
            return self.spoil(response, hits) if hits else response

        return answer

    def date_answer(self, response: Response, skew: float) -> Response:
        """Set the Date of an answer, off by ``skew`` seconds."""
        second = int(self.clock() + skew)
        if second != self.date_of:
            self.date_of, self.date = second, email.utils.formatdate(second, usegmt=True)
        response.headers["Date"] = self.date
        return response

    async def fail(self, request: Request, hits: Mapping[str, Fault]) -> Response | None:
        """The failure that stands in for an answer; None where no fault wants one."""
        if "hang" in hits:
            for _ in range(HANG_SECONDS):
                if await request.is_disconnected():
                    break
                await asyncio.sleep(1)
            return Response(status_code=504)
        if "unavailable" in hits:
            page = "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>"
            return Response(page, 503, {"Retry-After": "1"}, "text/html")
        if "server_error" in hits:
            return self.answer_error(500, "Internal Server Error")
        if "rate_limited" in hits:
            self.doorkeeper.refusals += 1
            return self.answer_refusal(LimitState(self.doorkeeper.limit.requests, 0, self.clock() + CLOSED_SECONDS, True, self.doorkeeper.refusals))
        return None

    def spoil(self, response: Response, hits: Mapping[str, Fault]) -> Response:
        """A good answer as the faults leave it."""
        body = bytes(response.body)
        if self.metric and "changed_type" in hits:
            body = re.sub(rb'("%s":)("?-?\d+"?)' % self.metric.encode(), rb'\1{"value":\2}', body)
        if self.metric and "dead_metric" in hits:
            body = re.sub(rb',"%s":[^,{}\]]+' % self.metric.encode(), b"", body)
        if "invalid_json" in hits:
            body = b"<br />\n<b>Warning</b>: Undefined index: page in <b>/srv/api/list.php</b> on line <b>212</b><br />\n" + body
        if "truncated" in hits:
            body = body[: len(body) // 2]
        if "cut_connection" in hits:
            return CutResponse(response)
        headers = {name: value for name, value in response.headers.items() if name != "content-length"}
        if "huge_payload" in hits:
            return StreamingResponse(pad(body), 200, headers)
        return Response(body, 200, headers)


async def pad(body: bytes) -> AsyncIterator[bytes]:
    """A body with blanks behind it, more than any client should take."""
    yield body
    blanks = b" " * (1 << 20)
    for _ in range(HUGE_BYTES >> 20):
        yield blanks


class CutResponse(Response):
    """A response whose connection ends after half of the announced body."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code, dict(whole.headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers and half of the body, then break off."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: len(self.body) // 2], "more_body": True})
        raise ConnectionResetError("cut on purpose by a fault")


def make_secret(seed: int, brand: str, purpose: str) -> str:
    """A made-up credential of a brand, derived from the seed, so that it survives a restart."""
    return hmac.new(f"demo/{seed}/{brand}".encode(), purpose.encode(), hashlib.sha256).hexdigest()


def read_integer(text: str | None, default: int) -> int:
    """An integer parameter, or the default when it is absent or not a number."""
    try:
        return int(text) if text is not None else default
    except ValueError:
        return default
