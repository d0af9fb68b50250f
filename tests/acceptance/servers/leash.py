"""Keep one server, and everything it starts, on a leash that cannot be slipped.

parent (the acceptance run) --pipe--> leash --PR_SET_PDEATHSIG--> server --> its workers

Some servers outlive a killed parent (PHP's built-in server leaves its workers behind). The leash is the parent of
the server, the reaper of its orphans and the leader of their process group, and it ends the group when

* the parent closes the pipe on descriptor 0, which the kernel does for it even after ``kill -9``;
* it is told to (SIGTERM, SIGINT, SIGHUP);
* the server ends by itself.

If the leash itself is killed, the kernel kills the server (PR_SET_PDEATHSIG).

Run alone: ``python leash.py [--user NAME] -- command argument …`` (imports the standard library only).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
GRACE_SECONDS = 8.0


class EndRequested(Exception):
    """A signal asked this leash to end its server."""


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}, {value}) failed")


def _raise_end_requested(_signal: int, _frame: FrameType | None) -> None:
    raise EndRequested


def _read_descendants(of: int) -> list[int]:
    """List the processes below one process, whatever group or session they have moved to."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
    found: list[int] = []
    frontier = {of}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier}
        found += sorted(frontier)
    return found


def _reap() -> None:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return


def end_all(first: signal.Signals, server: int) -> None:
    """Ask the server, then everything left below this process, then insist; returns when nothing is left."""
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ending, signal.SIG_IGN)
    asked = [server] if server in _read_descendants(os.getpid()) else []
    with_force_at = time.monotonic() + GRACE_SECONDS
    for process in asked:
        _send(process, first)
    while asked and time.monotonic() < with_force_at:
        _reap()
        if server not in _read_descendants(os.getpid()):
            break
        time.sleep(0.05)
    for process in _read_descendants(os.getpid()):
        _send(process, signal.SIGTERM)
    gentle_until = time.monotonic() + 1.0
    while True:
        _reap()
        left = _read_descendants(os.getpid())
        if not left:
            return
        if time.monotonic() > gentle_until:
            for process in left:
                _send(process, signal.SIGKILL)
        time.sleep(0.05)


def _send(process: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, what)


def main(arguments: list[str]) -> int:
    """Run the command after ``--`` until it ends or the parent does; return its exit code."""
    options, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    user = options[options.index("--user") + 1] if "--user" in options else None
    first = signal.Signals[options[options.index("--stop") + 1]] if "--stop" in options else signal.SIGTERM
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    for ending in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ending, _raise_end_requested)
    leash = os.getpid()

    def tie_to_leash() -> None:
        # After the change of user: the kernel forgets the wish when credentials change.
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != leash:
            os._exit(1)

    entry = pwd.getpwnam(user) if user else None
    server: subprocess.Popen[bytes] | None = None
    was_asked = False
    try:
        server = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            preexec_fn=tie_to_leash,
            user=entry.pw_uid if entry else None,
            group=entry.pw_gid if entry else None,
            extra_groups=[entry.pw_gid] if entry else None,
        )
        while server.poll() is None:
            readable, _, _ = select.select([0], [], [], 0.25)
            if readable and not os.read(0, 4096):
                was_asked = True
                break
    except EndRequested:
        was_asked = True
    finally:
        if server is not None:
            end_all(first, server.pid)
    if was_asked:
        return 0
    code = server.returncode if server is not None else 1
    # As a shell says it: a server killed by a signal has not ended well.
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
