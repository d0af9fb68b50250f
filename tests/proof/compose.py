"""What docker-compose.yml says, as Compose itself reads it.

docker-compose.yml, secrets → `docker-compose config` → services: argv, environment, health check, volumes

Reading it with Compose and not with a YAML library means that interpolation, merges and profiles are those an operator gets, and that a file which
Compose refuses fails here, too. Try it alone: ``python -m tests.proof.compose``.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.acceptance.servers.processes import ServerFailed, find_program

ROOT = Path(__file__).resolve().parents[2]
# What the image's own entrypoint passes to the shell as it is; anything else is a subcommand of airflow.
PROGRAMS = ("airflow", "bash", "python")
SECRETS = (
    "FIFTY_POSTGRES_PASSWORD",
    "FIFTY_FERNET_KEY",
    "FIFTY_JWT_SECRET",
    "FIFTY_SESSION_SECRET",
    "FIFTY_ADMIN_PASSWORD",
)


@dataclass(frozen=True)
class Volume:
    """A folder that a container sees: a volume's name or a path beside the file, and where it is seen."""

    source: str
    target: str

    @property
    def is_bind(self) -> bool:
        """Whether the source is a path of the host."""
        return self.source.startswith("/")


@dataclass(frozen=True)
class Service:
    """One service as its container would run it."""

    name: str
    image: str
    command: tuple[str, ...]
    """What the container executes, entrypoint included; empty: what the image does by itself."""
    environment: Mapping[str, str]
    health_check: tuple[str, ...]
    volumes: tuple[Volume, ...]

    @property
    def is_ours(self) -> bool:
        """Whether it runs our image."""
        return self.image.startswith("fifty:")


def run_compose(secrets: Mapping[str, str], *arguments: str) -> str:
    """What `docker-compose <arguments>` prints. Raises ServerFailed with its words when it refuses the file."""
    program = find_program("docker-compose")
    if program is None:
        raise ServerFailed("docker-compose is not installed (Debian: apt-get install docker-compose).")
    # Nothing of this machine's own settings gets in.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("FIFTY_", "COMPOSE_", "AIRFLOW", "OPENLINEAGE"))}
    done = subprocess.run(
        [program, "--file", str(ROOT / "docker-compose.yml"), *arguments], env={**environment, **secrets}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServerFailed(f"docker-compose {' '.join(arguments)} refuses docker-compose.yml:\n{done.stderr}")
    return done.stdout


def read_services(secrets: Mapping[str, str], *, profiles: Sequence[str] = ()) -> dict[str, Service]:
    """Services by name. Raises ServerFailed when Compose refuses the file."""
    chosen = [word for profile in profiles for word in ("--profile", profile)]
    resolved = yaml.safe_load(run_compose(secrets, *chosen, "config"))
    image = _read_image_environment()
    return {name: _read_service(name, raw, image) for name, raw in resolved["services"].items()}


def _read_service(name: str, raw: Mapping[str, Any], image_environment: Mapping[str, str]) -> Service:
    is_ours = str(raw["image"]).startswith("fifty:")
    stated = {key: _unescape(str(value)) for key, value in (raw.get("environment") or {}).items() if value is not None}
    return Service(
        name=name,
        image=raw["image"],
        command=_read_command(raw, is_ours),
        environment={**(image_environment if is_ours else {}), **stated},
        health_check=_read_health_check(raw.get("healthcheck")),
        volumes=tuple(_read_volume(text) for text in raw.get("volumes") or ()),
    )


def _read_command(raw: Mapping[str, Any], is_ours: bool) -> tuple[str, ...]:
    command, entrypoint = _split(raw.get("command")), _split(raw.get("entrypoint"))
    if entrypoint or not is_ours:
        return (*entrypoint, *command)
    return command if command[0] in PROGRAMS else ("airflow", *command)


def _split(words: str | Sequence[str] | None) -> tuple[str, ...]:
    return tuple(_unescape(word) for word in (shlex.split(words) if isinstance(words, str) else words or ()))


def _read_health_check(raw: Mapping[str, Any] | None) -> tuple[str, ...]:
    if not raw:
        return ()
    kind, *words = raw["test"]
    words = [_unescape(word) for word in words]
    return ("/bin/sh", "-c", *words) if kind == "CMD-SHELL" else tuple(words)


def _read_volume(text: str) -> Volume:
    source, target, *_ = text.split(":")
    return Volume(source, target)


def _unescape(text: str) -> str:
    # Compose writes a dollar that is not its own as two.
    return text.replace("$$", "$")


def _read_image_environment() -> dict[str, str]:
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    pairs = [pair for line in text.splitlines() if line.startswith("ENV ") for pair in shlex.split(line[4:])]
    return dict(pair.split("=", 1) for pair in pairs)


if __name__ == "__main__":
    for service in read_services(dict.fromkeys(SECRETS, "shown-nowhere"), profiles=["workers"]).values():
        print(f"{service.name:14} {service.image:28} {' '.join(service.command)[:90]}")
