"""The identifiers platforms give: Mastodon's snowflakes, AT Protocol keys and content ids, WordPress' avatar hashes.

Data flow: instants and row numbers -> ids, for one row or (``*_many``) for a whole column at once. Nothing is drawn here: the same row has the same id.
"""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

TID_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
DID_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
#: odd, so that a run of 32,768 numbers meets every tail once
TAIL_STEP = 0x5DEB
Integers = npt.NDArray[np.int64]


def mint_snowflake(milliseconds: int, tail: int) -> str:
    """A Mastodon id: milliseconds shifted by sixteen bits, with a tail."""
    return str((milliseconds << 16) | (tail & 0xFFFF))


def mint_tid(microseconds: int, clock: int) -> str:
    """An AT Protocol record key: 13 characters that sort by time."""
    number, text = (microseconds << 10) | (clock & 0x3FF), ""
    for _ in range(13):
        number, rest = divmod(number, 32)
        text = TID_ALPHABET[rest] + text
    return text


def mint_cid(content: str) -> str:
    """A CIDv1 (dag-cbor, sha-256) look-alike derived from the content, in lower-case base32."""
    digest = hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest()
    return "b" + base64.b32encode(b"\x01\x71\x12\x20" + digest).decode().lower().rstrip("=")


def mint_content_id(post_id: str, segments_text: str) -> str:
    """The content id of a message: of its id and of its segments as stored (JSON text), so that an edit changes it."""
    return mint_cid(post_id + segments_text)


def hash_email(email: str) -> str:
    """The avatar hash WordPress shows for an e-mail address (MD5 of the trimmed lower-case address)."""
    return hashlib.md5(email.strip().lower().encode(), usedforsecurity=False).hexdigest()


def mint_reaction_id(platform: str, kind: str, reaction_no: int, ts: int) -> str:
    """The id of a like, reshare or follow: a record key on Bluesky, a status id for a Mastodon boost, else the server's internal number."""
    if platform == "bluesky":
        return mint_tid(ts * 1000 + reaction_no % 1000, reaction_no // 1000)
    if platform == "mastodon" and kind == "reshare":
        # Odd tails: never the id of a status, whose tails are even.
        return mint_snowflake(ts, spread_tail(reaction_no) | 1)
    return str(number_internally(reaction_no))


def number_internally(reaction_no: int) -> int:
    """The internal number behind a like or follow: ascending with gaps, and never an account's or a status' id."""
    return 31_000 + 5 * reaction_no + (reaction_no * 2_654_435_761 >> 7) % 5


def spread_tail(number: int) -> int:
    """An even sixteen-bit tail of a row number."""
    return ((number * TAIL_STEP) & 0x7FFF) << 1


def mint_snowflakes(milliseconds: Integers, numbers: Integers) -> npt.NDArray[np.str_]:
    """Status ids of rows with these instants and row numbers; see ``mint_snowflake``."""
    tails = ((numbers * TAIL_STEP) & 0x7FFF) << 1
    return ((milliseconds << 16) | tails).astype("U19")


def mint_tids(microseconds: Integers, clocks: Integers) -> npt.NDArray[np.bytes_]:
    """Record keys of a column; see ``mint_tid``."""
    numbers = (microseconds << 10) | (clocks & 0x3FF)
    alphabet = np.frombuffer(TID_ALPHABET.encode(), dtype=np.uint8)
    shifts = np.arange(60, -1, -5, dtype=np.int64)
    letters = alphabet[(numbers[:, None] >> shifts) & 31]
    return np.ascontiguousarray(letters).view("S13").ravel()


def mint_dids(source: np.random.Generator, count: int) -> npt.NDArray[np.str_]:
    """did:plc identifiers: 24 base32 characters each, drawn from ``source``."""
    alphabet = np.frombuffer(DID_ALPHABET.encode(), dtype=np.uint8)
    letters = alphabet[source.integers(0, 32, size=(count, 24))]
    keys = np.ascontiguousarray(letters).view("S24").ravel().astype("U24")
    return np.strings.add("did:plc:", keys) if count else np.zeros(0, dtype="U32")


def mint_reaction_ids(platforms: pa.Array, kinds: pa.Array, numbers: pa.Array, instants: pa.Array) -> pa.Array:
    """Ids of reactions of one platform, column-wise; see ``mint_reaction_id``."""
    number, ts = (np.asarray(column, dtype=np.int64) for column in (numbers, instants))
    platform = platforms[0].as_py() if len(platforms) else ""
    if platform == "bluesky":
        return pa.array(mint_tids(ts * 1000 + number % 1000, number // 1000).astype("U13").tolist(), pa.string())
    internal = 31_000 + 5 * number + (number * 2_654_435_761 >> 7) % 5
    if platform == "mastodon":
        status = (ts << 16) | (((number * TAIL_STEP) & 0x7FFF) << 1) | 1
        internal = np.where(np.asarray(pc.equal(kinds, "reshare"), dtype=bool), status, internal)
    return pc.cast(pa.array(internal), pa.string())
