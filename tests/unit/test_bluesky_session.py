"""A Bluesky session against a real server on loopback: made once, renewed when it expires, never shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fifty.config import Account
from fifty.connectors.bluesky import CONNECTOR, open_session
from fifty.errors import CredentialError
from fifty.http import HttpClient, Manners, Throttle
from fifty.settings import Settings

PASSWORD = "abcd-efgh-ijkl-mnop"


class Pds:
    """Issues numbered tokens; only the newest is valid."""

    def __init__(self) -> None:
        self.issued = 0
        self.valid = ""
        self.is_refresh_taken = True
        self.calls: list[str] = []
        pds = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def reply(self, status: int, content: Any) -> None:
                body = json.dumps(content).encode()
                self.send_response_only(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def issue(self) -> None:
                pds.issued += 1
                pds.valid = f"access-{pds.issued}"
                self.reply(200, {"accessJwt": pds.valid, "refreshJwt": f"refresh-{pds.issued}"})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                method = self.path.rsplit(".", 1)[1]
                pds.calls.append(method)
                if method == "refreshSession":
                    is_right = pds.is_refresh_taken and self.headers["Authorization"] == f"Bearer refresh-{pds.issued}"
                    return self.issue() if is_right else self.reply(400, {"error": "ExpiredToken"})
                if json.loads(body) != {"identifier": "brand.test", "password": PASSWORD}:
                    return self.reply(401, {"error": "AuthenticationRequired", "message": f"Invalid password {json.loads(body)['password']}"})
                return self.issue()

            def do_GET(self) -> None:
                pds.calls.append("read")
                is_right = self.headers["Authorization"] == f"Bearer {pds.valid}"
                self.reply(*((200, {"notifications": []}) if is_right else (400, {"error": "ExpiredToken", "message": "Token has expired"})))

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def pds() -> Iterator[Pds]:
    running = Pds()
    yield running
    running.server.shutdown()
    running.server.server_close()


def read(pds: Pds, password: str = PASSWORD) -> Any:
    account = Account(platform="bluesky", handle="brand.test", base_url=pds.url, auth_url=pds.url, credential="c")
    manners = Manners(CONNECTOR.limits, CONNECTOR.error_code, CONNECTOR.missing, CONNECTOR.past_end, CONNECTOR.expired)
    client = HttpClient(Settings(http_attempts=2), manners, throttle=Throttle(), sleep=lambda _: None)
    return client.get(pds.url, "xrpc/x.listNotifications", authorization=open_session(account, password, client)).content


def test_a_process_logs_in_once_for_all_its_clients(pds: Pds) -> None:
    assert read(pds) == read(pds) == {"notifications": []}
    assert pds.calls == ["createSession", "read", "read"]


def test_an_expired_session_is_refreshed(pds: Pds) -> None:
    read(pds)
    pds.valid = "expired"
    assert read(pds) == {"notifications": []}
    assert pds.calls[2:] == ["read", "refreshSession", "read"]


def test_where_refreshing_is_refused_it_logs_in_anew(pds: Pds) -> None:
    read(pds)
    pds.valid, pds.is_refresh_taken = "expired", False
    assert read(pds) == {"notifications": []}
    assert pds.calls[2:] == ["read", "refreshSession", "createSession", "read"]


def test_a_wrong_password_is_a_credential_error_that_does_not_repeat_it(pds: Pds) -> None:
    with pytest.raises(CredentialError) as caught:
        read(pds, "wrong-pass-word-here")
    assert "wrong-pass-word-here" not in str(caught.value)
    assert pds.calls == ["createSession"]
