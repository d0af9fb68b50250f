"""HTTP to platforms: the only place that imports requests.

request → wait for the host's turn → answer → limit headers obeyed → parsed JSON, or an error of fifty/errors.py

Tried again: 429, 5xx, lost connections, time-outs, cut answers; for as long as the platform itself says, within bounds. Not tried again:
whatever a second attempt cannot mend. Clocks serve waiting only. Nothing secret leaves this module.
Try it alone: `python -m fifty.http https://host/path` prints status and the head of the answer.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fifty.config import Account


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
    return FixedAuthorization(f"Bearer {credential}", credential)


def basic_authorization(account: Account, credential: str, client: HttpClient) -> Authorization:
    """User name and (application) password."""
    encoded = base64.b64encode(f"{account.user or account.handle or ''}:{credential}".encode()).decode()
    return FixedAuthorization(f"Basic {encoded}", encoded, credential)


class HttpClient:
    """Declared here, filled in below."""
