"""What a platform sent, kept as it was sent: JSON read into objects whose items remember their own text.

text of an answer → parsed answer, the items in it each with the piece of text it came from → the line of a landed file

An item is landed by its text, not written anew: nothing is lost on the way, and writing costs nothing. Try it alone:
`echo '[{"a": 1}]' | python -m fifty.sent`.
"""

from __future__ import annotations

import codecs
import re
from decimal import Decimal
from typing import Any

import simplejson

_BLANKS = re.compile(r"[ \t\n\r]*")
_scan = simplejson.JSONDecoder(parse_float=Decimal).scan_once


class SentObject(dict[str, Any]):
    """A JSON object with its text. Not to be changed: what is to differ from what was sent is a new object."""

    __slots__ = ("text",)

    def __init__(self, members: dict[str, Any], text: str) -> None:
        super().__init__(members)
        self.text = text


def read_answer(text: str) -> Any:
    """The JSON value that `text` is. Objects that can be items know their text: the value itself, its members, the elements of
    a list that is the value or a member of it. Numbers keep all their digits.

    Raises ValueError where it is no JSON, RecursionError where it is too deep.
    """
    try:
        value, end = _read_value(text, _skip(text, 0))
        if _skip(text, end) == len(text):
            return value
    except (ValueError, IndexError, StopIteration):
        pass
    # Whatever was not as expected: the library says what is wrong, or reads it after all.
    return simplejson.loads(text, use_decimal=True)


def write_item(item: Any) -> bytes:
    """An item as JSON in one line of ASCII: by its text where it has one, so that a lone surrogate in a stranger's text stays the escape it came as."""
    if isinstance(item, SentObject):
        written = item.text.encode("ascii", "json_escape")
        if b"\x7f" in written:
            written = written.replace(b"\x7f", b"\\u007f")  # as the library writes it
        # Outside of strings a line may be broken anywhere; inside of them it cannot be.
        if b"\n" not in written and b"\r" not in written:
            return written
    return simplejson.dumps(item, separators=(",", ":"), use_decimal=True).encode("ascii")


def _skip(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    assert found is not None  # it matches nothing, too
    return found.end()


def _read_value(text: str, place: int) -> tuple[Any, int]:
    if text[place] == "[":
        return _read_list(text, place)
    if text[place] != "{":
        return _scan(text, place)
    members: dict[str, Any] = {}
    start, place = place, _skip(text, place + 1)
    while text[place] != "}":
        if text[place] != '"':
            raise ValueError(place)
        name, place = _scan(text, place)
        place = _skip(text, place)
        if text[place] != ":":
            raise ValueError(place)
        place = _skip(text, place + 1)
        members[name], place = _read_list(text, place) if text[place] == "[" else _read_element(text, place)
        place = _find_next(text, place, "}")
    return SentObject(members, text[start : place + 1]), place + 1


def _read_list(text: str, place: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    place = _skip(text, place + 1)
    while text[place] != "]":
        value, place = _read_element(text, place)
        found.append(value)
        place = _find_next(text, place, "]")
    return found, place + 1


def _read_element(text: str, place: int) -> tuple[Any, int]:
    value, end = _scan(text, place)
    return SentObject(value, text[place:end]) if isinstance(value, dict) else value, end


def _find_next(text: str, place: int, end: str) -> int:
    """Where the next member begins, or where `end` stands."""
    place = _skip(text, place)
    if text[place] == ",":
        place = _skip(text, place + 1)
        if text[place] == end:
            raise ValueError(place)
    elif text[place] != end:
        raise ValueError(place)
    return place


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4)), error.end


codecs.register_error("json_escape", _escape)


if __name__ == "__main__":
    import sys

    answer = read_answer(sys.stdin.read())
    for one in answer if isinstance(answer, list) else [answer]:
        sys.stdout.write(write_item(one).decode("ascii") + "\n")
