"""An object store (S3 or another) as Fifty uses it: list, read, put, put on a condition, delete; in parallel, with errors that say what to do.

FIFTY_…_URL, the store's own environment variables → Store → objects below `<url>/<brand>/<landing|published|extracts>/`

The one place that imports obstore. Attempts, waits and time limits are the library's. A put is whole or absent; what must not be overwritten is
put on a condition (If-None-Match, If-Match), and an answer lost on the way is told from a refusal by reading back. What the store answers is
reduced to its status and code before it reaches a message: signatures and key ids can be in it. Endpoint and credentials come from the
variables of the store itself (`AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, …).

Called by fifty/landing_store.py, fifty/publish_store.py, fifty/extract_store.py, fifty/offboard.py, fifty/maintain.py and the doctor. Try it: `fifty doctor --online`.
"""

from __future__ import annotations

import logging
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from fifty.errors import FiftyError, SettingsError, StorageError, StorageRefusedError
from fifty.settings import Settings

if TYPE_CHECKING:
    from obstore.store import ObjectStore

logger = logging.getLogger(__name__)

Area = Literal["landing", "published", "extracts"]
AREAS: tuple[Area, ...] = ("landing", "published", "extracts")
CHUNK_BYTES = 16 * 1024 * 1024
"""Of one request of a large file: it passes within the time limit also over a slow line."""
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,60})</Code>")
_REFUSED = frozenset({"301", "307", "400", "401", "403", "404", "405", "501"})


@dataclass(frozen=True)
class StoredObject:
    """An object as a listing tells it; `modified_at` is by the store's clock, whole seconds."""

    name: str
    byte_count: int
    e_tag: str
    modified_at: datetime


def area_url(settings: Settings, area: Area) -> str | None:
    """URL under which an area of all brands lies; None where it stays local."""
    return {"landing": settings.landing_url, "published": settings.published_url, "extracts": settings.extracts_url}[area]


def open_area(settings: Settings, brand: str, area: Area) -> Store | None:
    """The store of one area of a brand, None where it stays local. Asks nothing yet."""
    url = area_url(settings, area)
    return Store(f"{url}/{brand}/{area}", settings) if url else None


def remove_brand(settings: Settings, brand: str) -> int:
    """Delete every object of a brand, in all areas; returns how many went. What a call that failed has left goes with the next."""
    removed = 0
    for area in AREAS:
        if store := open_area(settings, brand, area):
            names = list(store.list())
            # First what commits: half a load, version or extract never looks like a whole one.
            store.delete(name for name in names if name.endswith(".json"))
            store.delete(names)
            removed += len(names)
            if names:
                logger.info("store brand=%s area=%s removed_objects=%d", brand, area, len(names))
    return removed


class Store:
    """Objects below one URL; names are relative to it. Safe to use from many threads.

    Every method raises StorageError where the store does not answer (after the library's attempts), StorageRefusedError where it answers that
    it will not: a credential, a right or the bucket is missing.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self.workers = settings.storage_workers
        self._store = _build_store(url, settings)

    def list(self, prefix: str = "") -> dict[str, StoredObject]:
        """Every object whose name begins with `prefix` (a folder, without its slash at the end), a thousand a request."""
        import obstore

        with self._translate("list", prefix):
            return {
                one["path"]: StoredObject(one["path"], one["size"], one["e_tag"] or "", one["last_modified"])
                for chunk in obstore.list(self._store, prefix or None)
                for one in chunk
            }

    def read(self, name: str) -> tuple[bytes, str] | None:
        """Content and ETag of a small object, or None where it is not there."""
        import obstore

        with self._translate("read", name):
            try:
                result = obstore.get(self._store, name)
                return bytes(result.bytes()), result.meta["e_tag"] or ""
            except FileNotFoundError as error:
                _refuse_missing_bucket(error)
                return None

    def create(self, name: str, content: bytes) -> str | None:
        """Put a small object where none is; its ETag, or None where there is another one already."""
        return self._put_on_condition(name, content, "create")

    def replace(self, name: str, content: bytes, e_tag: str) -> str | None:
        """Put a small object in place of the one with this ETag; the new ETag, or None where it was changed meanwhile."""
        return self._put_on_condition(name, content, {"e_tag": e_tag})

    def put(self, name: str, content: bytes) -> None:
        """Put a small object, whatever is there."""
        import obstore

        with self._translate("write", name):
            obstore.put(self._store, name, content, use_multipart=False)

    def put_file(self, name: str, path: Path) -> None:
        """Put a file; a large one in chunks, of which nothing is seen before the last is there."""
        import obstore

        with path.open("rb") as file, self._translate("write", name):
            obstore.put(self._store, name, file, chunk_size=CHUNK_BYTES)

    def fetch_file(self, name: str, path: Path) -> None:
        """Write an object into a file and force it to the disk. Raises FileNotFoundError where there is no such object."""
        import obstore

        with path.open("wb") as file:
            with self._translate("read", name):
                size = obstore.head(self._store, name)["size"]
            for start in range(0, size, CHUNK_BYTES):
                with self._translate("read", name):
                    content = obstore.get_range(self._store, name, start=start, end=min(start + CHUNK_BYTES, size))
                file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; one that is not there is no error."""
        import obstore

        listed = sorted(names)
        if listed:
            with self._translate("delete", listed[0]):
                obstore.delete(self._store, listed)

    def read_clock(self) -> datetime:
        """The store's own time, whole seconds: that of an object just put. Age is judged by one clock, whichever machine asks."""
        import obstore

        name = f".clock/{secrets.token_hex(8)}"
        self.put(name, b"")
        with self._translate("read", name):
            instant = obstore.head(self._store, name)["last_modified"]
        self.delete([name])
        return instant

    def run_all(self, tasks: Iterable[Callable[[], Any]]) -> None:
        """Run the tasks in parallel. The first error is raised when the tasks already begun have ended; the others are not begun."""
        failed: list[BaseException] = []

        def run(task: Callable[[], Any]) -> None:
            if not failed:
                try:
                    task()
                except BaseException as error:
                    failed.append(error)

        with ThreadPoolExecutor(max_workers=self.workers, thread_name_prefix="store") as pool:
            for _ in pool.map(run, list(tasks)):
                pass
        if failed:
            raise failed[0]

    def _put_on_condition(self, name: str, content: bytes, mode: Any) -> str | None:
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self._translate("write", name):
            try:
                return obstore.put(self._store, name, content, mode=mode)["e_tag"] or ""
            except (AlreadyExistsError, PreconditionError):
                pass
            except FileNotFoundError as error:
                # Some stores answer 404 to a condition on an object that is gone.
                _refuse_missing_bucket(error)
                return None
        # The answer to a first attempt may have been lost, and the library's second attempt met our own object.
        there = self.read(name)
        return there[1] if there and there[0] == content else None

    @contextmanager
    def _translate(self, action: str, name: str) -> Iterator[None]:
        from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

        try:
            yield
        except (AlreadyExistsError, PreconditionError, FiftyError):
            raise
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._describe(action, name, error) from None
            raise
        except (BaseError, PermissionError, TimeoutError, ConnectionError) as error:
            raise self._describe(action, name, error) from None

    def _describe(self, action: str, name: str, error: BaseException) -> FiftyError:
        text = str(error)
        status = match[1] if (match := _STATUS.search(text)) else ""
        code = match[1] if (match := _CODE.search(text)) else ""
        where = f"{self.url}/{name}"
        seen = " ".join(filter(None, (f"status {status}" if status else "", code))) or _name_fault(text)
        if code == "RequestTimeTooSkewed":
            return StorageRefusedError(
                f"the object store refuses to {action}",
                where=where, seen=seen, expected="a clock that is right to within minutes", remedy="set this machine's clock",
            )  # fmt: skip
        if status in _REFUSED or "metadata" in text or "169.254." in text:
            return StorageRefusedError(
                f"the object store refuses to {action}",
                where=where,
                seen=seen,
                expected="a bucket that is there, and a credential that may list, read, write and delete in it",
                remedy="check the URL, AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; `fifty doctor --online` tries them",
            )
        return StorageError(
            f"the object store did not {action}",
            where=where,
            seen=seen,
            expected="an answer within FIFTY_STORAGE_TIMEOUT_SECONDS",
            remedy="run the same command again when the store answers; nothing is lost, what was not uploaded lies here and follows",
        )


def _refuse_missing_bucket(error: FileNotFoundError) -> None:
    if "NoSuchBucket" in str(error):
        raise error


def _name_fault(text: str) -> str:
    # The text itself holds the request; only the kind of fault is told.
    for sign, words in (
        ("Connect", "no connection"), ("Timeout", "no answer in time"), ("builder error", "an address that cannot be asked"),
        ("dns", "no such host"), ("error sending request", "the connection was cut"), ("body", "the connection was cut"),
    ):  # fmt: skip
        if sign in text:
            return words
    return "an answer that cannot be understood"


def _build_store(url: str, settings: Settings) -> ObjectStore:
    from obstore.exceptions import BaseError
    from obstore.store import from_url

    limit = timedelta(seconds=settings.storage_timeout_seconds)
    try:
        return from_url(
            url,
            # Plain HTTP only where the operator's endpoint says so itself.
            client_options={"timeout": limit, "connect_timeout": min(limit, timedelta(seconds=5)), "allow_http": settings.allows_plain_http},
            retry_config={
                "max_retries": settings.storage_retries,
                "retry_timeout": limit,
                "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=15), "base": 2},
            },
        )
    except (BaseError, ValueError) as error:
        raise SettingsError(
            "the object store cannot be opened",
            where=url,
            seen=_name_fault(str(error)),
            expected="a URL like s3://bucket/folder, and the store's variables in the environment",
            remedy="check the FIFTY_…_URL and AWS_… variables",
        ) from None
