"""The landing of a large world without a network: fifty's own pull, asked and answered within one process.

world folder → the platforms' own applications, called directly → fifty's own pull (which asks, pages, remembers, decides) → finished loads

Nothing of what is asked or answered is written a second time here. Three things are replaced, because they cost a hundred times what the rest does:
the socket (the application is called with the request), the objects (an answer is cut into its items by their place in the text, and an item is read
only as far as somebody asks), and the writing of lines (the item's text goes into the line as it came, in ASCII as LoadWriter writes it).
The loads begin at the moment the world is at. A platform is a process of its own.
Run alone: `python -m bench.fast_landing --world DIR --data DIR` (makes DIR/fifty.yml beside the data; `--now` and `--until` for one more day).
"""

from __future__ import annotations

import argparse
import codecs
import gzip
import itertools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlencode, urlsplit

import msgspec
import simplejson

from demo.model import read_head, write_atomically
from demo.platforms import PLATFORMS
from demo.platforms import base as platforms_base
from demo.platforms.base import Doorkeeper, Limit, Platform
from demo.serve import describe_addresses
from fifty import landing, paging, pull, sent
from fifty.config import load_config
from fifty.connectors.base import Following, discover_connectors
from fifty.demo import write_setup
from fifty.http import HttpClient
from fifty.landing import LandedLoad, LoadWriter, Part, canonical_json, format_instant
from fifty.polling import Register, observe_items
from fifty.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
#: made-up addresses: nothing listens there, and nothing is sent
PORTS = {service: 1 + number for number, service in enumerate(PLATFORMS)}
#: what an item is taken from by its text; answers of other platforms are read whole (WordPress: few items, and pages compared with each other)
CUT_UP = ("mastodon", "bluesky")
REMEMBERED = 2_000_000
COMPRESSION = 1
_read_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_read_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_value = msgspec.json.Decoder().decode


def write_plainly(text: bytes) -> bytes:
    """JSON text with everything but printable ASCII as escapes, as simplejson writes it."""
    plain = text if text.isascii() else text.decode("utf-8").encode("ascii", "json-escape")
    return plain.replace(b"\x7f", b"\\u007f") if b"\x7f" in plain else plain


def _escape(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    units = error.object[error.start : error.end].encode("utf-16-be").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4)), error.end


codecs.register_error("json-escape", _escape)


class TextObject(Mapping[str, Any]):
    """A JSON object that stays text: its members are found when one is asked for, and read no deeper than is asked."""

    __slots__ = ("_found", "_members", "text")

    def __init__(self, text: bytes | msgspec.Raw) -> None:
        self.text = text
        self._members: dict[str, msgspec.Raw] | None = None
        self._found: dict[str, Any] = {}

    def get(self, name: str, default: Any = None) -> Any:
        """A member, objects as TextObject."""
        if name in self._found:
            return self._found[name]
        if self._members is None:
            self._members = _read_members(self.text)
        text = self._members.get(name)
        if text is None:
            return default
        found = self._found[name] = open_text(text)
        return found

    def __getitem__(self, name: str) -> Any:
        if (found := self.get(name, ...)) is ...:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(_read_members(self.text))

    def __len__(self) -> int:
        return len(_read_members(self.text))


def open_text(text: bytes | msgspec.Raw) -> Any:
    """A JSON value whose objects stay text."""
    first = bytes(memoryview(text)[:1])
    if first == b"{":
        return TextObject(text)
    if first == b"[":
        return [open_text(element) for element in _read_elements(text)]
    return _read_value(text)


def write_item(item: Any) -> bytes:
    """The text of an item: as it came, or put together from members that were kept (a node of a thread)."""
    if isinstance(item, TextObject):
        return bytes(item.text)
    if isinstance(item, dict) and any(isinstance(value, TextObject) for value in item.values()):
        return b"{" + b",".join(b'"%s":%s' % (name.encode(), write_item(value)) for name, value in item.items()) + b"}"
    return sent.write_item(item)


class InProcessClient(HttpClient):
    """The product's client, without a socket: limits, retries, refusals and the meaning of an answer are its own."""

    services: Mapping[str, Platform]

    def _exchange(
        self, method: str, url: str, parameters: Any, headers: Mapping[str, str], body: Mapping[str, Any] | None, authorization: str | None
    ) -> Any:
        self.request_count += 1
        parts = urlsplit(url)
        query = "&".join(filter(None, (parts.query, urlencode(list(parameters or ())))))
        sent = {"host": parts.netloc, "accept": "application/json", **{name.lower(): value for name, value in headers.items()}}
        if authorization is not None:
            sent["authorization"] = authorization
        if body is not None:
            sent["content-type"] = "application/json"
        content = json.dumps(body).encode() if body is not None else b""
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "scheme": parts.scheme, "path": parts.path, "raw_path": parts.path.encode(),
            "query_string": query.encode(), "root_path": "", "server": (parts.hostname, parts.port), "client": ("127.0.0.1", 1),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }  # fmt: skip
        status, answered, said = call_application(self.services[parts.netloc].app, scope, content)
        answer = pull_http_raw(status, answered, said, f"{url}?{query}" if query else url, f"{parts.scheme}://{parts.netloc}")
        self._heed_limits(answer, answer.turn)
        return answer


class CuttingClient(InProcessClient):
    """Its answers are cut into items, not read."""

    def _parse(self, answer: Any) -> Any:
        return open_text(write_plainly(answer.content)) if answer.content else super()._parse(answer)

    def post(self, *arguments: Any, **named: Any) -> Any:
        """A session is read whole."""
        answer = super().post(*arguments, **named)
        return dict(answer) if isinstance(answer, TextObject) else answer


def pull_http_raw(status: int, headers: Mapping[str, str], content: bytes, url: str, turn: str) -> Any:
    """An answer as the product's client holds it before it judges it."""
    from fifty.http import _Raw, dict_of_headers

    return _Raw(status, dict_of_headers(headers), content, url, turn)


def call_application(application: Any, scope: dict[str, Any], content: bytes) -> tuple[int, dict[str, str], bytes]:
    """(status, headers, body) of one request. The application waits for nothing, so it needs no loop: it runs to its end at once."""
    messages: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    running = application(scope, receive, send)
    try:
        running.send(None)
    except StopIteration:
        pass
    else:
        raise RuntimeError(f"{scope['path']}: the application waits for something")
    head = {name.decode("latin-1"): value.decode("latin-1") for name, value in messages[0]["headers"]}
    return messages[0]["status"], head, b"".join(message.get("body", b"") for message in messages[1:])


class TextWriter(LoadWriter):
    """Writes the lines of LoadWriter from items that are text. A load begins a second after the one before, the first at `moment`: what two of them
    tell about the same post is put together in that order."""

    moment: datetime
    observer: Observer
    begun: Iterator[int]

    def _start(self) -> datetime:
        self.observer.begin()
        begun_at = self.moment + timedelta(seconds=next(self.begun))
        self.folder.mkdir(parents=True, exist_ok=True)
        started = {"load_id": self.key.load_id, "observed_at": format_instant(begun_at)}
        (self.folder / "started.json").write_text(canonical_json(started), encoding="utf-8")
        return begun_at

    def write(self, scope: Mapping[str, Any], page: int, items: list[Any]) -> None:
        """Append the items of one page as lines."""
        self.page_count += 1
        asked = simplejson.dumps(scope, separators=(",", ":"), use_decimal=True).encode("ascii")
        begun = 0
        while begun < len(items):
            if self._file is None or self._lines >= landing.PART_LINES:
                self._open_part()
            assert self._file is not None
            some = items[begun : begun + landing.PART_LINES - self._lines]
            lines = [
                b'{"scope":%s,"page":%d,"seq":%d,"item":%s}\n' % (asked, page, seq, write_item(item))
                for seq, item in enumerate(some, start=self.item_count + 1)
            ]
            self._file.write(b"".join(lines))
            self.item_count += len(some)
            self._lines += len(some)
            begun += len(some)

    def _open_part(self) -> None:
        self._close_part(keep=True)
        name = f"part-{len(self._parts):05d}.jsonl.gz"
        self._raw = (self.folder / name).open("wb")
        # The lightest compression: the bytes differ from LoadWriter's, the lines do not.
        self._file = gzip.GzipFile(filename="", mode="wb", compresslevel=COMPRESSION, fileobj=self._raw, mtime=0)
        self._parts.append(Part(name, "", 0))
        self._lines = 0


def read_text_lines(load: LandedLoad) -> Iterator[dict[str, Any]]:
    """Every line of a load with its scope read and its item as text."""
    for path in load.part_paths:
        with gzip.open(path, "rb") as file:
            for line in file:
                members = _read_members(line)
                yield {"scope": _read_value(members["scope"]), "item": open_text(members["item"])}


class Observer:
    """What pull remembers of posts, each text of a post looked at once a load: a thousand people like the same one."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    def begin(self) -> None:
        """Another load begins."""
        self.seen = set()

    def observe(self, items: list[Any], following: Following, **named: Any) -> Register:
        """What pull's own `observe_items` says of the items whose post is new in this load."""
        fresh = []
        for item in items:
            post = item.get("status") if following.id.startswith("status.") else item
            text = bytes(post.text) if isinstance(post, TextObject) else None
            if text is None or text not in self.seen:
                fresh.append(item)
            if text is not None:
                self.seen.add(text)
        return observe_items(fresh, following, **named)


def write_configuration(world: Path, folder: Path, ports: Mapping[str, int] = PORTS) -> Path:
    """fifty.yml and credentials for a world, served at these ports or not at all; returns the path of fifty.yml."""
    folder.mkdir(parents=True, exist_ok=True)
    head = read_head(world)
    described = describe_addresses(head, world.resolve(), dict(ports), head.end)
    write_atomically(folder / "addresses.json", json.dumps(described, ensure_ascii=False))
    return write_setup(folder).config


def open_services(world: Path, platform: str, moment: datetime, addresses: Mapping[str, str]) -> dict[str, Platform]:
    """The applications that answer for a platform at a moment, by network location; one state for all of them."""
    platforms_base.REMEMBERED = REMEMBERED
    state, services = None, {}
    for name in [name for name, kind in PLATFORMS.items() if kind.platform == platform]:
        service = services[addresses[name]] = PLATFORMS[name](world, "raised", state=state)
        service.doorkeeper = Doorkeeper(Limit(1 << 60, 300))
        state = service.state
        state.now = round(moment.timestamp() * 1000)
    return services


@contextmanager
def replace_transport(services: Mapping[str, Platform], moment: datetime, *, is_cut: bool) -> Iterator[None]:
    """fifty's pull asks these applications, and its loads are as old as the moment."""
    client = type("Client", (CuttingClient if is_cut else InProcessClient,), {"services": services})
    observer = Observer()
    writer = type("Writer", (TextWriter,), {"moment": moment, "observer": observer, "begun": itertools.count()})
    with (
        mock.patch.object(pull, "HttpClient", client),
        mock.patch.object(pull, "LoadWriter", writer),
        mock.patch.object(pull, "observe_items", observer.observe if is_cut else observe_items),
        mock.patch.object(pull, "read_lines", read_text_lines if is_cut else pull.read_lines),
        mock.patch.object(paging, "MOST_PAGES", 1 << 40),
    ):
        yield


def land_platform(world: Path, config: Path, data: Path, platform: str, *, moment: datetime, until: datetime, brands: Sequence[str] = ()) -> int:
    """Write the loads of one platform for all (or some) brands; returns the lines. Raises SystemExit where pull would fail."""
    settings = Settings(data=data, config=config, secrets=config.parent / "secrets")
    configured = load_config(config, platforms={name for name, one in discover_connectors().items() if one.is_remote}).brands
    connector = discover_connectors()[platform]
    lines = 0
    services: dict[str, Platform] = {}
    if connector.is_remote:
        described = json.loads((config.parent / "addresses.json").read_text(encoding="utf-8"))
        addresses = {}
        for one in described["brands"]:
            at = one["platforms"].get(platform)
            if at:
                addresses |= {platform: urlsplit(at["base_url"]).netloc}
                addresses |= {"bluesky_pds": urlsplit(at["pds_url"]).netloc} if "pds_url" in at else {}
        services = open_services(world, platform, moment, addresses)
    with replace_transport(services, moment, is_cut=platform in CUT_UP):
        for slug in brands or configured:
            result = pull.run_pull(slug, configured[slug], settings, until=until, platforms=[platform])
            if result.failed:
                raise SystemExit("\n".join(f"{load.where}: {load.error}" for load in result.failed))
            lines += result.item_count
    return lines


def land_world(
    world: Path, data: Path, *, moment: datetime, until: datetime | None = None, config: Path | None = None, brands: Sequence[str] = ()
) -> int:
    """Write the loads a pull of the whole world (or some brands) at `moment` leaves, one process a platform; returns the lines."""
    config = config or write_configuration(world, data)
    processes = []
    for platform in discover_connectors():
        command = [sys.executable, "-m", "bench.fast_landing", "--world", str(world), "--data", str(data), "--config", str(config)]
        command += ["--platform", platform, "--now", format_instant(moment), "--until", format_instant(until or moment)]
        command += ["--brands", *brands] if brands else []
        processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True))
    said = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("\n".join(said))
    return sum(json.loads(text.splitlines()[-1])["lines"] for text in said)


def main() -> None:
    """Land a world, or one platform of it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--world", type=Path, required=True, help="the world's folder")
    parser.add_argument("--data", type=Path, required=True, help="the data directory to write to")
    parser.add_argument("--config", type=Path, help="a fifty.yml that is there already")
    parser.add_argument("--platform", help="this platform only, in this process")
    parser.add_argument("--now", type=datetime.fromisoformat, help="the moment the world is at [default: its end]")
    parser.add_argument("--until", type=datetime.fromisoformat, help="end of the window [default: the moment]")
    parser.add_argument("--brands", nargs="+", default=[], help="these brands only")
    options = parser.parse_args()
    begun = time.perf_counter()
    moment = options.now or datetime.fromtimestamp(read_head(options.world).end / 1000, UTC)
    if options.platform:
        config = options.config or write_configuration(options.world, options.data)
        lines = land_platform(
            options.world, config, options.data, options.platform, moment=moment, until=options.until or moment, brands=options.brands
        )
    else:
        lines = land_world(options.world, options.data, moment=moment, until=options.until, config=options.config, brands=options.brands)
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) * 1024
    print(json.dumps({"platform": options.platform, "lines": lines, "seconds": round(time.perf_counter() - begun, 1), "peak_memory_bytes": memory}))


if __name__ == "__main__":
    main()
