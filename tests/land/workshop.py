"""Makes landed loads and connectors of one stream for the tests of land; the files are written by the real writer.

shape, mapping, items → make_connector() · write_load() → Workshop.land() → rows
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from fifty import land, warehouse
from fifty.connectors.base import Connector, Stream
from fifty.landing import LandedLoad, LoadKey, LoadWriter, Part, ScopeRead, Window, canonical_json, read_manifest, write_atomically
from fifty.settings import Settings

SHAPE = {
    "id": "id!",
    "text": "text",
    "likes": "count",
    "weight": "number",
    "is_pinned": "boolean",
    "created_at": "time",
    "author": {"id": "id!", "name": "text|false"},
    "tags": [{"name": "text"}],
    "langs": ["text"],
}
MAPPING = """
-- into: posts
select
    line,
    item.id as post_id,
    item.author.id as author_account_id,
    'post' as kind,
    item."text" as "text",
    item.langs[1] as "language",
    list_transform(item.tags, lambda tag: tag."name") as hashtags,
    item.created_at as created_at,
    to_json({'likes': item.likes, 'weight': item.weight, 'is_pinned': item.is_pinned, 'name': item.author."name", 'asked': scope.post_id}) as attributes,
from items

-- into: post_metrics
select line, item.id as post_id, line.observed_at as measured_at, item.likes as like_count, from items
"""


class TestConnector(Connector):
    """A connector whose folder is wherever the test wants it."""

    __test__ = False

    @property
    def folder(self) -> Path:
        """The test's folder."""
        return FOLDERS[self.platform]


FOLDERS: dict[str, Path] = {}


def make_connector(folder: Path, *, platform: str = "plain", shape: Any = None, mapping: str = MAPPING, **options: Any) -> Connector:
    """A connector of one stream `things`, scoped by post_id."""
    folder.mkdir(parents=True, exist_ok=True)
    FOLDERS[platform] = folder
    (folder / "things.sql").write_text(mapping, encoding="utf-8")
    stream = Stream(
        **{
            "name": "things", "kind": "state", "path": "things", "shape": shape or SHAPE, "entity": "posts", "scope": {"post_id": "{post_id}"},
            **options,
        }
    )  # fmt: skip
    return TestConnector(platform=platform, title=platform, streams=(stream,))


@dataclass
class Workshop:
    """A brand's data directory and the connectors that land sees."""

    data: Path
    brand: str = "acme"

    @property
    def paths(self) -> warehouse.BrandPaths:
        """The brand's paths."""
        return warehouse.BrandPaths(self.data, self.brand)

    @property
    def settings(self) -> Settings:
        """Settings over the directory."""
        return Settings(data=self.data, _env_file=None)  # type: ignore[call-arg]

    def key(self, day: int = 1, *, platform: str = "plain", stream: str = "things", account: str = "acme") -> LoadKey:
        """Key of the load whose window ends on that day of May 2026."""
        return LoadKey(self.brand, platform, account, stream, Window(None, datetime(2026, 5, day, tzinfo=UTC)))

    def write(
        self,
        items: Iterable[Any],
        *,
        day: int = 1,
        scope: dict[str, Any] | None = None,
        platform: str = "plain",
        stream: str = "things",
        **scope_facts: Any,
    ) -> LandedLoad:
        """A finished load of one page of items in one scope."""
        asked = {"post_id": "p1"} if scope is None else scope
        content = list(items)
        key = self.key(day, platform=platform, stream=stream)
        with LoadWriter(self.data, key, kind="state") as writer:
            writer.write(asked, 1, content)
            facts = {"is_complete": True, "item_count": len(content), **scope_facts}
            return writer.finish(scopes=[ScopeRead(asked, "listing", "posts", **facts)], next_state={})

    def write_lines(self, lines: list[bytes], *, day: int = 1, line_count: int | None = None, platform: str = "plain") -> LandedLoad:
        """A finished load whose only part holds exactly these lines, right or wrong; its manifest vouches for them."""
        load = self.write([{"id": "1"}], day=day, platform=platform)
        return self.rewrite(load, lines, line_count=line_count)

    def rewrite(self, load: LandedLoad, lines: list[bytes], *, line_count: int | None = None, packed: bytes | None = None) -> LandedLoad:
        """Replace the first part and let the manifest vouch for it."""
        manifest = load.manifest
        content = gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0) if packed is None else packed
        (load.folder / "part-00000.jsonl.gz").write_bytes(content)
        manifest.parts = [Part("part-00000.jsonl.gz", hashlib.sha256(content).hexdigest(), len(lines) if line_count is None else line_count)]
        return self.commit(load)

    def commit(self, load: LandedLoad) -> LandedLoad:
        """Write a changed manifest."""
        from dataclasses import asdict

        write_atomically(load.folder / "manifest.json", canonical_json(asdict(load.manifest)).encode())
        again = read_manifest(load.folder)
        assert again is not None
        return again

    def land(self, run_id: str = "run-1", **options: Any) -> land.LandResult:
        """Run land."""
        return land.run_land(self.paths, self.settings, run_id=run_id, **options)

    def read(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query on the work file."""
        with duckdb.connect(str(self.paths.warehouse), read_only=True) as reader:
            return reader.execute(sql).fetchall()

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table that land fills, in a fixed order; without the seconds of runs."""
        tables = [name for name in warehouse.read_tables() if name.startswith("staging.")]
        tables += ["ops.loads", "ops.quarantine", "ops.completeness", "ops.brand_key"]
        return {name: self.read(f"select * from {name} order by all") for name in tables}


def make_line(item: Any, *, seq: int, scope: Any = None, page: Any = 1) -> bytes:
    """A line as the writer spells it."""
    line = {"scope": {"post_id": "p1"} if scope is None else scope, "page": page, "seq": seq, "item": item}
    return json.dumps(line, separators=(",", ":")).encode()


def spread_times(load: LandedLoad, *, days: int) -> None:
    """Move a load's start; for loads that must not share an instant."""
    load.manifest.observed_at = (datetime.fromisoformat(load.manifest.observed_at) + timedelta(days=days)).isoformat()
