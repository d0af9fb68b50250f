"""Faults that a platform of the demo can be told to have, by name; and whether one hits a request.

Data flow: ``service:fault[:rate[:seed]],…`` or DIR/faults.json -> ``Fault`` -> hash of (seed, fault, service, request, how often it came) -> hit or not.
The hash knows neither order nor time: the same requests are hit whoever asks first, however many ask at once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

#: fault name -> what it does
FAULTS = {
    "rate_limited": "429 in the platform's own style",
    "server_error": "500 with the platform's error body",
    "unavailable": "503 of a proxy, in HTML",
    "hang": "no answer, until the client gives up",
    "cut_connection": "the connection ends in the middle of the announced body",
    "truncated": "the body ends in the middle, and its announced length agrees",
    "invalid_json": "a warning of the server's language before the JSON",
    "duplicate_page": "the page before once more instead of the page; what was on the page is not told",
    "overlapping_page": "the last items of the page before come again",
    "repeated_cursor": "the next page is said to be this one",
    "short_page": "half of the items asked for, though there are more",
    "partial_error": "parts of the answer are errors (Bluesky: a message of a thread, posts and profiles of a batch)",
    "clock_skew": "Date, and the moment the limit resets, are off by minutes",
    "huge_payload": "the body is longer than a client should take",
    "changed_type": "a count is an object",
    "dead_metric": "a count is no longer told",
}
#: seconds for which nothing is answered
HANG_SECONDS = 600
#: blanks behind a body
HUGE_BYTES = 80 << 20
#: items of the page before that come again
OVERLAP = 3


@dataclass(frozen=True)
class Fault:
    """A fault of a service; ``rate`` is the share of its requests that are hit."""

    service: str
    name: str
    rate: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.name not in FAULTS:
            raise ValueError(f"fault {self.name!r}: the faults are {', '.join(FAULTS)}")
        if not 0 < self.rate <= 1:
            raise ValueError(f"fault {self.name!r}: a rate lies above 0 and is at most 1, not {self.rate}")


def parse_faults(text: str) -> list[Fault]:
    """Faults from ``service:fault[:rate[:seed]],…``. Raises ValueError naming what is wrong and what is known."""
    faults = []
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        pieces = part.split(":")
        if not 2 <= len(pieces) <= 4:
            raise ValueError(f"fault {part!r}: expected service:fault[:rate[:seed]]")
        try:
            rate, seed = float(pieces[2]) if len(pieces) > 2 else 1.0, int(pieces[3]) if len(pieces) > 3 else 0
        except ValueError:
            raise ValueError(f"fault {part!r}: expected service:fault[:rate[:seed]] with a rate as 0.2 and a whole seed") from None
        faults.append(Fault(pieces[0], pieces[1], rate, seed))
    return faults


def read_faults(text: str) -> list[Fault]:
    """Faults from the text of faults.json: a list of {"service", "name", "rate", "seed"}."""
    return [Fault(**row) for row in json.loads(text)] if text else []


def write_faults(faults: list[Fault]) -> str:
    """The text of faults.json."""
    return json.dumps([asdict(fault) for fault in faults], indent=1) + "\n"


def draw_share(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    digest = hashlib.blake2b("/".join(map(str, parts)).encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def is_hit(fault: Fault, request: str, number: int) -> bool:
    """Whether the ``number``-th coming of a request is hit."""
    return draw_share(fault.seed, fault.name, fault.service, request, number) < fault.rate


def draw_skew(fault: Fault) -> int:
    """By how many seconds the clock of a service is off: two to thirty minutes, behind or ahead."""
    share = draw_share(fault.seed, "skew", fault.service)
    return round((share - 0.5) * 2 * 1680) + (120 if share >= 0.5 else -120)
