"""Every fault of the way to the store: what readers saw meanwhile, and what the next run made of it; the table of docs/decisions/0013 comes from here.

A process that does one step is killed before each of its writes, and after the last, by the line to the store (SIGKILL when the request comes);
lines are cut, answers lost, the store is down, refuses, has no bucket; publishers race. The readers are machines that have nothing but the store.
`FIFTY_WRITE_FAULTS=1` writes the table anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from object_store import LossyLine, Request
from published_marts import AS_OF
from shared_brand import open_store, publish, see_extract, see_version, write_extract
from test_landing_store import land, make_key, rewrite

from fifty import landing
from fifty.errors import FiftyError, StorageError, StorageRefusedError
from fifty.extract_store import push_extracts
from fifty.landing import load_folder, read_lines, read_manifest, verify_load
from fifty.landing_store import LandingStore
from fifty.publish import list_versions
from fifty.publish_store import _describe, push_version
from fifty.settings import PROJECT_ROOT, Settings
from fifty.warehouse import BrandPaths, read_brand_keys

PAGE = PROJECT_ROOT / "docs" / "decisions" / "0013-object-storage.md"
BEGIN, END = "<!-- faults: written by tests/storage/test_faults.py -->\n", "<!-- end of faults -->"
TABLE: dict[tuple[str, str], tuple[str, str]] = {}
Machine = tuple[BrandPaths, Settings]


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landing, "PART_LINES", 2)


@dataclass
class Case:
    """A step of one machine that brings readers from a former state to a new one."""

    area: str
    begin: Callable[[Machine], None]
    """Brings the former state into the store, and the new one into the machine."""
    step: Callable[[Machine], object]
    arguments: Callable[[Machine], list[str]]
    see: Callable[[Machine], str | None]
    former: str | None
    new: str

    def name(self, seen: str | None) -> str:
        """What was seen, in words; whatever is neither fails the test."""
        assert seen in (self.former, self.new), seen
        return "the new one, whole" if seen == self.new else "nothing yet" if seen is None else "the former one, whole"


def _see_load(machine: Machine) -> str | None:
    """The word of the load that a machine with an empty folder gets."""
    settings = machine[1].model_copy(update={"data": machine[1].data.parent / f"reader-{time.monotonic_ns()}"})
    paths = BrandPaths(settings.data, "acme")
    store = LandingStore.open(paths, settings)
    assert store is not None
    assert store.synchronise().warnings == []
    load = read_manifest(load_folder(paths.data, make_key()))
    if load is None:
        return None
    verify_load(load)
    return str(next(line["item"]["text"] for line in read_lines(load)))


def _synchronise(machine: Machine) -> object:
    store = LandingStore.open(*machine)
    assert store is not None
    return store.synchronise()


def _begin_load(machine: Machine) -> None:
    read_brand_keys(machine[0])
    _synchronise(machine)
    land(machine[0], word="new")


def _begin_rewrite(machine: Machine) -> None:
    load = land(machine[0], word="former")
    _synchronise(machine)
    time.sleep(1.1)  # the store's times are whole seconds
    rewrite(load, word="new", name="part-00000.jsonl.gz")


def _begin_version(machine: Machine) -> None:
    push_version(*machine, publish(machine, "former").publish_id)
    publish(machine, "new")


def _newest(machine: Machine) -> str:
    return list_versions(machine[0])[-1].publish_id


def _see_version(machine: Machine) -> str | None:
    seen = see_version(machine)
    return {one.publish_id: one.parameters_version for one in list_versions(machine[0])}[seen] if seen else None


def _begin_extract(machine: Machine) -> None:
    write_extract(machine, "former")
    push_extracts(*machine)
    time.sleep(1.1)
    write_extract(machine, "new")


CASES = {
    "a load": Case("landing", _begin_load, _synchronise, lambda _: ["land"], _see_load, None, "new"),
    "a rewritten load": Case("landing", _begin_rewrite, _synchronise, lambda _: ["land"], _see_load, "former", "new"),
    "a version": Case(
        "published",
        _begin_version,
        lambda one: push_version(*one, _newest(one)),
        lambda one: ["publish", _newest(one)],
        _see_version,
        "former",
        "new",
    ),
    "an extract": Case("extracts", _begin_extract, lambda one: push_extracts(*one), lambda _: ["extract"], see_extract, "former", "new"),
}


@pytest.fixture
def fresh(tmp_path: Path, url: str, line: LossyLine) -> Callable[[], Machine]:
    """A new machine with a place of its own in the store, each time."""
    count = iter(range(10_000))

    def build() -> Machine:
        number = next(count)
        place = f"{url}/{number}"
        settings = Settings(
            data=tmp_path / str(number) / "data", landing_url=place, published_url=place, extracts_url=place, storage_retries=1,
            storage_timeout_seconds=10, _env_file=None,
        )  # fmt: skip
        return BrandPaths(settings.data, "acme"), settings

    return build


def _start(case: Case, machine: Machine) -> subprocess.Popen[str]:
    step, *rest = case.arguments(machine)
    command = [sys.executable, str(Path(__file__).with_name("machine_step.py")), step, str(machine[1].data), str(machine[1].landing_url), *rest]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def _list_names(case: Case, machine: Machine) -> list[str]:
    """What lies in the store, with the sha256 in names made equal, for they differ from machine to machine."""
    return sorted(name.rpartition("/")[2] for name in open_store(machine, case.area).list())


def _tell(name: str, fault: str, saw: set[str], then: str) -> None:
    TABLE[fault, name] = (" or ".join(sorted(saw)), then)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CASES)
def test_killed_before_any_write_readers_see_the_former_and_the_next_run_completes(name: str, fresh: Callable[[], Machine], line: LossyLine) -> None:
    case = CASES[name]
    undisturbed = fresh()
    case.begin(undisturbed)
    case.step(undisturbed)
    expected = _list_names(case, undisturbed)
    saw: dict[bool, set[str]] = {False: set(), True: set()}
    number, kills = 0, 0
    while True:
        number += 1
        machine = fresh()
        case.begin(machine)
        line.forget()
        commits: list[str] = []
        kill_at, is_after = number, False

        def fault(request: Request, kill_at: int = kill_at, commits: list[str] = commits) -> str | None:
            if not request.is_write:
                return None
            commits.append(request.path.rpartition("/")[2])
            return "kill_before" if len(commits) == kill_at else None

        process = _start(case, machine)
        line.victim, line.fault = process, fault
        output = process.communicate(timeout=60)[0]
        line.forget()
        if process.returncode == 0:
            break
        assert process.returncode == -9, output
        kills += 1
        is_after = ("current.json" if case.area == "published" else "manifest.json") in commits[:-1]
        saw[is_after].add(case.name(case.see(machine)))
        case.step(machine)
        assert case.name(case.see(machine)) == "the new one, whole"
        if name != "a rewritten load":
            assert _list_names(case, machine) == expected, f"killed before write {number}, something was left behind or is missing"
        else:
            case.step(machine)
            assert len(_list_names(case, machine)) == len(expected), f"killed before write {number}, the former parts were left behind"
    assert kills >= 3
    assert saw[False] == {"nothing yet" if case.former is None else "the former one, whole"}
    assert saw[True] <= {"the new one, whole"}
    _tell(name, "kill -9 before any of its writes up to the commit", saw[False], "uploaded what was missing, committed, left nothing over")
    if saw[True]:
        _tell(name, "kill -9 after the commit, before the cleaning", saw[True], "removed what the commit had replaced")


@pytest.mark.parametrize("name", CASES)
def test_a_line_cut_in_an_upload_is_mended_by_the_library(name: str, fresh: Callable[[], Machine], line: LossyLine) -> None:
    case, machine, saw = CASES[name], fresh(), set()
    case.begin(machine)
    line.forget()
    cut: set[str] = set()

    def fault(request: Request) -> str | None:
        if request.method == "PUT" and request.path not in cut and len(request.body) > 1:
            cut.add(request.path)
            return "cut"
        return None

    line.fault = fault
    case.step(machine)
    line.forget()
    assert len(cut) >= 2, "every file's first attempt was cut"
    saw.add(case.name(case.see(machine)))
    _tell(name, "the connection is cut in the middle of every upload, once", saw, "nothing to do: the second attempt came through in the same run")
    assert saw == {"the new one, whole"}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("fault", ["the connection breaks for good in the middle of an upload", "the server answers 503", "the server is down"])
def test_a_store_that_fails_leaves_the_former_and_a_clear_error(name: str, fault: str, fresh: Callable[[], Machine], line: LossyLine) -> None:
    case, machine = CASES[name], fresh()
    case.begin(machine)
    line.forget()
    puts: list[str] = []

    def break_line(request: Request) -> str | None:
        if request.method == "PUT":
            puts.append(request.path)
        return ("cut" if request.method == "PUT" else "drop") if len(puts) >= 2 else None

    line.fault = {"the server answers 503": lambda request: "refuse", "the server is down": lambda request: "drop"}.get(fault, break_line)
    with pytest.raises(StorageError) as caught:
        case.step(machine)
    assert "nothing is lost" in str(caught.value)
    line.forget()
    saw = {case.name(case.see(machine))}
    assert "the new one, whole" not in saw
    case.step(machine)
    assert case.name(case.see(machine)) == "the new one, whole"
    _tell(name, fault, saw, "uploaded what was missing, committed")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("fault", ["the credential is wrong", "the bucket is missing"])
def test_a_store_that_refuses_is_named_and_nothing_is_lost(
    name: str, fault: str, fresh: Callable[[], Machine], line: LossyLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, machine = CASES[name], fresh()
    case.begin(machine)
    wrong = machine
    with monkeypatch.context() as changed:
        if fault == "the credential is wrong":
            changed.setenv("AWS_SECRET_ACCESS_KEY", "rotated")
        else:
            nowhere = dict.fromkeys(("landing_url", "published_url", "extracts_url"), "s3://no-such-bucket/a")
            wrong = machine[0], machine[1].model_copy(update=nowhere)
        with pytest.raises(StorageRefusedError, match=r"fifty doctor --online"):
            case.step(wrong)
    saw = {case.name(case.see(machine))}
    assert "the new one, whole" not in saw
    case.step(machine)
    assert case.name(case.see(machine)) == "the new one, whole"
    _tell(name, fault, saw, "with the right setting: uploaded, committed")


@pytest.mark.parametrize("name", CASES)
def test_the_answer_to_the_commit_is_lost(name: str, fresh: Callable[[], Machine], line: LossyLine) -> None:
    case, machine = CASES[name], fresh()
    case.begin(machine)
    line.forget()
    lost: list[str] = []

    def fault(request: Request) -> str | None:
        if request.method == "PUT" and request.path.rpartition("/")[2] in ("manifest.json", "current.json") and not lost:
            lost.append(request.path)
            return "lose"
        return None

    line.fault = fault
    case.step(machine)
    line.forget()
    assert lost
    saw = {case.name(case.see(machine))}
    assert saw == {"the new one, whole"}
    _tell(name, "the answer to the commit is lost", saw, "nothing to do: the second attempt's 412 was known as its own by reading back")


@pytest.mark.parametrize("is_newer", [True, False], ids=["the_newer_is_later", "the_older_is_later"])
def test_of_two_publishers_the_newer_version_stands(is_newer: bool, fresh: Callable[[], Machine], line: LossyLine) -> None:
    """One reads current.json, the other switches it, the first wants to: without the condition it would win whatever it holds."""
    slow, fast = fresh(), fresh()
    fast = fast[0], fast[1].model_copy(update={"published_url": slow[1].published_url})
    first = publish(slow, "first", as_of=AS_OF - timedelta(days=5))
    push_version(*slow, first.publish_id)
    later = publish(slow, "slow", as_of=AS_OF if is_newer else AS_OF - timedelta(days=2))
    other = publish(fast, "fast", as_of=AS_OF - timedelta(days=1))
    line.forget()
    overtaken: list[str] = []

    def fault(request: Request) -> None:
        if request.method == "PUT" and request.path.endswith("/current.json") and not overtaken:
            overtaken.append(other.publish_id)
            version = next(one for one in list_versions(fast[0]) if one.publish_id == other.publish_id)
            _put_past_the_line(fast, line, _describe(version).write())

    line.fault = fault  # type: ignore[assignment]
    if is_newer:
        assert push_version(*slow, later.publish_id)
        assert see_version(slow) == later.publish_id
        _tell("a version", "two publishers, the newer version switches last", {"the newer one, whole"}, "nothing to do: it read again and switched")
    else:
        with pytest.raises(StorageError, match="another machine has published meanwhile"):
            push_version(*slow, later.publish_id)
        current = open_store(slow, "published").read("current.json")
        assert current is not None
        assert json.loads(current[0])["publish_id"] == other.publish_id
        line.forget()
        _tell("a version", "two publishers, the older version switches last", {"the newer one, whole"}, "asked for again, it is shown")
        assert push_version(*slow, later.publish_id)
        assert see_version(slow) == later.publish_id
    assert overtaken


def _put_past_the_line(machine: Machine, line: LossyLine, content: bytes) -> None:
    """As another machine would, whose requests this line does not see."""
    script = "import sys; from fifty.settings import Settings; from fifty.storage import Store; "
    script += "Store(sys.argv[1], Settings(_env_file=None)).put('current.json', sys.stdin.buffer.read())"
    command = [sys.executable, "-c", script, f"{machine[1].published_url}/acme/published"]
    subprocess.run(command, input=content, env={**os.environ, **line.server.environment()}, cwd=PROJECT_ROOT, check=True, timeout=30)


def test_two_machines_that_commit_one_load_leave_one(fresh: Callable[[], Machine]) -> None:
    here, there = fresh(), fresh()
    there = there[0], there[1].model_copy(update={"landing_url": here[1].landing_url})
    land(here[0], word="first")
    land(there[0], word="second")
    _synchronise(here)
    _synchronise(there)
    assert [_see_load(one) for one in (here, there)] == ["first", "first"]
    found = read_manifest(load_folder(there[0].data, make_key()))
    assert found is not None
    assert next(line["item"]["text"] for line in read_lines(found)) == "first"
    _tell("a load", "two machines commit the same load", {"the first one, whole"}, "took over the first one, with a warning")


def test_the_table_of_the_decision_is_what_was_seen(request: pytest.FixtureRequest) -> None:
    rows = list(_write_table())
    if not {name for _, name in TABLE} >= set(CASES) or len(TABLE) < 30:
        pytest.skip("not every fault was tried in this run")
    table = "\n".join(rows) + "\n"
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    written, _, tail = rest.partition(END)
    if os.environ.get("FIFTY_WRITE_FAULTS"):
        PAGE.write_text(f"{head}{BEGIN}{table}{END}{tail}", encoding="utf-8")
        return
    assert written == table, "FIFTY_WRITE_FAULTS=1 writes the table anew"


def _write_table() -> Iterator[str]:
    """One row for all things of which the same is true."""
    yield "| fault | of | readers saw | the next run |"
    yield "| --- | --- | --- | --- |"
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for (fault, name), (saw, then) in TABLE.items():
        grouped.setdefault((fault, saw, then), []).append(name)
    for (fault, saw, then), names in grouped.items():
        yield f"| {fault} | {', '.join(names)} | {saw} | {then} |"


def test_every_error_of_a_store_may_be_pickled() -> None:
    import pickle

    for kind in (StorageError, StorageRefusedError):
        error = pickle.loads(pickle.dumps(kind("down", where="s3://a", seen="503")))  # noqa: S301, our own
        assert isinstance(error, FiftyError)
        assert str(error) == "s3://a: down · seen: 503"
