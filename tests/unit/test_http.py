"""The HTTP client against a real server on loopback that answers as told."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from fifty.config import Account
from fifty.errors import CredentialError, FatalError, FiftyError, RetryableError, SkippableError
from fifty.http import Authorization, HttpClient, Manners, MissingError, Throttle, Validators, bearer_authorization, redact_secrets
from fifty.settings import Settings

SECRET = "s3cret-t0ken-value"
Reply = tuple[int, dict[str, str], bytes]
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Platform:
    """A server that gives its replies in order, the last one again and again; remembers what came."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        platform = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                platform.seen.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                status, headers, content = platform.replies[min(len(platform.seen), len(platform.replies)) - 1]
                self.send_response_only(status)
                for name, value in {
                    "Content-Length": str(len(content)),
                    "Date": format_datetime(NOW, usegmt=True),
                    "Connection": "close",
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = True

            do_POST = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def tell(self, *replies: Reply) -> None:
        self.replies, self.seen = list(replies), []

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def platform() -> Iterator[Platform]:
    server = Platform()
    yield server
    server.close()


def reply(status: int = 200, content: Any = None, **headers: str) -> Reply:
    body = content if isinstance(content, bytes) else json.dumps([] if content is None else content).encode()
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def client(clock: Clock, *, throttle: Throttle | None = None, attempts: int = 3, longest: float = 900.0, **manners: Any) -> HttpClient:
    settings = Settings(http_attempts=attempts, http_longest_wait_seconds=longest, http_timeout_seconds=2.0)
    shared = throttle or Throttle()
    return HttpClient(
        settings, Manners(**{"limits": {}, **manners}), where="b/p/a/s", throttle=shared, sleep=clock.sleep, monotonic=lambda: clock.now
    )


def test_the_environments_proxy_is_used_and_asked_for_once(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", platform.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    one = client(Clock())
    platform.tell(reply(content=[1]))
    assert one.get("http://social.example:81", "x").content == [1]
    assert platform.seen[0][1] == "http://social.example:81/x"
    assert one.get(platform.url, "y").content == [1]
    assert platform.seen[1][1] == "/y"
    monkeypatch.setattr("requests.utils.getproxies", lambda: pytest.fail("the environment was searched again"))
    one.get("http://social.example:81", "z")
    assert platform.seen[2][1] == "http://social.example:81/z"


def test_numbers_keep_all_their_digits(platform: Platform) -> None:
    platform.tell(reply(content=b'{"id": 12345678901234567890123, "share": 0.1000000000000000055}'))
    content = client(Clock()).get(platform.url, "x").content
    assert content["id"] == 12345678901234567890123
    assert str(content["share"]) == "0.1000000000000000055"


@pytest.mark.parametrize(
    ("headers", "limits", "waited"),
    [
        ({"Retry-After": "7"}, {}, 7),
        ({"Retry-After": format_datetime(NOW + timedelta(seconds=11), usegmt=True)}, {}, 11),
        ({"X-Reset": "2026-11-23T12:00:13.000000Z"}, {"reset": "x-reset", "reset_as": "iso"}, 13),
        ({"X-Reset": str(int(NOW.timestamp()) + 17)}, {"reset": "X-Reset", "reset_as": "epoch"}, 17),
        ({"X-Reset": "19.5"}, {"reset": "X-Reset", "reset_as": "seconds"}, 19.5),
        ({"Retry-After": "2", "X-Reset": "900"}, {"reset": "X-Reset", "reset_as": "seconds"}, 2),
    ],
)
def test_a_429_is_waited_out_by_the_servers_own_word(platform: Platform, headers: dict[str, str], limits: dict[str, str], waited: float) -> None:
    platform.tell((429, headers, b"<html>slow down</html>"), reply(content=[1]))
    clock = Clock()
    asked = client(clock, limits=limits)
    assert asked.get(platform.url, "x").content == [1]
    assert clock.slept == [waited]
    assert asked.limits_met == 1


@pytest.mark.parametrize("status", [408, 425, 503])
@pytest.mark.parametrize(
    ("text", "waited"),
    [
        ("7", 7),
        (format_datetime(NOW + timedelta(seconds=11), usegmt=True), 11),
        (format_datetime(NOW - timedelta(seconds=11), usegmt=True), 0),
        ("-1", 0),
    ],
)
def test_a_server_that_is_unwell_is_waited_for_by_its_own_word(platform: Platform, status: int, text: str, waited: float) -> None:
    platform.tell((status, {"Retry-After": text, "X-Reset": "900"}, b"unwell"), reply(content=[1]))
    clock = Clock()
    assert client(clock, limits={"reset": "X-Reset", "reset_as": "seconds"}).get(platform.url, "x").content == [1]
    assert clock.slept == [waited]


def test_the_end_of_a_limit_is_not_waited_for_where_no_limit_was_met(platform: Platform) -> None:
    platform.tell((503, {"X-Reset": "900"}, b"unwell"), reply(content=[1]))
    clock = Clock()
    assert client(clock, limits={"reset": "X-Reset", "reset_as": "seconds"}).get(platform.url, "x").content == [1]
    assert max(clock.slept) < 60


def test_without_a_word_of_the_server_the_wait_grows(platform: Platform) -> None:
    platform.tell(reply(503), reply(502), reply(500), reply(content=[1]))
    clock = Clock()
    assert client(clock, attempts=4).get(platform.url, "x").content == [1]
    assert len(clock.slept) == 3
    assert 0.5 <= clock.slept[0] < clock.slept[2] < 10


def test_a_wait_longer_than_allowed_is_not_waited_for(platform: Platform) -> None:
    platform.tell(reply(429, Retry_After="901"))
    clock = Clock()
    with pytest.raises(RetryableError, match="901 s"):
        client(clock).get(platform.url, "x")
    assert clock.slept == []


def test_when_nothing_is_left_the_next_request_waits_for_the_reset(platform: Platform) -> None:
    limits = {"remaining": "X-Left", "reset": "X-Reset", "reset_as": "seconds"}
    platform.tell(reply(X_Left="0", X_Reset="30"), reply(X_Left="99", X_Reset="300"))
    clock = Clock()
    asked = client(clock, limits=limits)
    asked.get(platform.url, "x")
    assert clock.slept == []
    asked.get(platform.url, "x")
    asked.get(platform.url, "x")
    assert clock.slept == [30]


def test_one_accounts_limit_holds_back_the_others_on_the_same_host(platform: Platform) -> None:
    throttle, clock = Throttle(), Clock()
    platform.tell(reply(429, Retry_After="40"), reply())
    first = client(clock, throttle=throttle, attempts=1)
    with pytest.raises(RetryableError):
        first.get(platform.url, "x")
    client(clock, throttle=throttle).get(platform.url, "x")
    assert clock.slept == [40]


def test_a_limit_on_logging_in_does_not_hold_back_reading(platform: Platform) -> None:
    throttle, clock = Throttle(), Clock()
    platform.tell(reply(429, Retry_After="290"), reply())
    asked = client(clock, throttle=throttle, attempts=1)
    with pytest.raises(RetryableError):
        asked.post(platform.url, "login", body={"password": SECRET})
    asked.get(platform.url, "x")
    assert clock.slept == []


@pytest.mark.parametrize("status", [400, 405, 409, 422, 501])
def test_what_a_second_attempt_cannot_mend_is_not_tried_again(platform: Platform, status: int) -> None:
    platform.tell(reply(status, {"error": "bad"}))
    with pytest.raises(FatalError, match=f"{status} bad"):
        client(Clock()).get(platform.url, "x")
    assert len(platform.seen) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_is_a_credential_error(platform: Platform, status: int) -> None:
    platform.tell(reply(status))
    with pytest.raises(CredentialError):
        client(Clock()).get(platform.url, "x")
    with pytest.raises(SkippableError):
        client(Clock()).get(platform.url, "x", skips=frozenset({status}))


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (404, "<html>", "not_found"),
        (410, {}, "gone"),
        (400, {"error": "AccountDeactivated", "message": "Account is deactivated"}, "deactivated"),
        (400, {"error": "InvalidRequest", "message": "Profile not found"}, "not_found"),
        (401, {"error": "cannot_read"}, "trashed"),
    ],
)
def test_what_is_not_there_is_told_apart_from_what_is_refused(platform: Platform, status: int, body: Any, reason: str) -> None:
    missing = {"AccountDeactivated": "deactivated", "Profile not found": "not_found", "cannot_read": "trashed"}
    platform.tell(reply(status, body))
    with pytest.raises(MissingError) as caught:
        client(Clock(), missing=missing).get(platform.url, "x")
    assert caught.value.reason == reason


def test_a_page_beyond_the_last_is_no_error(platform: Platform) -> None:
    platform.tell(reply(400, {"code": "invalid_page_number"}))
    answer = client(Clock(), error_code="code", past_end=frozenset({"invalid_page_number"})).get(platform.url, "x")
    assert answer.is_past_end
    assert answer.content == []


@pytest.mark.parametrize("body", [b'{"unexpected": tru', b"", b"<html>maintenance</html>", b'{"a": NaN}', b"\xff\xfe", b"[" * 100_000])
def test_a_broken_answer_is_asked_for_again_and_then_fatal_with_its_head(platform: Platform, body: bytes) -> None:
    platform.tell(reply(content=body), reply(content=[1]))
    assert client(Clock()).get(platform.url, "x").content == [1]
    platform.tell(reply(content=body))
    with pytest.raises(FatalError) as caught:
        client(Clock()).get(platform.url, "x")
    assert len(platform.seen) == 3
    assert not isinstance(caught.value, RetryableError)


def test_an_answer_cut_off_is_asked_for_again(platform: Platform) -> None:
    status, headers, body = reply(content=[1, 2, 3])
    platform.tell((status, {**headers, "Content-Length": str(len(body) + 10)}, body), reply(content=[1]))
    assert client(Clock()).get(platform.url, "x").content == [1]


def test_nobody_listening_is_retryable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(RetryableError, match="3 attempts"):
        client(Clock()).get(f"http://127.0.0.1:{port}", "x")


def test_an_endless_answer_is_stopped(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fifty.http.LARGEST_ANSWER_BYTES", 1000)
    platform.tell(reply(content=b"[" + b"1," * 5000 + b"1]"))
    with pytest.raises(FatalError, match="too much"):
        client(Clock()).get(platform.url, "x")


def test_validators_make_a_conditional_request(platform: Platform) -> None:
    platform.tell(reply(ETag='W/"one"'), (304, {"ETag": 'W/"one"'}, b""))
    asked = client(Clock())
    validators = asked.get(platform.url, "x").validators
    assert validators == Validators('W/"one"', None)
    again = asked.get(platform.url, "x", validators=validators)
    assert again.is_unchanged
    assert platform.seen[1][2]["if-none-match"] == 'W/"one"'


class Session(Authorization):
    def __init__(self) -> None:
        self.number = 1

    def header(self) -> str:
        return f"Bearer {SECRET}-{self.number}"

    def renew(self, stale: str) -> bool:
        self.number += 1
        return self.number <= 2

    def secrets(self) -> list[str]:
        return [SECRET]


def test_an_expired_session_is_renewed_once(platform: Platform) -> None:
    platform.tell(reply(400, {"error": "ExpiredToken"}), reply(content=[1]))
    asked = client(Clock(), expired=frozenset({"ExpiredToken"}))
    assert asked.get(platform.url, "x", authorization=Session()).content == [1]
    assert [seen[2]["authorization"][-2:] for seen in platform.seen] == ["-1", "-2"]
    platform.tell(reply(400, {"error": "ExpiredToken"}))
    with pytest.raises(CredentialError):
        asked.get(platform.url, "x", authorization=Session())
    assert len(platform.seen) == 2


def other_host(platform: Platform) -> str:
    return platform.url.replace("127.0.0.1", "localhost")


def test_a_credential_does_not_follow_a_redirect_to_another_host(platform: Platform) -> None:
    platform.tell((302, {"Location": f"{other_host(platform)}/y"}, b""), reply(content=[1]))
    with pytest.raises(FatalError, match="must not go"):
        client(Clock()).get(platform.url, "x", authorization=Session())
    assert len(platform.seen) == 1


def test_an_anonymous_request_follows_redirects_but_not_for_ever(platform: Platform) -> None:
    platform.tell((301, {"Location": f"{other_host(platform)}/y"}, b""), reply(content=[1]))
    assert client(Clock()).get(platform.url, "x").content == [1]
    platform.tell((302, {"Location": "/x"}, b""))
    with pytest.raises(FatalError, match="without end"):
        client(Clock()).get(platform.url, "x")


def test_a_redirect_on_the_same_host_keeps_the_credential(platform: Platform) -> None:
    platform.tell((302, {"Location": "/y/"}, b""), reply(content=[1]))
    client(Clock()).get(platform.url, "x", authorization=Session())
    assert platform.seen[1][1] == "/y/"
    assert SECRET in platform.seen[1][2]["authorization"]


def collect_texts(error: BaseException | None) -> Iterator[str]:
    """Everything an exception, and what is chained to it, could put into a log."""
    while error is not None:
        yield repr(error) + str(error) + repr(error.args) + repr(vars(error))
        yield from collect_texts(error.__cause__)
        error = error.__context__


FAILURES: list[Callable[[Platform], None]] = [
    lambda platform: platform.tell(reply(401, {"error": f"token {SECRET} is bad"})),
    lambda platform: platform.tell(reply(422, f"you sent access_token={SECRET}")),
    lambda platform: platform.tell(reply(content=f"<html>{SECRET}".encode())),
    lambda platform: platform.tell((302, {"Location": f"http://localhost:9/?token={SECRET}"}, b"")),
    lambda platform: platform.close(),
]


@pytest.mark.parametrize("fail", FAILURES)
def test_no_secret_reaches_an_error_or_what_is_chained_to_it(platform: Platform, fail: Callable[[Platform], None]) -> None:
    account = Account(platform="p", handle="h", base_url=platform.url, credential="c")
    asked = client(Clock())
    authorization = bearer_authorization(account, SecretStr(SECRET).get_secret_value(), asked)
    fail(platform)
    with pytest.raises(FiftyError) as caught:
        asked.get(platform.url, "x", [("access_token", SECRET)], authorization=authorization)
    assert SECRET not in "".join(collect_texts(caught.value))


@pytest.mark.parametrize(
    "text",
    [
        "GET https://x.test/?access_token=abcdef123&limit=2",
        "https://user:abcdef123@x.test/",
        "Authorization: Bearer abcdef123",
        "Basic abcdef123==",
        "apikey=abcdef123",
        "eyJabc.abcdef123.abcdef123",
    ],
)
def test_secrets_are_taken_out_of_texts(text: str) -> None:
    assert "abcdef123" not in redact_secrets(text)
    assert "abcdef123" not in redact_secrets("left abcdef123 here", ["abcdef123"])
