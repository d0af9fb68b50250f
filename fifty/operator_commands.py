"""Day-two commands: options and words; the work is in the modules they call.

argv → fifty/{state,resend,offboard,backup,restore,upgrade,compact,maintain}.py → words and an exit code

`fifty/cli.py` adds them to its own. Heavy modules are imported inside the commands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from fifty import console
from fifty.errors import SettingsError
from fifty.options import BrandOption, ConfigOption, DataOption, JsonOption, load_brands, read_day
from fifty.settings import Settings, load_settings

BrandArgument = Annotated[str, typer.Argument(metavar="BRAND", help="The brand, as fifty.yml names it.")]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, for whoever reads it later.")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who says so [default: the user of this machine].")]


def hold(
    brand: BrandArgument,
    why: WhyOption = "",
    release: Annotated[bool, typer.Option("--release", help="Let extracts go out again.")] = False,
    by: ByOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a brand's extracts: none is written or sent until --release. It is built and published meanwhile."""
    _say_act(brand, "hold", "release", is_end=release, why=why, by=by, config=config, data=data, as_json=as_json)


def pause(
    brand: BrandArgument,
    why: WhyOption = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on.")] = False,
    by: ByOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pause a brand: nothing is pulled, built or sent until --resume. What is published stays readable."""
    _say_act(brand, "pause", "resume", is_end=resume, why=why, by=by, config=config, data=data, as_json=as_json)


def resend(
    brand: BrandArgument,
    name: Annotated[str, typer.Option("--name", help="The extract, as fifty.yml names it.")],
    as_of: Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="Its day, YYYY-MM-DD [default: the day that is published].")] = None,
    why: WhyOption = "",
    by: ByOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write one extract again, although it was sent, and record that."""
    from fifty.resend import resend_extract
    from fifty.warehouse import BrandPaths

    day = read_day("--as-of", as_of)
    settings, brands = load_brands(config, data, brand)
    resent = resend_extract(brand, brands[brand], BrandPaths(settings.data, brand), settings, name=name, as_of=day, by=by, why=why)
    if as_json:
        console.say_json(asdict(resent))
    else:
        console.say(f"{brand}: {resent.name} of {resent.day} is sent again: {resent.file_count} files in {resent.folder}, from {resent.source}")


def offboard(
    brand: BrandArgument,
    yes: Annotated[str | None, typer.Option("--yes", metavar="NAME", help="The brand's name once more, instead of being asked for it.")] = None,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="First hand out the published version and the extracts, with their sha256.")
    ] = None,
    by: ByOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove everything this installation holds of a brand. Cannot be undone."""
    from fifty.offboard import offboard_brand

    settings = load_settings(config=config, data=data)
    try:
        _, brands = load_brands(config, data, None)
        configured = brands.get(brand)
    except SettingsError as error:
        # It may have left fifty.yml already, and have been its only brand.
        console.warn(f"the configuration cannot be read, so credentials and files it names are not listed: {error}")
        configured = None
    typed = (
        yes
        if yes is not None
        else typer.prompt(f"This removes {_list_places(settings, brand)} for ever. Type {brand} to go on", default="", show_default=False)
    )
    if typed != brand:
        raise typer.BadParameter(f"nothing was removed: the name typed is {typed!r}, not {brand!r}")
    done = offboard_brand(brand, settings, configured, export=export, by=by)
    if as_json:
        console.say_json(asdict(done))
        return
    if done.export:
        console.say(f"{brand}: exported to {done.export}; its manifest.json names every file with its sha256")
    console.say(f"{brand}: removed, {done.removed_bytes:,} bytes" + (f" and {done.removed_objects:,} stored objects" if done.removed_objects else ""))
    console.say("Left to do by hand:")
    for item in done.left_to_do:
        console.say(f"  - {item}")


def prune(
    brand: BrandOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List what would go, and remove nothing.")] = False,
    logs: Annotated[Path | None, typer.Option("--logs", metavar="DIR", help="Airflow's log folder, to prune it too.")] = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what is beyond its time: old versions and extracts, loads never finished, logs; in object stores, too. The DAG `maintenance` does it every night."""
    from fifty.maintain import prune_brand, prune_logs, remove_departed, tend_stores
    from fifty.warehouse import BrandPaths

    settings, brands = load_brands(config, data, brand)
    removals = [one for slug in brands for one in prune_brand(BrandPaths(settings.data, slug), settings, is_dry_run=dry_run)]
    log_count = prune_logs(logs, settings, is_dry_run=dry_run) if logs else 0
    # Last: what is here goes though a store may not answer. A listing asks no store.
    stored_count = 0
    if not dry_run:
        stored_count = sum(tend_stores(BrandPaths(settings.data, slug), settings) for slug in brands)
        stored_count += 0 if brand else remove_departed(settings)
    if as_json:
        console.say_json(
            {"is_dry_run": dry_run, "removals": [asdict(one) for one in removals], "log_files": log_count, "stored_things": stored_count}
        )
        return
    for one in removals:
        console.say(f"{one.brand}: {one.kind:14} {one.path} ({one.size:,} bytes)")
    if logs:
        console.say(f"{log_count} log files older than {settings.keep_log_days} days")
    if stored_count:
        console.say(f"{stored_count} versions, extracts and objects removed from object stores")
    console.say(f"{len(removals)} things {'would go' if dry_run else 'are removed'}, {sum(one.size for one in removals):,} bytes")


def compact(brand: BrandArgument, config: ConfigOption = None, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Rewrite a brand's work file without the room that deleted rows have left in it."""
    from fifty.compact import compact_brand
    from fifty.warehouse import BrandPaths

    settings, _ = load_brands(config, data, brand)
    with console.show_progress(f"{brand}: compact"):
        done = compact_brand(BrandPaths(settings.data, brand), settings)
    if as_json:
        console.say_json(asdict(done))
    elif done.is_replaced:
        console.say(
            f"{brand}: {done.bytes_before:,} bytes before, {done.bytes_after:,} after; {done.table_count} tables compared, in {done.seconds:.1f} s"
        )
    else:
        console.say(f"{brand}: {done.bytes_before:,} bytes, and a copy is no smaller: nothing was changed")


def upgrade(
    check: Annotated[bool, typer.Option("--check", help="Say what is to do, change nothing, and end with 1 where something is.")] = False,
    brand: BrandOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring work files to this version of Fifty: in place, or rebuilt from the landed files; says before how long it takes."""
    from fifty.upgrade import plan_upgrade, upgrade_brand
    from fifty.warehouse import BrandPaths

    settings, brands = load_brands(config, data, brand)
    plans = [plan_upgrade(BrandPaths(settings.data, slug), settings) for slug in brands]
    if as_json:
        console.say_json([{**asdict(plan), "message": plan.message} for plan in plans])
    for plan in plans:
        if not as_json:
            console.say(f"{plan.brand}: {'' if plan.action == 'nothing' else 'is to be ' if check else 'is being '}{plan.message}")
        if not check:
            with console.show_progress(f"{plan.brand}: upgrade"):
                failures = upgrade_brand(plan, BrandPaths(settings.data, plan.brand), settings)
            for failure in failures:
                console.warn(failure)
    if check and any(plan.action != "nothing" for plan in plans):
        raise typer.Exit(1)


AirflowDatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--airflow-database",
        metavar="URL",
        help="Airflow's own database, too: sqlite:///… or postgresql://… [default: FIFTY_AIRFLOW_DATABASE, else not].",
    ),
]


def backup(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where backups lie, one folder each.")],
    airflow_database: AirflowDatabaseOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Back up landing, work files, what is published, extracts, holds and pauses, and the configuration. Never values of credentials."""
    from fifty.backup import make_backup
    from fifty.config import load_config

    settings, _ = load_brands(config, data, None)
    with console.show_progress("backup"):
        done = make_backup(settings, load_config(settings.config), folder, airflow_database=_find_address(airflow_database, settings))
    if as_json:
        facts = asdict(done.manifest)
        console.say_json(
            {**facts, "folder": done.folder, "copied_bytes": done.copied_bytes, "linked_count": done.linked_count, "files": len(facts["files"])}
        )
    else:
        for slug, saved in done.manifest.brands.items():
            console.say(f"{slug}: {saved.fingerprint or 'nothing is published yet'}")
        console.say(
            f"{done.folder}: {len(done.manifest.files)} files, {done.copied_bytes:,} bytes copied, {done.linked_count} files shared with the backup before"
        )
        _say_names(done.manifest.credentials, done.manifest.airflow_connections)
    for text in done.manifest.warnings:
        console.warn(text)


def restore(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where backups lie, or the folder of one.")],
    backup_id: Annotated[str | None, typer.Option("--backup", metavar="ID", help="One of them [default: the newest that is complete].")] = None,
    airflow_database: AirflowDatabaseOption = None,
    config: ConfigOption = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring a backup back into an empty data directory; every file is compared with its sha256 before anything is in place."""
    from fifty.restore import restore_backup

    settings = load_settings(config=config, data=data)
    console.set_up_logging(settings.log_level)
    with console.show_progress("restore"):
        done = restore_backup(settings, folder, backup_id=backup_id, airflow_database=_find_address(airflow_database, settings))
    if as_json:
        console.say_json(asdict(done))
        return
    for slug, fingerprint in done.fingerprints.items():
        console.say(f"{slug}: {fingerprint or 'nothing was published'}{' (was in place already)' if slug in done.unchanged else ''}")
    console.say(f"{settings.data}: backup {done.backup_id} is restored, {done.file_count} files compared")
    if done.airflow:
        console.say(f"Airflow's database: {done.airflow}")
    _say_names(done.credentials, done.airflow_connections)


def _list_places(settings: Settings, brand: str) -> str:
    from fifty.storage import AREAS, area_url

    urls = sorted({url for area in AREAS if (url := area_url(settings, area))})
    folders = [settings.data, *([settings.published] if settings.published else [])]
    return ", ".join([*(str(folder / brand) for folder in folders), *(f"{url}/{brand}" for url in urls)])


def _find_address(given: str | None, settings: Settings) -> str | None:
    return given or (settings.airflow_database.get_secret_value() if settings.airflow_database else None)


def _say_names(credentials: list[str], connections: list[str]) -> None:
    if credentials:
        console.say(f"Not in it are the values of these credentials: {', '.join(credentials)}")
    if connections:
        console.say(f"Nor those of these Airflow connections and variables: {', '.join(connections)}")


def _say_act(
    brand: str, begin: str, end: str, *, is_end: bool, why: str, by: str | None, config: Path | None, data: Path | None, as_json: bool
) -> None:
    from fifty.state import read_state, record_act
    from fifty.warehouse import BrandPaths

    if not is_end and not why.strip():
        raise typer.BadParameter("--why is needed: whoever finds the brand so must learn the reason")
    settings, _ = load_brands(config, data, brand)
    paths = BrandPaths(settings.data, brand)
    before = getattr(read_state(paths), begin)
    if is_end == (before is None) or (before and before.why == why):
        words = f"was not {_PAST[begin]}" if is_end else f"is {_PAST[begin]} already, {before.words}"
    else:
        act = record_act(paths, end if is_end else begin, by=by, why=why)  # type: ignore[arg-type]
        words = f"is {_PAST[end if is_end else begin]}, {act.words}"
    if as_json:
        state = read_state(paths)
        console.say_json({"brand": brand, "hold": state.hold and asdict(state.hold), "pause": state.pause and asdict(state.pause)})
    else:
        console.say(f"{brand}: {words}")


_PAST = {"hold": "held", "release": "released", "pause": "paused", "resume": "resumed"}

COMMANDS: tuple[Callable[..., None], ...] = (hold, pause, resend, offboard, backup, restore, upgrade, compact, prune)
