"""The command line: reads options, calls the pipeline, says what came of it.

argv → Settings, Config → BrandRun, doctor, status, demo → words and an exit code

Exit codes: 0 done (perhaps with warnings), 1 failed, 2 wrong usage or configuration, 3 a gate stopped it. Run alone: `fifty --help`.
Heavy modules are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from fifty import console, operator_commands
from fifty.errors import FiftyError, GateFailed, HeldError, SettingsError
from fifty.options import BrandOption, ConfigOption, DataOption, JsonOption, load_brands, read_day
from fifty.runbook import name_page
from fifty.settings import load_settings

logger = logging.getLogger(__name__)

app = typer.Typer(
    name="fifty",
    help="A relationship-quality warehouse: who the fifty people are, and whether anyone answers them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)

AsOfOption = Annotated[str | None, typer.Option("--as-of", metavar="DATE", help="The day the marts describe, YYYY-MM-DD [default: yesterday, UTC].")]
KnownAtOption = Annotated[
    str | None, typer.Option("--known-at", metavar="INSTANT", help="Leave out what was observed later [default: everything known].")
]
PlatformOption = Annotated[list[str] | None, typer.Option("--platform", help="One platform; may be given several times [default: all].")]
SinceOption = Annotated[str | None, typer.Option("--since", metavar="INSTANT", help="Pull events of a past window from here (a backfill).")]
UntilOption = Annotated[str | None, typer.Option("--until", metavar="INSTANT", help="End of the window pulled [default: the end of the as-of day].")]


@app.callback(invoke_without_command=True)
def show_version(version: Annotated[bool, typer.Option("--version", help="Say the version and end.")] = False) -> None:
    """Say the version when asked."""
    if version:
        from importlib.metadata import version as read_version

        console.say(f"fifty {read_version('fifty')}")
        raise typer.Exit


@app.command()
def init(config: ConfigOption = None) -> None:
    """Write a commented fifty.yml; never over one that is there."""
    from fifty.doctor import write_template

    settings = load_settings(config=config)
    write_template(settings.config)
    console.say(f"{settings.config} is written. Fill in your accounts, then run: fifty doctor")


@app.command()
def doctor(
    config: ConfigOption = None,
    data: DataOption = None,
    online: Annotated[bool, typer.Option("--online", help="Ask every platform's server and the object stores, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong with this installation or fifty.yml, and how to mend it."""
    from fifty.doctor import examine, find_outcome

    findings = examine(load_settings(config=config, data=data), is_online=online)
    outcome = find_outcome(findings)
    if as_json:
        console.say_json({"outcome": outcome, "findings": [finding.as_dict() for finding in findings]})
    else:
        for finding in findings:
            console.say(f"{finding.outcome:8} {finding.check}: {finding.seen}")
            if finding.remedy:
                console.say(f"         → {finding.remedy}")
        wrong = sum(finding.outcome == "wrong" for finding in findings)
        warnings = sum(finding.outcome == "warning" for finding in findings)
        console.say(f"{len(findings)} checks, {wrong} wrong, {warnings} to look at.")
    if outcome == "wrong":
        raise typer.Exit(2)


@app.command()
def run(
    config: ConfigOption = None,
    data: DataOption = None,
    brand: BrandOption = None,
    as_of: AsOfOption = None,
    platform: PlatformOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run all stages: pull, land, gate, transform, gate, publish, extract."""
    end, start = _read_instant("--until", until), _read_instant("--since", since)
    _run_stages(
        lambda one: one.run(until=end, since=start, platforms=platform),
        config=config, data=data, brand=brand, as_of=as_of, platforms=platform, as_json=as_json,
    )  # fmt: skip


@app.command()
def pull(
    config: ConfigOption = None,
    data: DataOption = None,
    brand: BrandOption = None,
    as_of: AsOfOption = None,
    platform: PlatformOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read the platforms into landed files. Pulling the same window again changes nothing."""
    end, start = _read_instant("--until", until), _read_instant("--since", since)
    _run_stages(
        lambda one: one.pull(until=end, since=start, platforms=platform),
        config=config, data=data, brand=brand, as_of=as_of, platforms=platform, as_json=as_json,
    )  # fmt: skip


@app.command()
def land(config: ConfigOption = None, data: DataOption = None, brand: BrandOption = None, as_json: JsonOption = False) -> None:
    """Bring landed files into the staging tables; each load comes whole or not at all."""
    _run_stages(lambda one: one.land(), config=config, data=data, brand=brand, as_json=as_json)


@app.command()
def gate(
    config: ConfigOption = None,
    data: DataOption = None,
    brand: BrandOption = None,
    as_of: AsOfOption = None,
    marts: Annotated[bool, typer.Option("--marts", help="Check the finished marts instead of the landed loads.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the landed loads, or with --marts the finished marts."""
    _run_stages(lambda one: one.gate_marts() if marts else one.gate_landed(), config=config, data=data, brand=brand, as_of=as_of, as_json=as_json)


@app.command()
def transform(
    config: ConfigOption = None,
    data: DataOption = None,
    brand: BrandOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the marts from the accepted loads."""
    _run_stages(lambda one: one.transform(), config=config, data=data, brand=brand, as_of=as_of, known_at=known_at, as_json=as_json)


@app.command()
def publish(
    config: ConfigOption = None,
    data: DataOption = None,
    brand: BrandOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    version: Annotated[str | None, typer.Option("--version", help="Go back (or forward) to this version instead of publishing a new one.")] = None,
    fingerprint: Annotated[
        bool, typer.Option("--fingerprint", help="Say the fingerprint of what is published; equal content gives equal text.")
    ] = False,
    list_versions: Annotated[bool, typer.Option("--list", help="List the versions kept; * marks the current one.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the finished marts a new read-only version, swapped in at once; older versions are kept."""
    if sum((version is not None, fingerprint, list_versions)) > 1:
        raise typer.BadParameter("choose one of --version, --fingerprint and --list")
    if version is not None and brand is None:
        raise typer.BadParameter("--version needs --brand: a version belongs to one brand")
    if version is not None or fingerprint or list_versions:
        _show_versions(config, data, brand, version, fingerprint, as_json)
        return
    _run_stages(lambda one: one.publish(), config=config, data=data, brand=brand, as_of=as_of, known_at=known_at, as_json=as_json)


@app.command()
def extract(
    config: ConfigOption = None,
    data: DataOption = None,
    brand: BrandOption = None,
    name: Annotated[
        list[str] | None, typer.Option("--name", help="One extract, as fifty.yml names it; may be given several times [default: all].")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the extracts that people receive, from what is published."""
    _run_stages(lambda one: one.extract(names=name), config=config, data=data, brand=brand, as_json=as_json)


@app.command()
def replay(
    config: ConfigOption = None,
    data: DataOption = None,
    brand: BrandOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    as_json: JsonOption = False,
) -> None:
    """Rebuild the warehouse from the landed files alone, without network, and publish the same marts again."""
    _run_stages(lambda one: one.replay(), config=config, data=data, brand=brand, as_of=as_of, known_at=known_at, as_json=as_json)


@app.command()
def calibrate(
    config: ConfigOption = None,
    data: DataOption = None,
    brand: BrandOption = None,
    write: Annotated[bool, typer.Option("--write", help="Write what was found to brands/<brand>.calibration.yml; the next run uses it.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fit on the last build what a daily build must not: P(alive), half-life, layers, elasticity. Changes no marts."""
    from fifty.calibrate import run_calibration, write_calibration
    from fifty.warehouse import BrandPaths

    settings, brands = load_brands(config, data, brand)
    answers: dict[str, Any] = {}
    for slug in brands:
        found = run_calibration(BrandPaths(settings.data, slug), settings)
        path = write_calibration(settings.config, found) if write else None
        answers[slug] = {**asdict(found), "written": str(path) if path else None}
        if as_json:
            continue
        for one in found.findings:
            interval = f" [{one.low:.4f}, {one.high:.4f}]" if one.low is not None and one.high is not None else ""
            value = f"{one.value:.4f}{interval}" if one.value is not None else "none"
            console.say(
                f"{slug}: {one.measure}, {one.item}: {value}"
                + (f" (n {one.count})" if one.count is not None else "")
                + (f"; {one.note}" if one.note else "")
            )
        for name, fitted in found.parameters.items():
            console.say(f"{slug}: parameter {name} = {fitted:g}")
        if path:
            console.say(f"{slug}: written to {path}. The next run uses it, and reports the break in series.")
        elif found.parameters:
            console.say(f"{slug}: nothing is changed. With --write the next run uses these {len(found.parameters)} parameters.")
        else:
            console.say(f"{slug}: nothing to change.")
    if as_json:
        console.say_json(answers)


@app.command()
def status(config: ConfigOption = None, data: DataOption = None, brand: BrandOption = None, as_json: JsonOption = False) -> None:
    """Say per brand what was pulled, what waits, what was refused, what is published and how fresh it is."""
    from fifty.status import describe_status, read_status

    settings, brands = load_brands(config, data, brand)
    found = [read_status(slug, one, settings) for slug, one in brands.items()]
    if as_json:
        console.say_json([asdict(one) for one in found])
        return
    for one in found:
        for line in describe_status(one):
            console.say(line)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where the demo lives.")] = Path(".run/demo"),
    preset: Annotated[
        str, typer.Option("--preset", help="Kind of world: run, small, tiny (a brand nobody talks with) or agency (forty brands).")
    ] = "run",
    detach: Annotated[bool, typer.Option("--detach", help="Return as soon as the platforms answer; they go on running.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the platforms of this folder.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Serve a brand world as the platforms would, and write a fifty.yml for it."""
    import signal
    import subprocess

    from fifty.demo import start_demo, stop_demo

    if stop:
        console.say(stop_demo(folder))
        return
    with console.show_progress("starting the demo platforms"):
        setup, process = start_demo(folder, preset)
    if as_json:
        console.say_json(asdict(setup))
    else:
        console.say(f"The demo platforms answer; their processes belong to {setup.pid}.")
        console.say("Try them with:")
        console.say(f"  export FIFTY_CONFIG={setup.config} FIFTY_SECRETS={setup.secrets}")
        console.say(f"  fifty run --as-of {setup.as_of}")
        console.say(f"Stop them with: fifty demo {folder} --stop" if detach else "Ctrl-C ends them.")
    if detach:
        return
    sys.stdout.flush()
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        code = 0
    finally:
        signal.signal(signal.SIGTERM, previous)
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
    if code:
        raise typer.Exit(1)


for command in operator_commands.COMMANDS:
    app.command()(command)


def _run_stages(
    work: Callable[[Any], object],
    *,
    config: Path | None,
    data: Path | None,
    brand: str | None,
    as_of: str | None = None,
    known_at: str | None = None,
    platforms: list[str] | None = None,
    as_json: bool = False,
) -> None:
    """Do `work` on a run of each brand; one brand's failure does not stop the next. Ends with the worst exit code."""
    from fifty.pipeline import BrandRun

    settings, brands = load_brands(config, data, brand)
    _check_platforms(platforms)
    day = read_day("--as-of", as_of) or datetime.now(UTC).date() - timedelta(days=1)
    known = _read_instant("--known-at", known_at)
    answers = []
    codes = [0]
    for slug, one in brands.items():
        started = BrandRun(slug, one, settings, day, known_at=known)
        error: Exception | None = None
        skipped: HeldError | None = None
        try:
            work(started)
        except HeldError as caught:
            # As an operator has said: no failure.
            skipped = caught
        except FiftyError as caught:
            error = caught
            codes.append(caught.exit_code)
        except Exception as caught:
            error = caught
            codes.append(1)
        answers.append(
            {
                "brand": slug,
                "as_of": day,
                "stages": [report.as_dict() for report in started.done],
                "skipped": str(skipped) if skipped else None,
                "error": str(error) if error else None,
            }
        )
        if not as_json:
            for report in started.done:
                console.say(report.describe())
            if skipped:
                console.say(f"{slug}: skipped     {skipped}")
        for report in started.done:
            for text in report.warnings:
                console.warn(text)
        if isinstance(error, FiftyError):
            console.complain(f"{error} · page: {name_page(error)}")
            if isinstance(error, GateFailed):
                console.complain(f"{slug}: a gate stopped the run; what was published before stays. `fifty status --brand {slug}` says what failed.")
        elif error:
            _complain_unexpected(error)
    if as_json:
        console.say_json(answers)
    if max(codes):
        # A wrong configuration first (2), then a gate (3), then anything else (1): the order in which one would mend them.
        raise typer.Exit(next(code for code in (2, 3, 1) if code in codes))


def _show_versions(config: Path | None, data: Path | None, brand: str | None, version: str | None, fingerprint: bool, as_json: bool) -> None:
    from fifty.publish import fingerprint_marts, list_versions, read_current_version, switch_version
    from fifty.publish_store import push_version
    from fifty.warehouse import BrandPaths, hold_folder

    settings, brands = load_brands(config, data, brand)
    answers: dict[str, Any] = {}
    for slug in brands:
        paths = BrandPaths(settings.data, slug)
        if version is not None:
            # Held over both: a brand that left in between would be uploaded after it was removed.
            with hold_folder(paths):
                switch_version(paths, settings, version)
                push_version(paths, settings, version, is_deliberate=True)
            answers[slug] = version
            lines = [f"{slug}: version {version} is published now"]
        else:
            current = read_current_version(paths)
            versions = list_versions(paths)
            if fingerprint:
                # Computed from the file, not repeated from what publish once wrote down.
                answers[slug] = fingerprint_marts(paths.published / "versions" / current / "marts.duckdb") if current else None
                lines = [f"{slug}: {answers[slug] or 'nothing is published yet'}"]
            else:
                answers[slug] = {"current": current, "versions": [asdict(one) for one in versions]}
                lines = [
                    f"{slug}: {'*' if one.publish_id == current else ' '} {one.publish_id} as of {one.as_of_date} {one.fingerprint[:12]}"
                    for one in versions
                ] or [f"{slug}: nothing is published yet"]
        if not as_json:
            for line in lines:
                console.say(line)
    if as_json:
        console.say_json(answers)


def _check_platforms(platforms: list[str] | None) -> None:
    from fifty.connectors.base import discover_connectors

    known = set(discover_connectors())
    for platform in platforms or []:
        if platform not in known:
            raise typer.BadParameter(f"--platform {platform!r} is no platform; known: {', '.join(sorted(known))}")


def _read_instant(option: str, text: str | None) -> datetime | None:
    """An instant with zone; a bare date is its beginning, and a time without zone is meant as UTC."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text!r} is no instant; write it as 2026-03-31 or 2026-03-31T18:00:00Z") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


@contextmanager
def _speak_of_errors() -> Iterator[None]:
    """Say errors as text and end with their exit code; a traceback goes to the log of FIFTY_LOG_LEVEL=DEBUG only."""
    try:
        yield
    except FiftyError as error:
        logger.debug("traceback", exc_info=True)
        console.complain(f"{error} · page: {name_page(error)}")
        if isinstance(error, SettingsError):
            console.stderr.print("`fifty doctor` says what else to mend.")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        console.complain("interrupted; what was finished stays, and the same command goes on from there")
        sys.exit(1)
    except BrokenPipeError:
        # The reader (head, less) has gone: nothing to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        _complain_unexpected(error)
        sys.exit(1)


def _complain_unexpected(error: Exception) -> None:
    from fifty.http import redact_secrets

    logger.debug("traceback", exc_info=error)
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"
    console.complain(redact_secrets(f"unexpected {type(error).__name__} in {place}: {error}"))
    console.complain("This is a defect of Fifty, or a broken machine. FIFTY_LOG_LEVEL=DEBUG shows the whole traceback.")


def main() -> None:
    """Entry point."""
    with _speak_of_errors():
        app()


if __name__ == "__main__":
    main()
