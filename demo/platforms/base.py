"""What every platform of the demo shares: the application, rate limits and faults; the rest is each platform's own.

Data flow: request -> fault? -> rate limit? -> the platform's handler -> response with its limit headers
(and an entity tag where the platform sends one).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from demo.model import World
from demo.state import PlatformState

#: rendered things kept at most; more than that and all are forgotten
REMEMBERED = 50_000

Handler = Callable[[Request], Awaitable[Response] | Response]


class JSONAnswer(Response):
    """JSON as the platforms send it: UTF-8, compact, not ASCII-escaped."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None, media_type: str | None = None) -> None:
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        super().__init__(body, status_code, headers, media_type or "application/json; charset=utf-8")


class PlatformError(Exception):
    """An error the platform answers in its own shape."""

    def __init__(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(str(content))
        self.status, self.content, self.headers = status, content, headers


@dataclass
class Limit:
    """So many requests in a window of so many seconds; ``refuse_every`` refuses each n-th request besides (0: none)."""

    requests: int
    seconds: int
    refuse_every: int = 0


@dataclass
class LimitState:
    """Where a limit stands: what is left, when it resets (unix seconds), whether this request is refused and by which rule."""

    limit: int
    remaining: int
    reset: float
    is_refused: bool
    refusal_number: int = 0


class RateLimiter:
    """Counts requests in fixed windows. A planned refusal closes the door for one second, so that a client has to wait it out."""

    def __init__(self, limit: Limit, clock: Callable[[], float] = time.time) -> None:
        self.limit, self.clock = limit, clock
        self.window_start, self.used, self.served, self.refusals, self.closed_until = 0.0, 0, 0, 0, 0.0

    def count_request(self) -> LimitState:
        """Count one request and say whether it is refused."""
        now = self.clock()
        window = now - now % self.limit.seconds
        if window != self.window_start:
            self.window_start, self.used = window, 0
        reset = window + self.limit.seconds
        if now < self.closed_until:
            return LimitState(self.limit.requests, 0, self.closed_until, True, self.refusals)
        if self.used >= self.limit.requests:
            self.refusals += 1
            return LimitState(self.limit.requests, 0, reset, True, self.refusals)
        self.served += 1
        if self.limit.refuse_every and self.served % self.limit.refuse_every == self.limit.refuse_every // 2:
            self.refusals += 1
            self.closed_until = now + 1.0
            return LimitState(self.limit.requests, 0, self.closed_until, True, self.refusals)
        self.used += 1
        return LimitState(self.limit.requests, self.limit.requests - self.used, reset, False)


@dataclass
class Fault:
    """A fault by name, applied to every n-th request of a platform."""

    name: str
    every: int


#: fault name -> what it does; ``parse_faults`` refuses others
FAULTS = {
    "server_error": "500 with the platform's error body",
    "unavailable": "503 without a JSON body",
    "truncated": "the body ends in the middle",
    "invalid_json": "the body is not JSON",
    "slow": "two seconds before the answer",
}


def parse_faults(text: str) -> dict[str, list[Fault]]:
    """Faults per service from ``service:fault[:every],…``. Raises ValueError naming what is wrong and what is known."""
    faults: dict[str, list[Fault]] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        pieces = part.split(":")
        if len(pieces) not in (2, 3) or pieces[1] not in FAULTS or (len(pieces) == 3 and not (pieces[2].isdigit() and int(pieces[2]) > 0)):
            raise ValueError(f"fault {part!r}: expected service:fault[:every] with fault one of {', '.join(FAULTS)}")
        faults.setdefault(pieces[0], []).append(Fault(pieces[1], int(pieces[2]) if len(pieces) == 3 else 1))
    return faults


class Platform:
    """One platform service over one ``PlatformState``. Subclasses set ``name``, ``platform``, ``limits`` and give ``routes``."""

    name = ""
    platform = ""
    limits: ClassVar[dict[str, Limit]] = {"true": Limit(300, 300), "raised": Limit(30_000, 300, 53)}
    sends_entity_tags = False
    health_path = "/"

    def __init__(
        self,
        world: World,
        now: int,
        limits: str = "raised",
        faults: list[Fault] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.world, self.clock = world, clock
        self.state = PlatformState(world, self.platform, now)
        self.limiter = RateLimiter(self.limits[limits], clock)
        self.faults, self.request_number = faults or [], 0
        self.memory: dict[tuple[Any, ...], Any] = {}
        self.memory_of = self.state.now
        routes = [Route(path, self.wrap(handler), methods=methods) for path, handler, methods in self.routes()]
        self.app = Starlette(routes=routes, exception_handlers={404: self.answer_no_route, 405: self.answer_no_route})

    # -- what a platform says of itself ---------------------------------------------------------------------------

    def routes(self) -> list[tuple[str, Handler, list[str]]]:
        """(path, handler, methods) of every endpoint."""
        raise NotImplementedError

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

    def recall(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What ``make`` gives, kept as long as the moment stays the same; what is given must not be changed by its reader."""
        if self.memory_of != self.state.now or len(self.memory) > REMEMBERED:
            self.memory, self.memory_of = {}, self.state.now
        if key not in self.memory:
            self.memory[key] = make()
        return self.memory[key]

    # -- one request ----------------------------------------------------------------------------------------------

    def wrap(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """A handler with faults, limits, errors and headers around it."""

        async def answer(request: Request) -> Response:
            self.request_number += 1
            hits = {fault.name for fault in self.faults if self.request_number % fault.every == 0}
            if "slow" in hits:
                await asyncio.sleep(2)
            if "unavailable" in hits:
                return Response(
                    "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>",
                    503,
                    {"Retry-After": "1"},
                    "text/html",
                )
            if "server_error" in hits:
                return self.answer_error(500, "Internal Server Error")
            limit = self.limiter.count_request()
            if limit.is_refused:
                return self.answer_refusal(limit)
            try:
                outcome = handler(request)
                response = outcome if isinstance(outcome, Response) else await outcome
            except PlatformError as error:
                response = JSONAnswer(error.content, error.status, error.headers)
            response.headers.update(self.limit_headers(limit))
            if self.sends_entity_tags and response.status_code == 200:
                tag = f'W/"{hashlib.sha256(bytes(response.body)).hexdigest()[:32]}"'
                response.headers["ETag"] = tag
                if request.headers.get("if-none-match") == tag:
                    return Response(
                        status_code=304,
                        headers={k: v for k, v in response.headers.items() if k not in ("content-length", "content-type")},
                    )
            if response.status_code == 200 and "invalid_json" in hits:
                return Response('{"unexpected": tru', 200, media_type="application/json")
            if response.status_code == 200 and "truncated" in hits:
                return CutResponse(response)
            return response

        return answer

    # -- secrets of the demo accounts -----------------------------------------------------------------------------

    def make_secret(self, purpose: str) -> str:
        """A token or password of the demo brand, derived from the seed, so that it survives a restart."""
        return make_secret(self.world.seed, purpose)


class CutResponse(Response):
    """A response whose connection ends after half of the announced body."""

    def __init__(self, whole: Response) -> None:
        super().__init__(whole.body, whole.status_code, dict(whole.headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers and half of the body, then break off."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: len(self.body) // 2], "more_body": True})
        raise ConnectionResetError("cut on purpose by a fault")


def make_secret(seed: int, purpose: str) -> str:
    """A made-up credential for the demo, derived from the seed."""
    return hmac.new(f"moorhen/{seed}".encode(), purpose.encode(), hashlib.sha256).hexdigest()


def read_integer(text: str | None, default: int) -> int:
    """An integer parameter, or the default when it is absent or not a number."""
    try:
        return int(text) if text is not None else default
    except ValueError:
        return default
