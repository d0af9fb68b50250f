"""Every registered platform keeps the contract of connectors: mapping, samples, README, an end to its paging, a sane order."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
import simplejson

from fifty.config import Account
from fifty.connectors.base import Connector, Stream, discover_connectors, find_value, remote_platforms
from fifty.land import parse_mapping, run_land
from fifty.landing import LoadKey, LoadWriter, ScopeRead, Window, canonical_json
from fifty.paging import PAGINATORS
from fifty.settings import Settings
from fifty.warehouse import BrandPaths, read_tables

CONNECTORS = discover_connectors()
STREAMS = [
    pytest.param(connector, stream, id=f"{connector.platform}/{stream.name}") for connector in CONNECTORS.values() for stream in connector.streams
]
REMOTE = [param for param in STREAMS if param.values[0].is_remote]
PLACEHOLDERS = {
    "account": {"account_id", "handle", "since", "until"},
    "role": {"account_id", "handle"},
    "term": {"term", "tag", "since", "until"},
    "post": {"post_id", "account_id", "handle"},
    "known": {"post_id", "ids", "ids_joined"},
    "vanished": {"post_id", "ids", "ids_joined"},
    "person": {"account_id", "ids", "ids_joined"},
}
UNTIL = datetime(2026, 11, 23, tzinfo=UTC)


def read_samples(connector: Connector, stream: Stream) -> list[dict[str, object]]:
    path = connector.folder / "samples" / f"{stream.name}.jsonl"
    return [simplejson.loads(line, use_decimal=True) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_platforms_of_the_product_are_there() -> None:
    assert remote_platforms(CONNECTORS.values()) == {"bluesky", "mastodon", "wordpress"}
    assert {connector.platform for connector in CONNECTORS.values()} == {"bluesky", "mastodon", "wordpress", "business", "config", "fifty"}


@pytest.mark.parametrize(("connector", "stream"), STREAMS)
def test_a_stream_has_a_section_in_the_readme(connector: Connector, stream: Stream) -> None:
    readme = (connector.folder / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"^### {stream.name}$", readme, re.MULTILINE)


@pytest.mark.parametrize("connector", [pytest.param(connector, id=connector.platform) for connector in CONNECTORS.values()])
def test_a_readme_names_no_stream_that_is_not_there_and_says_when_it_was_verified(connector: Connector) -> None:
    readme = (connector.folder / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^### (\w+)$", readme, re.MULTILINE)) == {stream.name for stream in connector.streams}
    assert re.search(r"[Ll]ast verified 20\d\d-\d\d-\d\d", readme)
    if connector.is_remote:
        for word in ("**Access.**", "**Limits.**", "https://"):
            assert word in readme


@pytest.mark.parametrize(("connector", "stream"), STREAMS)
def test_a_stream_has_a_mapping_into_known_tables(connector: Connector, stream: Stream) -> None:
    sections = parse_mapping(connector.read_mapping(stream), where=stream.name, folder=connector.folder)
    assert sections
    assert all(f"staging.{table}" in read_tables() for table, _ in sections)


@pytest.mark.parametrize(("connector", "stream"), STREAMS)
def test_samples_are_lines_as_landed_with_the_scope_that_the_stream_declares(connector: Connector, stream: Stream) -> None:
    samples = read_samples(connector, stream)
    assert samples
    for line in samples:
        assert list(line) == ["scope", "page", "seq", "item"]
        assert set(line["scope"]) == set(stream.scope)  # type: ignore[call-overload]
        assert find_value(line["item"], stream.key) is not None
        if stream.follows and not stream.name.startswith("notif"):
            assert find_value(line["item"], stream.follows.id) is not None
            assert find_value(line["item"], stream.follows.created_at) is not None
        for path in filter(None, (stream.newest_first, stream.touches)):
            assert find_value(line["item"], path) is not None
    if stream.person:
        assert any(find_value(line["item"], stream.person) for line in samples)


@pytest.mark.parametrize(("connector", "stream"), REMOTE)
def test_a_stream_has_an_explicit_end(connector: Connector, stream: Stream) -> None:
    assert stream.paging in PAGINATORS
    if stream.paging == "none":
        # One answer holds all: of one thing, of a batch of ids, or of a whole tree.
        assert stream.read_kind == "lookup" or stream.unfold is not None
    if stream.paging == "page_number":
        assert stream.page_size == int(stream.params["per_page"])
    if stream.asks in ("known", "vanished", "person"):
        assert stream.paging == "none"
        assert stream.read_kind == "lookup"


@pytest.mark.parametrize(("connector", "stream"), REMOTE)
def test_placeholders_are_those_that_the_question_has(connector: Connector, stream: Stream) -> None:
    texts = [stream.path, *stream.params.values(), *stream.scope.values(), stream.subject or ""]
    used = set(re.findall(r"{(\w+)}", " ".join(texts)))
    assert used <= PLACEHOLDERS[stream.asks]
    assert not {"since", "until"} & used or stream.kind == "events"


@pytest.mark.parametrize(("connector", "stream"), REMOTE)
def test_an_events_stream_is_cut_by_time_and_reads_a_window(connector: Connector, stream: Stream) -> None:
    if stream.kind == "events":
        assert stream.read_kind == "window"
        assert stream.newest_first or "{since}" in "".join(stream.params.values())
        assert stream.lookback.total_seconds() > 0
    else:
        assert stream.newest_first is None


@pytest.mark.parametrize("connector", [pytest.param(connector, id=connector.platform) for connector in CONNECTORS.values() if connector.is_remote])
def test_parents_are_pulled_before_their_children(connector: Connector) -> None:
    names = [stream.name for stream in connector.streams]
    assert len(set(names)) == len(names)
    register = connector.register
    assert register is not None
    for position, stream in enumerate(connector.streams):
        if stream.asks in ("post", "vanished"):
            assert position > names.index(register.name)
        if stream.asks == "vanished":
            assert all(position > names.index(other.name) for other in connector.streams if other.member)
        if stream.asks == "person":
            assert position == len(names) - 1
        if stream.touches:
            assert any(later.asks == "post" for later in connector.streams[position:])
        if stream.count:
            assert all(stream.count in other.follows.counts for other in connector.streams if other.follows)
    if connector.profile:
        assert names[0] == connector.profile.name
    if any(stream.member for stream in connector.streams):
        assert any(stream.asks == "vanished" for stream in connector.streams)


@pytest.mark.parametrize("connector", [pytest.param(connector, id=connector.platform) for connector in CONNECTORS.values()])
def test_samples_land_without_a_line_in_quarantine(connector: Connector, tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    for stream in connector.streams:
        account = Account(platform=connector.platform, id="77", base_url="http://127.0.0.1").account_key
        with LoadWriter(tmp_path, LoadKey("brand", connector.platform, account, stream.name, Window(None, UNTIL)), kind=stream.kind) as writer:
            scopes: dict[str, ScopeRead] = {}
            for line in read_samples(connector, stream):
                writer.write(line["scope"], 1, [line["item"]])  # type: ignore[arg-type]
                read = ScopeRead(line["scope"], stream.read_kind, stream.entity, is_complete=True)  # type: ignore[arg-type]
                scopes.setdefault(canonical_json(line["scope"]), read).item_count += 1
            writer.finish(scopes=list(scopes.values()), next_state={})
    result = run_land(BrandPaths(tmp_path, "brand"), settings, run_id="run")
    assert result.failures == []
    assert result.quarantined_count == 0
    with duckdb.connect(str(BrandPaths(tmp_path, "brand").warehouse), read_only=True) as connection:
        loads = connection.execute("select stream, landed_count, accepted_count, row_counts, new_fields from ops.loads").fetchall()
    assert {row[0] for row in loads} == {stream.name for stream in connector.streams}
    for name, landed, accepted, row_counts, new_fields in loads:
        assert landed == accepted > 0, name
        assert sum(simplejson.loads(row_counts).values()) > 0, name
        assert simplejson.loads(new_fields) == [], name
