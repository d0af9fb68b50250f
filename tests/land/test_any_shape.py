"""For any shape and any items: each is accepted with every leaf as Python reads it, or quarantined at the path that is wrong."""

from __future__ import annotations

import itertools
import json
import math
import re
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from workshop import Workshop, make_connector

from fifty import land, shapes

WORDS = ["id", "text", "count", "number", "boolean", "flag", "time", "utc_time", "date", "epoch_ms", "json"]
MISSING = object()
PLATFORM_NUMBERS = itertools.count()

# ------------------------------------------------------------------- what Python thinks of it; knows nothing of fifty


class Wrong(Exception):
    pass


def clean(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text).replace("\x00", "")


def read_leaf(word: str, value: Any) -> Any:
    if word == "json":
        return value
    if word in ("id", "text"):
        if isinstance(value, str):
            return clean(value)
        if word == "id" and isinstance(value, int) and not isinstance(value, bool):
            return str(value)
    if word == "count" and not isinstance(value, bool) and isinstance(value, (int, str)) and re.fullmatch(r"-?[0-9]{1,18}", str(value)):
        return int(value)
    if word == "number" and not isinstance(value, bool):
        text = json.dumps(value) if isinstance(value, (int, float)) else value
        if isinstance(text, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", text) and math.isfinite(float(text)):
            return float(text)
    if word == "boolean" and (isinstance(value, bool) or value in ("true", "false")):
        return value in (True, "true")
    if word == "flag" and str(value).lower() in ("true", "false", "yes", "no", "1", "0") and isinstance(value, (bool, str, int)):
        return str(value).lower() in ("true", "yes", "1")
    if word in ("time", "utc_time") and isinstance(value, str):
        match = re.fullmatch(r"([1-9]\d{3})-(\d\d)-(\d\d)([T ](\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?)?", value, re.ASCII)
        if match and (word == "utc_time" or match[9]):
            try:
                moment = datetime(*(int(match[n] or 0) for n in (1, 2, 3, 5, 6, 7)))
            except ValueError:
                raise Wrong from None
            moment += timedelta(microseconds=int(((match[8] or ".0")[1:] + "000000")[:6]))
            zone = match[9]
            if zone and zone != "Z":
                hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
                if hours > 15 or minutes > 59:
                    raise Wrong
                moment -= timedelta(hours=hours, minutes=minutes) * (1 if zone[0] == "+" else -1)
            return moment
    if word == "date" and isinstance(value, str) and re.fullmatch(r"[1-9]\d{3}-\d\d-\d\d", value, re.ASCII):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise Wrong from None
    if word == "epoch_ms" and not isinstance(value, bool) and isinstance(value, (int, str)) and re.fullmatch(r"-?[0-9]{1,15}", str(value)):
        if not -30610224000000 <= int(value) <= 253402300799999:
            raise Wrong
        return datetime(1970, 1, 1) + timedelta(milliseconds=int(value))
    raise Wrong


def read(shape: Any, value: Any, path: str, wrong: list[str], *, required: bool = False) -> Any:
    if value is MISSING or value is None:
        if required:
            wrong.append(path)
        return None
    if isinstance(shape, str):
        word, _, rest = shape.removesuffix("!").partition("|")
        if required and ((word == "id" and value == "") or (rest and value is False)):
            wrong.append(path)
            return None
        if rest and value is False:
            return None
        try:
            return read_leaf(word, value)
        except Wrong:
            wrong.append(path)
            return None
    if isinstance(shape, list):
        if not isinstance(value, list):
            wrong.append(path)
            return None
        return [read(shape[0], element, f"{path}[{number}]", wrong) for number, element in enumerate(value)]
    if not isinstance(value, dict):
        wrong.append(path)
        return None
    found = {}
    for name, inner in shape.items():
        place = name if path == "item" else f"{path}.{name}"
        found[name] = read(inner, value.get(name, MISSING), place, wrong, required=isinstance(inner, str) and inner.endswith("!"))
    return found


def same(shape: Any, ours: Any, theirs: Any) -> bool:
    if ours is None or theirs is None:
        return ours is None and theirs is None
    if isinstance(shape, dict):
        return all(same(inner, ours[name], theirs[name]) for name, inner in shape.items())
    if isinstance(shape, list):
        return len(ours) == len(theirs) and all(same(shape[0], one, other) for one, other in zip(ours, theirs, strict=True))
    word = shape.removesuffix("!").partition("|")[0]
    if word == "json":
        # What is kept as sent is compared as JSON; halves of characters are mended there too, numbers are doubles or integers.
        return bool(json.loads(theirs) == json.loads(re.sub(r"\\ud[89a-f][0-9a-f]{2}", "\\\\ufffd", json.dumps(ours)))) or _has_pair(ours)
    if word in ("time", "utc_time", "epoch_ms"):
        return bool(datetime.fromisoformat(theirs) == ours)
    if word == "date":
        return bool(date.fromisoformat(theirs) == ours)
    return bool(ours == theirs)


def _has_pair(value: Any) -> bool:
    return any(ord(character) > 0xFFFF for character in json.dumps(value, ensure_ascii=False))


# -------------------------------------------------------------------------------------------------- wild shapes and items

NAMES = st.sampled_from(["id", "name", "a", "b_c", "$type", "wp:term", "24", "select", "Text", "x.y", "a/b", "~"])
LEAVES = st.builds(
    lambda word, rest, needed: word + rest + needed, st.sampled_from(WORDS), st.sampled_from(["", "", "|false"]), st.sampled_from(["", "", "!"])
)


def make_structs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(NAMES, inner, min_size=1, max_size=4)


def make_lists(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    # An element of a list cannot be required: a list has as many as it has.
    return st.lists(inner.map(lambda shape: shape.removesuffix("!") if isinstance(shape, str) else shape), min_size=1, max_size=1)


SHAPES = make_structs(st.recursive(LEAVES, lambda inner: st.one_of(make_lists(inner), make_structs(inner)), max_leaves=6))

TEXTS = st.one_of(
    st.text(max_size=8),
    st.text(alphabet=st.characters(categories=["Cs", "Ll", "Cc"]), max_size=4),
    st.sampled_from(
        [
            "",
            "7",
            "-7",
            "7.5",
            "1e5",
            "1e999",
            "true",
            "False",
            "YES",
            "no",
            "0x10",
            "1_000",
            " 1",
            "NaN",
            "null",
            '"',
            "\\",
            "\x00",
            "\\u0000",
            "[",
            "{}",
        ]
    ),
)
TIMES = st.one_of(
    st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30)).map(lambda moment: moment.isoformat() + "Z"),
    st.builds(
        lambda moment, zone, space: moment.isoformat(sep=space, timespec="milliseconds") + zone,
        st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(2100, 12, 30)),
        st.sampled_from(["+02:00", "-0330", "+05", "", "z", "+16:00", "+02:75", "Z ", " Europe/Berlin"]),
        st.sampled_from(["T", " "]),
    ),
    st.dates(min_value=date(1000, 1, 1)).map(str),
    st.sampled_from(
        ["2024-02-30T00:00:00Z", "2024-01-01T24:00:00Z", "0001-01-01T00:00:00Z", "infinity", "epoch", "2024-13-01", "2024-01-01T10:00Z", "٢٠٢٤-01-01"]
    ),
)
NUMBERS = st.one_of(
    st.integers(-5, 5), st.integers(), st.integers(10**17, 10**24), st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 2 * 10**12)
)
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS, TIMES)
ANYTHING = st.recursive(SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)), max_leaves=5)
FITTING: dict[str, st.SearchStrategy[Any]] = {
    "id": st.one_of(TEXTS, st.integers()), "text": TEXTS, "count": st.one_of(st.integers(-(10**17), 10**17), st.integers(0, 99).map(str)),
    "number": st.one_of(NUMBERS, st.sampled_from(["1.5", "-2", "1e3"])), "boolean": st.booleans(), "flag": st.sampled_from(["yes", "No", "1", 0, True]),
    "time": TIMES, "utc_time": TIMES, "date": st.dates(min_value=date(1000, 1, 1)).map(str), "epoch_ms": st.integers(0, 2 * 10**12), "json": ANYTHING,
}  # fmt: skip


@st.composite
def items_of(draw: st.DrawFn, shape: Any) -> Any:
    """An item that mostly fits the shape."""
    if draw(st.integers(0, 14)) == 0:
        return draw(ANYTHING)
    if isinstance(shape, str):
        return draw(FITTING[shape.removesuffix("!").partition("|")[0]])
    if isinstance(shape, list):
        return draw(st.lists(items_of(shape[0]), max_size=3))
    item = {name: draw(items_of(inner)) for name, inner in shape.items() if draw(st.integers(0, 7)) or str(inner).endswith("!")}
    if draw(st.booleans()):
        item["unknown"] = draw(SCALARS)
    return item


CASES = SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), st.lists(items_of(shape), min_size=1, max_size=12)))


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(CASES, st.sampled_from([1, 3, 24]))
# DuckDB reads a time that names no zone in the zone which the row before it named.
@example(({"id": "text!", "name": "utc_time"}, [{"id": "a", "name": "2000-01-01T00:00:00 Europe/Berlin"}, {"id": "b", "name": "2000-01-01"}]), 24)
def test_every_item_is_read_as_python_reads_it_or_quarantined_where_it_is_wrong(case: tuple[Any, list[Any]], whole_leaves: int) -> None:
    shape, items = case
    lowered = [name.lower() for name in shape]
    assert len(lowered) == len(set(lowered))
    platform = f"wild{next(PLATFORM_NUMBERS)}"
    names = " ".join(f'"{name}"' for name in ["id", "name", "a", "b_c", "$type", "wp:term", "24", "select", "Text", "x.y", "a/b", "~"])
    mapping = f"-- into: config_settings\nselect line, 'x' as \"name\", to_json(item)::varchar as \"value\" from items where '{names}' is not null"
    with tempfile.TemporaryDirectory() as folder:
        connector = make_connector(Path(folder) / "connector", platform=platform, shape=shape, mapping=mapping, key=next(iter(shape)))
        from dataclasses import replace

        connector = replace(connector, read_local=lambda brand, stream: None)
        land.discover_connectors, real = (lambda: {platform: connector}), land.discover_connectors
        shapes.WHOLE_LEAVES, usual = whole_leaves, shapes.WHOLE_LEAVES
        try:
            workshop = Workshop(Path(folder) / "data")
            workshop.write(items, platform=platform)
            result = workshop.land()
        finally:
            land.discover_connectors = real
            shapes.WHOLE_LEAVES = usual
        assert result.failures == []
        assert result.landed_count == len(items)
        accepted = dict(workshop.read('select seq, "value" from staging.config_settings'))
        quarantined = {seq: path.split(" | ") for seq, path in workshop.read("select seq, path from ops.quarantine")}
    assert sorted([*accepted, *quarantined]) == list(range(1, len(items) + 1))
    for seq, item in enumerate(items, start=1):
        wrong: list[str] = []
        expected = read(shape, item, "item", wrong, required=True)
        if wrong:
            assert seq in quarantined, (shape, item, wrong)
            assert quarantined[seq] == wrong[:10], (shape, item)
        else:
            assert seq in accepted, (shape, item, quarantined[seq])
            assert same(shape, expected, json.loads(accepted[seq])), (shape, item, expected, accepted[seq])


def test_the_python_reading_is_no_echo() -> None:
    assert read_leaf("time", "2026-05-01T01:30:00+02:00") == datetime(2026, 4, 30, 23, 30)
    assert read_leaf("epoch_ms", "1000").replace(tzinfo=UTC) == datetime.fromtimestamp(1, UTC)
    for word, value in (("count", 7.0), ("text", 7), ("boolean", "yes"), ("time", "2026-05-01T00:00:00"), ("number", True), ("id", 1.5)):
        with pytest.raises(Wrong):
            read_leaf(word, value)
