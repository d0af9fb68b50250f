"""Operators' work on a brand with all its data: what was saved goes on elsewhere, what is rebuilt is the same, a rotated credential needs no restart."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import duckdb
import pytest
from demo_world import DemoWorld, FinishedRun

from fifty.config import Brand, load_config
from fifty.errors import CredentialError
from fifty.landing import list_finished_loads
from fifty.pipeline import BrandRun
from fifty.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


class Machine:
    """A data directory and a fifty.yml of their own; `call` runs one command there."""

    def __init__(self, world: DemoWorld, root: Path) -> None:
        self.world, self.root, self.data = world, root, root / "data"

    def call(self, *arguments: str, code: int = 0) -> str:
        done = self.world.run_fifty(self.data, *arguments, FIFTY_CONFIG=str(self.root / "fifty.yml"))
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def read_fingerprint(self) -> str:
        found: dict[str, str] = json.loads(self.call("publish", "--fingerprint", "--json"))
        return found[self.world.brand]


@pytest.fixture(scope="module")
def saved(world: DemoWorld, first_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, Path]:
    """The first run on a machine of its own, and a backup of it."""
    machine = Machine(world, tmp_path_factory.mktemp("first-machine"))
    first_run.copy(machine.data)
    shutil.copy(world.folder / "fifty.yml", machine.root)
    backups = machine.root / "backups"
    machine.call("backup", str(backups))
    return machine, backups


@pytest.fixture(scope="module")
def restored(saved: tuple[Machine, Path], tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Another machine, on which the backup was brought back."""
    machine = Machine(saved[0].world, tmp_path_factory.mktemp("second-machine"))
    machine.call("restore", str(saved[1]))
    return machine


def test_a_restored_and_compacted_brand_publishes_the_same_also_when_it_is_built_again(saved: tuple[Machine, Path], restored: Machine) -> None:
    expected = saved[0].read_fingerprint()
    assert restored.read_fingerprint() == expected
    restored.call("compact", restored.world.brand)
    answer = json.loads(restored.call("run", "--as-of", restored.world.as_of, "--json"))
    stages = {stage["stage"]: stage for stage in answer[0]["stages"]}
    assert stages["pull"]["facts"]["pulled"] == 0
    assert stages["land"]["facts"]["loads"] == 0
    assert restored.read_fingerprint() == expected


def test_a_work_file_rebuilt_by_an_upgrade_gives_the_same_marts(saved: tuple[Machine, Path], restored: Machine) -> None:
    expected = saved[0].read_fingerprint()
    brand = restored.world.brand
    with duckdb.connect(str(restored.data / brand / "warehouse.duckdb")) as connection:
        connection.execute("drop table ops.schema_version")
        connection.execute("alter table staging.posts drop column client_name")
    assert "is to be rebuilt" in restored.call("upgrade", "--check", code=1)
    restored.call("land", "--brand", brand, code=1)
    restored.call("upgrade")
    assert "nothing to do" in restored.call("upgrade", "--check")
    restored.call("run", "--as-of", restored.world.as_of)
    assert restored.read_fingerprint() == expected


def test_the_next_pull_of_a_restored_brand_goes_on_from_the_watermark(restored: Machine) -> None:
    brand = restored.world.brand
    before = {load.manifest.load_id: load.manifest for load in list_finished_loads(restored.data, brand, platform="mastodon", stream="statuses")}
    # A day later: the loads of the first window are known, the next begin where they ended.
    day = date.fromordinal(date.fromisoformat(restored.world.as_of).toordinal() + 1).isoformat()
    restored.call("pull", "--as-of", day, "--platform", "mastodon")
    added = [
        load.manifest
        for load in list_finished_loads(restored.data, brand, platform="mastodon", stream="statuses")
        if load.manifest.load_id not in before
    ]
    assert len(added) == 1
    watermark = max(one.window["end"] or "" for one in before.values())
    assert added[0].window["start"] == watermark


@pytest.fixture
def mastodon(world: DemoWorld, tmp_path: Path) -> tuple[BrandRun, Path, str]:
    """A run of the brand on Mastodon alone, the file of its credential, and the value that the platform takes."""
    config = load_config(world.folder / "fifty.yml")
    brand = config.brands[world.brand]
    (account,) = [one for one in brand.accounts if one.platform == "mastodon"]
    only = Brand.model_validate({**brand.model_dump(), "accounts": [account.model_dump()]})
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    assert account.credential
    value = (world.folder / "secrets" / account.credential).read_text(encoding="utf-8")
    settings = Settings(data=tmp_path / "data", secrets=secrets, http_attempts=2, _env_file=None)
    return BrandRun(world.brand, only, settings, date.fromisoformat(world.as_of)), secrets / account.credential, value


def test_a_rotated_credential_is_used_by_the_next_pull_of_the_same_process(mastodon: tuple[BrandRun, Path, str]) -> None:
    run, file, value = mastodon
    file.write_text("tok-of-last-month", encoding="utf-8")
    with pytest.raises(CredentialError) as caught:
        run.pull(platforms=["mastodon"])
    assert "tok-of-last-month" not in str(caught.value)
    file.write_text(value, encoding="utf-8")
    report = run.pull(platforms=["mastodon"])
    assert report.facts["failed"] == 0
    assert report.rows > 0
    # And taken away again: what asks for it is refused, nothing of the old value is kept.
    file.write_text("tok-taken-away", encoding="utf-8")
    later = BrandRun(run.slug, run.brand, run.settings, date.fromordinal(run.as_of.toordinal() + 1)).pull(platforms=["mastodon"])
    refused = {error.where.split("/")[3] for error in later.facts["errors"] if isinstance(error, CredentialError)}
    assert {"profile", "statuses", "notifications"} <= refused
