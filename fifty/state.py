"""What operators have said of a brand: held, paused, sent again, gone. Outlives restarts and replays.

`fifty hold | pause | resend | offboard` → data/<brand>/operations.json, data/.offboarded/<brand>.json → BrandState → stages, DAGs, status

A list of acts, oldest first: the last hold or release, the last pause or resume decide. Replaced whole in one step, under a lock of its own, because
a hold must bite while a run has the work file (decision 0012). The clock is read here only to say when somebody said something.
Try it alone: `python -m fifty.state data/<brand>`.
"""

from __future__ import annotations

import getpass
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock

from fifty.errors import FatalError, HeldError, PausedError
from fifty.landing import write_atomically
from fifty.warehouse import BrandPaths, hold_folder, refuse_departed

ActKind = Literal["hold", "release", "pause", "resume", "resend", "departure"]
_KINDS = frozenset(get_args(ActKind))


@dataclass(frozen=True)
class Act:
    """One thing an operator has said. `at` is UTC; `facts` say what it was about where that is not the whole brand."""

    kind: ActKind
    by: str
    at: str
    why: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """`since … by …: why`."""
        return f"since {self.at} by {self.by}" + (f": {self.why}" if self.why else "")


@dataclass(frozen=True)
class BrandState:
    """How a brand stands by the word of its operators; `hold` and `pause` are the acts in force."""

    acts: tuple[Act, ...] = ()
    hold: Act | None = None
    pause: Act | None = None
    departure: Act | None = None


def read_state(paths: BrandPaths) -> BrandState:
    """What is in force for a brand. Raises FatalError for a file that cannot be read: then nobody knows, and nothing may be sent."""
    acts = tuple(_parse_act(one, paths.operations) for one in _read_json(paths.operations, []))
    gone = _read_json(paths.departure, None)
    return BrandState(
        acts,
        hold=_find_last(acts, "hold", "release"),
        pause=_find_last(acts, "pause", "resume"),
        departure=_parse_act({"kind": "departure", **gone}, paths.departure) if gone is not None else None,
    )


def record_act(paths: BrandPaths, kind: ActKind, *, by: str | None = None, why: str = "", facts: Mapping[str, str] | None = None) -> Act:
    """Add one act; it is in force when this returns. Raises DepartedError for a brand that has left."""
    act = Act(kind, by or name_operator(), _say_now(), why, dict(facts or {}))
    with hold_folder(paths), FileLock(paths.root / ".operations.lock"):
        for leftover in paths.root.glob(f".{paths.operations.name}.*.tmp"):
            leftover.unlink()
        acts = [asdict(one) for one in (*read_state(paths).acts, act)]
        write_atomically(paths.operations, (json.dumps(acts, indent=1, ensure_ascii=False) + "\n").encode())
    return act


def mark_departure(paths: BrandPaths, *, by: str | None = None) -> None:
    """Say that the brand has left; hold all of its locks. Nothing of its people is in the mark, which stays."""
    if not paths.departure.exists():
        write_atomically(paths.departure, (json.dumps({"by": by or name_operator(), "at": _say_now()}) + "\n").encode())


def refuse_stopped(paths: BrandPaths) -> None:
    """Raise PausedError where the brand is paused, DepartedError where it has left."""
    refuse_departed(paths)
    if pause := read_state(paths).pause:
        raise PausedError(
            "the brand is paused: nothing is pulled, built or sent",
            where=paths.brand,
            seen=pause.words,
            remedy=f"`fifty pause {paths.brand} --resume`; what is published stays readable meanwhile",
        )


def refuse_held(paths: BrandPaths) -> None:
    """Raise HeldError where the brand's extracts are held."""
    if hold := read_state(paths).hold:
        raise HeldError(
            "extracts are held: none is written or sent",
            where=f"{paths.brand}/extract",
            seen=hold.words,
            remedy=f"`fifty hold {paths.brand} --release`, then `fifty extract --brand {paths.brand}` or wait for the next publish",
        )


def name_operator() -> str:
    """Who is at the keyboard, as the system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _find_last(acts: tuple[Act, ...], begin: ActKind, end: ActKind) -> Act | None:
    last = next((act for act in reversed(acts) if act.kind in (begin, end)), None)
    return last if last and last.kind == begin else None


def _say_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _read_json(path: Path, absent: Any) -> Any:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return absent
    except (OSError, ValueError) as error:
        raise _refuse_file(path, str(error)) from None
    # A list of acts, or one act: the file of one must not be taken for the other.
    if not isinstance(found, list if absent == [] else dict):
        raise _refuse_file(path, f"a {type(found).__name__}")
    return found


def _parse_act(raw: Any, path: Path) -> Act:
    try:
        if raw["kind"] not in _KINDS:
            raise ValueError(f"kind {raw['kind']!r}")
        return Act(raw["kind"], str(raw["by"]), str(raw["at"]), str(raw.get("why", "")), dict(raw.get("facts", {})))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _refuse_file(path, f"{type(error).__name__}: {error}") from None


def _refuse_file(path: Path, seen: str) -> FatalError:
    return FatalError(
        "what operators have said cannot be read, so nobody knows whether the brand is held or paused",
        where=str(path),
        seen=" ".join(seen.split()),
        expected="the JSON that `fifty hold` and `fifty pause` write",
        remedy="restore the file from a backup; or move it away and say again what holds: `fifty hold`, `fifty pause`",
    )


if __name__ == "__main__":
    import sys

    target = Path(sys.argv[1])
    for one in read_state(BrandPaths(target.parent, target.name)).acts:
        sys.stdout.write(f"{one.kind} {one.words}\n")
