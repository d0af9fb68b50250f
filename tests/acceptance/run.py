"""The acceptance run: two real platforms, one story, the DAGs, and an oracle that must agree exactly.

install and start servers -> chapter one -> DAGs -> compare -> chapter two, a revoked password -> DAGs (one platform
fails) -> a new password and a rate limit -> DAGs -> compare -> the oracle's seeded bugs, each of which must be seen

Prints a table and the time of each part; exit code 0 when all agree, 1 on any difference, 2 when a server cannot be had.
Run it: ``make acceptance``, or ``python -m tests.acceptance --keep DIR`` to look at what is left afterwards.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import FrameType

import duckdb
import yaml

from tests.acceptance.compare import MEASURES, Difference, Expected, Published, compare, count_by_measure, read_published
from tests.acceptance.contract.examination import examine
from tests.acceptance.ledger import Ledger
from tests.acceptance.oracle import SEEDED_BUGS, Oracle, Rules, build_world
from tests.acceptance.servers.bluesky import Bluesky, start_bluesky
from tests.acceptance.servers.installation import install_all
from tests.acceptance.servers.processes import LeashedProcess, ServerFailed, read_tail
from tests.acceptance.servers.wordpress import USUAL_LIMIT, WordPress, start_wordpress
from tests.acceptance.story import STORY, Moment, check_story
from tests.acceptance.tell import Teller

ROOT = Path(__file__).resolve().parents[2]
BRAND = "hafenkaffee"
SHOWN_DIFFERENCES = 40
TIGHT_LIMIT = (1, 1)


class Interrupted(Exception):
    """The run was told to end (a time limit, Ctrl-C of a supervisor): leave through the usual door."""


def _raise_interrupted(number: int, _frame: FrameType | None) -> None:
    raise Interrupted(f"ended by signal {number}")


@dataclass
class Stopwatch:
    """Seconds of each part, in order."""

    parts: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        """Measure one part and say when it is done."""
        print(f"{part} …", flush=True)
        started = time.monotonic()
        try:
            yield
        finally:
            self.parts.append((part, time.monotonic() - started))
            print(f"  {self.parts[-1][1]:.1f} s", flush=True)


@dataclass
class Job:
    """One pipeline over the two servers: where it lies and how it is run."""

    folder: Path
    environment: dict[str, str]
    through: str
    minutes: float

    @property
    def published(self) -> Path:
        """What readers open."""
        return self.folder / "data" / BRAND / "published" / "marts.duckdb"

    def run(self, name: str, as_of: date) -> list[str]:
        """Run all stages for a day and return what went wrong on the way, in the pipeline's own words.

        Raises ServerFailed when the runner itself fails or takes too long.
        """
        report, log = self.folder / f"{name}.json", self.folder / f"{name}.log"
        if self.through == "dags":
            module = "tests.acceptance.dag_run"
            command = [sys.executable, "-m", module, as_of.isoformat(), str(report), str(self.folder / f"{name}-tasks.log")]
        else:
            command = [str(Path(sys.executable).with_name("fifty")), "run", "--as-of", as_of.isoformat(), "--json"]
        with LeashedProcess(name, command, log, environment=self.environment, folder=ROOT) as process:
            until = time.monotonic() + self.minutes * 60
            while process.is_running():
                if time.monotonic() > until:
                    raise ServerFailed(f"{name} took longer than {self.minutes} minutes. {log}:\n{read_tail(log)}")
                time.sleep(0.1)
            code = process.exit_code
        if self.through != "dags":
            return [] if code == 0 else [read_tail(log)]
        if code != 0 or not report.exists():
            raise ServerFailed(f"{name} ended with {code}. {log}:\n{read_tail(log)}")
        answer = json.loads(report.read_text())
        for task, state, seconds in answer["tasks"]:
            if seconds >= 1 or state != "success":
                print(f"    {task:45} {state:16} {seconds:6.1f} s", flush=True)
        return [text for text, _ in answer["alerts"]]


def write_configuration(folder: Path, teller: Teller, bluesky: Bluesky, wordpress: WordPress) -> None:
    """Write fifty.yml and the business files as the people of the roastery would."""
    accounts = teller.ledger.accounts
    staff: list[dict[str, object]] = []
    agency: list[dict[str, object]] = []
    automatons: list[dict[str, object]] = []
    for character in STORY.characters.values():
        place = {"staff": staff, "agency": agency, "automaton": automatons}.get(character.role)
        if place is None:
            continue
        row: dict[str, object] = {"platform": character.platform, "handle": accounts[character.key].handle}
        if character.role != "agency":
            row["answers_for_brand"] = character.answers_for_brand
        if character.answers_for_brand:
            row["responder"] = character.key
        place.append(row)
    brand = {
        "name": "Hafenkaffee",
        "timezone": "Europe/Berlin",
        "language": "de",
        "accounts": [
            {
                "platform": "bluesky",
                "handle": accounts[BRAND].handle,
                "base_url": bluesky.appview_url,
                "auth_url": bluesky.pds_url,
                "user": accounts[BRAND].handle,
                "credential": "acceptance-bluesky",
            },
            {
                "platform": "wordpress",
                "handle": "redaktion",
                "base_url": wordpress.base_url,
                "user": wordpress.admin_user,
                "credential": "acceptance-wordpress",
            },
        ],
        "staff": staff,
        "agency": agency,
        "automatons": automatons,
        "business_files": "business",
    }
    (folder / "fifty.yml").write_text(yaml.safe_dump({"brands": {BRAND: brand}}, allow_unicode=True, sort_keys=False))
    _write_business_files(folder / "business", teller.ledger)


def _write_business_files(folder: Path, ledger: Ledger) -> None:
    folder.mkdir(exist_ok=True)

    def instant(moment: Moment) -> str:
        return moment.resolve(ledger.day).strftime("%Y-%m-%dT%H:%M:%S")

    contest = STORY.contest
    campaigns = [
        {
            "campaign_id": contest.key,
            "campaign_name": contest.name,
            "starts_at": instant(contest.starts),
            "ends_at": instant(contest.ends),
            "is_incentivised": "true",
            "hashtags": contest.hashtag,
        }
    ]
    labels = [
        {
            "entity": "post",
            "entity_id": f"bluesky:{ledger.messages[key].message_id}",
            "label": "promotional",
            "value": "true",
            "labelled_by": "lotte",
            "labelled_at": instant(Moment(10, "12:00")),
        }
        for key in STORY.promotional
    ]
    facts = []
    for number, character in enumerate(STORY.characters.values()):
        if character.same_person_as is None:
            continue
        for key in (character.key, character.same_person_as):
            account = ledger.accounts[key]
            facts.append(
                {
                    "person_ref": f"crm:{number}",
                    "fact": "account",
                    "value": f"{account.platform}:{account.account_id}",
                    "source": "newsletter form",
                    "basis": "consent",
                    "purpose": "relationship care",
                    "collected_at": instant(Moment(70, "12:00")),
                }
            )
    for name, rows in (("campaigns", campaigns), ("labels", labels), ("person_facts", facts)):
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)


def choose_day() -> date:
    """Return today in UTC; shortly around midnight wait, so that no run straddles two days and nothing lies ahead."""
    now = datetime.now(UTC)
    if now.hour == 0 and now.minute < 8:
        time.sleep((8 - now.minute) * 60)
    return datetime.now(UTC).date()


def list_expected(ledger: Ledger, chapters: int, as_of: date, rules: Rules | None = None) -> Expected:
    """Ask the oracle about the day after so many chapters."""
    world = build_world(STORY, ledger, (STORY.one, STORY.two)[:chapters])
    return Expected.ask(Oracle(world, as_of, rules or Rules()))


@dataclass
class Stand:
    """One published version with the oracle's view of the same day."""

    name: str
    chapters: int
    as_of: date
    ledger: Ledger
    published: Published

    def compare(self, rules: Rules | None = None) -> list[Difference]:
        """Return every difference, with the rules in force or with a seeded bug."""
        expected = list_expected(self.ledger, self.chapters, self.as_of, rules)
        return compare(expected, self.published, self.as_of.isoformat())


def print_stand(stand: Stand) -> int:
    """Print one line a measure and the first differences; return their number."""
    differences = stand.compare()
    counts = count_by_measure(differences)
    expected = list_expected(stand.ledger, stand.chapters, stand.as_of)
    print(f"\n{stand.name} (as of {stand.as_of}): LR90 {len(expected.living)} expected, {stand.published.living_count} published")
    for measure in MEASURES:
        print(f"  {measure:15} {expected.count(measure):5} compared  {counts[measure]:5} differences")
    for difference in differences[:SHOWN_DIFFERENCES]:
        print(f"    {difference.describe()}")
    if len(differences) > SHOWN_DIFFERENCES:
        print(f"    … and {len(differences) - SHOWN_DIFFERENCES} more")
    return len(differences)


def print_seeded_bugs(stands: list[Stand]) -> int:
    """Compare once more with each bug in the oracle; return how many of them go unseen."""
    base = [len(stand.compare()) for stand in stands]
    unseen = 0
    print("\nSeeded bugs (each must make the comparison red):")
    for name, rules in SEEDED_BUGS.items():
        found = [len(stand.compare(rules)) for stand in stands]
        # With differences left over from elsewhere, only a change of their set says that the bug was seen.
        is_seen = any(set(stand.compare(rules)) != set(stand.compare()) for stand in stands)
        unseen += not is_seen
        more = ", ".join(f"{after - before:+d}" for after, before in zip(found, base, strict=True))
        print(f"  {'red  ' if is_seen else 'GREEN'}  {name}: {more}")
    return unseen


def read_completeness(path: Path, platform: str) -> set[str]:
    """Return the states that the published completeness names for a platform."""
    with duckdb.connect(str(path), read_only=True) as connection:
        query = "select distinct completeness_state from ops.completeness where platform = ?"
        return {str(state) for (state,) in connection.execute(query, [platform]).fetchall()}


def read_newest_day(path: Path) -> date | None:
    """Return the day that the published version describes."""
    with duckdb.connect(str(path), read_only=True) as connection:
        row = connection.execute("select max(as_of_date) from relationships.living_relationships_daily").fetchone()
    return row[0] if row else None


def run_story(folder: Path, options: argparse.Namespace, watch: Stopwatch, stack: ExitStack) -> int:
    """Do everything; return the number of faults found."""
    check_story(STORY)
    with watch.time("Install the servers (what is there is left alone)"):
        _, seconds = install_all(folder / "install")
        print("  " + ", ".join(f"{part} {spent:.1f} s" for part, spent in seconds.items()))
    with watch.time("Start WordPress and Bluesky"):
        wordpress = stack.enter_context(start_wordpress(folder / "wordpress", title="Hafenkaffee"))
        bluesky = stack.enter_context(start_bluesky(folder / "bluesky"))
        print(f"  WordPress {wordpress.version} at {wordpress.base_url}, Bluesky AppView at {bluesky.appview_url}")
    today = choose_day()
    yesterday = today - timedelta(days=1)
    teller = Teller(STORY, bluesky, wordpress, today)
    with watch.time("Chapter one"):
        teller.introduce_characters()
        teller.tell(STORY.one)
    first_ledger = folder / "ledger-one.json"
    teller.ledger.write(first_ledger)

    write_configuration(folder, teller, bluesky, wordpress)
    uuid, password = wordpress.create_app_password(1, "pipeline")
    secret_files = folder / "secrets"
    secret_files.mkdir(mode=0o700)
    (secret_files / "acceptance-wordpress").write_text(password)
    (secret_files / "acceptance-bluesky").write_text(teller.create_app_password(BRAND))
    environment = {
        "FIFTY_CONFIG": str(folder / "fifty.yml"),
        "FIFTY_DATA": str(folder / "data"),
        "FIFTY_SECRETS": str(secret_files),
        "FIFTY_TASK_RETRIES": "0",
        # Old posts are asked about rarely. The two chapters lie minutes apart, and the second changes old things.
        "FIFTY_PULL_REREADS_ALL": "true",
        "AIRFLOW_HOME": str(folder / "airflow"),
    }
    job = Job(folder, environment, options.through, options.minutes)
    faults = 0

    with watch.time("DAGs after chapter one"):
        alerts = job.run("run-one", yesterday)
    faults += _report_alerts(alerts)
    stands = [Stand("Chapter one", 1, yesterday, Ledger.read(first_ledger), read_published(job.published, Ledger.read(first_ledger)))]

    with watch.time("Chapter two"):
        teller.tell(STORY.two)
        wordpress.revoke_app_password(1, uuid)
    second_ledger = folder / "ledger-two.json"
    teller.ledger.write(second_ledger)

    with watch.time("DAGs with a revoked WordPress password"):
        alerts = job.run("run-two", today)
    states = read_completeness(job.published, "wordpress")
    faults += _check("the failed platform is named in an alert", any("wordpress" in text for text in alerts) or options.through != "dags")
    faults += _check(f"completeness says that WordPress failed (states: {sorted(states)})", "failed" in states)
    newest = read_newest_day(job.published)
    faults += _check(f"the other platform was published all the same (as of {newest})", newest == today)
    spilled = [path.name for path in folder.glob("run-*.log") if password in path.read_text(errors="replace")]
    faults += _check(f"the password is in no log {spilled or ''}", not spilled)

    _, password = wordpress.create_app_password(1, "pipeline, renewed")
    (secret_files / "acceptance-wordpress").write_text(password)
    wordpress.limit_requests(*TIGHT_LIMIT)
    with watch.time("DAGs with the new password, under a rate limit"):
        alerts = job.run("run-three", today)
    wordpress.limit_requests(*USUAL_LIMIT)
    faults += _report_alerts(alerts)
    refused = wordpress.count_answers(429)
    faults += _check(f"the rate limit was met ({refused} answers 429) and waited for", refused > 0)
    stands.append(Stand("Chapter two", 2, today, Ledger.read(second_ledger), read_published(job.published, Ledger.read(second_ledger))))

    faults += sum(print_stand(stand) for stand in stands)
    with watch.time("Seeded bugs"):
        faults += print_seeded_bugs(stands)
    with watch.time("The contract of the demo platforms"):
        faults += examine(teller, folder / "demo")
    return faults


def _report_alerts(alerts: list[str]) -> int:
    for text in alerts:
        print(f"  ALERT {text}")
    return len(alerts)


def _check(what: str, is_so: bool) -> int:
    print(f"  {'yes' if is_so else 'NO '}  {what}")
    return 0 if is_so else 1


def main() -> int:
    """Parse the options, run, print the times; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance", description="Run the pipeline against real servers.")
    parser.add_argument("--minutes", type=float, default=10.0, help="longest time for one run of the DAGs")
    parser.add_argument("--through", choices=("dags", "cli"), default="dags", help="run the DAGs, or `fifty run` (quicker)")
    parser.add_argument("--keep", type=Path, help="folder to work in and to leave; default: a new one, removed at the end")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _raise_interrupted)
    started = time.monotonic()
    watch = Stopwatch()
    folder = options.keep.resolve() if options.keep else Path(tempfile.mkdtemp(prefix="fifty-acceptance-"))
    folder.mkdir(parents=True, exist_ok=True)
    # The databases run as users of their own and must reach their folders.
    folder.chmod(0o755)
    try:
        with ExitStack() as stack:
            faults = run_story(folder, options, watch, stack)
    except (ServerFailed, Interrupted) as failure:
        print(f"\nacceptance could not be run: {failure}", file=sys.stderr)
        return 2
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print("\nSeconds: " + ", ".join(f"{part} {seconds:.1f}" for part, seconds in watch.parts))
    print(f"{'AGREED' if faults == 0 else f'{faults} FAULTS'} in {time.monotonic() - started:.0f} s")
    return 0 if faults == 0 else 1
