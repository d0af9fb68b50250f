"""What is wrong with an installation or a fifty.yml, and how to mend it.

installation, fifty.yml, data directory, credentials, (with --online) platforms, object stores → list of Finding

Changes nothing (what it puts into an object store to try it, it deletes), and reports everything at once. Run alone: `fifty doctor`, `fifty doctor --online --json`.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import secrets
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from fifty.config import Account, Brand, Config, load_config
from fifty.connectors.base import discover_connectors, remote_platforms
from fifty.errors import FiftyError, SettingsError
from fifty.settings import PROJECT_ROOT, Settings
from fifty.warehouse import BrandPaths

LOWEST_FREE_GIGABYTES = 2.0
LARGEST_SKEW_SECONDS = 60.0
_PINNED = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)==(?P<version>[^ ;\\]+)(?: *; *(?P<marker>[^\\]+?))? *\\?$", re.MULTILINE)

Outcome = Literal["good", "warning", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `remedy` says what to do and is empty when all is well."""

    check: str
    outcome: Outcome
    seen: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """For --json."""
        return asdict(self)


def examine(settings: Settings, *, is_online: bool = False) -> list[Finding]:
    """Everything `fifty doctor` looks at, in the order in which one would mend it."""
    findings = [*_check_python(), *_check_versions(), *_check_project(settings), *_check_data(settings)]
    config = None
    try:
        config = load_config(settings.config, platforms=remote_platforms(discover_connectors().values()))
        findings.append(Finding("configuration", "good", f"{settings.config}: {len(config.brands)} brand(s)"))
    except SettingsError as error:
        findings.append(Finding("configuration", "wrong", str(error), "mend each line above; `fifty init` writes a commented example"))
    if config:
        findings += _check_brands(config, settings)
        if is_online:
            findings += _check_platforms(config, settings)
    if is_online:
        findings += _check_stores(settings)
    return findings


def _check_python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        yield Finding("python", "good", version)
    else:
        yield Finding("python", "wrong", version, "use Python 3.11 or 3.12: remove .venv and run `make setup`")


def _check_versions() -> Iterator[Finding]:
    lock = PROJECT_ROOT / "requirements.lock"
    if not lock.is_file():
        yield Finding("packages", "warning", f"no {lock}", "run from a clone to compare the installed packages with the lock")
        return
    from packaging.markers import Marker

    wrong = []
    count = 0
    for match in _PINNED.finditer(lock.read_text(encoding="utf-8")):
        if match["marker"] and not Marker(match["marker"]).evaluate():
            continue
        count += 1
        try:
            installed = importlib.metadata.version(match["name"])
        except importlib.metadata.PackageNotFoundError:
            installed = "not installed"
        if installed != match["version"]:
            wrong.append(f"{match['name']} {installed} instead of {match['version']}")
    if wrong:
        yield Finding("packages", "wrong", f"{len(wrong)} of {count} differ from requirements.lock: {', '.join(wrong)}", "run `make setup`")
    else:
        yield Finding("packages", "good", f"{count} as in requirements.lock")


def _check_project(settings: Settings) -> Iterator[Finding]:
    project = settings.dbt_project / "dbt_project.yml"
    if project.is_file():
        count = len(list((settings.dbt_project / "models").rglob("*.sql")))
        yield Finding("dbt project", "good", f"{settings.dbt_project}: {count} models")
    else:
        yield Finding("dbt project", "wrong", f"no {project}", "set FIFTY_DBT_PROJECT to the folder dbt_project of the clone")
    for stage in ("landed", "marts"):
        suites = sorted((settings.expectations / stage).glob("*.yml"))
        if suites:
            yield Finding(f"expectations/{stage}", "good", f"{len(suites)} suites")
        else:
            yield Finding(
                f"expectations/{stage}", "wrong", f"no suite in {settings.expectations / stage}", "set FIFTY_EXPECTATIONS to the folder of the clone"
            )


def _check_data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data.absolute()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        yield Finding("data directory", "wrong", f"{existing} cannot be written", f"give this user the right to write {folder}, or set FIFTY_DATA")
        return
    yield Finding("data directory", "good", str(folder) if folder.exists() else f"{folder} will be made")
    free = shutil.disk_usage(existing).free / 1e9
    if free < LOWEST_FREE_GIGABYTES:
        yield Finding("disk", "warning", f"{free:.1f} GB free", f"make room: a run wants {LOWEST_FREE_GIGABYTES:.0f} GB or more beside the data")
    else:
        yield Finding("disk", "good", f"{free:.0f} GB free")


def _check_brands(config: Config, settings: Settings) -> Iterator[Finding]:
    connectors = discover_connectors()
    if settings.bi_root and "{brand}" not in settings.bi_root and len(config.brands) > 1:
        yield Finding(
            "FIFTY_BI_ROOT", "wrong", f"{settings.bi_root}: one path for {len(config.brands)} brands", "write {brand} where the brand's name stands"
        )
    for slug, brand in config.brands.items():
        yield _check_lock(BrandPaths(settings.data, slug))
        if brand.business_files and not brand.business_files.is_dir():
            yield Finding(
                f"{slug}/business files", "warning", f"no folder {brand.business_files}", "make the folder, or take `business_files` out of fifty.yml"
            )
        yield _check_responders(slug, brand)
        for account in brand.accounts:
            check = f"{slug}/{account.platform}/{account.account_key}"
            needs = [stream.name for stream in connectors[account.platform].streams if stream.needs_credential]
            if account.credential:
                try:
                    settings.read_credential(account.credential)
                    yield Finding(check, "good", f"credential {account.credential} is there")
                except SettingsError as error:
                    yield Finding(check, "wrong", f"{error.what}: {error.seen}", error.remedy)
            elif needs:
                yield Finding(check, "warning", f"anonymous: {', '.join(needs)} cannot be read", "name a `credential` to read them too")
            else:
                yield Finding(check, "good", "anonymous")


def _check_responders(slug: str, brand: Brand) -> Finding:
    named = sum(account.responder is not None for account in (*brand.staff, *brand.agency, *brand.automatons))
    if brand.staff_naming_basis and not named:
        return Finding(
            f"{slug}/staff names",
            "warning",
            "a basis for naming staff, and nobody under `responder`",
            "name who answers, or remove `staff_naming_basis`",
        )
    if brand.staff_naming_basis:
        return Finding(f"{slug}/staff names", "good", f"{named} shown by name: {brand.staff_naming_basis}")
    return Finding(f"{slug}/staff names", "good", "staff are shown by pseudonyms")


def _check_lock(paths: BrandPaths) -> Finding:
    path = paths.root / ".writer.lock"
    if not path.exists():
        return Finding(f"{paths.brand}/lock", "good", "free")
    try:
        with FileLock(path, timeout=0):
            return Finding(f"{paths.brand}/lock", "good", "free")
    except Timeout:
        return Finding(f"{paths.brand}/lock", "warning", "a run is under way", f"nothing, if it is meant; `fuser {path}` names its process")
    except OSError as error:
        return Finding(f"{paths.brand}/lock", "wrong", str(error), f"give this user the right to write {path}")


def _check_platforms(config: Config, settings: Settings) -> Iterator[Finding]:
    asked: set[str] = set()
    for slug, brand in config.brands.items():
        for account in brand.accounts:
            for url in filter(None, (account.base_url, account.auth_url)):
                if url not in asked:
                    asked.add(url)
                    yield _check_address(slug, account, url, settings)


def _check_address(slug: str, account: Account, url: str, settings: Settings) -> Finding:
    from fifty.http import probe_address

    check = f"{slug}/{account.platform} {url}"
    try:
        status = probe_address(url, settings)
    except FiftyError as error:
        return Finding(check, "wrong", error.seen or error.what, error.remedy or "check `base_url`, the network and its proxy")
    # Any answer shows a server; at the root of an API 404 and 501 are common.
    if status >= 500 and status != 501:
        return Finding(check, "warning", f"answers {status}", "the server is unwell; try again later")
    return Finding(check, "good", f"answers {status}")


def _check_stores(settings: Settings) -> Iterator[Finding]:
    from fifty.storage import AREAS, area_url

    for url in dict.fromkeys(url for area in AREAS if (url := area_url(settings, area))):
        try:
            yield from _try_store(url, settings)
        except FiftyError as error:
            yield Finding(f"object store {url}", "wrong", f"{error.what}: {error.seen}", error.remedy)


def _try_store(url: str, settings: Settings) -> Iterator[Finding]:
    """All that Fifty asks of a store, tried with an object of our own: list, put where none is, replace what is known, read back, the clock."""
    from fifty.storage import Store

    check = f"object store {url}"
    store = Store(url, settings)
    name = f".doctor/{secrets.token_hex(8)}"
    store.list(".doctor")
    yield Finding(f"{check}: list", "good", "answers")
    e_tag = store.create(name, b"first")
    is_kept = e_tag is not None and store.create(name, b"second") is None
    is_kept = is_kept and store.replace(name, b"third", '"0123456789abcdef0123456789abcdef"') is None
    read = store.read(name)
    if read is None or read[0] not in (b"first", b"second", b"third"):
        yield Finding(f"{check}: read back", "wrong", "another content than was put", "look at the store, and at what stands between it and here")
    elif is_kept and read[0] == b"first" and store.replace(name, b"fourth", read[1]) is not None:
        yield Finding(f"{check}: conditions", "good", "a put on a condition is refused where the condition does not hold")
    else:
        yield Finding(
            f"{check}: conditions",
            "wrong",
            "a put that should have been refused was not (If-None-Match, If-Match)",
            "use a store that honours them, or let one machine alone write here",
        )
    skew = abs((store.read_clock() - datetime.now(UTC)).total_seconds())
    store.delete([name])
    if skew > LARGEST_SKEW_SECONDS:
        yield Finding(
            f"{check}: clock", "wrong", f"differs by {skew:.0f} s from this machine's", "set this machine's clock; requests are signed with it"
        )
    else:
        yield Finding(f"{check}: clock", "good", f"within {LARGEST_SKEW_SECONDS:.0f} s of this machine's")


def find_outcome(findings: list[Finding]) -> Outcome:
    """The worst outcome among the findings."""
    outcomes = {finding.outcome for finding in findings}
    return "wrong" if "wrong" in outcomes else "warning" if "warning" in outcomes else "good"


def write_template(path: Path) -> None:
    """Write the commented fifty.yml. Raises SettingsError when something is there: it is never overwritten."""
    content = (Path(__file__).with_name("fifty_template.yml")).read_text(encoding="utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise SettingsError(
            "the file is there already",
            where=str(path),
            expected="no file of that name",
            remedy="choose another name with --config, or edit the file",
        ) from None
