"""The two sides of the contract: the real servers, and the demo serving the same story.

Teller + Epilogue -> real Side ; demo folder -> ``python -m demo serve`` -> demo Side
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from demo.model import read_head, to_ms
from demo.platforms.bluesky import make_signing_key
from demo.serve import Supervisor, describe_brand, write_moment
from tests.acceptance.contract.answers import Side
from tests.acceptance.contract.epilogue import BRAND
from tests.acceptance.tell import Teller

#: in place of the host of avatars: one of three without TLS, `secure` with it
AVATARS = "{avatars}"
#: in place of where an AppView has its pictures from
IMAGES = "{images}"
FOREIGN_KEY = b"not the server's key"
#: the secret with which the Bluesky network on loopback signs its sessions (@atproto/dev-env)
NETWORK_KEY = b"jwt-secret"


def build_real_side(teller: Teller) -> Side:
    """The servers the story was told to, with a new app password of the brand on Bluesky."""
    wordpress, bluesky, brand = teller.wordpress, teller.bluesky, teller.sessions[BRAND]
    app_password = bluesky.call("com.atproto.server.createAppPassword", account=brand, body={"name": "contract"})["password"]
    session = bluesky.call("com.atproto.server.createSession", body={"identifier": brand.handle, "password": app_password})
    authorizations = {
        **list_wordpress_authorizations(wordpress.admin_user, wordpress.app_password),
        **list_session_authorizations(session["accessJwt"], session["refreshJwt"], NETWORK_KEY),
        "app password": app_password,
    }
    names = {f"{bluesky.appview_url}/img": IMAGES, wordpress.base_url: "{wordpress}", bluesky.appview_url: "{appview}", bluesky.pds_url: "{pds}"}
    names |= {address.split("//")[1]: f"{name}:host" for address, name in names.items() if name != IMAGES}
    names |= {f"http://{number}.gravatar.com": AVATARS for number in range(3)}
    return Side("real", {"wordpress": wordpress.base_url, "appview": bluesky.appview_url, "pds": bluesky.pds_url}, authorizations, names)


@contextmanager
def serve_demo(folder: Path) -> Iterator[Side]:
    """Serve the demo world of a folder as of now, with the platforms' true limits, and yield it as a side."""
    # A moment ahead: both sides have heard the whole story, and what is scheduled lies days ahead.
    write_moment(folder, to_ms(datetime.now(UTC)) + 60_000)
    supervisor = Supervisor(folder, "true")
    try:
        supervisor.start()
        supervisor.wait_until_healthy()
        ports = {service: f"http://127.0.0.1:{port}" for service, port in supervisor.ports.items()}
        described = describe_brand(read_head(folder), folder, ports, BRAND)
        yield build_demo_side(described)
    finally:
        supervisor.stop()


def build_demo_side(described: dict[str, Any]) -> Side:
    """The demo's services, from what addresses.json says of the brand."""
    wordpress, bluesky = described["platforms"]["wordpress"], described["platforms"]["bluesky"]
    login = {"identifier": bluesky["handle"], "password": bluesky["app_password"]}
    answer = requests.post(f"{bluesky['pds_url']}/xrpc/com.atproto.server.createSession", json=login, timeout=30)
    answer.raise_for_status()
    session = answer.json()
    authorizations = {
        **list_wordpress_authorizations(wordpress["user"], wordpress["app_password"]),
        **list_session_authorizations(session["accessJwt"], session["refreshJwt"], make_signing_key(0).encode()),
        "app password": bluesky["app_password"],
    }
    names = {
        f"https://{described['brand']['blog_host']}": "{wordpress}",
        wordpress["base_url"]: "{wordpress}",
        bluesky["base_url"]: "{appview}",
        bluesky["pds_url"]: "{pds}",
    }
    names |= {address.split("//")[1]: f"{name}:host" for address, name in names.items()}
    names |= {"https://secure.gravatar.example": AVATARS, "https://cdn.bsky.example/img": IMAGES}
    return Side("demo", {"wordpress": wordpress["base_url"], "appview": bluesky["base_url"], "pds": bluesky["pds_url"]}, authorizations, names)


def list_wordpress_authorizations(user: str, password: str) -> dict[str, str]:
    """Right and wrong ways to prove oneself to WordPress, by name."""

    def basic(name: str, secret: str) -> str:
        return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()

    return {
        "administrator": basic(user, password),
        "wrong password": basic(user, "abcd efgh ijkl mnop qrst uvwx"),
        "unknown user": basic("<i>nobody</i>", password),
        "broken credential": "Basic !!!",
    }


def list_session_authorizations(access: str, refresh: str, key: bytes) -> dict[str, str]:
    """Right and wrong tokens of a PDS, by name; ``key`` signs one that has expired."""
    return {
        "session": f"Bearer {access}",
        "refresh token": f"Bearer {refresh}",
        "expired session": f"Bearer {sign_token(expire(access), key)}",
        "foreign session": f"Bearer {sign_token(read_claims(access), FOREIGN_KEY)}",
        "no token at all": "Bearer nonsense",
    }


def read_claims(token: str) -> dict[str, Any]:
    """What a token says."""
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def expire(token: str) -> dict[str, Any]:
    """The claims of a token, made two hours older."""
    now = int(time.time())
    return read_claims(token) | {"iat": now - 7260, "exp": now - 60}


def sign_token(claims: dict[str, Any], key: bytes) -> str:
    """A JWT with these claims, signed by HMAC with SHA-256."""

    def encode(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    body = ".".join(encode(json.dumps(part).encode()) for part in ({"typ": "at+jwt", "alg": "HS256"}, claims))
    return f"{body}.{encode(hmac.new(key, body.encode(), hashlib.sha256).digest())}"
