"""HTTP to platforms: the only place that imports requests.

request → wait for the host's turn → answer → limit headers obeyed → parsed JSON, or an error of fifty/errors.py

Tried again: 429, 5xx, lost connections, time-outs, cut answers; for as long as the platform itself says, within bounds. Not tried again:
whatever a second attempt cannot mend. Clocks serve waiting only. Nothing secret leaves this module: no message, no chained exception.
Try it alone: `python -m fifty.http https://host/path` prints status and the head of the answer.
"""

from __future__ import annotations

import base64
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
import simplejson
import tenacity

from fifty.errors import CredentialError, FatalError, FiftyError, RetryableError, SettingsError, SkippableError
from fifty.sent import read_answer

if TYPE_CHECKING:
    from fifty.config import Account
    from fifty.settings import Settings

log = logging.getLogger(__name__)

LARGEST_ANSWER_BYTES = 64 * 1024 * 1024
MOST_REDIRECTS = 5
USER_AGENT = "fifty/0.1 (relationship-quality warehouse)"
HEAD_CHARACTERS = 200
_SECRET_PARAMETER = re.compile(
    r"(?i)\b((?:access_|refresh_|id_|api_?|client_)?(?:token|key|secret|password|passwd|signature|sig|code|jwt))=[^&\s\"'<>]+"
)
_USER_INFO = re.compile(r"(?i)\b(https?://)[^/\s@]+@")
_TOKEN = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")

Parameters = Sequence[tuple[str, str]]


class MissingError(SkippableError):
    """The platform says that the thing asked about is not there; `reason` as in staging.deletions."""

    reason = "not_found"


class _TryAgain(Exception):
    """One attempt failed in a way that may pass. `wait` is the platform's own word in seconds, where it gave one."""

    def __init__(self, what: str, *, wait: float | None = None, is_content: bool = False) -> None:
        super().__init__(what)
        self.wait = wait
        self.is_content = is_content


class Authorization:
    """How an account proves itself. The value of the header is asked for anew for every request."""

    def header(self) -> str:
        """Value of the Authorization header."""
        raise NotImplementedError

    def renew(self, stale: str) -> bool:
        """Get a new one in place of `stale`, which the server refuses; False where there is no way."""
        return False

    def secrets(self) -> list[str]:
        """What must never be shown."""
        return []


class FixedAuthorization(Authorization):
    """A header that does not change."""

    def __init__(self, value: str, *secrets: str) -> None:
        self._value = value
        self._secrets = [value, *secrets]

    def header(self) -> str:
        """Value of the Authorization header."""
        return self._value

    def secrets(self) -> list[str]:
        """What must never be shown."""
        return self._secrets


def bearer_authorization(account: Account, credential: str, client: HttpClient) -> Authorization:
    """A bearer token."""
    return FixedAuthorization(f"Bearer {_check_header_text(account, credential)}", credential)


def basic_authorization(account: Account, credential: str, client: HttpClient) -> Authorization:
    """User name and (application) password."""
    if not account.user:
        raise SettingsError(
            f"account {account.account_key!r} has a credential but no user",
            where=f"fifty.yml, {account.platform}",
            expected="`user`: the name that goes with the password",
            remedy="add `user:` to the account",
        )
    encoded = base64.b64encode(f"{account.user}:{credential}".encode()).decode()
    return FixedAuthorization(f"Basic {encoded}", encoded, credential)


def _check_header_text(account: Account, credential: str) -> str:
    if credential.isascii() and credential.isprintable():
        return credential
    raise SettingsError(
        f"the credential {account.credential!r} holds characters that no token has",
        where=f"fifty.yml, {account.platform}/{account.account_key}",
        expected="one line of printable ASCII",
        remedy="store the token again, without line breaks",
    )


@dataclass(frozen=True)
class Validators:
    """What a server gave to ask later whether anything has changed."""

    etag: str | None = None
    last_modified: str | None = None

    def headers(self) -> dict[str, str]:
        """Headers of a conditional request."""
        pairs = (("If-None-Match", self.etag), ("If-Modified-Since", self.last_modified))
        return {name: value for name, value in pairs if value}


@dataclass(frozen=True)
class Answer:
    """One answer: `content` is parsed JSON (big and fractional numbers keep all their digits)."""

    status: int
    content: Any
    headers: Mapping[str, str]
    url: str
    """Address asked, without secrets."""
    is_unchanged: bool = False
    """304: as at the last time."""
    is_past_end: bool = False
    """The platform says that this page lies beyond the last."""

    @property
    def validators(self) -> Validators:
        """To ask later whether anything has changed."""
        return Validators(self.headers.get("ETag"), self.headers.get("Last-Modified"))


@dataclass(frozen=True)
class Manners:
    """What a platform's answers mean; from its Connector."""

    limits: Mapping[str, str]
    error_code: str | None = None
    missing: Mapping[str, str] | None = None
    past_end: frozenset[str] = frozenset()
    expired: frozenset[str] = frozenset()


class Throttle:
    """Until when a host wants no request; shared by all threads, so that one account's 429 holds the others back too."""

    def __init__(self) -> None:
        self._not_before: dict[str, float] = {}
        self._lock = threading.Lock()

    def hold(self, turn: str, until: float) -> None:
        """No request to `turn` before the monotonic instant `until`."""
        with self._lock:
            self._not_before[turn] = max(until, self._not_before.get(turn, until))

    def seconds_left(self, turn: str, now: float) -> float:
        """Seconds to wait at the monotonic instant `now`; 0 or less: go ahead."""
        with self._lock:
            return self._not_before.get(turn, now) - now


SHARED_THROTTLE = Throttle()


class HttpClient:
    """One account's connection to its platform: pooled, timed, bounded, polite. One thread at a time.

    Raises RetryableError when the platform stays unwell, CredentialError, MissingError, SkippableError, FatalError: see fifty/errors.py.
    """

    def __init__(
        self,
        settings: Settings,
        manners: Manners,
        *,
        where: str = "",
        throttle: Throttle = SHARED_THROTTLE,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.where = where
        self.request_count = 0
        self.limits_met = 0
        self._settings = settings
        self._manners = manners
        self._throttle = throttle
        self._sleep = sleep
        self._monotonic = monotonic
        self._secrets: set[str] = set()
        self._session = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_connections=2, pool_maxsize=2)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        self._surroundings: dict[str, dict[str, Any]] = {}
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(settings.http_attempts),
            wait=self._choose_wait,
            retry=tenacity.retry_if_exception_type(_TryAgain),
            sleep=sleep,
            before_sleep=self._say_wait,
            reraise=True,
        )

    def close(self) -> None:
        """Give the connections back."""
        self._session.close()

    def get(
        self,
        server: str,
        path: str,
        parameters: Parameters = (),
        *,
        authorization: Authorization | None = None,
        validators: Validators | None = None,
        skips: frozenset[int] = frozenset(),
    ) -> Answer:
        """GET `server/path`; statuses in `skips` mean that the scope is not for us (SkippableError)."""
        headers = validators.headers() if validators else {}
        return self._ask("GET", server, path, parameters, headers=headers, authorization=authorization, skips=skips)

    def post(self, server: str, path: str, *, body: Mapping[str, Any] | None = None, authorization: str | None = None) -> Any:
        """POST JSON and return the JSON that comes back; for logging in. `authorization` is the value of the header."""
        fixed = FixedAuthorization(authorization, authorization.partition(" ")[2]) if authorization else None
        for value in (body or {}).values():
            if isinstance(value, str) and len(value) >= 8:
                self._secrets.add(value)
        return self._ask("POST", server, path, (), body=body, authorization=fixed).content

    def redact(self, text: str) -> str:
        """`text` without anything secret: known secrets, tokens, passwords in addresses."""
        return redact_secrets(text, self._secrets)

    # -- one request with its attempts ------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        server: str,
        path: str,
        parameters: Parameters,
        *,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        authorization: Authorization | None = None,
        skips: frozenset[int] = frozenset(),
    ) -> Answer:
        url = f"{server.rstrip('/')}/{path.lstrip('/')}"

        def attempt() -> Answer:
            return self._attempt(method, url, parameters, headers or {}, body, authorization, skips)

        last: _TryAgain
        try:
            return self._retrying(attempt)
        except _TryAgain as error:
            last = error
        # Raised out here, so that no exception of the library, with its address and headers, stays chained to ours.
        kind = FatalError if last.is_content else RetryableError
        raise self._build_error(
            kind,
            f"{self.redact(url)} gave no usable answer in {self._settings.http_attempts} attempts",
            seen=str(last),
            expected="JSON" if last.is_content else "an answer",
            remedy="look at what the server sends; is `base_url` the API's?" if last.is_content else "run again later; finished loads are kept",
        )

    def _attempt(
        self,
        method: str,
        url: str,
        parameters: Parameters,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None,
        authorization: Authorization | None,
        skips: frozenset[int],
    ) -> Answer:
        value = authorization.header() if authorization else None
        answer = self._send(method, url, parameters, headers, body, value)
        if authorization and value and self._is_stale(answer) and authorization.renew(value):
            self._secrets.update(authorization.secrets())
            value = authorization.header()
            answer = self._send(method, url, parameters, headers, body, value)
        if authorization:
            self._secrets.update(authorization.secrets())
        return self._judge(answer, url, skips, has_authorization=value is not None)

    def _is_stale(self, answer: _Raw) -> bool:
        return answer.status == 401 or (answer.status == 400 and self._read_code(answer)[0] in self._manners.expired)

    def _send(
        self, method: str, url: str, parameters: Parameters, headers: Mapping[str, str], body: Mapping[str, Any] | None, authorization: str | None
    ) -> _Raw:
        """Send once, follow what redirects may be followed, heed the limits said. Raises _TryAgain and FatalError."""
        if authorization:
            self._secrets.update((authorization, authorization.partition(" ")[2]))
        pairs: Parameters | None = parameters
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._exchange(method, url, pairs, headers, body, authorization)
            if answer.status not in (301, 302, 303, 307, 308) or not answer.headers.get("Location"):
                return answer
            target = urljoin(answer.url, answer.headers["Location"])
            self._check_redirect(url, target, is_secret=authorization is not None or body is not None)
            url, pairs = target, None
        raise self._build_error(
            FatalError,
            f"{self.redact(url)} redirects without end",
            seen=f"more than {MOST_REDIRECTS} redirects",
            expected="an answer",
            remedy="set `base_url` to the address the server really answers at",
        )

    def _check_redirect(self, url: str, target: str, *, is_secret: bool) -> None:
        old, new = urlsplit(url), urlsplit(target)
        is_same_host = (old.hostname or "").lower() == (new.hostname or "").lower()
        is_weaker = old.scheme == "https" and new.scheme != "https"
        is_other_port = (old.port or _default_port(old.scheme)) != (new.port or _default_port(new.scheme)) and old.scheme == new.scheme
        if new.scheme in ("http", "https") and not is_weaker and ((is_same_host and not is_other_port) or not is_secret):
            return
        raise self._build_error(
            FatalError,
            f"{self.redact(url)} redirects to where the credential must not go" if is_secret else f"{self.redact(url)} redirects to no web address",
            seen=self.redact(f"{new.scheme}://{new.netloc}"),
            expected=f"{old.scheme}://{old.netloc}",
            remedy="if the new address is right, set `base_url` to it",
        )

    def _exchange(
        self,
        method: str,
        url: str,
        parameters: Parameters | None,
        headers: Mapping[str, str],
        body: Mapping[str, Any] | None,
        authorization: str | None,
    ) -> _Raw:
        """One request, one whole answer."""
        turn = _name_turn(method, url)
        self._wait_for_turn(turn, url)
        sent = {"Accept": "application/json", "User-Agent": USER_AGENT, **headers}
        timeout = self._settings.http_timeout_seconds
        deadline = self._monotonic() + 4 * timeout
        self.request_count += 1
        failure: str
        try:
            with self._session.request(
                method,
                url,
                params=list(parameters) if parameters is not None else None,
                json=body,
                headers=sent,
                # A callable of our own also keeps requests from looking into ~/.netrc.
                auth=_set_header(authorization),
                timeout=(min(timeout, 10.0), timeout),
                allow_redirects=False,
                stream=True,
                **self._find_surroundings(url),
            ) as response:
                content = self._read_body(response, deadline, url)
                answer = _Raw(response.status_code, dict_of_headers(response.headers), content, response.url, turn)
        except requests.RequestException as error:
            failure = f"{type(error).__name__}: {_shorten(self.redact(str(error)))}"
            is_ours = isinstance(error, ValueError)  # InvalidURL, InvalidSchema, InvalidHeader …: nothing was sent
        else:
            self._heed_limits(answer, turn)
            return answer
        if is_ours:
            raise self._build_error(FatalError, "the request cannot be made", seen=failure, remedy="check `base_url` and the credential")
        raise _TryAgain(failure)

    def _find_surroundings(self, url: str) -> dict[str, Any]:
        """Proxies and certificates that the environment sets for the host of `url`. Asked once a host: requests would go through it at every request."""
        parts = urlsplit(url)
        place = f"{parts.scheme}://{parts.netloc}"
        if place not in self._surroundings:
            self._session.trust_env = True
            found = self._session.merge_environment_settings(url, {}, None, None, None)
            self._surroundings[place] = {"proxies": found["proxies"], "verify": found["verify"]}
        self._session.trust_env = False
        return self._surroundings[place]

    def _read_body(self, response: requests.Response, deadline: float, url: str) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_content(65_536):
            size += len(chunk)
            chunks.append(chunk)
            if size > LARGEST_ANSWER_BYTES:
                raise self._build_error(
                    FatalError,
                    f"{self.redact(url)} sends too much",
                    seen=f"more than {LARGEST_ANSWER_BYTES} bytes in one answer",
                    expected="a page",
                    remedy="is `base_url` the API's?",
                )
            if self._monotonic() > deadline:
                raise _TryAgain(f"the answer was not whole after {4 * self._settings.http_timeout_seconds:.0f} s")
        return b"".join(chunks)

    # -- limits -----------------------------------------------------------------------------------------------------

    def _wait_for_turn(self, turn: str, url: str) -> None:
        seconds = self._throttle.seconds_left(turn, self._monotonic())
        if seconds <= 0:
            return
        self._check_wait(seconds, url)
        log.info("%s: waiting %.1f s for %s", self.where, seconds, turn)
        self._sleep(seconds)

    def _heed_limits(self, answer: _Raw, turn: str) -> None:
        """Where nothing is left, hold the host until its limit resets, before it has to refuse."""
        remaining = _read_number(answer.headers.get(self._manners.limits.get("remaining", "")))
        if answer.status != 429 and remaining is not None and remaining <= 0:
            seconds = self._read_reset(answer)
            if seconds is not None and seconds > 0:
                self.limits_met += 1
                self._throttle.hold(turn, self._monotonic() + seconds)

    def _read_wait(self, answer: _Raw) -> float | None:
        """Seconds the platform wants us to wait: Retry-After, else its reset header; None where it does not say."""
        seconds = _read_retry_after(answer)
        if seconds is None:
            seconds = self._read_reset(answer)
        return max(seconds, 0.0) if seconds is not None else None

    def _read_reset(self, answer: _Raw) -> float | None:
        text = answer.headers.get(self._manners.limits.get("reset", ""))
        if not text:
            return None
        kind = self._manners.limits.get("reset_as", "seconds")
        if kind == "iso":
            return _seconds_until(_parse_iso(text), answer)
        number = _read_number(text)
        if number is None:
            return None
        return _seconds_until(datetime.fromtimestamp(number, UTC), answer) if kind == "epoch" else number

    def _check_wait(self, seconds: float, url: str) -> None:
        longest = self._settings.http_longest_wait_seconds
        if seconds > longest:
            raise self._build_error(
                RetryableError,
                f"{self.redact(url)} wants no request for longer than this run waits",
                seen=f"{seconds:.0f} s",
                expected=f"at most {longest:.0f} s (FIFTY_HTTP_LONGEST_WAIT_SECONDS)",
                remedy="run again later; finished loads are kept",
            )

    def _choose_wait(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, _TryAgain) and error.wait is not None:
            return error.wait
        return float(tenacity.wait_exponential_jitter(multiplier=0.5, max=60, jitter=0.5)(state))

    def _say_wait(self, state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        seconds = state.next_action.sleep if state.next_action else 0.0
        log.info("%s: attempt %d: %s; again in %.1f s", self.where, state.attempt_number, error, seconds)

    # -- what an answer means ---------------------------------------------------------------------------------------

    def _judge(self, answer: _Raw, url: str, skips: frozenset[int], *, has_authorization: bool) -> Answer:
        shown = _shorten(self.redact(answer.url), 120)
        if answer.status == 304:
            return Answer(304, None, answer.headers, shown, is_unchanged=True)
        if 200 <= answer.status < 300:
            return Answer(answer.status, self._parse(answer), answer.headers, shown)
        code, message = self._read_code(answer)
        if code in self._manners.past_end:
            return Answer(answer.status, [], answer.headers, shown, is_past_end=True)
        missing = self._manners.missing or {}
        reason = missing.get(code or "") or missing.get(message or "")
        if reason or answer.status in (404, 410):
            error = self._build_error(MissingError, f"{shown} is not there", seen=self._describe(answer))
            assert isinstance(error, MissingError)
            error.reason = reason or ("gone" if answer.status == 410 else "not_found")
            raise error
        if answer.status in skips:
            raise self._build_error(SkippableError, f"{shown} is not for us", seen=self._describe(answer))
        if answer.status in (401, 403) or code in self._manners.expired:
            raise self._build_error(
                CredentialError,
                f"{shown} refuses the credential" if has_authorization else f"{shown} wants a credential",
                seen=self._describe(answer),
                expected="an answer",
                remedy="renew the credential: has it expired, was it revoked, does it lack a scope?"
                if has_authorization
                else "give the account a `credential` in fifty.yml",
            )
        if answer.status == 429:
            self.limits_met += 1
            wait = self._read_wait(answer)
            if wait is not None:
                self._check_wait(wait, url)
                self._throttle.hold(answer.turn, self._monotonic() + wait)
            raise _TryAgain(self._describe(answer), wait=wait)
        if answer.status in (408, 425) or (answer.status >= 500 and answer.status != 501):
            # Not the reset header: it speaks of the limit, which is not what failed.
            wait = _read_retry_after(answer)
            if wait is not None:
                self._check_wait(wait, url)
            raise _TryAgain(self._describe(answer), wait=wait)
        raise self._build_error(
            FatalError,
            f"{shown} was refused",
            seen=self._describe(answer),
            expected="200",
            remedy="check `base_url` and the account; if both are right, the platform's API has changed: see the connector's README",
        )

    def _parse(self, answer: _Raw) -> Any:
        if answer.status == 204 or not answer.content:
            if answer.status == 204:
                return None
            raise _TryAgain("an empty body", is_content=True)
        failure: str
        try:
            return read_answer(answer.content.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            failure = type(error).__name__
        raise _TryAgain(f"no valid JSON ({failure}): {self._head(answer)}", is_content=True)

    def _read_code(self, answer: _Raw) -> tuple[str | None, str | None]:
        """Error code and message in the body of a refusal."""
        try:
            body = simplejson.loads(answer.content.decode("utf-8"))
        except (ValueError, RecursionError):
            return None, None
        if not isinstance(body, dict):
            return None, None
        code: Any = body
        for part in (self._manners.error_code or "error").split("."):
            code = code.get(part) if isinstance(code, dict) else None
        message = body.get("message")
        return code if isinstance(code, str) else None, message if isinstance(message, str) else None

    def _describe(self, answer: _Raw) -> str:
        code, message = self._read_code(answer)
        said = " ".join(part for part in (code, message) if part) or self._head(answer)
        return f"{answer.status} {_shorten(self.redact(said))}".strip()

    def _head(self, answer: _Raw) -> str:
        return _shorten(self.redact(answer.content[: 4 * HEAD_CHARACTERS].decode("utf-8", "replace")))

    def _build_error(self, kind: type[FiftyError], what: str, *, seen: str = "", expected: str = "", remedy: str = "") -> FiftyError:
        return kind(what, where=self.where, seen=seen, expected=expected, remedy=remedy)


@dataclass(frozen=True)
class _Raw:
    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    turn: str


class _Headers(dict[str, str]):
    """Header names compare without case."""

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())


def dict_of_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Headers as a mapping whose `get` and `[]` do not care about case."""
    return _Headers({name.lower(): value for name, value in headers.items()})


def redact_secrets(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with known secrets, tokens and passwords in addresses replaced."""
    for secret in sorted((secret for secret in secrets if len(secret) >= 4), key=len, reverse=True):
        text = text.replace(secret, "[secret]")
    text = _USER_INFO.sub(r"\1[secret]@", text)
    text = _SECRET_PARAMETER.sub(r"\1=[secret]", text)
    text = _TOKEN.sub(r"\1 [secret]", text)
    return _JWT.sub("[secret]", text)


def probe_address(url: str, settings: Settings) -> int:
    """Status that the server at `url` answers with, whatever it is: any answer shows a server. One attempt, nothing secret is sent.

    Raises RetryableError where nothing answers, SettingsError where `url` is no address.
    """
    timeout = min(settings.http_timeout_seconds, 10.0)
    try:
        with requests.get(
            url, headers={"User-Agent": USER_AGENT}, auth=_set_header(None), timeout=timeout, allow_redirects=False, stream=True
        ) as response:
            return response.status_code
    except requests.RequestException as error:
        kind = SettingsError if isinstance(error, ValueError) else RetryableError
        raise kind(
            "the server does not answer",
            where=url,
            seen=f"{type(error).__name__}: {redact_secrets(_shorten(str(error)))}",
            expected=f"any answer within {timeout:.0f} s",
            remedy="check `base_url`, the network and its proxy",
        ) from None


def _set_header(value: str | None) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    def apply(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if value is not None:
            request.headers["Authorization"] = value
        return request

    return apply


def _name_turn(method: str, url: str) -> str:
    # Logging in has a limit of its own: used up, it must not hold back the reads.
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" + (f" {method} {parts.path}" if method != "GET" else "")


def _default_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


def _shorten(text: str, longest: int = HEAD_CHARACTERS) -> str:
    text = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _read_number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else None
    except ValueError:
        return None
    return number if number is not None and abs(number) < 1e12 else None  # excludes nan and infinity


def _parse_iso(text: str) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _parse_http_date(text: str) -> datetime | None:
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _read_retry_after(answer: _Raw) -> float | None:
    """Seconds of Retry-After, a number or an HTTP date, never less than 0; None where it is absent or neither."""
    text = answer.headers.get("Retry-After")
    if not text:
        return None
    seconds = _read_number(text)
    if seconds is None:
        seconds = _seconds_until(_parse_http_date(text), answer)
    return max(seconds, 0.0) if seconds is not None else None


def _seconds_until(instant: datetime | None, answer: _Raw) -> float | None:
    """Seconds from the answer to `instant` by the server's own clock (its Date header), so that ours may be wrong."""
    if instant is None:
        return None
    now = _parse_http_date(answer.headers.get("Date", "")) or datetime.fromtimestamp(time.time(), UTC)
    return (instant - now).total_seconds()


if __name__ == "__main__":
    import sys

    from fifty.settings import load_settings

    shown_client = HttpClient(load_settings(), Manners({}))
    shown_url = urlsplit(sys.argv[1])
    shown_answer = shown_client.get(f"{shown_url.scheme}://{shown_url.netloc}", shown_url.path + (f"?{shown_url.query}" if shown_url.query else ""))
    sys.stdout.write(f"{shown_answer.status} {simplejson.dumps(shown_answer.content, use_decimal=True)[:500]}\n")
