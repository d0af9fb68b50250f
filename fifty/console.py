"""What a person at a terminal sees: text made safe, progress while something runs, errors without a traceback.

results, errors → stripped, plain text → stdout (answers), stderr (progress, logs, errors)

On a terminal the running stage is shown; anywhere else every stage is one plain line in the log.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import simplejson
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

# C0 without tab and newline, DEL, C1, and the marks that reverse or hide text.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

stdout = Console(soft_wrap=True, highlight=False, emoji=False)
stderr = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)


def strip_controls(text: str) -> str:
    """Text without characters that move the cursor, colour, reverse or hide: names and messages come from strangers."""
    return _CONTROLS.sub("", text)


class PlainFormatter(logging.Formatter):
    """One record, one line of plain text; a traceback only where something unexpected happened."""

    def format(self, record: logging.LogRecord) -> str:
        """The record with controls stripped."""
        return strip_controls(super().format(record))


def is_worth_a_line(record: logging.LogRecord) -> bool:
    """Our own records, and others' warnings: some libraries set their own level when they are imported."""
    return record.name.split(".")[0] == "fifty" or record.levelno >= logging.WARNING


def set_up_logging(level: str) -> None:
    """Send logs to stderr: plain lines, or beside the progress display on a terminal. Loud libraries are kept to warnings."""
    if stderr.is_terminal:
        handler: logging.Handler = RichHandler(console=stderr, show_path=False, show_time=False, markup=False)
        handler.setLevel(max(logging.WARNING, logging.getLevelName(level)) if level != "DEBUG" else logging.DEBUG)
    else:
        handler = logging.StreamHandler(sys.stderr)
        handler.setLevel(level)
    handler.addFilter(is_worth_a_line)
    handler.setFormatter(PlainFormatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("fifty").setLevel(level)


def say(text: str = "") -> None:
    """An answer, on stdout."""
    stdout.print(escape(strip_controls(text)))


def say_json(value: Any) -> None:
    """An answer as JSON, on stdout."""
    sys.stdout.write(simplejson.dumps(value, indent=2, sort_keys=True, default=str, use_decimal=True) + "\n")


def warn(text: str) -> None:
    """A warning, on stderr."""
    stderr.print(f"[yellow]warning:[/] {escape(strip_controls(text))}")


def complain(text: str) -> None:
    """An error, on stderr."""
    stderr.print(f"[red]error:[/] {escape(strip_controls(text))}")


@contextmanager
def show_progress(text: str) -> Iterator[None]:
    """Show that something runs, on a terminal; elsewhere the log says it."""
    if stderr.is_terminal:
        with stderr.status(escape(strip_controls(text))):
            yield
    else:
        yield
