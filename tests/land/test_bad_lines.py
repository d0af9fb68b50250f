"""Whatever a line holds, it is landed or quarantined with its original and its place, and the counts add up."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from typing import Any

import pytest
from test_land import make_item
from workshop import Workshop, make_line


def set_value(item: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(item))
    *parents, last = path.split(".")
    holder: Any = changed
    for name in parents:
        holder = holder[int(name)] if isinstance(holder, list) else holder[name]
    if isinstance(holder, list):
        holder[int(last)] = value
    else:
        holder[last] = value
    return changed


WRONG = [
    ("id", 7.5, "id", "wrong_type", "the number 7.5"),
    ("id", True, "id", "wrong_type", "true"),
    ("id", None, "id", "missing_key", "null"),
    ("id", "", "id", "missing_key", 'the text ""'),
    ("text", 3, "text", "wrong_type", "the number 3"),
    ("text", {"a": 1}, "text", "wrong_type", "an object"),
    ("likes", 7.6, "likes", "wrong_type", "the number 7.6"),
    ("likes", "7.6", "likes", "wrong_type", 'the text "7.6"'),
    ("likes", 10**30, "likes", "wrong_type", "the number 1000000000000000000000000000000"),
    ("likes", True, "likes", "wrong_type", "true"),
    ("weight", "heavy", "weight", "wrong_type", 'the text "heavy"'),
    ("weight", "1e999", "weight", "wrong_type", 'the text "1e999"'),
    ("is_pinned", "yes", "is_pinned", "wrong_type", 'the text "yes"'),
    ("is_pinned", 1, "is_pinned", "wrong_type", "the number 1"),
    ("created_at", "2026-05-01T10:00:00", "created_at", "wrong_type", 'the text "2026-05-01T10:00:00"'),
    ("created_at", "2026-02-30T10:00:00Z", "created_at", "wrong_type", 'the text "2026-02-30T10:00:00Z"'),
    ("created_at", "infinity", "created_at", "wrong_type", 'the text "infinity"'),
    ("created_at", 1714500000, "created_at", "wrong_type", "the number 1714500000"),
    ("author", "Ann", "author", "wrong_type", 'the text "Ann"'),
    ("author", ["Ann"], "author", "wrong_type", "a list"),
    ("author", {}, "author.id", "missing_key", "nothing"),
    ("author.id", None, "author.id", "missing_key", "null"),
    ("author.name", 5, "author.name", "wrong_type", "the number 5"),
    ("tags", {"name": "x"}, "tags", "wrong_type", "an object"),
    ("tags", "x", "tags", "wrong_type", 'the text "x"'),
    ("tags.0", "x", "tags[0]", "wrong_type", 'the text "x"'),
    ("tags.0.name", 5, "tags[0].name", "wrong_type", "the number 5"),
    ("langs", "de", "langs", "wrong_type", 'the text "de"'),
    ("langs.1", 5, "langs[1]", "wrong_type", "the number 5"),
]


@pytest.mark.slow
def test_a_wrong_value_is_quarantined_at_its_path_with_its_original(workshop: Workshop) -> None:
    items = []
    for number, (path, value, *_) in enumerate(WRONG):
        items += [make_item(2 * number), set_value(make_item(2 * number + 1), path, value)]
    workshop.write(items)
    result = workshop.land()
    assert (result.landed_count, result.quarantined_count, result.duplicate_count) == (2 * len(WRONG), len(WRONG), 0)
    rows = workshop.read("select seq, line, part, path, seen, reason, original from ops.quarantine order by seq")
    for (path, value, place, reason, seen), row, item in zip(WRONG, rows, items[1::2], strict=True):
        number = items.index(item) + 1
        assert row[:6] == (number, number, "part-00000.jsonl.gz", place, seen, reason), (path, value)
        assert json.loads(row[6])["item"] == item
    assert workshop.read("select count(*) from staging.posts") == [(len(WRONG),)]


def test_all_problems_of_an_item_are_named(workshop: Workshop) -> None:
    workshop.write([make_item(likes="many", tags=[{"name": 1}, {"name": "x"}, {"name": 2}])])
    workshop.land()
    [(path, expected, seen)] = workshop.read("select path, expected, seen from ops.quarantine")
    assert path == "likes | tags[0].name | tags[2].name"
    assert expected == "an integer, or a text holding one | a text | a text"
    assert seen == 'the text "many" | the number 1 | the number 2'


UNREADABLE = [
    b"",
    b"{",
    b'{"scope":{"post_id":"p1"},"page":1,"seq":3,"item":{"id":"cut',
    b"[1,2]",
    b'"text"',
    b"null",
    b'{"scope":{"post_id":"p1"},"page":1,"item":{"id":"no seq"}}',
    b'{"scope":{"post_id":"p1"},"page":"one","seq":9,"item":{"id":"x"}}',
    b'{"scope":[],"page":1,"seq":10,"item":{"id":"x"}}',
    b'{"scope":{"post_id":"p1"},"page":1,"seq":11,"item":null}',
    b'{"scope":{"post_id":"p1"},"page":1,"seq":12}',
    b'{"scope":{"post_id":"p1"},"page":1,"seq":13,"item":[]}',
    b'{"scope":{"post_id":"p1"},"page":1,"seq":14,"item":{"id":"a"}} {"more":1}',
    b"\xff\xfe not text",
    b"\x00\x00",
]


def test_lines_that_are_no_lines_are_kept_as_they_are(workshop: Workshop) -> None:
    lines = [make_line(make_item(1), seq=1), *UNREADABLE, make_line(make_item(2), seq=len(UNREADABLE) + 2)]
    workshop.write_lines(lines)
    result = workshop.land()
    assert result.failures == []
    assert (result.landed_count, result.quarantined_count) == (len(lines), len(UNREADABLE))
    rows = workshop.read("select line, original from ops.quarantine order by line")
    assert [row[0] for row in rows] == list(range(2, len(UNREADABLE) + 2))
    assert [row[1] for row in rows] == [line.decode("utf-8", "replace") for line in UNREADABLE]
    assert workshop.read("select count(*) from staging.posts") == [(2,)]


def test_a_last_line_cut_off_is_quarantined(workshop: Workshop) -> None:
    load = workshop.write([make_item(1), make_item(2)])
    content = gzip.decompress((load.folder / "part-00000.jsonl.gz").read_bytes())
    workshop.rewrite(load, [], line_count=2, packed=gzip.compress(content[:-30]))
    assert workshop.land().quarantined_count == 1
    assert workshop.read("select line, seq, reason from ops.quarantine") == [(2, 2, "unreadable")]


def test_half_characters_nul_and_huge_values_do_not_break_the_load(workshop: Workshop) -> None:
    huge = "x" * 20_000_000
    items = [
        make_item(1, text="half \ud83d of a face, 🙂 whole"),
        make_item(2, text="nul \x00 here", tags=[{"name": "\x00"}]),
        make_item(3, text="\\u0000 spelled out"),
        make_item(4, text=huge),
        make_item(5, text="\u2028\u202e\ufeff\x1b[31m"),
        make_item(6, extra=json.loads("[" * 200 + "]" * 200)),
    ]
    workshop.write(items)
    result = workshop.land()
    assert (result.failures, result.quarantined_count) == ([], 0)
    texts = [row[0] for row in workshop.read("select text from staging.posts order by seq")]
    assert texts == ["half \ufffd of a face, 🙂 whole", "nul  here", "\\u0000 spelled out", huge, "\u2028\u202e\ufeff\x1b[31m", "Tea & cake"]
    assert workshop.read("select hashtags from staging.posts where seq = 2") == [([""],)]


def test_an_object_that_lost_all_its_fields_is_no_reason_to_lose_the_item(workshop: Workshop) -> None:
    workshop.write([make_item(1, author=None), make_item(2, tags=[{}]), make_item(3, tags=[])])
    assert workshop.land().quarantined_count == 0
    assert workshop.read("select count(*) from staging.posts") == [(3,)]


def test_two_lines_that_claim_the_same_place_are_both_kept(workshop: Workshop) -> None:
    workshop.write_lines([make_line(make_item(1), seq=1), make_line({"id": "x", "likes": "many"}, seq=1), make_line(make_item(3), seq=3)])
    result = workshop.land()
    assert (result.failures, result.landed_count, result.quarantined_count) == ([], 3, 1)
    assert workshop.read("select line, path from ops.quarantine") == [(2, "likes")]


def test_a_part_that_is_not_what_its_manifest_says_fails_alone(workshop: Workshop) -> None:
    broken = workshop.write([make_item(1)])
    good = workshop.write([make_item(2)], day=2)
    path = broken.folder / "part-00000.jsonl.gz"
    path.write_bytes(path.read_bytes() + b"x")
    result = workshop.land()
    assert result.load_ids == [good.manifest.load_id]
    [failure] = result.failures
    assert str(path) in failure and "expected" in failure and "remedy" in failure
    assert workshop.read("select completeness_state, load_id from ops.completeness order by 1") == [
        ("complete", good.manifest.load_id),
        ("failed", broken.manifest.load_id),
    ]
    assert workshop.read("select load_id from ops.loads") == [(good.manifest.load_id,)]
    # Mended, it lands and the failure is forgotten.
    path.write_bytes(path.read_bytes()[:-1])
    assert workshop.land("run-2").load_ids == [broken.manifest.load_id]
    assert workshop.read("select distinct completeness_state from ops.completeness") == [("complete",)]


def test_a_manifest_that_cannot_be_read_fails_alone(workshop: Workshop) -> None:
    broken = workshop.write([make_item(1)])
    good = workshop.write([make_item(2)], day=2)
    path = broken.folder / "manifest.json"
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    result = workshop.land()
    assert result.load_ids == [good.manifest.load_id]
    [failure] = result.failures
    assert str(path) in failure and "seen" in failure and "expected" in failure and "remedy" in failure
    assert workshop.read("select completeness_state, platform, source_account_id, stream, load_id, window_end from ops.completeness order by 1") == [
        ("complete", "plain", "acme", "things", good.manifest.load_id, datetime(2026, 5, 2)),
        ("failed", "plain", "acme", "things", broken.manifest.load_id, datetime(2026, 5, 1)),
    ]
    assert workshop.land("run-2", load_ids=[good.manifest.load_id]).failures == []
    path.write_bytes(content)
    assert workshop.land("run-3").load_ids == [broken.manifest.load_id]
    assert workshop.read("select distinct completeness_state from ops.completeness") == [("complete",)]


def test_what_is_landed_of_a_load_stands_when_its_manifest_can_no_longer_be_read(workshop: Workshop) -> None:
    load = workshop.write([make_item(1)])
    workshop.land()
    before = workshop.dump()
    (load.folder / "manifest.json").write_bytes(b"{")
    assert "the manifest cannot be read" in workshop.land("run-2").failures[0]
    assert workshop.dump() == before


def test_a_part_that_cannot_be_unpacked_fails_alone_within_its_batch(workshop: Workshop) -> None:
    good = [workshop.write([make_item(day)], day=day) for day in (1, 3)]
    broken = workshop.write([make_item(2)], day=2)
    workshop.rewrite(broken, [], line_count=1, packed=gzip.compress(make_line(make_item(2), seq=1))[:-12])
    result = workshop.land()
    assert sorted(result.load_ids) == sorted(load.manifest.load_id for load in good)
    assert "cannot be unpacked" in result.failures[0]


def test_a_manifest_that_counts_wrongly_keeps_nothing_of_the_load(workshop: Workshop) -> None:
    load = workshop.write([make_item(1), make_item(2)])
    load.manifest.parts[0].line_count = 3
    workshop.commit(load)
    result = workshop.land()
    assert "do not add up" in result.failures[0]
    assert workshop.read("select count(*) from staging.posts") == [(0,)]
    assert workshop.read("select count(*) from ops.loads") == [(0,)]


def test_a_stream_that_nobody_declares_fails_alone(workshop: Workshop) -> None:
    workshop.write([make_item(1)], stream="forgotten")
    good = workshop.write([make_item(2)])
    result = workshop.land()
    assert result.load_ids == [good.manifest.load_id]
    assert "plain/forgotten" in result.failures[0]


def test_a_load_that_was_begun_and_not_finished_is_shown_as_failed_until_it_is(workshop: Workshop) -> None:
    from fifty.landing import LoadWriter

    with LoadWriter(workshop.data, workshop.key(5), kind="state") as writer:
        writer.write({"post_id": "p"}, 1, [make_item(1)])
    workshop.land()
    [(state, load_id, end)] = workshop.read("select completeness_state, load_id, window_end from ops.completeness")
    assert (state, load_id, end.isoformat()) == ("failed", workshop.key(5).load_id, "2026-05-05T00:00:00")
    workshop.write([make_item(1)], day=5)
    workshop.land("run-2")
    assert workshop.read("select completeness_state from ops.completeness") == [("complete",)]


def test_a_name_that_stands_twice_in_an_object_spoils_neither_its_line_nor_the_load(workshop: Workshop) -> None:
    # An item is landed by its own text, so that what no careful platform sends can lie in a line.
    twice = make_line(make_item(2), seq=2).replace(b'"item":{', b'"item":{"text":"first",', 1)
    assert twice.count(b'"text":') == 2
    workshop.write_lines([make_line(make_item(1), seq=1), twice])
    result = workshop.land()
    assert (result.landed_count, result.quarantined_count) == (2, 0)
    assert workshop.read("select seq, text from staging.posts order by seq") == [(1, make_item(1)["text"]), (2, "first")]
