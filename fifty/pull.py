"""Pull: what platforms say, as they say it, into landed files.

accounts of a brand → streams in order, parents before children → requests → started.json, part-*.jsonl.gz, manifest.json

Accounts in parallel, one account in order. Each load fails alone; a finished one is not pulled again. State comes from finished
manifests only, so that a killed run that is started again asks, lands and remembers the same.
Run it alone: `fifty pull --brand <brand>`.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from filelock import FileLock, Timeout

from fifty.config import Account, Brand, RoleAccount
from fifty.connectors.base import Connector, Stream, Unfolded, discover_connectors, find_items, find_value
from fifty.errors import FatalError, FiftyError, RetryableError, SettingsError, SkippableError
from fifty.http import SHARED_THROTTLE, Answer, Authorization, HttpClient, Manners, MissingError, Parameters, Throttle, Validators, redact_secrets
from fifty.landing import (
    UNLISTED_NOTE,
    LandedLoad,
    LoadKey,
    LoadWriter,
    Manifest,
    ScopeRead,
    Window,
    canonical_json,
    format_instant,
    landing_root,
    load_folder,
    parse_instant,
    read_lines,
    read_manifest,
    read_state,
)
from fifty.landing_store import LandingStore
from fifty.paging import PAGINATORS, split_batches
from fifty.polling import Polled, Register, choose_people, choose_posts, observe_items, read_count, read_time
from fifty.settings import Settings
from fifty.warehouse import BrandPaths

log = logging.getLogger(__name__)

LoadState = Literal["pulled", "finished_before", "unchanged", "not_reachable", "failed"]
SKIPPED_AT_LEAST = 20
SKIPPED_SHARE = 0.5
MOST_MANIFESTS = 16
"""Of an account kept in memory while it is pulled."""
UNLISTED_LEAST = 3
UNLISTED_SHARE = 0.1
"""So many, and this share of the count, a list may fall short of a count that includes people it does not show: of few, chance hides more."""
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


@dataclass
class LoadOutcome:
    """What became of one load."""

    brand: str
    platform: str
    account: str
    stream: str
    state: LoadState
    load_id: str | None = None
    item_count: int = 0
    request_count: int = 0
    limits_met: int = 0
    seconds: float = 0.0
    incomplete_count: int = 0
    """Scopes that could not be read to their end."""
    warnings: list[str] = field(default_factory=list)
    reason: str | None = None
    """Why nothing was pulled: not reachable, unchanged."""
    error: FiftyError | None = None

    @property
    def where(self) -> str:
        """Place for messages."""
        return "/".join(part for part in (self.brand, self.platform, self.account, self.stream, self.load_id) if part)

    @property
    def is_finished(self) -> bool:
        """A manifest is there, from this run or an earlier one."""
        return self.state in ("pulled", "finished_before")


@dataclass
class PullResult:
    """What a pull did, one outcome a load."""

    loads: list[LoadOutcome] = field(default_factory=list)
    storage_errors: list[FiftyError] = field(default_factory=list)
    """Why loads are not in the object store, though they are here."""

    @property
    def pulled(self) -> list[LoadOutcome]:
        """Loads finished by this run."""
        return [load for load in self.loads if load.state == "pulled"]

    @property
    def failed(self) -> list[LoadOutcome]:
        """Loads that failed; each holds its error."""
        return [load for load in self.loads if load.error is not None]

    @property
    def errors(self) -> list[FiftyError]:
        """Errors of the failed loads, and of the object store."""
        return [*(load.error for load in self.loads if load.error is not None), *self.storage_errors]

    @property
    def item_count(self) -> int:
        """Items landed by this run."""
        return sum(load.item_count for load in self.pulled)

    @property
    def request_count(self) -> int:
        """HTTP requests of this run."""
        return sum(load.request_count for load in self.loads)

    @property
    def limits_met(self) -> int:
        """How often a platform said that it was enough."""
        return sum(load.limits_met for load in self.loads)

    @property
    def warnings(self) -> list[str]:
        """Warnings of all loads, each with its place."""
        return [f"{load.where}: {warning}" for load in self.loads for warning in load.warnings]


@dataclass
class Ask:
    """One scope to read, or one batch of scopes."""

    scope: dict[str, Any]
    values: dict[str, Any]
    subject_id: str | None = None
    expected: int | None = None
    ids: tuple[str, ...] = ()
    by_id: bool = False


@dataclass
class LoadDraft:
    """What a load gathers until its manifest is written."""

    load_id: str
    scopes: list[ScopeRead] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    register: Register = field(default_factory=Register)
    touched: dict[str, list[str]] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)
    vanished_people: set[str] = field(default_factory=set)
    vanished_posts: set[str] = field(default_factory=set)
    held: dict[str, str] = field(default_factory=dict)
    """By scope: the load that holds its newest complete read."""
    validators: dict[str, list[str | None]] = field(default_factory=dict)
    """By scope: digest of the request, ETag, Last-Modified, the load that holds the items."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Of the account itself, from the profile stream."""
    page: int = 0
    skipped: int = 0


@dataclass
class Members:
    """Ids of the people and posts in a scope."""

    people: set[str] = field(default_factory=set)
    posts: set[str] = field(default_factory=set)

    def add(self, stream: Stream, item: Any) -> None:
        """Take over the ids of one item."""
        for path, ids in ((stream.person, self.people), (stream.member, self.posts)):
            if path and (found := find_value(item, path)) is not None:
                ids.add(str(found))


def run_pull(
    slug: str,
    brand: Brand,
    settings: Settings,
    *,
    until: datetime,
    since: datetime | None = None,
    is_backfill: bool = False,
    platforms: Iterable[str] | None = None,
    accounts: Iterable[str] | None = None,
    streams: Iterable[str] | None = None,
    reread_all: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> PullResult:
    """Pull all streams of a brand's accounts for the window that ends at `until`; the outcome of each load holds its error.

    `since` begins the window (absent: where the last load ended); with `is_backfill` exactly `[since, until)` is read, and only streams
    whose platform filters by time. `accounts` are account keys. `reread_all` asks about every known post, however old.
    Raises SettingsError for a window or a platform that cannot be.
    """
    _check_window(slug, since, until, is_backfill)
    connectors = discover_connectors()
    wanted = None if platforms is None else set(platforms)
    if wanted and (unknown := wanted - connectors.keys()):
        raise SettingsError(
            f"{', '.join(sorted(unknown))}: no such platform", where=slug, expected=", ".join(sorted(connectors)), remedy="use one of these"
        )
    only = None if accounts is None else {account.lstrip("@") for account in accounts}
    chosen = None if streams is None else frozenset(streams)
    store = LandingStore.open(BrandPaths(settings.data, slug), settings)
    options = PullOptions(settings, until, since, is_backfill, chosen, reread_all or settings.pull_rereads_all, sleep, store=store)
    jobs: list[_StreamPull] = []
    for connector in connectors.values():
        if not connector.is_pulled or (wanted is not None and connector.platform not in wanted):
            continue
        if not connector.is_remote:
            if only is None and not is_backfill:
                jobs.append(LocalPull(slug, brand, connector, options))
            continue
        for account in brand.accounts:
            if account.platform == connector.platform and not account.is_paused and (only is None or account.account_key in only):
                jobs.append(AccountPull(slug, brand, account, connector, options))
    if store:
        # What other machines have pulled is the memory this pull goes on from.
        store.prepare_pull([(job.connector.platform, job.account_key) for job in jobs])
    with ThreadPoolExecutor(max_workers=settings.pull_workers, thread_name_prefix="pull") as pool:
        loads = [outcome for outcomes in pool.map(lambda job: job.run(), jobs) for outcome in outcomes]
    return PullResult(loads, store.faults if store else [])


def _check_window(slug: str, since: datetime | None, until: datetime, is_backfill: bool) -> None:
    mistakes = []
    if until.tzinfo is None or (since is not None and since.tzinfo is None):
        mistakes.append("the instants of a window need a zone")
    elif since is not None and since >= until:
        mistakes.append(f"a window must begin before it ends: {since} .. {until}")
    if is_backfill and since is None:
        mistakes.append("a backfill needs the begin of its window (--since)")
    if mistakes:
        raise SettingsError.collect(mistakes, where=f"{slug}, pull")


@dataclass(frozen=True)
class PullOptions:
    """What one call of run_pull wants."""

    settings: Settings
    until: datetime
    since: datetime | None
    is_backfill: bool
    streams: frozenset[str] | None
    reread_all: bool
    sleep: Callable[[float], None]
    throttle: Throttle = SHARED_THROTTLE
    store: LandingStore | None = None
    """Where other machines find what is landed here."""


class _StreamPull:
    """What pulling an account and reading local files have in common: the life of a load."""

    def __init__(self, slug: str, brand: Brand, connector: Connector, account_key: str, options: PullOptions) -> None:
        self.slug = slug
        self.brand = brand
        self.connector = connector
        self.account_key = account_key
        self.options = options
        self.settings = options.settings
        self._manifests: dict[Path, LandedLoad] = {}
        self.errors: dict[str, FiftyError] = {}
        """By stream: what failed in this run, so that what follows from it is judged alike."""

    def run(self) -> list[LoadOutcome]:
        """Pull every stream in order; one that fails does not stop the others."""
        chosen = [stream for stream in self.connector.streams if self.options.streams is None or stream.name in self.options.streams]
        folder = landing_root(self.settings.data, self.slug) / self.connector.platform / self.account_key
        folder.mkdir(parents=True, exist_ok=True)
        try:
            # Two pulls of one account at a time would remove each other's unfinished loads.
            with FileLock(folder / ".pull.lock", timeout=self.settings.lock_timeout_seconds):
                return [self._pull_guarded(stream) for stream in chosen]
        except Timeout:
            error = RetryableError(
                "another pull of this account is running",
                where=f"{self.slug}/{self.connector.platform}/{self.account_key}",
                seen=f"its lock is held for more than {self.settings.lock_timeout_seconds:.0f} s",
                expected="one pull at a time",
                remedy="wait for the other one, or end it",
            )
            return [self._describe(stream, "failed", error=error) for stream in chosen]

    def _pull_guarded(self, stream: Stream) -> LoadOutcome:
        begun = time.monotonic()
        log.info("pull start brand=%s platform=%s account=%s stream=%s", self.slug, self.connector.platform, self.account_key, stream.name)
        try:
            outcome = self._pull(stream)
        except FiftyError as error:
            outcome = self._describe(stream, "failed", error=error)
        except Exception as unexpected:
            # A surprise in one load must not take the others down. The trace is ours to see, with secrets taken out.
            log.error("%s", self._redact("".join(traceback.format_exception(unexpected))))
            kind = RetryableError if isinstance(unexpected, OSError) else FatalError
            where = f"{self.slug}/{self.connector.platform}/{self.account_key}/{stream.name}"
            fault = self._redact(f"{type(unexpected).__name__}: {unexpected}")[:500]
            outcome = self._describe(stream, "failed")
            outcome.error = kind("the load could not be pulled", where=where, seen=fault, remedy="see the log for the place in the code")
        if outcome.error:
            self.errors[stream.name] = outcome.error
        elif self.options.store and outcome.load_id:
            self.options.store.push_load(load_folder(self.settings.data, self._key(stream, None)).parent / outcome.load_id)
        outcome.seconds = time.monotonic() - begun
        log.info(
            "pull end brand=%s platform=%s account=%s stream=%s load_id=%s state=%s rows=%d requests=%d seconds=%.2f%s",
            outcome.brand,
            outcome.platform,
            outcome.account,
            outcome.stream,
            outcome.load_id,
            outcome.state,
            outcome.item_count,
            outcome.request_count,
            outcome.seconds,
            f" error={outcome.error}" if outcome.error else "",
        )
        return outcome

    def _pull(self, stream: Stream) -> LoadOutcome:
        raise NotImplementedError

    def _redact(self, text: str) -> str:
        return redact_secrets(text)

    def _describe(self, stream: Stream, state: LoadState, **facts: Any) -> LoadOutcome:
        return LoadOutcome(self.slug, self.connector.platform, self.account_key, stream.name, state, **facts)

    def _key(self, stream: Stream, start: datetime | None) -> LoadKey:
        return LoadKey(self.slug, self.connector.platform, self.account_key, stream.name, Window(start, self.options.until))

    def _read_state(self, stream: Stream) -> dict[str, Any]:
        return read_state(self.settings.data, self._key(stream, None), read=self._read_manifest)

    def _read_manifest(self, folder: Path) -> LandedLoad | None:
        """A finished load of this account. The newest read are kept: every stream asks what the others before it have seen, and a manifest does not change."""
        load = self._manifests.pop(folder, None) or read_manifest(folder)
        if load is not None:
            self._manifests[folder] = load
            if len(self._manifests) > MOST_MANIFESTS:
                del self._manifests[next(iter(self._manifests))]
        return load

    def _list_of_window(self, stream: Stream) -> list[Manifest]:
        """Finished loads whose window ends where ours does, oldest first."""
        folder = load_folder(self.settings.data, self._key(stream, None)).parent
        end = re.sub(r"[-:]", "", _format_second(self.options.until))
        loads = [self._read_manifest(path) for path in sorted(folder.glob(f"*-{end}-*"))]
        return sorted((load.manifest for load in loads if load), key=lambda manifest: (manifest.observed_at, manifest.load_id))

    @contextmanager
    def _hold(self, key: LoadKey) -> Iterator[LandedLoad | None]:
        """Keep other machines from pulling a load; gives it where one of them has finished it meanwhile."""
        with self.options.store.claim(key) if self.options.store else nullcontext():
            yield read_manifest(load_folder(self.settings.data, key)) if self.options.store else None

    def _find_start(self, stream: Stream, state: Mapping[str, Any], first: datetime | None) -> datetime | None:
        start = self.options.since or (parse_instant(state["watermark"]) if state.get("watermark") else first)
        if start is not None and start >= self.options.until:
            raise SettingsError(
                "the window would be empty",
                where=f"{self.slug}/{self.connector.platform}/{self.account_key}/{stream.name}",
                seen=f"it begins at {start} and ends at {self.options.until}",
                expected="an end after its begin",
                remedy="ask for a later end, or an earlier `pull_since`",
            )
        return start

    def _watermark(self, observed_at: datetime) -> str:
        # Whole seconds, as in the load's name; downwards, so that nothing falls between two windows.
        return format_instant(min(self.options.until, observed_at).replace(microsecond=0))

    def _tell_finished(self, stream: Stream, manifest: Manifest) -> LoadOutcome:
        return self._describe(stream, "finished_before", load_id=manifest.load_id, item_count=manifest.item_count, warnings=list(manifest.warnings))

    def _tell_pulled(self, stream: Stream, manifest: Manifest) -> LoadOutcome:
        return self._describe(
            stream,
            "pulled",
            load_id=manifest.load_id,
            item_count=manifest.item_count,
            request_count=manifest.request_count,
            limits_met=manifest.limits_met,
            incomplete_count=sum(not scope.is_complete for scope in manifest.scopes),
            warnings=list(manifest.warnings),
        )


class LocalPull(_StreamPull):
    """Streams that are read from files: a load only where what is read has changed since the last one, of the same window, too."""

    def __init__(self, slug: str, brand: Brand, connector: Connector, options: PullOptions) -> None:
        super().__init__(slug, brand, connector, connector.platform, options)

    def _pull(self, stream: Stream) -> LoadOutcome:
        assert self.connector.read_local is not None
        state = self._read_state(stream)
        key = self._key(stream, self._find_start(stream, state, None))
        found = self.connector.read_local(self.brand, stream)
        if earlier := self._list_of_window(stream):
            if found is None or found.digest == earlier[-1].next_state.get("digest"):
                return self._tell_finished(stream, earlier[-1])
            # Corrected since: a load beside the one of this window, and whoever reads the newest reads it.
            key = replace(key, follows=earlier[-1].load_id)
        if finished := read_manifest(load_folder(self.settings.data, key)):
            return self._tell_finished(stream, finished.manifest)
        if found is None:
            return self._describe(stream, "unchanged", reason="there is nothing to read")
        if not earlier and found.digest == state.get("digest"):
            return self._describe(stream, "unchanged", reason="as at the last load")
        with self._hold(key) as finished:
            if finished:
                return self._tell_finished(stream, finished.manifest)
            with LoadWriter(self.settings.data, key, kind=stream.kind) as writer:
                writer.write(found.scope, 1, found.items)
                scope = ScopeRead(found.scope, stream.read_kind, stream.entity, None, True, len(found.items), None)
                next_state = {"watermark": self._watermark(writer.observed_at), "digest": found.digest}
                load = writer.finish(scopes=[scope], next_state=next_state, warnings=found.warnings)
        return self._tell_pulled(stream, load.manifest)


class AccountPull(_StreamPull):
    """All streams of one account of a platform, one after the other over one connection."""

    def __init__(self, slug: str, brand: Brand, account: Account, connector: Connector, options: PullOptions) -> None:
        super().__init__(slug, brand, connector, account.account_key, options)
        self.account = account
        self.where = f"{slug}/{connector.platform}/{self.account_key}"
        manners = Manners(connector.limits, connector.error_code, connector.missing, connector.past_end, connector.expired)
        self.client = HttpClient(self.settings, manners, where=self.where, throttle=options.throttle, sleep=options.sleep)
        self._authorization: Authorization | None = None
        self._earlier: dict[str, dict[str, list[Any]]] = {}
        self._members: dict[str, dict[str, Members]] = {}
        self._register: tuple[tuple[dict[str, Any], list[str]], Register] | None = None
        """The newest state of the register and the loads beside it, and all known posts as they tell them together."""

    def run(self) -> list[LoadOutcome]:
        """Pull every stream in order; one that fails does not stop the others."""
        try:
            return super().run()
        finally:
            self.client.close()

    def _redact(self, text: str) -> str:
        return self.client.redact(text)

    def _pull(self, stream: Stream) -> LoadOutcome:
        state = self._read_state(stream)
        if self.options.is_backfill and stream.kind == "state":
            return self._record_not_reachable(stream, state, "the platform tells what is now, not what was")
        if stream.needs_credential and not self.account.credential:
            return self._record_not_reachable(stream, state, "the platform tells it only with a credential, and the account has none")
        first = datetime.combine(self.account.pull_since, clock_time(), UTC) if self.account.pull_since else None
        key = self._key(stream, self._find_start(stream, state, first))
        if finished := read_manifest(load_folder(self.settings.data, key)):
            return self._tell_finished(stream, finished.manifest)
        self.client.where = key.where
        requests, limits = self.client.request_count, self.client.limits_met
        try:
            with self._hold(key) as finished:
                if finished:
                    return self._tell_finished(stream, finished.manifest)
                with LoadWriter(self.settings.data, key, kind=stream.kind, is_backfill=self.options.is_backfill) as writer:
                    draft = self._read_stream(stream, state, key, writer)
                    next_state = self._build_next_state(stream, state, draft, writer.observed_at)
                    writer.page_count = draft.page
                    load = writer.finish(
                        scopes=draft.scopes,
                        next_state=next_state,
                        request_count=self.client.request_count - requests,
                        limits_met=self.client.limits_met - limits,
                        warnings=[self.client.redact(warning) for warning in draft.warnings],
                    )
        except FiftyError as error:
            outcome = self._describe(stream, "failed", load_id=key.load_id, error=error)
            outcome.request_count = self.client.request_count - requests
            outcome.limits_met = self.client.limits_met - limits
            return outcome
        return self._tell_pulled(stream, load.manifest)

    def _record_not_reachable(self, stream: Stream, state: Mapping[str, Any], reason: str) -> LoadOutcome:
        """A load without a request, so that completeness names the gap, also after a replay; what the stream knows is carried on."""
        key = self._key(stream, self._find_start(stream, state, None))
        with LoadWriter(self.settings.data, key, kind=stream.kind, is_backfill=self.options.is_backfill) as writer:
            if not writer.is_finished:
                writer.finish(scopes=[], next_state=state, warnings=[f"not_reachable: {reason}"])
        return self._describe(stream, "not_reachable", load_id=key.load_id, reason=reason)

    # -- what to ask ------------------------------------------------------------------------------------------------

    def _read_stream(self, stream: Stream, state: Mapping[str, Any], key: LoadKey, writer: LoadWriter) -> LoadDraft:
        draft = LoadDraft(key.load_id)
        start = self._find_read_start(stream, state, key.window.start)
        authorization = self._authorize(stream)
        asked = 0
        for ask in self._list_asks(stream, state, start):
            asked += max(len(ask.ids), 1)
            self._read_ask(stream, state, ask, start, authorization, writer, draft)
        self._check_skipped(stream, draft, asked)
        for source in self._list_missing_sources(stream):
            draft.warnings.append(f"incomplete: {source.name} has not finished for this window; what it finds is asked about in a later one")
        return draft

    def _find_read_start(self, stream: Stream, state: Mapping[str, Any], start: datetime | None) -> datetime | None:
        """Where an events stream really begins to read: the lookback earlier; exactly the window in a backfill."""
        if stream.kind != "events" or start is None:
            return None
        if self.options.is_backfill:
            return start
        if state.get("watermark"):
            start = min(start, parse_instant(state["watermark"]))
        return start - stream.lookback

    def _authorize(self, stream: Stream) -> Authorization | None:
        """The account's authorization where the stream's server is to see it."""
        if not self.account.credential or self.connector.authenticate is None:
            return None
        if self.connector.has_session_server and stream.server != "auth":
            return None
        if self._authorization is None:
            credential = self.settings.read_credential(self.account.credential).get_secret_value()
            self._authorization = self.connector.authenticate(self.account, credential, self.client)
        return self._authorization

    def _list_asks(self, stream: Stream, state: Mapping[str, Any], start: datetime | None) -> Iterator[Ask]:
        base = self._base_values(stream, start)
        base["is_first"] = not state.get("watermark") and not self.options.is_backfill
        if stream.asks == "account":
            yield self._build_ask(stream, base, expected=self._expected_by_profile(stream))
        elif stream.asks == "role":
            for handle, account_id in self._list_due_roles(state):
                values = {**base, "handle": handle or account_id, "account_id": account_id}
                yield self._build_ask(stream, values, by_id=account_id is not None and stream.path_by_id is not None)
        elif stream.asks == "term":
            # A scope that stood twice in a load would have the gate reject it.
            for term in dict.fromkeys(self.brand.terms):
                yield self._build_ask(stream, {**base, "term": term, "tag": "".join(re.findall(r"\w", term))})
        elif stream.asks == "post":
            yield from self._list_post_asks(stream, state, base)
        elif stream.asks == "known":
            register = self._collect_register()
            yield from self._list_batches(stream, register.list_due(self.connector, self.options.until, reread_all=self.options.reread_all), base)
        elif stream.asks == "vanished":
            yield from self._list_batches(stream, self._collect(stream, state, "vanished_posts"), base)
        else:
            # The profile stream asks about these anyway.
            roles = {account_id for _, account_id in self._list_role_accounts()} | {base["account_id"]}
            seen, vanished = self._collect(stream, state, "people") - roles, self._collect(stream, state, "vanished_people") - roles
            due = choose_people(seen, vanished, state.get("known") or {}, self.options.until, reread_all=self.options.reread_all)
            yield from self._list_batches(stream, due, base)

    def _list_batches(self, stream: Stream, ids: Iterable[str], base: Mapping[str, Any]) -> Iterator[Ask]:
        for batch in split_batches(sorted(ids), stream.batch):
            values = {**base, "ids": batch, "ids_joined": ",".join(batch)}
            if stream.asks == "person":
                values["account_id"] = batch[0]
            yield Ask({}, values, ids=tuple(batch))

    def _base_values(self, stream: Stream, start: datetime | None) -> dict[str, Any]:
        facts = self._read_profile() if stream.asks != "role" else {}
        account_id = self.account.id or facts.get("account_id")
        texts = (stream.path, *stream.params.values(), *stream.scope.values(), stream.subject or "")
        needs_id = any("{account_id}" in text for text in texts) and stream.asks not in ("role", "person")
        if account_id is None and self.connector.profile and stream.asks != "role" and (needs_id or stream.follows):
            # A server that is briefly unwell must not look like a mistake: the one is tried again, the other is not.
            is_passing = isinstance(self.errors.get(self.connector.profile.name), RetryableError)
            raise (RetryableError if is_passing else FatalError)(
                "the account's id is not known",
                where=f"{self.where}/{stream.name}",
                seen=f"no finished load of {self.connector.profile.name!r}",
                expected="the id that belongs to the handle",
                remedy=f"mend what stopped {self.connector.profile.name!r}, or set `id` in fifty.yml; a backfill needs an ordinary pull before it",
            )
        return {
            "account_id": account_id,
            "handle": (self.account.handle or "").lstrip("@") or facts.get("handle"),
            "since": _format_second(start) if start else None,
            "until": _format_second(self.options.until),
        }

    def _build_ask(self, stream: Stream, values: dict[str, Any], *, expected: int | None = None, by_id: bool = False) -> Ask:
        scope = {name: fill_template(template, values) for name, template in stream.scope.items()}
        subject = fill_template(stream.subject, values) if stream.subject else None
        return Ask(scope, values, subject if isinstance(subject, str) else None, expected, by_id=by_id)

    def _list_role_accounts(self) -> list[tuple[str | None, str | None]]:
        """(handle, id) of the account itself, then of staff, agency and automatons on the platform; each once, with its id where one role knows it."""
        roles: list[Account | RoleAccount] = [self.account, *self.brand.staff, *self.brand.agency, *self.brand.automatons]
        merged: dict[str | None, tuple[str | None, str | None]] = {}
        for one in roles:
            if one.platform == self.connector.platform:
                handle = (one.handle or "").lstrip("@") or None
                known_handle, known_id = merged.get(handle or one.id, (None, None))
                merged[handle or one.id] = (known_handle or handle, known_id or one.id)
        return list(merged.values())

    def _list_due_roles(self, state: Mapping[str, Any]) -> list[tuple[str | None, str | None]]:
        """The account itself at each run; who works for the brand when new, then as rarely as anybody."""
        own, *others = self._list_role_accounts()
        known, clock = state.get("roles") or {}, self.options.until
        due = choose_people((handle or account_id or "" for handle, account_id in others), (), known, clock, reread_all=self.options.reread_all)
        return [own, *((handle, account_id) for handle, account_id in others if (handle or account_id) in due)]

    def _list_post_asks(self, stream: Stream, state: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[Ask]:
        register = self._collect_register()
        polled = load_polled(state)
        touched = self._collect(stream, state, "changed")
        for post_id in choose_posts(stream, self.connector, register, polled, touched, self.options.until, reread_all=self.options.reread_all):
            # The count belongs to a list; of a tree it says only how many hang directly below.
            expected = register.posts[post_id].counts.get(stream.count) if stream.count and stream.unfold is None else None
            yield self._build_ask(stream, {**base, "post_id": post_id}, expected=expected)

    def _expected_by_profile(self, stream: Stream) -> int | None:
        if stream.expected and stream.expected.startswith("profile:"):
            return read_count((self._read_profile().get("counts") or {}).get(stream.expected.removeprefix("profile:")))
        return None

    # -- what finished loads know -----------------------------------------------------------------------------------

    def _list_manifests(self, stream: Stream, *, after: str | None = None) -> Iterator[Manifest]:
        """Finished loads of a stream whose window ends by the end of ours, and after the instant `after`; oldest first."""
        folder = load_folder(self.settings.data, self._key(stream, None)).parent
        latest = re.sub(r"[-:]", "", _format_second(self.options.until))
        earliest = re.sub(r"[-:]", "", _format_second(parse_instant(after))) if after else ""
        found = []
        for path in folder.glob("*-*-*"):
            if (
                earliest <= path.name.rsplit("-", 2)[1] <= latest
                and (load := self._read_manifest(path))
                and (after is None or (load.manifest.window["end"] or "") > after)
            ):
                found.append(load.manifest)
        yield from sorted(found, key=lambda manifest: (manifest.window["end"] or "", manifest.observed_at, manifest.load_id))

    def _read_newest(self, stream: Stream) -> dict[str, Any]:
        """`next_state` of a stream's load for this very window where it is finished, else of the last one before."""
        state = self._read_state(stream)
        ours = [manifest for manifest in self._list_of_window(stream) if not manifest.is_backfill]
        return ours[-1].next_state if ours else state

    def _read_profile(self) -> dict[str, Any]:
        profile = self.connector.profile
        if profile is None:
            return {}
        if self.options.is_backfill:  # who an account is does not depend on the window: the newest load knows
            latest = LoadKey(self.slug, self.connector.platform, self.account_key, profile.name, Window(None, datetime.max.replace(tzinfo=UTC)))
            return read_state(self.settings.data, latest).get("facts") or {}
        return self._read_newest(profile).get("facts") or {}

    def _collect_register(self) -> Register:
        """All known posts: what the register stream keeps, and what loads have seen that it has not taken over yet."""
        stream = self.connector.register
        assert stream is not None
        state = self._read_newest(stream)
        unmerged = self._list_unmerged(state)
        made_of = (state, [manifest.load_id for manifest in unmerged])
        if self._register is None or self._register[0][0] is not state or self._register[0][1] != made_of[1]:
            register = Register.load(state.get("posts") or {})
            for manifest in unmerged:
                register.merge(Register.load(manifest.next_state.get("seen") or {}))
            self._register = made_of, register
        return self._register[1]

    def _list_unmerged(self, state: Mapping[str, Any]) -> list[Manifest]:
        merged = state.get("merged") or {}
        found = []
        for stream in self.connector.streams:
            if stream.follows and stream.asks != "known":
                known = set(merged.get(stream.name) or ())
                folder = load_folder(self.settings.data, self._key(stream, None)).parent
                latest = re.sub(r"[-:]", "", _format_second(self.options.until))
                for path in folder.glob("*-*-*"):
                    if path.name not in known and path.name.rsplit("-", 2)[1] <= latest and (load := self._read_manifest(path)):
                        found.append(load.manifest)
        return sorted(found, key=lambda manifest: (manifest.window["end"] or "", manifest.observed_at, manifest.stream, manifest.load_id))

    def _list_sources(self, stream: Stream) -> list[Stream]:
        """Streams that find what this one asks about: posts that were touched, posts and people that vanished."""
        if stream.asks == "post":
            return [one for one in self.connector.streams if one.touches]
        if stream.asks == "vanished":
            return [one for one in self.connector.streams if one.member]
        return [one for one in self.connector.streams if one.person or one.member] if stream.asks == "person" else []

    def _list_missing_sources(self, stream: Stream) -> list[Stream]:
        """Those that come before it and have not finished for this window."""
        earlier = self.connector.streams[: self.connector.streams.index(stream)]
        return [source for source in self._list_sources(stream) if source in earlier and not self._list_of_window(source)]

    def _collect(self, stream: Stream, state: Mapping[str, Any], name: str) -> set[str]:
        """What its sources have put under `name` into their `next_state` and this stream has not taken up yet."""
        found: set[str] = set()
        for source in self._list_sources(stream):
            for manifest in self._list_manifests(source, after=self._read_taken(state, source)):
                found.update(manifest.next_state.get(name) or ())
        return found

    def _read_taken(self, state: Mapping[str, Any], source: Stream) -> str | None:
        # By source, not by our own clock: a load that failed and is pulled later, for the same window, would be passed over.
        taken = state.get("taken")
        return state.get("clock") if taken is None else taken.get(source.name)

    def _mark_taken(self, stream: Stream, state: Mapping[str, Any]) -> dict[str, str]:
        """By source: end of the newest window taken up."""
        marks = {}
        for source in self._list_sources(stream):
            before = self._read_taken(state, source)
            ends = [manifest.window["end"] or "" for manifest in self._list_manifests(source, after=before)]
            if mark := max([*ends, before or ""]):
                marks[source.name] = mark
        return marks

    def _read_members(self, stream: Stream, load_id: str) -> dict[str, Members]:
        """Who and what stood in each scope of an earlier load."""
        if load_id not in self._members:
            load = read_manifest(load_folder(self.settings.data, self._key(stream, None)).parent / load_id)
            members: dict[str, Members] = {}
            for line in read_lines(load) if load else ():
                members.setdefault(canonical_json(line["scope"]), Members()).add(stream, line["item"])
            self._members[load_id] = members
        return self._members[load_id]

    def _note_vanished(self, stream: Stream, state: Mapping[str, Any], scope: ScopeRead, members: Members, draft: LoadDraft) -> None:
        """Compare a complete read with the last complete read of the same scope."""
        if not scope.is_complete or not (stream.member or (stream.person and stream.read_kind == "listing")):
            return
        name = canonical_json(scope.scope)
        draft.held[name] = draft.load_id
        earlier = next((load_id for load_id, scopes in (state.get("held") or {}).items() if name in scopes), None)
        if earlier is None:
            return
        before = self._read_members(stream, earlier).get(name, Members())
        draft.vanished_people |= before.people - members.people
        draft.vanished_posts |= before.posts - members.posts

    # -- asking -----------------------------------------------------------------------------------------------------

    def _read_ask(
        self,
        stream: Stream,
        state: Mapping[str, Any],
        ask: Ask,
        start: datetime | None,
        authorization: Authorization | None,
        writer: LoadWriter,
        draft: LoadDraft,
    ) -> None:
        """Read one scope, or one batch, to its end; write its lines and note how complete they are."""
        if ask.ids:
            self._read_batch(stream, ask, authorization, writer, draft)
            return
        scope = ScopeRead(ask.scope, stream.read_kind, stream.entity, ask.subject_id, expected_count=ask.expected)
        draft.scopes.append(scope)
        keys: set[str] = set()
        members = Members()
        notes: list[str] = []
        try:
            for items, answer in self._walk(stream, state, ask, start, authorization, draft, notes):
                draft.page += 1
                kept = self._keep_in_window(stream, items, start)
                writer.write(ask.scope, draft.page, kept)
                for item in kept:
                    keys.add(str(find_value(item, stream.key)))
                    members.add(stream, item)
                self._observe(stream, ask, kept, writer, draft)
                if stream.expected and stream.expected.startswith("header:"):
                    scope.expected_count = read_count(answer.headers.get(stream.expected.removeprefix("header:")))
            scope.is_complete = not notes
        except MissingError as error:
            if stream.asks == "account":
                raise self._refuse_account(stream, error) from None
            # Of one id, "not there" is a complete answer; of a list it says nothing about what was in it.
            scope.is_complete = stream.read_kind == "lookup"
            notes.append(error.reason)
            draft.skipped += 0 if scope.is_complete else 1
        except SkippableError as error:
            notes.append(self.client.redact(error.seen or error.what))
            draft.skipped += 1
        scope.item_count = len(keys)
        if stream.may_be_hidden and scope.is_complete and not keys and (scope.expected_count or 0) > 0:
            scope.is_complete = False
            notes.append(f"hidden: {scope.expected_count} are stated and none is shown")
        if stream.counts_unlisted and scope.is_complete and (unlisted := count_unlisted(scope)):
            notes.append(f"{UNLISTED_NOTE} {unlisted}")
        scope.note = "; ".join(dict.fromkeys(notes)) or None
        self._note_vanished(stream, state, scope, members, draft)
        if stream.asks == "role":
            scope.subject_id = scope.subject_id or draft.facts.get("accounts", {}).get(str(ask.values.get("handle")))

    def _refuse_account(self, stream: Stream, error: MissingError) -> FatalError:
        return FatalError(
            "the platform does not know the account",
            where=f"{self.where}/{stream.name}",
            seen=error.seen,
            expected="the account that is configured",
            remedy="check `handle` or `id`; if the account was closed, set `is_paused: true`",
        )

    def _read_batch(self, stream: Stream, ask: Ask, authorization: Authorization | None, writer: LoadWriter, draft: LoadDraft) -> None:
        """One request about many ids. Each id is a scope of its own: no item is the platform's answer that it is not there."""
        by_id: dict[str, list[Any]] = {one: [] for one in ask.ids}
        reasons: dict[str, str | None] = {}
        try:
            content = self._get(stream, ask, self._fill_parameters(stream, ask, authorization), authorization).content
        except MissingError as error:
            if len(ask.ids) > 1:
                raise
            content, reasons = None, {ask.ids[0]: error.reason}
        draft.page += 1
        unasked = 0
        for item in find_items(content, stream.items):
            item_id = str(find_value(item, stream.key))
            unasked += item_id not in by_id
            by_id.setdefault(item_id, []).append(item)
        if unasked:
            draft.warnings.append(f"{unasked} items came that were not asked for; they are kept")
        name = "account_id" if stream.asks == "person" else "post_id"
        for one, items in by_id.items():
            filled = self._build_ask(stream, {**ask.values, name: one})
            scope = ScopeRead(filled.scope, stream.read_kind, stream.entity, filled.subject_id, True, len(items))
            if not items and stream.why and one not in reasons:
                reasons[one] = self._ask_why(stream, filled, authorization)
                scope.is_complete = reasons[one] is not None  # two answers that contradict each other prove nothing
            scope.note = reasons.get(one) or (None if scope.is_complete else "not in the list, but there when asked for alone")
            writer.write(filled.scope, draft.page, items)
            self._observe(stream, filled, items, writer, draft)
            draft.scopes.append(scope)

    def _ask_why(self, stream: Stream, ask: Ask, authorization: Authorization | None) -> str | None:
        """Why one thing is not there; None where it is."""
        assert stream.why is not None
        path = _PLACEHOLDER.sub(lambda match: quote(str(ask.values[match.group(1)]), safe=""), stream.why)
        try:
            self.client.get(self.account.base_url, path, authorization=authorization, skips=stream.skips)
        except MissingError as error:
            return error.reason
        return None

    def _walk(
        self,
        stream: Stream,
        state: Mapping[str, Any],
        ask: Ask,
        start: datetime | None,
        authorization: Authorization | None,
        draft: LoadDraft,
        notes: list[str],
    ) -> Iterator[tuple[list[Any], Answer]]:
        """(items, answer) of every page of a scope up to its end; adds to `notes` what makes the scope incomplete."""
        parameters = self._fill_parameters(stream, ask, authorization)
        paginator = PAGINATORS[stream.paging](parameters, page_size=stream.page_size, where=f"{self.where}/{stream.name}")
        request = paginator.first_page()
        answer, earlier = self._get_changed(stream, state, ask, request.parameters, authorization)
        asked = (canonical_json(ask.scope), _digest_request(parameters, authorization))
        if earlier is not None:
            draft.validators[asked[0]] = [*state["validators"][asked[0]][:3], draft.load_id]
            yield earlier, answer
            return
        while True:
            unfolded = self._unfold(stream, answer, authorization, notes)
            yield unfolded.items, answer
            if unfolded.again:
                yield from self._walk_again(stream, ask, unfolded.again, authorization, notes)
            elif stream.is_conditional and (answer.validators.etag or answer.validators.last_modified) and not notes:
                draft.validators[asked[0]] = [asked[1], answer.validators.etag, answer.validators.last_modified, draft.load_id]
            following = paginator.next_page(answer, unfolded.items)
            if following is None or self._is_before_window(stream, unfolded.items, start):
                return
            answer = self._get(stream, ask, following.parameters, authorization)

    def _unfold(self, stream: Stream, answer: Answer, authorization: Authorization | None, notes: list[str]) -> Unfolded:
        if stream.unfold is None:
            return Unfolded(find_items(answer.content, stream.items))
        unfolded = stream.unfold(answer.content, authorization is None)
        if unfolded.cut:
            notes.append(unfolded.cut)
        return unfolded

    def _walk_again(
        self, stream: Stream, ask: Ask, cut: Sequence[str], authorization: Authorization | None, notes: list[str]
    ) -> Iterator[tuple[list[Any], Answer]]:
        """The branches of a tree that its depth cut, asked about themselves until nothing is cut."""
        waiting, seen = list(cut), set(cut)
        while waiting:
            branch = Ask(ask.scope, {**ask.values, "post_id": waiting.pop()}, ask.subject_id)
            try:
                answer = self._get(stream, branch, self._fill_parameters(stream, branch, authorization), authorization)
            except SkippableError as error:
                notes.append(f"a branch cannot be read: {self.client.redact(error.seen)}")
                continue
            unfolded = self._unfold(stream, answer, authorization, notes)
            yield unfolded.items, answer
            fresh = [one for one in unfolded.again if one not in seen]
            seen.update(fresh)
            waiting += fresh

    def _get(
        self, stream: Stream, ask: Ask, parameters: Parameters, authorization: Authorization | None, validators: Validators | None = None
    ) -> Answer:
        server = (self.account.auth_url or self.account.base_url) if stream.server == "auth" else self.account.base_url
        template = stream.path_by_id if ask.by_id and stream.path_by_id else stream.path
        path = _PLACEHOLDER.sub(lambda match: quote(str(ask.values[match.group(1)]), safe=""), template)
        return self.client.get(server, path, parameters, authorization=authorization, validators=validators, skips=stream.skips)

    def _get_changed(
        self, stream: Stream, state: Mapping[str, Any], ask: Ask, parameters: Parameters, authorization: Authorization | None
    ) -> tuple[Answer, list[Any] | None]:
        """First answer of a scope; where the server says that nothing has changed, with the items of the load that read it last."""
        scope = canonical_json(ask.scope)
        known = (state.get("validators") or {}).get(scope) if stream.is_conditional else None
        if not known or known[0] != _digest_request(parameters, authorization):
            return self._get(stream, ask, parameters, authorization), None
        answer = self._get(stream, ask, parameters, authorization, Validators(known[1], known[2]))
        if not answer.is_unchanged:
            return answer, None
        items = self._read_earlier(stream, known[3]).get(scope)
        if items is None:  # the earlier load is gone or was rewritten: ask without condition
            return self._get(stream, ask, parameters, authorization), None
        return answer, items

    def _read_earlier(self, stream: Stream, load_id: str) -> dict[str, list[Any]]:
        """Items of an earlier load by scope. A load that was rewritten since (expired, forgotten) is not to be repeated."""
        if load_id not in self._earlier:
            load = read_manifest(load_folder(self.settings.data, self._key(stream, None)).parent / load_id)
            by_scope: dict[str, list[Any]] = {}
            if load and load.manifest.revision == 1:
                by_scope = {canonical_json(scope.scope): [] for scope in load.manifest.scopes if scope.is_complete}
                for line in read_lines(load):
                    by_scope.setdefault(canonical_json(line["scope"]), []).append(line["item"])
            self._earlier = {load_id: by_scope}  # one at a time: memory stays bounded
        return self._earlier[load_id]

    def _fill_parameters(self, stream: Stream, ask: Ask, authorization: Authorization | None) -> Parameters:
        if ask.by_id:
            return ()
        first = stream.first_params if ask.values.get("is_first") else {}
        templates = {**stream.params, **first, **(stream.credential_params if authorization else {})}
        filled: list[tuple[str, str]] = []
        for name, template in templates.items():
            for part in template.split("|"):
                value = fill_template(part, ask.values)
                filled += [(name, one) for one in (value if isinstance(value, list) else [value]) if one is not None]
        return tuple(filled)

    # -- the window -------------------------------------------------------------------------------------------------

    def _keep_in_window(self, stream: Stream, items: list[Any], start: datetime | None) -> list[Any]:
        """A backfill lands exactly its window; any other load lands what came: it is true, wherever it lies in time."""
        if not (self.options.is_backfill and stream.newest_first):
            return items
        moments = [(item, read_time(find_value(item, stream.newest_first))) for item in items]
        return [item for item, moment in moments if moment is None or ((start is None or moment >= start) and moment < self.options.until)]

    def _is_before_window(self, stream: Stream, items: Sequence[Any], start: datetime | None) -> bool:
        """Whether a whole page is older than the window: one straggler between newer ones does not end the read."""
        if stream.newest_first is None or start is None or not items:
            return False
        moments = [read_time(find_value(item, stream.newest_first)) for item in items]
        return all(moment is not None and moment < start for moment in moments)

    # -- what a load remembers --------------------------------------------------------------------------------------

    def _observe(self, stream: Stream, ask: Ask, items: list[Any], writer: LoadWriter, draft: LoadDraft) -> None:
        if stream.follows:
            account_id = str(ask.values["account_id"]) if ask.values.get("account_id") is not None else None
            seen = observe_items(items, stream.follows, account_id=account_id, clock=self.options.until, seen_at=writer.observed_at)
            draft.register.merge(seen)
        if stream.touches:
            for item in items:
                draft.touched.setdefault(str(find_value(item, stream.touches)), []).append(str(find_value(item, stream.key)))
        if stream.completes and stream.person:
            draft.people.update(str(person) for item in items if (person := find_value(item, stream.person)) is not None)
        if stream.profile_counts:
            self._note_profile(stream, ask, items, draft)

    def _note_profile(self, stream: Stream, ask: Ask, items: list[Any], draft: LoadDraft) -> None:
        for item in items:
            account_id = find_value(item, stream.key)
            draft.facts.setdefault("accounts", {})[str(ask.values["handle"])] = str(account_id)
            if "account_id" not in draft.facts and self._is_own_profile(ask):
                counts = {name: read_count(find_value(item, path)) for name, path in stream.profile_counts.items()}
                draft.facts |= {"account_id": str(account_id), "handle": find_value(item, "handle|acct|username"), "counts": counts}

    def _is_own_profile(self, ask: Ask) -> bool:
        own = (self.account.handle or "").lstrip("@") or self.account.id
        return ask.values["handle"] == own

    def _check_skipped(self, stream: Stream, draft: LoadDraft, asked: int) -> None:
        if draft.skipped == 0:
            return
        draft.warnings.append(f"{draft.skipped} of {asked} scopes could not be read; each says why")
        if asked >= SKIPPED_AT_LEAST and draft.skipped > SKIPPED_SHARE * asked:
            raise FatalError(
                "most of what was asked about is not there",
                where=f"{self.where}/{stream.name}",
                seen=f"{draft.skipped} of {asked} scopes skipped; the first: {next(scope.note for scope in draft.scopes if scope.note)}",
                expected=f"at most {SKIPPED_SHARE:.0%}",
                remedy="has the credential lost its rights, or has the platform changed? See the connector's README",
            )

    def _build_next_state(self, stream: Stream, state: Mapping[str, Any], draft: LoadDraft, observed_at: datetime) -> dict[str, Any]:
        """What later loads need to know of this one; of a backfill only what it saw: it moves no mark."""
        clock = format_instant(self.options.until)
        following: dict[str, Any] = self._merge_known(state, draft) if stream.asks == "known" else {}
        if not self.options.is_backfill:
            following |= {"watermark": self._watermark(observed_at), "clock": clock}
        elif state.get("watermark"):
            following |= {name: state[name] for name in ("watermark", "clock") if name in state}
        if stream.follows and stream.asks != "known":
            following["seen"] = draft.register.dump()
        if stream.touches:
            digests = {post: canonical_json(sorted(set(keys))) for post, keys in draft.touched.items()}
            before = state.get("touched") or {}
            following["touched"] = digests
            following["changed"] = sorted(post for post in digests.keys() | before.keys() if digests.get(post) != before.get(post))
        if stream.completes:
            following["people"] = sorted(draft.people)
        if (stream.person or stream.member) and not self.options.is_backfill:
            following |= self._merge_held(state, draft)
        if stream.profile_counts:
            following["facts"] = {**(state.get("facts") or {}), **draft.facts}
            following["roles"] = {**(state.get("roles") or {}), **{str(scope.scope["handle"]): clock for scope in draft.scopes}}
        if stream.is_conditional:
            asked = {canonical_json(scope.scope) for scope in draft.scopes}
            kept = {scope: value for scope, value in (state.get("validators") or {}).items() if scope not in asked}
            following["validators"] = {**kept, **draft.validators}
        if self._list_sources(stream):
            following["taken"] = self._mark_taken(stream, state)
        if stream.asks == "post":
            following["polled"] = self._merge_polled(stream, state, draft, clock)
        elif stream.asks == "person":
            following["known"] = {**(state.get("known") or {}), **{str(scope.subject_id): clock for scope in draft.scopes}}
        return following

    def _merge_known(self, state: Mapping[str, Any], draft: LoadDraft) -> dict[str, Any]:
        register = Register.load(state.get("posts") or {})
        merged = {name: list(ids) for name, ids in (state.get("merged") or {}).items()}
        for manifest in self._list_unmerged(state):
            register.merge(Register.load(manifest.next_state.get("seen") or {}))
            merged.setdefault(manifest.stream, []).append(manifest.load_id)
        register.merge(draft.register)
        for scope in draft.scopes:
            post = register.posts.get(str(scope.scope.get("post_id")))
            if post is not None and scope.is_complete and scope.item_count == 0:
                post.is_gone = True
                if post.author:
                    draft.vanished_people.add(post.author)
                post.checked_at = format_instant(self.options.until)
        return {"posts": register.dump(), "merged": {name: sorted(ids) for name, ids in merged.items()}}

    def _merge_held(self, state: Mapping[str, Any], draft: LoadDraft) -> dict[str, Any]:
        held = {load_id: [scope for scope in scopes if scope not in draft.held] for load_id, scopes in (state.get("held") or {}).items()}
        if draft.held:
            held[draft.load_id] = sorted(draft.held)
        return {
            "held": {load_id: scopes for load_id, scopes in held.items() if scopes},
            "vanished_people": sorted(draft.vanished_people),
            "vanished_posts": sorted(draft.vanished_posts),
        }

    def _merge_polled(self, stream: Stream, state: Mapping[str, Any], draft: LoadDraft, clock: str) -> dict[str, Any]:
        register = self._collect_register()
        polled, counts = load_polled(state), register.count(stream)
        for scope in draft.scopes:
            post_id = str(scope.scope["post_id"])
            polled[post_id] = Polled(clock, counts.get(post_id))
        gone = {post_id for post_id, post in register.posts.items() if post.is_gone}
        return {post_id: [one.at, one.count] for post_id, one in sorted(polled.items()) if post_id not in gone}


def count_unlisted(scope: ScopeRead) -> int:
    """How many more the platform counts than a complete read gave, where that is within what it leaves out of its lists; else 0: then some are missing."""
    short = (scope.expected_count or 0) - scope.item_count
    return short if 0 < short <= UNLISTED_LEAST + UNLISTED_SHARE * (scope.expected_count or 0) else 0


def load_polled(state: Mapping[str, Any]) -> dict[str, Polled]:
    """When a stream last asked about each post, from its `next_state`."""
    return {post_id: Polled(at, read_count(count)) for post_id, (at, count) in (state.get("polled") or {}).items()}


def fill_template(template: str, values: Mapping[str, Any]) -> Any:
    """`template` with its placeholders filled; None where one has no value; the list itself where it is one placeholder for a list."""
    names = _PLACEHOLDER.findall(template)
    if any(values.get(name) is None for name in names):
        return None
    if len(names) == 1 and template == f"{{{names[0]}}}" and isinstance(values[names[0]], list):
        return values[names[0]]
    return _PLACEHOLDER.sub(lambda match: str(values[match.group(1)]), template)


def _digest_request(parameters: Parameters, authorization: Authorization | None) -> str:
    """Equal for equal requests: a validator holds only for the request that got it."""
    return hashlib.sha256(canonical_json([[list(pair) for pair in parameters], authorization is not None]).encode()).hexdigest()[:16]


def _format_second(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
