"""What land promises for good loads, repeated loads, and the ledger."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest
from workshop import MAPPING, SHAPE, Workshop, make_connector, make_line

from fifty import land
from fifty.errors import FatalError
from fifty.landing import LoadWriter, Manifest, ScopeRead, list_finished_loads, read_manifest


def make_item(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "id": 12345678901234567890123 + number, "text": "Tea & cake", "likes": "7", "weight": 7.6, "is_pinned": True,
        "created_at": "2026-04-30T23:30:00.5+02:00", "author": {"id": "a1", "name": "Ann"}, "tags": [{"name": "tea"}, None], "langs": ["de", "en"],
        **changes,
    }  # fmt: skip


def test_every_leaf_arrives_typed_and_with_its_origin(workshop: Workshop) -> None:
    load = workshop.write([make_item()], scope={"post_id": "p 1 ü"})
    result = workshop.land()
    assert (result.load_count, result.landed_count, result.quarantined_count, result.failures) == (1, 1, 0, [])
    [row] = workshop.read(
        "select post_id, author_account_id, text, language, hashtags, created_at, attributes, platform, source_account_id, load_id, page, seq,"
        " observed_at, scope_key from staging.posts"
    )
    observed_at = datetime.fromisoformat(load.manifest.observed_at).replace(tzinfo=None)
    assert row[:6] == ("12345678901234567890124", "a1", "Tea & cake", "de", ["tea", None], datetime(2026, 4, 30, 21, 30, 0, 500000))
    assert json.loads(row[6]) == {"likes": 7, "weight": 7.6, "is_pinned": True, "name": "Ann", "asked": "p 1 ü"}
    assert row[7:] == ("plain", "acme", load.manifest.load_id, 1, 1, observed_at, 'things|{"post_id":"p 1 \\u00fc"}')


def test_rows_and_scopes_carry_the_same_scope_key_whatever_the_order_of_the_fields(workshop: Workshop) -> None:
    workshop.write([make_item()], scope={"z": 1, "post_id": "x", "a": None})
    workshop.land()
    assert workshop.read("select distinct scope_key from staging.posts") == workshop.read("select scope_key from staging.scopes")


def test_missing_and_null_fields_are_null(workshop: Workshop) -> None:
    workshop.write([{"id": "1", "author": None, "likes": None}, {"id": "2"}])
    workshop.land()
    rows = workshop.read("select post_id, author_account_id, text, hashtags, created_at, attributes->>'likes' from staging.posts order by 1")
    assert rows == [("1", None, None, None, None, None), ("2", None, None, None, None, None)]


def test_false_means_unknown_only_where_the_shape_says_so(workshop: Workshop) -> None:
    workshop.write([make_item(1, author={"id": "a", "name": False}), make_item(2, text=False)])
    workshop.land()
    assert workshop.read("select attributes->>'name' from staging.posts") == [(None,)]
    assert workshop.read("select path, expected, seen, reason from ops.quarantine") == [("text", "a text", "false", "wrong_type")]


def test_new_fields_are_tolerated_and_reported(workshop: Workshop) -> None:
    workshop.write([make_item(author={"id": "a", "pronouns": "she"}, tags=[{"name": "x", "url": "u"}], mood={"a": 1})])
    assert workshop.land().quarantined_count == 0
    assert workshop.read("select new_fields from ops.loads") == [('["author.pronouns","mood","tags[].url"]',)]


def test_what_is_sent_twice_in_a_scope_counts_once_the_last_one(workshop: Workshop) -> None:
    with LoadWriter(workshop.data, workshop.key(), kind="state") as writer:
        writer.write({"post_id": "p1"}, 1, [make_item(1, text="old"), make_item(2)])
        writer.write({"post_id": "p1"}, 2, [make_item(1, text="new")])
        writer.write({"post_id": "p2"}, 3, [make_item(1, text="elsewhere")])
        writer.finish(scopes=[], next_state={})
    result = workshop.land()
    assert result.duplicate_count == 1
    assert workshop.read("select text, page, seq from staging.posts where text <> 'Tea & cake' order by seq") == [("new", 2, 3), ("elsewhere", 3, 4)]
    [(landed, accepted, quarantined, duplicates, warnings)] = workshop.read(
        "select landed_count, accepted_count, quarantined_count, duplicate_count, warnings from ops.loads"
    )
    assert (landed, accepted, quarantined, duplicates) == (4, 3, 0, 1)
    assert "seq 1" in warnings


def test_the_ledger_says_what_became_of_the_load(workshop: Workshop) -> None:
    workshop.write([make_item(1), make_item(2), {"id": "3", "likes": "many"}], expected_count=4)
    workshop.land()
    [row] = workshop.read(
        "select load_status, landed_count, accepted_count, quarantined_count, duplicate_count, row_counts, stream_kind from ops.loads"
    )
    assert row == ("landed", 3, 2, 1, 0, '{"post_metrics":2,"posts":2}', "state")
    assert workshop.read("select completeness_state, expected_count, got_count, is_reachable from ops.completeness") == [("partial", 4, 3, True)]


@pytest.mark.parametrize(
    ("items", "facts", "state"),
    [
        ([make_item()], {}, "complete"),
        ([make_item()], {"expected_count": 1}, "complete"),
        ([], {}, "legitimately_empty"),
        ([make_item()], {"is_complete": False, "note": "cut at page 3"}, "partial"),
        ([], {"is_complete": False, "note": "not_reachable: older than the platform keeps"}, "not_reachable"),
    ],
)
def test_completeness_follows_from_the_scopes(workshop: Workshop, items: list[object], facts: dict[str, object], state: str) -> None:
    workshop.write(items, **facts)
    workshop.land()
    [(seen, reason)] = workshop.read("select completeness_state, reason from ops.completeness")
    assert seen == state
    assert (reason is None) == (state in ("complete", "legitimately_empty"))


def test_landing_again_changes_nothing(workshop: Workshop) -> None:
    workshop.write([make_item(1), {"id": "x", "text": 3}])
    workshop.land()
    before = workshop.dump()
    again = workshop.land("run-2")
    assert (again.load_count, again.row_count) == (0, 0)
    assert workshop.dump() == before


def test_a_new_revision_replaces_the_load_whole(workshop: Workshop) -> None:
    first = workshop.write([make_item(1), make_item(2), {"id": "x", "text": 3}])
    other = workshop.write([make_item(9)], day=2)
    workshop.land()
    first.manifest.revision = 2
    workshop.rewrite(first, [make_line(make_item(2), seq=1)])
    assert workshop.land("run-2").load_ids == [first.manifest.load_id]
    assert workshop.read("select load_id, count(*) from staging.posts group by all order by all") == sorted(
        [(first.manifest.load_id, 1), (other.manifest.load_id, 1)]
    )
    assert workshop.read("select count(*) from ops.quarantine") == [(0,)]
    assert workshop.read(f"select manifest_revision, landed_count from ops.loads where load_id = '{first.manifest.load_id}'") == [(2, 1)]
    assert workshop.read("select count(*), count(distinct load_id) from ops.completeness") == [(2, 2)]


def test_a_list_of_loads_keeps_nothing_of_what_the_next_pull_goes_on_from(workshop: Workshop) -> None:
    with LoadWriter(workshop.data, workshop.key(), kind="state") as writer:
        writer.finish(scopes=[], next_state={"posts": {"p1": {}}})
    [load] = list_finished_loads(workshop.data, workshop.brand)
    assert load.manifest.next_state == {}
    again = read_manifest(load.folder)
    assert again and (again.manifest.next_state, again.manifest_sha256) == ({"posts": {"p1": {}}}, load.manifest_sha256)


def test_the_manifest_of_a_load_that_is_landed_is_not_parsed_again(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.write([make_item(1)])
    workshop.land()
    added = workshop.write([make_item(2)], day=2)
    parsed = []
    parse = Manifest.parse
    monkeypatch.setattr(Manifest, "parse", lambda raw: parsed.append(raw["load_id"]) or parse(raw))
    assert workshop.land("run-2").load_ids == [added.manifest.load_id]
    assert parsed == [added.manifest.load_id]


def test_only_the_loads_asked_for_are_landed(workshop: Workshop) -> None:
    wanted, _ = workshop.write([make_item(1)]), workshop.write([make_item(2)], day=2)
    assert workshop.land(load_ids=[wanted.manifest.load_id]).load_ids == [wanted.manifest.load_id]


def test_many_loads_in_one_batch_keep_their_own_counts(workshop: Workshop) -> None:
    for day in range(1, 29):
        workshop.write([make_item(number) for number in range(day % 4)] + ([{"id": "x", "likes": 1.5}] if day % 5 == 0 else []), day=day)
    result = workshop.land()
    assert result.load_count == 28
    for load_id, landed, accepted, quarantined, counts in workshop.read(
        "select load_id, landed_count, accepted_count, quarantined_count, row_counts from ops.loads"
    ):
        [(rows,)] = workshop.read(f"select count(*) from staging.posts where load_id = '{load_id}'")
        assert landed == accepted + quarantined
        assert rows == accepted == json.loads(counts)["posts"]


def test_parts_of_a_load_keep_their_order_and_lines(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fifty.landing.PART_LINES", 3)
    workshop.write([make_item(number, likes="many" if number in (4, 7) else 1) for number in range(1, 9)])
    workshop.land()
    assert workshop.read("select part, line, seq from ops.quarantine order by seq") == [
        ("part-00001.jsonl.gz", 1, 4),
        ("part-00002.jsonl.gz", 1, 7),
    ]
    assert workshop.read("select list(seq order by seq) from staging.posts") == [([1, 2, 3, 5, 6, 8],)]


def test_files_are_not_searched_for_repeated_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    connector = replace(make_connector(tmp_path / "connector", platform="files"), read_local=lambda brand, stream: None)
    monkeypatch.setattr(land, "discover_connectors", lambda: {"files": connector})
    monkeypatch.setattr(land, "_PLANS", {})
    workshop = Workshop(tmp_path / "data")
    workshop.write([make_item(1), make_item(1)], platform="files")
    assert workshop.land().duplicate_count == 0
    assert workshop.read("select count(*) from staging.posts") == [(2,)]


@pytest.mark.parametrize(
    ("mapping", "words"),
    [("-- into: nowhere\nselect line from items", "nowhere"), ("select line from items", "into")],
)
def test_a_faulty_mapping_says_what_is_wrong(tmp_path: Path, mapping: str, words: str) -> None:
    with pytest.raises(FatalError, match=words):
        land.make_plans(make_connector(tmp_path, mapping=mapping))


def test_a_key_that_is_not_in_the_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FatalError, match="key"):
        land.make_plans(make_connector(tmp_path, key="uuid"))


def test_what_no_mapping_reads_costs_no_item(tmp_path: Path) -> None:
    [plan] = land.make_plans(make_connector(tmp_path, shape={**SHAPE, "avatar": "text", "banner": {"src": "text"}}, mapping=MAPPING)).values()
    assert "avatar" in repr(plan.whole)
    assert "avatar" not in repr(plan.node)
    assert "banner" not in repr(plan.node)


def test_the_run_is_recorded(workshop: Workshop) -> None:
    workshop.write([make_item()])
    workshop.land("run-7")
    [(outcome, rows, message)] = workshop.read("select outcome, row_count, message from ops.runs where run_id = 'run-7' and stage = 'land'")
    assert (outcome, rows) == ("done", 2)
    assert "1 loads" in message


def test_a_scope_without_rows_is_still_in_the_scopes(workshop: Workshop) -> None:
    with LoadWriter(workshop.data, workshop.key(), kind="state") as writer:
        writer.finish(scopes=[ScopeRead({"post_id": "p9"}, "listing", "likes", subject_id="p9", is_complete=True)], next_state={})
    workshop.land()
    assert workshop.read("select subject_id, is_complete, item_count, read_kind from staging.scopes") == [("p9", True, 0, "listing")]
