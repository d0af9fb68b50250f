"""A task in a forked process that is killed, really, when it is about to run a given line for the first time.

task, modules → run_in_child(record=…) → the lines it runs → run_in_child(kill_at=…) → SIGKILL there
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

Line = tuple[str, int]


def trace_lines(watched: Iterable[ModuleType], look: Callable[[Line], object]) -> Callable[[FrameType, str, Any], Any]:
    """For sys.settrace: `look` is called with each line of `watched` that is about to run."""
    files = {str(module.__file__) for module in watched}

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            look((frame.f_code.co_filename, frame.f_lineno))
        return trace

    return trace


def run_in_child(task: Callable[[], object], *, watched: Iterable[ModuleType], kill_at: Line | None = None, record: Path | None = None) -> int:
    """Run `task` in a fork, killed at a line of `watched` or recording the lines it runs; returns the signal that ended it, 0 when it ended well."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the child failed"
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    seen: dict[Line, None] = {}

    def look(line: Line) -> None:
        if line == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        seen.setdefault(line)

    try:
        sys.settrace(trace_lines(watched, look))
        task()
        sys.settrace(None)
        if record:
            record.write_text("\n".join(f"{file}\t{number}" for file, number in seen), encoding="utf-8")
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def read_lines(record: Path) -> list[Line]:
    """The lines that a recorded task ran, in the order of their first time."""
    return [(file, int(number)) for file, number in (line.split("\t") for line in record.read_text(encoding="utf-8").splitlines())]
