"""A real WordPress on loopback: MariaDB, PHP's own server with workers, and nginx in front, which limits callers.

start_wordpress(folder) -> MariaDB -> PHP -> nginx (limit_req) -> WordPress(base_url, admin_user, app_password, …)

Run alone: ``python -m tests.acceptance.servers.wordpress`` keeps one running until Enter is pressed.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.acceptance.servers.installation import find_wordpress, install_debian_packages
from tests.acceptance.servers.processes import (
    LeashedProcess,
    ServerFailed,
    choose_ports,
    find_program,
    is_port_open,
    run_to_end,
)

SITE_FOLDER = Path(__file__).with_name("wordpress_site")
PHP_WORKERS = 3
USUAL_LIMIT = (50, 100)


@dataclass
class WordPress:
    """A running site: where callers reach it, and what the story needs to be told through its API."""

    base_url: str
    inner_url: str
    admin_user: str
    app_password: str = field(repr=False)
    version: str
    folder: Path
    ports: tuple[int, int]
    gate: LeashedProcess = field(repr=False)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Any] | None = None,
        expected: tuple[int, ...] = (200, 201),
    ) -> Any:
        """Call the REST API as the administrator, past the gate, so that telling the story meets no limit.

        Raises ServerFailed with the site's own words on an unexpected status.
        """
        answer = requests.request(
            method,
            f"{self.inner_url}/wp-json/wp/v2/{path}",
            json=body,
            params=parameters,
            auth=(self.admin_user, self.app_password),
            headers={"Host": self.base_url.removeprefix("http://")},
            timeout=60,
        )
        if answer.status_code not in expected:
            raise ServerFailed(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
        return answer.json()

    def create_app_password(self, user_id: int, name: str) -> tuple[str, str]:
        """Give a user a new application password; return its id and the password itself."""
        answer = self.call("POST", f"users/{user_id}/application-passwords", body={"name": name})
        return answer["uuid"], answer["password"]

    def revoke_app_password(self, user_id: int, uuid: str) -> None:
        """Take an application password back: from now on it is answered with 401."""
        self.call("DELETE", f"users/{user_id}/application-passwords/{uuid}")

    def limit_requests(self, per_second: int, burst: int) -> None:
        """Change what the gate lets through; callers over it get 429 with Retry-After."""
        _write_gate_settings(self.folder, self.ports, per_second, burst)
        os.kill(self.gate.read_server_pid(), signal.SIGHUP)
        time.sleep(0.5)

    def count_answers(self, status: int) -> int:
        """Count the answers of one status that callers have got from the gate since it started."""
        log = self.folder / "nginx-access.log"
        return sum(line.startswith(f"{status} ") for line in log.read_text(errors="replace").splitlines())


def _fill(template: str, target: Path, values: Mapping[str, object]) -> None:
    text = (SITE_FOLDER / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    part = target.with_name(f"{target.name}.part")
    part.write_text(text)
    part.replace(target)


def _write_gate_settings(folder: Path, ports: tuple[int, int], per_second: int, burst: int) -> None:
    values = {"FOLDER": folder, "PORT": ports[0], "PHP_PORT": ports[1], "RATE": per_second, "BURST": burst}
    _fill("nginx.conf.template", folder / "nginx.conf", values)


@contextmanager
def start_mariadb(folder: Path) -> Iterator[Path]:
    """Run a private MariaDB with one empty database ``site`` and yield its socket."""
    server, installer = find_program("mariadbd"), find_program("mariadb-install-db")
    client = find_program("mariadb")
    if server is None or installer is None or client is None:
        raise ServerFailed("MariaDB is not installed.")
    user = "mysql" if os.geteuid() == 0 else None
    data, log = folder / "mariadb", folder / "logs" / "mariadb.log"
    data.mkdir()
    if user:
        shutil.chown(data, user, user)
    socket = data / "mariadb.sock"
    run_to_end(
        "mariadb-install-db",
        [installer, "--no-defaults", f"--datadir={data}", "--skip-test-db", "--auth-root-authentication-method=normal"],
        log,
        seconds=90,
        user=user,
        folder=folder,
    )
    command = [
        *(server, "--no-defaults", f"--datadir={data}", f"--socket={socket}", f"--pid-file={data}/mariadb.pid"),
        *("--skip-networking", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0"),
        *("--innodb-buffer-pool-size=64M", "--performance-schema=off"),
    ]
    with LeashedProcess("MariaDB", command, log, user=user, folder=data) as process:

        def answers() -> bool:
            query = [client, "--no-defaults", f"--socket={socket}", "--user=root"]
            return subprocess.run([*query, "--execute=select 1"], capture_output=True, check=False).returncode == 0

        process.wait_until(answers, seconds=60)
        subprocess.run(
            [
                *(client, "--no-defaults", f"--socket={socket}", "--user=root"),
                "--execute=create database site character set utf8mb4",
            ],
            capture_output=True,
            check=True,
        )
        yield socket


@contextmanager
def start_wordpress(folder: Path, *, title: str = "A site", timezone: str = "Europe/Berlin") -> Iterator[WordPress]:
    """Run a new, empty site in ``folder`` (must be readable for the servers' users) and yield it.

    Raises ServerFailed when a part cannot be installed or started.
    """
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    install_debian_packages(logs / "install-debian.log")
    code, php, nginx = find_wordpress(), find_program("php"), find_program("nginx")
    if code is None or php is None or nginx is None:
        raise ServerFailed("WordPress, PHP or nginx is not installed.")
    user = "www-data" if os.geteuid() == 0 else None
    site, gate_folder = folder / "site", folder / "gate"
    # Debian's copy belongs to the machine and reads its settings from /etc: the run works on a copy of its own.
    shutil.copytree(code, site, symlinks=False, ignore_dangling_symlinks=True)
    gate_folder.mkdir()
    if user:
        shutil.chown(gate_folder, user, user)
        shutil.chown(site / "wp-content", user, user)
    port, php_port = choose_ports(2)
    base_url, inner_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{php_port}"
    _write_gate_settings(gate_folder, (port, php_port), *USUAL_LIMIT)
    php_settings = ["-d", "sendmail_path=/bin/true", "-d", "opcache.enable_cli=1", "-d", "display_errors=stderr"]
    with ExitStack() as stack:
        socket = stack.enter_context(start_mariadb(folder))
        values = {"SOCKET": socket, "BASE_URL": base_url, "SECRET": secrets.token_hex(16)}
        _fill("wp-config.php.template", site / "wp-config.php", values)
        settings = {"site": str(site), "host": f"127.0.0.1:{port}", "title": title, "timezone": timezone}
        settings["admin_user"] = "keeper"
        installed = subprocess.run(
            [php, *php_settings, str(SITE_FOLDER / "install.php"), json.dumps(settings)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        try:
            answer = json.loads(installed.stdout)
        except ValueError:
            said = f"{installed.stdout[-800:]} {installed.stderr[-800:]}"
            raise ServerFailed(f"WordPress did not install: {said}") from None
        server = stack.enter_context(
            LeashedProcess(
                "PHP",
                [php, *php_settings, "-S", f"127.0.0.1:{php_port}", "-t", str(site)],
                logs / "php.log",
                user=user,
                environment={"PHP_CLI_SERVER_WORKERS": str(PHP_WORKERS)},
                folder=site,
            )
        )
        server.wait_until(lambda: is_port_open(php_port), seconds=30)
        gate = stack.enter_context(
            LeashedProcess(
                "nginx",
                [
                    *(nginx, "-p", str(gate_folder), "-c", str(gate_folder / "nginx.conf")),
                    *("-e", str(gate_folder / "nginx-start.log")),
                ],
                logs / "nginx.log",
                user=user,
                folder=gate_folder,
            )
        )
        gate.wait_until(lambda: is_port_open(port), seconds=20)
        yield WordPress(
            base_url=base_url,
            inner_url=inner_url,
            admin_user="keeper",
            app_password=answer["admin_password"],
            version=answer["version"],
            folder=gate_folder,
            ports=(port, php_port),
            gate=gate,
        )


if __name__ == "__main__":
    import tempfile

    started = time.monotonic()
    root = Path(tempfile.mkdtemp(prefix="fifty-wordpress-"))
    root.chmod(0o755)
    try:
        with start_wordpress(root) as wordpress:
            print(wordpress, f"up after {time.monotonic() - started:.1f} s; Enter ends it", flush=True)
            input()
    finally:
        shutil.rmtree(root, ignore_errors=True)
