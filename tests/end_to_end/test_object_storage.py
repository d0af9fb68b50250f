"""A brand whose landing lies in a bucket: an empty machine that has nothing but the configuration makes the same marts of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from demo_world import DemoWorld, FinishedRun

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from object_store import BUCKET, ObjectStoreServer, serve_objects

from fifty.publish import fingerprint_marts

URL = f"s3://{BUCKET}/end-to-end"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStoreServer]:
    with serve_objects(tmp_path_factory.mktemp("object-store") / "weed") as served:
        yield served


def _read_landing(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.name.startswith(".")}


def test_an_empty_machine_replays_from_the_bucket_to_the_same_fingerprint(
    world: DemoWorld, first_run: FinishedRun, server: ObjectStoreServer, tmp_path: Path
) -> None:
    store = {**server.environment(), "FIFTY_LANDING_URL": URL}
    every = {**store, "FIFTY_PUBLISHED_URL": URL, "FIFTY_EXTRACTS_URL": URL}
    here, empty = first_run.copy(tmp_path / "here"), tmp_path / "empty"
    for command in (("land",), ("publish", "--as-of", world.as_of), ("extract",)):
        done = world.run_fifty(here.data, *command, **every)
        assert done.returncode == 0, done.stdout + done.stderr
    status = json.loads(world.run_fifty(here.data, "status", "--json", **every).stdout)[0]
    assert status["not_stored"] == {"loads": 0, "versions": 0, "extracts": 0}

    # No credential of a platform, and no platform that would answer: what is rebuilt comes from the bucket.
    nowhere = {"FIFTY_SECRETS": str(tmp_path), "HTTP_PROXY": "", "FIFTY_HTTP_ATTEMPTS": "1"}
    done = world.run_fifty(empty, "replay", "--as-of", world.as_of, "--json", **store, **nowhere)
    assert done.returncode == 0, done.stdout + done.stderr
    replay = json.loads(done.stdout)[0]["stages"][0]
    assert replay["facts"]["fetched"] == replay["facts"]["loads"] > 10
    assert _read_landing(empty / world.brand / "landing") == _read_landing(here.root / "landing")
    expected = fingerprint_marts(here.root / "published" / "marts.duckdb")
    assert fingerprint_marts(empty / world.brand / "published" / "marts.duckdb") == expected
    assert fingerprint_marts(empty / world.brand / "marts.duckdb") == expected

    # Now that it may publish there too, it finds that what it has built is what readers see, and makes no version of its own.
    done = world.run_fifty(empty, "publish", "--as-of", world.as_of, "--json", **every)
    assert done.returncode == 0, done.stdout + done.stderr
    current = (here.root / "published" / "current").readlink().name
    assert (empty / world.brand / "published" / "current").readlink().name == current
    publish = json.loads(done.stdout)[0]["stages"][0]
    assert (publish["facts"]["publish_id"], publish["facts"]["is_new"]) == (current, False)


def test_two_machines_that_pull_at_once_pull_no_load_twice(world: DemoWorld, server: ObjectStoreServer, tmp_path: Path) -> None:
    store = {**server.environment(), "FIFTY_LANDING_URL": f"s3://{BUCKET}/two-machines"}
    machines = [tmp_path / "one", tmp_path / "two"]

    def pull(data: Path) -> dict[str, Any]:
        # Where the other machine pulls everything first, nothing comes here and that is an error; the next run finds it all.
        done = world.run_fifty(data, "pull", "--as-of", world.as_of, "--json", **store)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)[0]
        assert found["error"] is None or "another machine is pulling" in found["error"]
        return found

    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(pull, machines))
    for _ in range(2):
        answers += [pull(data) for data in machines]
    assert [answer["error"] for answer in answers[-2:]] == [None, None]
    landed = [_read_landing(data / world.brand / "landing") for data in machines]
    assert landed[0] == landed[1]
    finished = sum(name.endswith("/manifest.json") for name in landed[0])
    pulled = [sum(stage["facts"]["pulled"] for stage in answer["stages"]) for answer in answers]
    assert sum(pulled) == finished > 10
    assert pulled[-2:] == [0, 0]


def test_a_run_whose_store_is_down_builds_here_ends_with_an_error_and_is_uploaded_later(
    world: DemoWorld, first_run: FinishedRun, server: ObjectStoreServer, tmp_path: Path
) -> None:
    url = f"s3://{BUCKET}/down"
    places = {"FIFTY_LANDING_URL": url, "FIFTY_PUBLISHED_URL": url, "FIFTY_EXTRACTS_URL": url, "FIFTY_STORAGE_RETRIES": "1"}
    down = {**server.environment("http://127.0.0.1:1"), **places}
    here = first_run.copy(tmp_path / "here")
    for command in (("land",), ("publish", "--as-of", world.as_of), ("extract",)):
        done = world.run_fifty(here.data, *command, **down)
        assert done.returncode == (0 if command == ("land",) else 1), done.stdout + done.stderr
        assert "the object store did not" in done.stderr
        assert "docs/runbook.md#storageerror" in done.stderr or command == ("land",)
        # The work itself was done, and is said so.
        assert f"{world.brand}: {command[0]}" in done.stdout
        assert not any(secret in done.stdout + done.stderr for name, secret in server.environment().items() if "KEY" in name)
    said = world.run_fifty(here.data, "status", **down).stdout
    assert "not stored" in said
    for command in (("land",), ("publish", "--as-of", world.as_of), ("extract",)):
        done = world.run_fifty(here.data, *command, **{**down, **server.environment()})
        assert done.returncode == 0, done.stdout + done.stderr
    assert "stored       all of it" in world.run_fifty(here.data, "status", **down).stdout
