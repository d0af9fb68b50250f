"""A task in the middle of which somebody else does something, when it is about to run a given line for the first time.

task, modules → record_lines → the lines it runs → run_visited(at=…, visit=…) → what the task came to

The visitor has a thread of its own: for the operating system's locks that is as good as another process.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from types import ModuleType

from killed_child import Line, trace_lines


def record_lines(task: Callable[[], object], *, watched: Iterable[ModuleType]) -> list[Line]:
    """The lines of `watched` that `task` runs, in the order of their first time."""
    seen: dict[Line, None] = {}
    _run_traced(task, watched, seen.setdefault)
    return list(seen)


def run_visited(task: Callable[[], object], *, watched: Iterable[ModuleType], at: Line, visit: Callable[[], object]) -> None:
    """Run `task` and, when it is about to run the line `at` for the first time, `visit` to its end. Raises what either of them raises."""
    met: list[bool] = []
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            visit()
        except BaseException as error:
            failures.append(error)

    def look(line: Line) -> None:
        if line == at and not met:
            met.append(True)
            visitor = threading.Thread(target=enter)
            visitor.start()
            visitor.join()

    try:
        _run_traced(task, watched, look)
    finally:
        if failures:
            raise failures[0]
    assert met, f"the task never came to {at}"


def _run_traced(task: Callable[[], object], watched: Iterable[ModuleType], look: Callable[[Line], object]) -> None:
    before = sys.gettrace()
    sys.settrace(trace_lines(watched, look))
    try:
        task()
    finally:
        sys.settrace(before)
