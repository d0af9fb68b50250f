"""What commands have in common: their options, and the settings and brands they are about.

argv → Settings, brands → the command

Light: imported with the command line, whose `--help` answers at once.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fifty import console
from fifty.settings import Settings, load_settings

if TYPE_CHECKING:
    from fifty.config import Brand

ConfigOption = Annotated[Path | None, typer.Option("--config", help="The configuration file [default: fifty.yml, or FIFTY_CONFIG].")]
DataOption = Annotated[Path | None, typer.Option("--data", help="The data directory [default: data, or FIFTY_DATA].")]
BrandOption = Annotated[str | None, typer.Option("--brand", help="One brand [default: all].")]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]


def load_brands(config: Path | None, data: Path | None, brand: str | None) -> tuple[Settings, dict[str, Brand]]:
    """Settings, and the brand named or all of them. Raises SettingsError with all mistakes."""
    from fifty.config import load_config
    from fifty.connectors.base import discover_connectors, remote_platforms

    settings = load_settings(config=config, data=data)
    console.set_up_logging(settings.log_level)
    return settings, load_config(settings.config, platforms=remote_platforms(discover_connectors().values())).pick(brand)


def read_day(option: str, text: str | None) -> date | None:
    """A day as a person types it."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{option} {text!r} is no date; write it as 2026-03-31") from None
