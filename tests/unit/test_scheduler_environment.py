"""Where `make run`, `make up` and `make check` read and write, whatever a shell happens to export."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fifty.settings import Settings, load_settings
from scheduler import environment, run_once, smoke, up

STORES = ("FIFTY_LANDING_URL", "FIFTY_PUBLISHED_URL", "FIFTY_EXTRACTS_URL")
SETUP = {"config": "/demo/fifty.yml", "secrets": "/demo/secrets", "brands": ["demo"], "as_of": "2026-05-01"}


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clone of one's own, and the environment and folder given back: the runners change both."""
    for name in [name for name in os.environ if name.startswith("FIFTY_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    for module in (run_once, up):
        monkeypatch.setattr(module, "ROOT", tmp_path)
        monkeypatch.setattr(module, "RUN", tmp_path / ".run")
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def production(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation whose settings are exported."""
    folder = tmp_path / "production"
    folder.mkdir()
    (folder / "fifty.yml").write_text("brands: {}\n", encoding="utf-8")
    monkeypatch.setenv("FIFTY_CONFIG", str(folder / "fifty.yml"))
    monkeypatch.setenv("FIFTY_DATA", str(folder / "data"))
    monkeypatch.setenv("FIFTY_SECRETS", str(folder / "secrets"))
    monkeypatch.setenv("FIFTY_PUBLISHED", str(folder / "published"))
    for name in STORES:
        monkeypatch.setenv(name, "s3://production/fifty")
    return folder


def describe_places(settings: Settings) -> tuple[object, ...]:
    stores = (settings.landing_url, settings.published_url, settings.extracts_url)
    return settings.config, settings.data, settings.secrets, settings.published, stores


def test_what_a_caller_decides_wins_over_what_is_exported_and_what_is_usual_loses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW_HOME", "DO_NOT_TRACK", "FIFTY_DATA"):
        monkeypatch.setenv(name, "exported")
    made = environment.make_environment({"AIRFLOW_HOME": "usual", "OTHER": "usual"}, FIFTY_DATA="decided")
    assert [made[name] for name in ("AIRFLOW_HOME", "DO_NOT_TRACK", "FIFTY_DATA", "OTHER")] == ["exported", "exported", "decided", "usual"]


def run_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prepared: list[int] | None = None) -> list[Settings]:
    """`make run` without Airflow and without the demo; what the DAGs would have read. Slots of the pool go to `prepared`."""
    seen: list[Settings] = []
    prepared = [] if prepared is None else prepared

    class Started:
        def wait(self) -> None: ...

    def run_dags(*_: object) -> tuple[list[Any], list[Any]]:
        seen.append(load_settings())
        return [], []

    for name, stand_in in {
        "begin_demo": lambda *_: Started(), "await_demo": lambda _: SETUP, "stop_demo": lambda _: None, "warm_scheduler": lambda: None,
        "migrate_database": lambda *, slots: prepared.append(slots), "compare_with_truth": lambda *_: None, "run_dags": run_dags,
    }.items():  # fmt: skip
        monkeypatch.setattr(run_once, name, stand_in)
    monkeypatch.setattr("sys.argv", ["run_once", "--data", str(tmp_path / "data")])
    assert run_once.main() == 0
    return seen


def test_the_main_job_touches_nothing_of_an_installation_whose_settings_are_exported(
    tmp_path: Path, production: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [settings] = run_demo(tmp_path, monkeypatch)
    expected = (Path(SETUP["config"]), tmp_path / "data", Path(SETUP["secrets"]), None, (None, None, None))  # type: ignore[arg-type]
    assert describe_places(settings) == expected
    assert settings.task_retries == 0


def test_the_main_job_touches_nothing_of_an_installation_whose_settings_are_in_dot_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{name}=s3://production/fifty" for name in STORES]
    (tmp_path / ".env").write_text("\n".join(["FIFTY_DATA=/production", f"FIFTY_PUBLISHED={tmp_path / 'published'}", *lines]), encoding="utf-8")
    assert load_settings().landing_url == "s3://production/fifty"
    [settings] = run_demo(tmp_path, monkeypatch)
    assert describe_places(settings)[1:] == (tmp_path / "data", Path("/demo/secrets"), None, (None, None, None))


def test_the_check_reads_the_fingerprint_of_its_own_run(tmp_path: Path, production: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, str] = {}

    def run(*_: object, env: dict[str, str], **__: object) -> subprocess.CompletedProcess[str]:
        seen.update(env)
        return subprocess.CompletedProcess([], 0, "a fingerprint\n", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert smoke.read_fingerprint(tmp_path) == "a fingerprint"
    assert (seen["FIFTY_CONFIG"], seen["FIFTY_DATA"]) == (str(tmp_path / "demo" / "fifty.yml"), str(tmp_path / "data"))
    assert {seen[name] for name in ("FIFTY_PUBLISHED", *STORES)} == {""}


class _StoppedError(Exception):
    """Airflow would be started now."""


def start_up(monkeypatch: pytest.MonkeyPatch, *arguments: str, prepared: list[int] | None = None) -> tuple[Settings, list[Path]]:
    """`make up` until Airflow would start; the settings its parts would have, and the demos begun."""
    seen: list[dict[str, str]] = []
    demos: list[Path] = []

    def prepare(made: dict[str, str], *, slots: int) -> None:
        seen.append(made)
        if prepared is not None:
            prepared.append(slots)
        raise _StoppedError

    def start_demo(folder: Path) -> dict[str, Any]:
        demos.append(folder)
        return dict(SETUP)

    monkeypatch.setattr(up, "prepare_airflow", prepare)
    monkeypatch.setattr(up, "start_demo", start_demo)
    monkeypatch.setattr(up, "stop_demo", lambda _: None)
    monkeypatch.setattr(up.signal, "signal", lambda *_: None)
    monkeypatch.setattr("sys.argv", ["up", *arguments])
    with pytest.raises(_StoppedError):
        up.main()
    os.environ.update(seen[0])
    return load_settings(), demos


@pytest.mark.parametrize("is_exported", [True, False])
def test_airflow_uses_the_configuration_and_the_data_that_are_set_as_every_command_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_exported: bool
) -> None:
    (tmp_path / "own.yml").write_text("brands: {}\n", encoding="utf-8")
    chosen = {"FIFTY_CONFIG": "own.yml", "FIFTY_DATA": "own", "FIFTY_LANDING_URL": "s3://own/landing"}
    if is_exported:
        for name, value in chosen.items():
            monkeypatch.setenv(name, value)
    else:
        (tmp_path / ".env").write_text("".join(f"{name}={value}\n" for name, value in chosen.items()), encoding="utf-8")
    settings, demos = start_up(monkeypatch)
    assert (settings.config, settings.data, settings.landing_url, demos) == (tmp_path / "own.yml", tmp_path / "own", "s3://own/landing", [])


def test_the_option_for_the_configuration_wins_over_an_exported_one(tmp_path: Path, production: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.yml").write_text("brands: {}\n", encoding="utf-8")
    assert start_up(monkeypatch, "--config", "own.yml")[0].config == tmp_path / "own.yml"


def test_without_a_configuration_the_demo_starts_and_writes_nothing_where_an_installation_does(
    tmp_path: Path, production: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIFTY_CONFIG")
    settings, demos = start_up(monkeypatch)
    assert describe_places(settings) == (Path("/demo/fifty.yml"), tmp_path / "data", Path("/demo/secrets"), None, (None, None, None))
    assert demos == [tmp_path / ".run" / "demo"]


@pytest.mark.parametrize("named_by", ["option", "environment", ".env"])
def test_a_named_configuration_that_is_missing_is_an_error_and_not_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], named_by: str
) -> None:
    monkeypatch.setattr(up, "start_demo", lambda _: pytest.fail("the demo was started"))
    monkeypatch.setattr("sys.argv", ["up", *(("--config", "missing.yml") if named_by == "option" else ())])
    if named_by == "environment":
        monkeypatch.setenv("FIFTY_CONFIG", "missing.yml")
    elif named_by == ".env":
        (tmp_path / ".env").write_text("FIFTY_CONFIG=missing.yml\n", encoding="utf-8")
    assert up.main() == 2
    assert str(tmp_path / "missing.yml") in capsys.readouterr().err


@pytest.mark.parametrize("is_run_once", [True, False])
def test_the_pool_has_as_many_slots_as_are_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_run_once: bool) -> None:
    monkeypatch.setenv("FIFTY_WAREHOUSE_SLOTS", "5")
    prepared: list[int] = []
    run_demo(tmp_path, monkeypatch, prepared) if is_run_once else start_up(monkeypatch, prepared=prepared)
    assert prepared == [5]


def test_a_wrong_setting_ends_the_main_job_with_its_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("FIFTY_WAREHOUSE_SLOTS", "none")
    for name in ("begin_demo", "stop_demo"):
        monkeypatch.setattr(run_once, name, lambda *_: subprocess.Popen(["true"]))
    monkeypatch.setattr(run_once, "warm_scheduler", lambda: None)
    monkeypatch.setattr("sys.argv", ["run_once", "--data", str(tmp_path / "data")])
    assert run_once.main() == 2
    assert "FIFTY_WAREHOUSE_SLOTS" in capsys.readouterr().err


def test_a_database_is_prepared_once_and_another_one_under_the_same_home_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []

    def run(_: list[str], *, env: dict[str, str], **__: object) -> subprocess.CompletedProcess[str]:
        started.append(env.get("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", ""))
        environment._name_mark(env, 2).touch()
        return subprocess.CompletedProcess([], 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    home = {"AIRFLOW_HOME": str(tmp_path)}
    stated = [f"postgresql://airflow:{password}@{host}/airflow" for host, password in (("one", "p1"), ("two", "p1"), ("one", "p2"))]
    for address in ("", *stated, ""):
        environment.prepare_airflow(home | ({"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address} if address else {}), slots=2)
    assert started == ["", stated[0], stated[1]], "a new password is no new database"
    assert len(list(tmp_path.glob("prepared-*"))) == 3
