"""A real S3 server for tests, and a line to it that fails where a test wants it to.

`weed server -s3` in its own process group → Settings of a client · client → LossyLine (an HTTP proxy) → server
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

BUCKET = "fifty-test"
OPEN_BUCKET = "fifty-open"
"""Needs no signature, so that a line may change requests."""
ACCESS_KEY, SECRET_KEY = "fifty-access-key", "fifty-secret-key-nobody-may-see"

IGNORED_HEADERS: tuple[str, ...] = ()
"""What the line does not pass on: a server that knows nothing of it."""


class ObjectStoreServer:
    """SeaweedFS with two buckets in a folder; `start` and `stop` as often as wanted, on the same ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        names = ("master", "master.grpc", "volume", "volume.grpc", "filer", "filer.grpc", "s3", "s3.grpc")
        self.ports = dict(zip(names, _find_ports(len(names)), strict=True))
        identity = {"name": "fifty", "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}], "actions": ["Admin"]}
        anybody = {"name": "anonymous", "actions": [f"{action}:{OPEN_BUCKET}" for action in ("Read", "Write", "List")]}
        (folder / "data").mkdir(parents=True)
        (folder / "s3.json").write_text(json.dumps({"identities": [identity, anybody]}), encoding="utf-8")

    @property
    def endpoint(self) -> str:
        """Where S3 is served."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    def start(self) -> None:
        """Serve; the buckets are made with the first start."""
        weed = Path(sys.executable).with_name("weed")
        ports = {name.replace("grpc", "port.grpc") if "." in name else f"{name}.port": port for name, port in self.ports.items()}
        command = [
            str(weed), "server", f"-dir={self.folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3",
            f"-s3.config={self.folder / 's3.json'}", "-s3.autoCreateBucket=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false",
            "-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=50", *(f"-{name}={port}" for name, port in ports.items()),
        ]  # fmt: skip
        with (self.folder / "weed.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        _wait_for(lambda: _is_answering(self.ports["s3"]), 60)
        shell = [str(weed), "shell", f"-master=127.0.0.1:{self.ports['master']}.{self.ports['master.grpc']}"]
        done = subprocess.run(
            shell,
            input=f"s3.bucket.create -name {BUCKET}\ns3.bucket.create -name {OPEN_BUCKET}\ns3.bucket.list\n".encode(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert BUCKET in done.stdout.decode(), done.stdout + done.stderr
        _wait_for(self._is_writing, 60)

    def stop(self) -> None:
        """End it with everything it started."""
        if self.process is not None:
            group = self.process.pid
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
            self.process.wait(15)
            self.process = None

    def remove(self) -> None:
        """Stop, and forget what was stored."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, endpoint: str | None = None) -> dict[str, str]:
        """What a client needs beside a URL."""
        return {
            "AWS_ENDPOINT_URL": endpoint or self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
        }

    def _is_writing(self) -> bool:
        # The gateway answers before a volume is there to write to.
        import obstore
        from obstore.store import S3Store

        names = {"endpoint": self.endpoint, "access_key_id": ACCESS_KEY, "secret_access_key": SECRET_KEY, "region": "us-east-1"}
        store = S3Store(BUCKET, config=names, client_options={"allow_http": True}, retry_config={"max_retries": 0})
        try:
            obstore.put(store, "ready", b"ready")
        except Exception:
            return False
        return True


@contextlib.contextmanager
def serve_objects(folder: Path) -> Iterator[ObjectStoreServer]:
    """A new store in `folder`, served until the end."""
    served = ObjectStoreServer(folder)
    try:
        served.start()
        yield served
    finally:
        served.remove()


@dataclass
class Request:
    """A request on the line, before it is passed on."""

    method: str
    path: str
    body: bytes
    number: int

    @property
    def is_write(self) -> bool:
        """It changes something."""
        return self.method in ("PUT", "POST", "DELETE")


Fault = Callable[[Request], str | None]


@dataclass
class LossyLine:
    """An HTTP proxy before the server. `fault` names for each request what happens to it, None for nothing:

    `refuse` (503, not passed on) · `cut` (half the body is passed on, then both ends are closed) · `lose` (passed on, the answer is lost) ·
    `kill_before` and `kill_after` (SIGKILL to `victim`, before or after the server has it).
    """

    server: ObjectStoreServer
    fault: Fault = lambda request: None
    victim: subprocess.Popen[str] | None = None
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        line = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                line._handle(self)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """What the client is told."""
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """Of a client behind the line."""
        return self.server.environment(self.endpoint)

    def forget(self) -> None:
        """Count anew, without a fault."""
        self.fault = lambda request: None
        self.requests.clear()

    def close(self) -> None:
        """End the proxy."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._lock:
            request = Request(handler.command, handler.path, body, len(self.requests) + 1)
            self.requests.append(request)
            # One at a time: what is written when a client is killed must not depend on its threads.
            action = self.fault(request)
        if action == "kill_before":
            self._kill()
        if action in ("kill_before", "drop"):
            handler.close_connection = True
            return
        if action == "refuse":
            handler.send_response(503)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        if action == "cut":
            self._send_half(handler, body)
            handler.close_connection = True
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.server.ports["s3"], timeout=30)
        try:
            upstream.putrequest(handler.command, handler.path, skip_host=True, skip_accept_encoding=True)
            for name, value in handler.headers.items():
                if name.lower() not in IGNORED_HEADERS:
                    upstream.putheader(name, value)
            upstream.endheaders(body)
            answer = upstream.getresponse()
            content = answer.read()
        except OSError:
            handler.close_connection = True
            return
        finally:
            upstream.close()
        if action == "kill_after":
            self._kill()
        if action in ("kill_after", "lose"):
            handler.close_connection = True
            return
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "date", "server") and not (name.lower() == "content-length" and content):
                handler.send_header(name, value)
        if content or answer.getheader("Content-Length") is None:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        with contextlib.suppress(OSError):
            handler.wfile.write(content)

    def _send_half(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.server.ports["s3"]), timeout=10) as upstream:
            head = f"{handler.command} {handler.path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in handler.headers.items())
            upstream.sendall(head.encode() + b"\r\n" + body[: len(body) // 2])

    def _kill(self) -> None:
        assert self.victim is not None
        self.victim.kill()
        self.victim.wait()


@contextlib.contextmanager
def serve_line(server: ObjectStoreServer) -> Iterator[LossyLine]:
    """A line for the length of a block."""
    line = LossyLine(server)
    try:
        yield line
    finally:
        line.close()


def _find_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def _is_answering(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status in (200, 403)
    except OSError:
        return False
    finally:
        connection.close()


def _wait_for(is_true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, "the object store did not come up"
        time.sleep(0.1)
