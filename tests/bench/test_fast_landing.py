"""The fast path leaves what a pull over HTTP leaves: the same loads, lines, scopes and memory, on the first day and on one more."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from served_world import DAY_BEFORE, END, Served

from bench import fast_landing
from fifty.config import load_config
from fifty.connectors.base import discover_connectors
from fifty.pull import run_pull
from fifty.settings import Settings

#: how long it took, when it began, and what the answers were compressed to
OF_THE_PULL_ITSELF = ("observed_at", "request_count", "limits_met", "parts")


@pytest.fixture(scope="module")
def pulled(served: Served, small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(landed by pull over HTTP, landed by the fast path), two days each."""
    folder = tmp_path_factory.mktemp("pulled")
    config = fast_landing.write_configuration(small_world, folder / "config", served.ports)
    plain, fast = folder / "plain", folder / "fast"
    for moment in (DAY_BEFORE, END):
        served.move(moment)
        pull_over_http(config, plain, moment)
        for platform in discover_connectors():
            fast_landing.land_platform(small_world, config, fast, platform, moment=moment, until=moment)
    return plain, fast


def pull_over_http(config: Path, data: Path, moment: datetime) -> None:
    settings = Settings(data=data, config=config, secrets=config.parent / "secrets")
    for slug, brand in load_config(config).brands.items():
        result = run_pull(slug, brand, settings, until=moment)
        assert not result.failed, result.errors


def list_loads(data: Path) -> dict[str, Path]:
    return {str(path.parent.relative_to(data)): path.parent for path in data.glob("*/landing/*/*/*/*/manifest.json")}


def read_lines(folder: Path) -> Iterator[bytes]:
    for part in sorted(folder.glob("part-*.jsonl.gz")):
        with gzip.open(part, "rb") as file:
            yield from file


def read_manifest(folder: Path) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return {name: value for name, value in manifest.items() if name not in OF_THE_PULL_ITSELF}


def test_the_same_loads_are_there(pulled: tuple[Path, Path]) -> None:
    plain, fast = map(list_loads, pulled)
    assert sorted(plain) == sorted(fast)
    assert len({folder.name[:32] for folder in plain.values()}) > 1, "two days"


def test_every_line_is_the_same_to_the_byte(pulled: tuple[Path, Path]) -> None:
    plain, fast = map(list_loads, pulled)
    count = 0
    for name, folder in plain.items():
        lines = list(read_lines(folder))
        assert lines == list(read_lines(fast[name])), name
        count += len(lines)
    assert count > 10_000


def test_manifests_say_the_same_scopes_counts_and_memory(pulled: tuple[Path, Path]) -> None:
    plain, fast = map(list_loads, pulled)
    for name, folder in plain.items():
        expected, found = read_manifest(folder), read_manifest(fast[name])
        for key, value in expected.items():
            assert found[key] == value, f"{name}: {key}"


def test_the_second_day_looks_up_what_has_vanished(pulled: tuple[Path, Path]) -> None:
    """The memory of the first day is in use: something is asked about because it stood there and does not any more."""
    manifests = [json.loads((folder / "manifest.json").read_text(encoding="utf-8")) for folder in list_loads(pulled[1]).values()]
    assert any(manifest["next_state"].get("vanished_people") for manifest in manifests)


@pytest.mark.parametrize("text", ["plain", "Grüße", "halb \U0001f375 und ", "del \x7f", "line sep"])
def test_text_is_escaped_as_the_product_escapes_it(text: str) -> None:
    import simplejson

    assert fast_landing.write_plainly(json.dumps(text, ensure_ascii=False).encode()) == simplejson.dumps(text).encode()
