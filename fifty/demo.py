"""Have something to run against without credentials: the demo platforms, and a fifty.yml for them.

`python -m demo serve` (separate processes) → DIR/addresses.json → DIR/fifty.yml, DIR/secrets/* → every stage

The product knows nothing of the demo world: it starts it as anybody would and reads the addresses it writes.
Run alone: `fifty demo DIR`, `fifty demo DIR --detach`, `fifty demo DIR --stop`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from fifty.errors import FatalError, SettingsError
from fifty.landing import write_atomically
from fifty.settings import PROJECT_ROOT

START_SECONDS = 90.0
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class DemoSetup:
    """Where the demo is: `as_of` is the day its world ends, the one day at which everything in it can be seen; `truth` says what is true of a brand."""

    folder: Path
    config: Path
    secrets: Path
    brands: tuple[str, ...]
    truth: dict[str, Path]
    as_of: date
    pid: int

    @property
    def brand(self) -> str:
        """The first brand; most worlds have no other."""
        return self.brands[0]


def start_demo(folder: Path, preset: str = "run") -> tuple[DemoSetup, subprocess.Popen[bytes]]:
    """Start the demo platforms for `folder` and write fifty.yml and the credentials; returns when they answer. A new world is of the `preset`.

    The processes end with `stop_demo`. Raises SettingsError where there is no demo, FatalError when it does not come up.
    """
    _check_presence()
    folder.mkdir(parents=True, exist_ok=True)
    addresses = folder / "addresses.json"
    if _is_served(folder):
        raise FatalError(
            "the demo platforms run already", where=str(folder), seen=str(addresses), remedy=f"stop them with `fifty demo {folder} --stop`"
        )
    addresses.unlink(missing_ok=True)
    log = folder / "demo.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "demo", "serve", "--dir", str(folder.resolve()), "--preset", preset, "--limits", "raised"],
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while not addresses.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            process.terminate()
            raise FatalError(
                "the demo platforms did not come up",
                where=str(folder),
                seen=_read_tail(log),
                expected=f"{addresses} within {START_SECONDS:.0f} s",
                remedy=f"read {log}",
            )
        time.sleep(0.1)
    return write_setup(folder), process


def stop_demo(folder: Path) -> str:
    """End the demo platforms of `folder`; returns what the demo says. Raises FatalError when they do not end."""
    _check_presence()
    done = subprocess.run(
        [sys.executable, "-m", "demo", "stop", "--dir", str(folder.resolve())], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise FatalError("the demo platforms did not stop", where=str(folder), seen=done.stderr.strip(), remedy="end the process that is named")
    return done.stdout.strip()


def write_setup(folder: Path) -> DemoSetup:
    """Write DIR/fifty.yml and DIR/secrets/ from DIR/addresses.json. Raises FatalError for addresses that cannot be read."""
    path = folder / "addresses.json"
    try:
        addresses: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        secrets = folder.resolve() / "secrets"
        config: dict[str, Any] = {"brands": {}}
        truth = {}
        for one in addresses["brands"]:
            key = one["brand"]["key"]
            config["brands"][key] = _describe_brand(one)
            truth[key] = Path(one["truth_dir"])
            for platform, at in one["platforms"].items():
                _write_secret(secrets / _name_secret(key, platform), at["token" if platform == "mastodon" else "app_password"])
        setup = DemoSetup(
            folder=folder.resolve(),
            config=folder.resolve() / "fifty.yml",
            secrets=secrets,
            brands=tuple(truth),
            truth=truth,
            as_of=date.fromisoformat(addresses["anchor"]),
            pid=int(addresses["pid"]),
        )
        if not truth:
            raise ValueError("no brand")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FatalError(
            "the demo's addresses cannot be read",
            where=str(path),
            seen=f"{type(error).__name__}: {error}",
            expected="what `python -m demo serve` writes",
            remedy="start the demo again",
        ) from None
    text = "# Written by `fifty demo` from addresses.json; the ports may change at the next start.\n"
    write_atomically(setup.config, (text + yaml.safe_dump(config, sort_keys=False, allow_unicode=True)).encode())
    return setup


def _describe_brand(addresses: dict[str, Any]) -> dict[str, Any]:
    brand, platforms = addresses["brand"], addresses["platforms"]
    hours = brand["working_hours"]
    accounts = []
    for platform, at in platforms.items():
        account = {
            "platform": platform,
            "handle": at.get("handle") or at["user"],
            "base_url": at["base_url"],
            "credential": _name_secret(brand["key"], platform),
        }
        if platform == "bluesky":
            account |= {"user": at["handle"], "auth_url": at["pds_url"]}
        if platform == "wordpress":
            account |= {"id": at["account_id"], "user": at["user"]}
        accounts.append(account)
    return {
        "name": brand["name"],
        "timezone": brand["timezone"],
        "currency": brand["currency"],
        "language": brand["language"],
        "working_hours": {
            "days": [day for day in _DAYS if day[:3] in {one[:3].lower() for one in hours["days"]}],
            "start": hours["from"],
            "end": hours["to"],
        },
        "terms": brand["terms"],
        "accounts": accounts,
        **{
            place: _describe_roles(addresses["accounts"], role)
            for place, role in (("staff", "staff"), ("agency", "agency"), ("automatons", "automaton"))
        },
        "business_files": addresses["business_dir"],
        "extracts": [
            {"name": "the_fifty", "formats": ["csv", "xlsx", "html"], "recipients": ["the brand's social lead"]},
            {"name": "weekly", "formats": ["html"], "recipients": ["the brand's social lead"]},
            {"name": "quarterly_verdict", "formats": ["csv", "xlsx", "html"], "recipients": ["whoever decides on the budget"]},
        ],
    }


def _describe_roles(accounts: list[dict[str, Any]], role: str) -> list[dict[str, Any]]:
    return [
        {
            "platform": account["platform"],
            "id": account["account_id"],
            "handle": account["handle"],
            "answers_for_brand": account["answers_for_brand"],
            "responder": account["responder_id"],
            "valid_from": account["valid_from"],
            "valid_to": account["valid_to"],
        }
        for account in accounts
        if account["role"] == role
    ]


def _name_secret(brand: str, platform: str) -> str:
    return f"demo-{brand}-{platform}"


def _write_secret(path: Path, value: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(value + "\n", encoding="utf-8")


def _check_presence() -> None:
    if not (PROJECT_ROOT / "demo" / "__main__.py").is_file():
        raise SettingsError(
            "the demo is not here", where="fifty demo", seen=f"no {PROJECT_ROOT / 'demo'}", expected="a clone", remedy="run it from a clone of Fifty"
        )


def _is_served(folder: Path) -> bool:
    # The pid alone may have been given to another process since.
    try:
        pid = int(json.loads((folder / "addresses.json").read_text(encoding="utf-8"))["pid"])
        return b"demo" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError, KeyError):
        return False


def _read_tail(path: Path) -> str:
    return " ".join(path.read_text(encoding="utf-8", errors="replace").split())[-300:]
