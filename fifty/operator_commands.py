"""Day-two commands: options and words; the work is in the modules they call.

argv → fifty/{state,resend,offboard}.py → words and an exit code

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
from fifty.options import ConfigOption, DataOption, JsonOption, load_brands, read_day
from fifty.settings import load_settings

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
        else typer.prompt(f"This removes {settings.data / brand} for ever. Type {brand} to go on", default="", show_default=False)
    )
    if typed != brand:
        raise typer.BadParameter(f"nothing was removed: the name typed is {typed!r}, not {brand!r}")
    done = offboard_brand(brand, settings, configured, export=export, by=by)
    if as_json:
        console.say_json(asdict(done))
        return
    if done.export:
        console.say(f"{brand}: exported to {done.export}; its manifest.json names every file with its sha256")
    console.say(f"{brand}: removed, {done.removed_bytes:,} bytes")
    console.say("Left to do by hand:")
    for item in done.left_to_do:
        console.say(f"  - {item}")


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

COMMANDS: tuple[Callable[..., None], ...] = (hold, pause, resend, offboard)
