"""Extracts from published marts: whole folders, honest manifests, pages that hostile text cannot break."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import signal
from datetime import date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from published_marts import AS_OF, publish_passed, read_contracts, write_marts
from wild_brand import NAMES, make_rows

from fifty import extract, pages, serving
from fifty.config import Brand
from fifty.errors import FatalError, SettingsError
from fifty.extract import run_extracts
from fifty.publish import Version, prune_versions
from fifty.quarterly import render_quarterly_verdict
from fifty.settings import Settings
from fifty.spreadsheets import clean_text
from fifty.warehouse import BrandPaths, connect, lock_brand

# The marts that extracts read; publishing all of them each time would only cost time.
_MARTS = {
    name: model
    for name, model in read_contracts().items()
    if name.startswith(("relationships.", "engagement.campaign", "engagement.response"))
    or name in ("engagement.posts", "engagement.feedback", "engagement.feedback_summary", "ops.parameters", "ops.completeness")
}
_FORMATS = ["csv", "xlsx", "html", "parquet"]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LEAD_SECONDS", 0.05)
    monkeypatch.setattr(serving, "GRACE_SECONDS", 0.05)


@pytest.fixture
def brand() -> Brand:
    return Brand.model_validate(
        {
            "name": "Acme & Söhne <Berlin>",
            "timezone": "Europe/Berlin",
            "accounts": [{"platform": "mastodon", "handle": "acme", "base_url": "https://social.example"}],
            "extracts": [
                {"name": "the_fifty", "formats": _FORMATS, "recipients": ["social lead"]},
                {"name": "weekly", "formats": _FORMATS},
                {"name": "quarterly_verdict", "formats": _FORMATS},
            ],
        }
    )


def _publish(paths: BrandPaths, settings: Settings, rows: dict[str, list[dict[str, Any]]], marker: str = "p1", as_of: date = AS_OF) -> None:
    write_marts(paths, rows, parameters_version=marker, as_of=as_of, contracts=_MARTS)
    publish_passed(paths, settings, run_id="r", as_of=as_of)


class _Page(HTMLParser):
    """What a browser would make of a page: elements with attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("p", "blockquote", "li", "td", "th", "div", "h1", "h2", "h3"):
            self.text += "\n"

    def handle_data(self, data: str) -> None:
        self.text += data


_ALLOWED = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "main",
    "footer",
    "section",
    "article",
    "div",
    "span",
    "h1",
    "h2",
    "h3",
    "p",
    "b",
    "i",
    "a",
    "bdi",
    "ul",
    "li",
    "blockquote",
    "svg",
    "rect",
    "text",
    "line",
    "polyline",
    "br",
    "circle",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}


def _check_page(text: str) -> _Page:
    page = _Page(text)
    assert {tag for tag, _ in page.elements} <= _ALLOWED
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert "src" not in attributes
        if tag == "a":
            assert str(attributes["href"]).startswith(("http://", "https://"))
            assert "noopener" in str(attributes["rel"])
        elif tag != "a":
            assert "href" not in attributes
    assert not any(ord(one) < 32 and one not in "\n\t" for one in text)
    assert not any(0x202A <= ord(one) <= 0x202E for one in text)
    return page


def test_every_ordered_file_is_there_with_its_hash_rows_and_dictionary(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    _publish(paths, settings, make_rows(50))
    result = run_extracts("acme", brand, paths, settings)
    assert [one.name for one in result.extracts] == ["the_fifty", "weekly", "quarterly_verdict"]
    for one in result.extracts:
        assert one.folder == paths.extracts / one.name / "2026-09-06"
        manifest = json.loads((one.folder / "manifest.json").read_text(encoding="utf-8"))
        assert {file["name"] for file in manifest["files"]} | {"manifest.json"} == {file.name for file in one.folder.iterdir()}
        for file in manifest["files"]:
            content = (one.folder / file["name"]).read_bytes()
            assert (hashlib.sha256(content).hexdigest(), len(content)) == (file["sha256"], file["byte_count"])
        assert manifest["publish_id"] == result.publish_id
        assert (manifest["as_of_date"], manifest["expires_date"]) == ("2026-09-06", "2026-10-06")
        assert manifest["parameters_version"] == "p1"
        rows = {file["name"]: file["row_count"] for file in manifest["files"]}
        with (one.folder / "dictionary.csv").open(encoding="utf-8-sig", newline="") as handle:
            described = [(row["dataset"], row["column"]) for row in csv.DictReader(handle) if row["description"]]
        for dataset in manifest["datasets"]:
            with (one.folder / f"{dataset['name']}.csv").open(encoding="utf-8-sig", newline="") as handle:
                table = list(csv.reader(handle))
            assert len(table) - 1 == dataset["row_count"] == rows[f"{dataset['name']}.csv"]
            assert [(dataset["name"], column) for column in table[0]] == [pair for pair in described if pair[0] == dataset["name"]]
            with duckdb.connect() as reader:
                found = reader.execute(f"select count(*) from '{one.folder}/{dataset['name']}.parquet'").fetchone()
            assert found == (dataset["row_count"],)
        book = openpyxl.load_workbook(one.folder / f"{one.name}.xlsx")
        assert [sheet.max_row - 1 for sheet in book.worksheets[:-1]] == [dataset["row_count"] for dataset in manifest["datasets"]]
        assert book.sheetnames[-1] == "dictionary"


def test_names_of_people_never_stand_without_their_profile(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    for plan in extract.PLANS.values():
        for dataset in plan.datasets:
            assert ("display_name" not in dataset.columns) or ("profile_url" in dataset.columns)


def test_a_second_run_changes_no_byte(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    _publish(paths, settings, make_rows(50))
    run_extracts("acme", brand, paths, settings)
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in paths.extracts.rglob("*") if file.is_file()}
    result = run_extracts("acme", brand, paths, settings)
    assert not any(one.is_new for one in result.extracts)
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in paths.extracts.rglob("*") if file.is_file()} == before
    # And written anew, from nothing, the same bytes again.
    for file in before:
        file.unlink()
    run_extracts("acme", brand, paths, settings)
    assert {file: file.read_bytes() for file in paths.extracts.rglob("*") if file.is_file()} == {
        file: content for file, (content, _) in before.items()
    }


def test_a_new_publish_of_the_same_day_replaces_the_folder(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    _publish(paths, settings, make_rows(5))
    run_extracts("acme", brand, paths, settings)
    _publish(paths, settings, make_rows(6))
    result = run_extracts("acme", brand, paths, settings, names=["the_fifty"])
    assert [one.is_new for one in result.extracts] == [True]
    assert len((paths.extracts / "the_fifty" / "2026-09-06" / "the_fifty.csv").read_text(encoding="utf-8-sig").split("\r\np")) >= 1
    assert json.loads((result.folders[0] / "manifest.json").read_text(encoding="utf-8"))["datasets"][0]["row_count"] == 6
    assert sorted(one.name for one in (paths.extracts / "the_fifty").iterdir()) == ["2026-09-06"]


@pytest.mark.parametrize("moment", ["writing", "before the renames", "between the renames", "before removing the old"])
def test_killed_at_the_worst_moments_a_rerun_mends_it(
    paths: BrandPaths, settings: Settings, brand: Brand, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish(paths, settings, make_rows(5))
    run_extracts("acme", brand, paths, settings, names=["the_fifty"])
    _publish(paths, settings, make_rows(6))
    child = os.fork()
    if not child:
        try:
            renames = 0
            rename, remove = Path.rename, extract.shutil.rmtree

            def counted(self: Path, target: Any) -> Path:
                nonlocal renames
                if (moment, renames) in (("before the renames", 0), ("between the renames", 1)):
                    os.kill(os.getpid(), signal.SIGKILL)
                renames += 1
                return rename(self, target)

            def killing(*arguments: Any, **named: Any) -> None:
                os.kill(os.getpid(), signal.SIGKILL)

            monkeypatch.setattr(Path, "rename", counted)
            if moment == "writing":
                monkeypatch.setattr(extract, "write_xlsx", killing)
            if moment == "before removing the old":
                monkeypatch.setattr(extract.shutil, "rmtree", lambda path: killing() if str(path).endswith(".old") else remove(path))
            run_extracts("acme", brand, paths, settings, names=["the_fifty"])
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    for folder in (paths.extracts / "the_fifty").iterdir():
        if not folder.name.startswith("."):
            manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
            assert all(hashlib.sha256((folder / file["name"]).read_bytes()).hexdigest() == file["sha256"] for file in manifest["files"])
    result = run_extracts("acme", brand, paths, settings, names=["the_fifty"])
    assert sorted(one.name for one in (paths.extracts / "the_fifty").iterdir()) == ["2026-09-06"]
    assert json.loads((result.folders[0] / "manifest.json").read_text(encoding="utf-8"))["datasets"][0]["row_count"] == 6


@pytest.mark.parametrize("people", [0, 1, 7, 50])
def test_pages_stand_with_any_number_of_hostile_people(paths: BrandPaths, settings: Settings, brand: Brand, people: int) -> None:
    _publish(paths, settings, make_rows(people))
    result = run_extracts("acme", brand, paths, settings)
    fifty, week, quarter = ((folder / f"{folder.parent.name}.html").read_text(encoding="utf-8") for folder in result.folders)
    page = _check_page(fifty)
    _check_page(week)
    _check_page(quarter)
    assert "viewport" in fifty and "Content-Security-Policy" in fifty
    for number in range(people):
        assert " ".join(clean_text(NAMES[number % len(NAMES)]).split())[:79] in page.text
    assert ("The list is not filled up" in page.text) == (0 < people < 50)
    assert ("Nobody is on this list yet" in page.text) == (people == 0)
    assert "secret@evil" not in fifty and "javascript:" not in "".join(str(attributes.get("href")) for _, attributes in page.elements)


@budget(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(NAMES), url=st.text(max_size=60))
def test_no_name_and_no_address_ever_becomes_markup(name: str, url: str) -> None:
    template = pages._open_templates().from_string(
        "{% extends 'page.html' %}{% block title %}{{ person.display_name | clean }}{% endblock %}"
        "{% block body %}{{ person_name(person) }}{{ link(person.profile_url, person.display_name) }}"
        "<bdi>{{ person.display_name | shorten }}</bdi>{% endblock %}"
    )
    version, brand = {"publish_id": "v", "as_of_date": "2026-09-06"}, {"name": name, "timezone": "UTC"}
    facts = {"version": version, "brand": brand, "as_of": AS_OF, "expires_date": AS_OF}
    plain = _Page(template.render(**facts, person={"display_name": "x", "handle": "x", "profile_url": None})).elements
    text = template.render(**facts, person={"display_name": clean_text(name), "handle": clean_text(name), "profile_url": url})
    wild = _check_page(text).elements
    assert [tag for tag, _ in wild if tag != "a"] == [tag for tag, _ in plain if tag != "a"]


def test_the_fifty_says_why_what_was_said_and_what_to_do(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    _publish(paths, settings, make_rows(2, names=("Ana", "Bob"), links=("https://social.example/@ana", "https://social.example/@bob")))
    folder = run_extracts("acme", brand, paths, settings, names=["the_fifty"]).folders[0]
    text = " ".join(_check_page((folder / "the_fifty.html").read_text(encoding="utf-8")).text.split())
    for words in (
        "2 people qualify, not 50",
        "2 remain",
        "Has been waiting for an answer for 4 days.",
        "they came to you 7 times and you wrote to them 1 time, with a real exchange on 4 days",
        "They last wrote in a comment on 5 September 2026, 19:00",
        "Glad to hear it. Come by on Thursday",
        "known since 1 March 2026 · new on this list",
        "known since 1 March 2026 · on this list for 2 weeks",
        "Next: Answer the open question first, in the thread where it was asked. Go to the open question",
        "Strength 82 of 100: closer than a steady monthly conversation; give and take are about even. Provisional",
        "Of 2 people on this list the platform tells too little to judge the account; they count as likely real as any account.",
        "delete it after 6 October 2026",
    ):
        assert words in text, words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-3, 9, "Chance among so many people makes as much: the change lies between −3 and +9 (95 %)."),
        (2, 9, "That is more than chance among so many people makes: the change lies between +2 and +9 (95 %)."),
        (None, None, None),
    ],
)
def test_the_week_says_whether_the_change_may_be_chance(
    paths: BrandPaths, settings: Settings, brand: Brand, low: float | None, high: float | None, words: str | None
) -> None:
    rows = make_rows(60)
    day = {**rows["relationships.living_relationships_daily"][-1], "is_too_few": False}
    now, before = {**day, "living_count": 40}, {**day, "as_of_date": AS_OF - timedelta(days=7), "living_count": 35}
    rows["relationships.living_relationships_daily"] = [before, {**now, "as_of_date": AS_OF}]
    rows["relationships.living_relationships_tree"] = [
        {"branch": "change", "node": node, "node_key": f"change/{node}", "value": value} for node, value in (("low", low), ("high", high))
    ]
    _publish(paths, settings, rows)
    folder = run_extracts("acme", brand, paths, settings, names=["weekly"]).folders[0]
    text = " ".join(_check_page((folder / "weekly.html").read_text(encoding="utf-8")).text.split())
    assert "A week ago it was 35, so 5 more." in text
    assert (words in text) if words else ("the change lies between" not in text)


def test_the_week_adds_up_and_says_what_to_disbelieve(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    with lock_brand(paths, settings), connect(paths, settings) as connection:
        connection.execute(
            "insert into ops.loads by name select 'l1' as load_id, 'bluesky' as platform, 'acme.example' as source_account_id,"
            " 'notifications' as stream, 'accepted' as load_status, timestamp '2026-09-04 10:00:00' as observed_at,"
            " timestamp '2026-09-04 10:00:00' as window_end"
        )
        connection.execute(
            "insert into ops.gate_results by name select 'g' as gate_run_id, 'landed' as stage, 'posts' as suite, 'staging.posts' as table_name,"
            " 'texts_are_short' as expectation_id, 'warning' as severity, 'failed' as outcome, 'l1' as load_id, 3 as unexpected_count,"
            " '3 texts are long' as detail"
        )
    rows = make_rows(16)
    rows["relationships.living_relationships_daily"] = rows["relationships.living_relationships_daily"][:31]
    rows["ops.parameters"].append({"parameter_name": "like_cap", "value": 1.0, "default_value": 0.5, "is_overridden": True})
    _publish(paths, settings, rows)
    folder = run_extracts("acme", brand, paths, settings, names=["weekly"]).folders[0]
    page = _check_page((folder / "weekly.html").read_text(encoding="utf-8"))
    text = " ".join(page.text.split())
    flows = [row["flow"] for row in rows["relationships.living_people"]]
    now, before = sum(flow != "lapsed" for flow in flows), sum(flow in ("kept", "lapsed") for flow in flows)
    assert f"{before} a week ago + 2 new + 2 came back − 2 fell silent {now} now" in text
    assert f"A week ago it was {before}, so {now - before} more." in text
    for words in (
        "4 questions without an answer, the longest wait first",
        "waits 16 days",
        "of your working hours",
        "12 of 24",
        "6 hours",
        "favourited by of acme: only a part came (88 of 120): rate limit met: 12 posts <b>unread</b>",
        "the platform does not give it",
        "notifications of acme.example: read to 4 September 2026, 12:00, so 2 days 14 hours are missing",
        "texts are short failed, 3 rows 3 texts are long",
        "like cap 1 (usual: 0.5)",
        "1 of 17 people is left out of the number",
        "The number is still filling up: what is known begins on 7 August 2026, and it looks back 90 days. Until 5 November 2026",
    ):
        assert words in text, words
    waits = [row["asked_at"] for row in sorted(rows["engagement.response_times"], key=lambda row: row["asked_at"])]
    assert waits == sorted(waits)
    order = [text.index(f"on {pages.write_day(moment + timedelta(hours=2))}") for moment in waits]
    assert order == sorted(order)


def _read(paths: BrandPaths, settings: Settings, brand: Brand, name: str) -> str:
    folder = run_extracts("acme", brand, paths, settings, names=[name]).folders[0]
    return " ".join(_check_page((folder / f"{name}.html").read_text(encoding="utf-8")).text.split())


_PLAIN = {"names": ("Ana", "Bob"), "links": ("https://social.example/@ana", "https://social.example/@bob")}


def test_the_week_says_who_slips_who_joined_what_made_people_talk_and_what_campaigns_do(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    _publish(paths, settings, make_rows(16, **_PLAIN))
    text = _read(paths, settings, brand, "weekly")
    for words in (
        "Who is slipping away 4 relationships are about to go silent, the closest first.",
        "Bob you last talked on 28 July 2026; before that it was every 12 days or so · what they last said",
        "Bob you last talked on 24 July 2026; the chance that this still lives is 31 %, by all your exchanges so far",
        "Joined (2) Ana now number 3: Came to you on 2 days this week. What they last said Ana now number 11:",
        "Left (2) Ana was number 7: Nothing was said between you this week, and strength fades. What they last said",
        "The list of a week ago is made anew from what is known now, and need not be the one that was sent then.",
        "3 people talked mastodon · 26 August 2026, 02:00 · image",
        "Only 1 person talked mastodon · 18 August 2026, 02:00 · image",
        "The post of four weeks under which most people wrote, and one of the same kind on the same platform under which fewest did",
        "Bob 1 August 2026 to 7 August 2026 · over; it is judged 90 days after its beginning",
        "On its best day it drew 412 reactions, 20.6 times a usual day. After that, half of what was more went away every 1.8 days.",
        "120 people came with it for the first time; 6 are still there. Each who stayed cost 150 EUR.",
        "About to go (2): a word now may keep them. Bob silent for 27 days, 3 days left",
        "Whether it failed cannot be said: its 90 days are not over.",
        "How much it drew above a usual day is not known: no weekday before it.",
        "It brought nobody who was not known before. What that cost is not recorded.",
        "Outcome: failed: no gain that is certain.",
        "the bars under it are the people who came up (green) and went down (brown) within it",
    ):
        assert words in text, words
    # Fewer than twenty living relationships: names and counts, no percentages of them.
    assert "All of them by name: Ana, Bob" in text
    assert "12 of 24" in text and "50 %" not in text


def test_a_campaign_says_why_a_figure_is_missing(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    rows = make_rows(4, **_PLAIN)
    campaign = rows["engagement.campaigns"][0]
    rows["engagement.campaigns"] = [
        {**campaign, "campaign_id": "a", "staying_count": 0, "cost_per_staying": None},
        {**campaign, "campaign_id": "b", "unknown_cost_count": 1, "cost_per_staying": None},
        {**campaign, "campaign_id": "c", "half_life_days": None, "half_life_reason": "no decay"},
    ]
    _publish(paths, settings, rows)
    text = _read(paths, settings, brand, "weekly")
    assert "It cost 900 EUR, and nobody it brought stayed." in text
    assert "What each cost is not known: 1 cost has no amount." in text
    assert "How fast that went away is not known: no decay." in text


def test_asks_of_accounts_that_are_no_people_are_counted_and_not_shown(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    rows = make_rows(16, names=tuple(f"Person {number}" for number in range(16)))
    rows["engagement.response_times"][0] |= {"p_real": 0.49, "display_name": "Spammer"}
    rows["engagement.response_times"][1]["p_real"] = None
    _publish(paths, settings, rows)
    text = _read(paths, settings, brand, "weekly")
    assert "3 questions without an answer" in text and "1 more comes from accounts that are probably no people; it is counted and not listed." in text
    assert "Spammer" not in text
    assert "Person 4 one of the fifty" in text
    rows["relationships.the_fifty"] = []
    _publish(paths, settings, rows)
    assert "Person 8 living relationship" in (text := _read(paths, settings, brand, "weekly"))
    assert "Person 4 living relationship" not in text, "lapsed within the week"


def test_only_who_can_still_be_kept_is_listed_as_slipping(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    rows = make_rows(16, names=tuple(f"Person {number}" for number in range(16)))
    rows["relationships.lifecycle"][0]["days_since_last_exchange"] = 91
    rows["relationships.lifecycle"][1]["p_real"] = 0.4
    rows["relationships.lifecycle"][2]["median_gap_days"] = 0.5
    _publish(paths, settings, rows)
    section = _read(paths, settings, brand, "weekly").split("Who is slipping away")[1].split("Who joined")[0]
    assert "2 relationships are about to go silent" in section
    assert "1 other fell silent more than 90 days ago, and is not listed." in section
    assert "Person 9 you last talked on 20 July 2026; before that it was every day or so" in section
    assert "Person 1 " not in section and "Person 5 " not in section


def test_whoever_has_no_name_is_called_by_handle_and_without_one_so(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    rows = make_rows(16)
    for table in rows.values():
        for row in table:
            if "display_name" in row:
                row["display_name"] = None
    rows["relationships.people"][9]["handle"] = None
    _publish(paths, settings, rows)
    folders = run_extracts("acme", brand, paths, settings).folders
    week = " ".join(_check_page((folders[1] / "weekly.html").read_text(encoding="utf-8")).text.split())
    slipping = week.split("Who is slipping away")[1].split("Who joined")[0]
    assert "user13 you last talked" in slipping and "name not known you last talked" in slipping
    assert "Joined (2) user2 now number 3" in week


def test_without_another_post_of_the_platform_nothing_is_compared(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    rows = make_rows(16, **_PLAIN)
    posts = rows["engagement.posts"]
    rows["engagement.posts"] = [one for one in posts if one["root_post_key"] in ("b0", "b2", "b3")]
    _publish(paths, settings, rows)
    text = _read(paths, settings, brand, "weekly")
    assert "Nobody talked mastodon · 25 August 2026, 02:00 Post 2" in text
    assert "under which most people wrote, and one on the same platform under which fewest did" in text, "no other of its kind: the next best"
    rows["engagement.posts"] = [one for one in posts if one["root_post_key"] == "b0"]
    _publish(paths, settings, rows)
    assert "There is no other on the same platform to compare it with." in _read(paths, settings, brand, "weekly")
    rows["engagement.posts"] = [one for one in posts if one["root_post_key"] in ("b2", "b3", "b4", "b5")]
    _publish(paths, settings, rows)
    assert "Nobody wrote under any of the 2 posts of four weeks that are old enough to judge." in _read(paths, settings, brand, "weekly")


def test_weeks_whose_messages_are_not_all_there_are_grey(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    def read(weeks_back: int, platform: str, stream: str, state: str, *, first: int = 2, last: int = 4, **more: Any) -> dict[str, Any]:
        """A load whose window goes from the `first` to the `last` day of a week."""
        monday = AS_OF - timedelta(days=7 * weeks_back + 6)
        start, end = monday + timedelta(days=first), monday + timedelta(days=last)
        return {
            "platform": platform, "source_account_id": "acme", "stream": stream, "completeness_state": state, "load_status": "accepted",
            "is_believable": state == "complete", "window_start_date": start, "window_end_date": end,
            "window_start_at": datetime(start.year, start.month, start.day), "window_end_at": datetime(end.year, end.month, end.day), **more,
        }  # fmt: skip

    rows = make_rows(3)
    loads = [
        read(2, "bluesky", "feed", "partial"),
        read(4, "bluesky", "feed", "failed", last=7),  # and the first day of the next week
        read(6, "mastodon", "statuses", "complete", load_status="rejected", is_believable=False),
        read(8, "bluesky", "likes", "partial"),  # a list as it stands, no events
        read(9, "bluesky", "feed", "not_reachable"),
        read(11, "bluesky", "feed", "partial"),
        read(11, "bluesky", "feed", "complete", last=5),  # made up for
        read(13, "bluesky", "feed", "partial"),
        read(13, "bluesky", "feed", "complete", first=3),  # made up for in part
        read(13, "mastodon", "feed", "complete"),  # elsewhere
        read(15, "bluesky", "feed", "partial", first=0, last=6),  # its whole week, and no day of another
    ]
    rows["ops.completeness"] = [{"completeness_key": str(number), **one} for number, one in enumerate(loads)]
    _publish(paths, settings, rows)
    folder = run_extracts("acme", brand, paths, settings, names=["weekly"]).folders[0]
    page = _check_page((folder / "weekly.html").read_text(encoding="utf-8"))
    grey = [attributes for tag, attributes in page.elements if tag == "rect" and attributes["fill"] == "#d8dde3"]
    assert [round(25 - float(str(one["x"])) / 44) for one in grey if float(str(one["x"])) > 44 * 8] == [15, 13, 6, 4, 3, 2]
    assert "Grey weeks: a part of what was said then could not be read, and no later reading made up for it" in page.text


def test_the_chart_begins_at_zero_and_breaks_where_the_number_is_not_known() -> None:
    weeks = [pages.Week(AS_OF - timedelta(days=7 * back), value, 4, 2, False) for back, value in ((4, 10), (3, 20), (2, None), (1, 5), (0, 10))]
    chart = pages.draw_chart(weeks)
    heights = [None if mark.y is None else chart.floor - mark.y for mark in chart.marks]
    assert heights == [65.0, 130.0, None, 32.5, 65.0]
    assert [len(line.split()) for line in chart.lines] == [2, 2]
    assert [mark.up_height / mark.down_height for mark in chart.marks] == [2.0] * 5
    assert pages.draw_chart([]).marks == ()
    many = pages.draw_chart([pages.Week(AS_OF + timedelta(days=7 * number), number % 7, 0, 0, False) for number in range(26)])
    assert sum(mark.is_labelled for mark in many.marks) <= 4 and many.marks[-1].is_labelled


def test_the_quarter_says_no_in_large_letters_and_on_what_it_rests(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    _publish(paths, settings, make_rows(16, **_PLAIN))
    folder = run_extracts("acme", brand, paths, settings, names=["quarterly_verdict"]).folders[0]
    html = (folder / "quarterly_verdict.html").read_text(encoding="utf-8")
    assert '<p class="verdict no">NO</p>' in html
    text = " ".join(_check_page(html).text.split())
    for words in (
        "NO: the like-only crowd was worth more in total.",
        "The 50 on the list brought 1,500 EUR, the 900 of the crowd 2,700 EUR: 1,200 EUR less.",
        "With chance taken into account the difference lies between 2,100 EUR less and 300 EUR less (95 % interval).",
        "The list was chosen as of 8 June 2026, before any of this value;",
        "Of all value since then, 6,000 EUR, the list brought 15 %.",
        "Value is seen of people who said which customer they are: 60 % of the list and 40 % of the crowd.",
        "2 purchases without an amount in EUR are in no sum.",
        "Each on the list brought 30.00 EUR, each of the crowd 3.00 EUR: 10 times as much; likely between 6.4 and 15.",
        "All that was spent since then is 12.50 EUR a head of the list, or 0.69 EUR a head of the crowd.",
        "This can be high while the verdict is NO: a few people can each be worth more, and all together less.",
        "The first 250 Yes another verdict 800 EUR 99.50 EUR and 1,500 EUR",
        "Without the one of the crowd who brought most NO −1,100 EUR −2,000 EUR and −200 EUR",
        "Clicks instead of value Not measurable none none",
        "The verdict hangs by a thread: 1 variation of 2 gives another one.",
        "It would take 217 people such as those on the list to be worth all 3,000 other followers together; at least 151.",
        "Replies: 210 by the list, 3 by the crowd.",
        "Referrals: not measurable: no referrals are recorded.",
        "12 people of 400 hold 51 % of all value; the first alone 11 %.",
        "1 person of 400 holds more than half of all days of conversation: too few to say more.",
        "Answers to posts: not known, nobody answered.",
        "60 of 90 times that somebody turned to somebody, it was returned.",
        "3 messages of three months are labelled as heard, from 3 people; something was done about 1.",
        "Of 40 people in exchange with you, 3 told you something that can be acted on (8 %; likely between 3 % and 20 %).",
        "The lid leaks. Ana Heard: leaking lids Changed: New gasket since August.",
        "Bob from 1 August 2026 120 6 150 EUR Reactions: its 90 days are not over. Whether it failed cannot be said: its 90 days are not over.",
        "Spring from 1 June 2026 0 0 no costs recorded 1.5 reactions a day more than before; likely between −2 and 4.2.",
        "Failed: no gain that is certain.",
        "14 living relationships now, 0 three months before.",
    ):
        assert words in text, words


def _render_quarter(paths: BrandPaths, brand: Brand, rows: dict[str, list[dict[str, Any]]]) -> str:
    """The page straight from the marts: nothing on it comes from publish."""
    write_marts(paths, rows, contracts=_MARTS)
    version = Version("v", 1, AS_OF.isoformat(), None, "p1", "", "", None, "r", "")
    with duckdb.connect(str(paths.marts), read_only=True) as connection:
        return " ".join(_check_page(render_quarterly_verdict(connection, version, brand)).text.split())


@pytest.mark.parametrize(
    ("change", "word", "sentence"),
    [
        ({"verdict": "holds", "difference": 5.0, "difference_low": 1.0, "difference_high": 9.0}, "Yes", ": 5.00 EUR more."),
        ({"verdict": "not shown", "difference_low": -1500.0, "difference_high": 0.0}, "Not shown", "between 1,500 EUR less and 0 EUR (95"),
        ({"verdict": "too few", "verdict_reason": "too few: nobody liked", "difference": None}, "Too few", "Too few: nobody liked."),
        ({"list_count": 5, "crowd_count": 5}, "NO", "2,700 EUR: 1,200 EUR less."),
    ],
)
def test_whichever_verdict_comes_out_is_told(paths: BrandPaths, brand: Brand, change: dict[str, Any], word: str, sentence: str) -> None:
    rows = make_rows(3, **_PLAIN)
    rows["relationships.fifty_versus_crowd"][0] |= change
    text = _render_quarter(paths, brand, rows)
    assert f"whatever comes out. {word} " in text
    assert sentence in text
    # Five people: counts and amounts, no percentages.
    assert ("the list brought 900 EUR" in text and "3 of 5 of the list and 2 of 5 of the crowd" in text) == (change.get("list_count") == 5)


def test_every_claim_is_told_with_its_verdict_and_why(paths: BrandPaths, brand: Brand) -> None:
    rows = make_rows(3, **_PLAIN)
    assert "What became of the claims No claim was put to the test." in _render_quarter(paths, brand, rows)
    rows["relationships.claims"] = [
        {
            "claim_id": "E4-3", "essay": "E4", "claim": "Referrals convert", "claimed": "75 %", "observed": 0.3, "observed_unit": "share of prospects",
            "n": 40, "low": 0.181, "high": 0.454, "verdict": "refuted", "why": "the interval lies below <b>75 %</b>", "claim_number": 2,
        },
        {"claim_id": "E5-1", "essay": "E5", "claim": "Likes are no goal", "observed": 0.5, "observed_unit": "share 0-1", "n": 4, "verdict": "too few",
         "why": "4 people", "claim_number": 3},
        {"claim_id": "E1-1", "essay": "E1", "claim": "Fifty", "claimed": "more", "observed": -1200.0, "observed_unit": "EUR", "n": 50, "low": -2100.0,
         "high": -300.0, "verdict": "refuted", "why": "below 0", "claim_number": 1},
        {"claim_id": "E9", "essay": "E9", "claim": "Nothing", "observed_unit": "people", "verdict": "not measurable", "why": "no source", "claim_number": 4},
    ]  # fmt: skip
    text = _render_quarter(paths, brand, rows)
    for words in (
        "E1-1 Fifty claimed: more NO −1,200 EUR (−2,100 to −300) n 50 below 0 E4-3",
        "E4-3 Referrals convert claimed: 75 % NO 30 % of prospects (18 % to 45 %) n 40 the interval lies below <b>75 %</b>",
        "E5-1 Likes are no goal too few too few for a share n 4 4 people",
        "E9 Nothing not measurable nothing no source",
    ):
        assert words in text, words


def test_the_quarterly_extract_is_written_once_a_quarter_or_by_name(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    _publish(paths, settings, make_rows(1))
    every, folder = ["the_fifty", "weekly", "quarterly_verdict"], paths.extracts / "quarterly_verdict"

    def run(written_before: str | None = None, names: list[str] | None = None) -> list[str]:
        shutil.rmtree(folder, ignore_errors=True)
        if written_before:
            (folder / written_before).mkdir(parents=True)
        return [one.name for one in run_extracts("acme", brand, paths, settings, names=names).extracts]

    assert run() == every
    assert [one.name for one in run_extracts("acme", brand, paths, settings).extracts] == every, "the same day again replaces itself"
    assert run("2026-07-01") == every[:2]
    (folder / "notes").mkdir()  # somebody's own
    assert run_extracts("acme", brand, paths, settings).message.endswith("; quarterly_verdict is there for this quarter")
    assert run("2026-09-30") == every[:2], "a day made up for later"
    assert run("2026-07-01", every[2:]) == every[2:]
    assert run("2026-06-30") == every
    assert run("2025-09-06") == every
    assert run(".2026-09-01.tmp") == every, "what a killed run left is no page"


def test_changed_rules_are_named_on_the_page_until_older_pages_have_expired(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    def read_week(parameters: dict[str, float], marker: str, days: int) -> str:
        rows = make_rows(3)
        for row in rows["relationships.living_relationships_daily"]:
            row["as_of_date"] += timedelta(days=days)
        rows["ops.parameters"] += [
            {"parameter_name": name, "value": value, "default_value": value, "is_overridden": False} for name, value in parameters.items()
        ]
        _publish(paths, settings, rows, marker, AS_OF + timedelta(days=days))
        prune_versions(paths, settings, keep=1)
        page = (run_extracts("acme", brand, paths, settings, names=["weekly"]).folders[0] / "weekly.html").read_text(encoding="utf-8")
        return " ".join(_check_page(page).text.split())

    line = "The rules of counting changed"
    assert line not in read_week({"like_cap": 0.5, "old_rule": 3}, "p1", 0)
    changed = read_week({"like_cap": 1, "new_rule": 7}, "p2", 1)
    assert f"{line}: every number on this page, of past weeks too, follows the new rules." in changed
    assert "since the page to the end of 7 September 2026: like cap 1 (before: 0.5), new rule 7 (before: none), old rule none (before: 3)" in changed
    assert "Before you pass this number on" in changed
    # By now the version it differs from is pruned.
    later = read_week({"like_cap": 1, "new_rule": 8}, "p3", 2)
    assert "since the page to the end of 7 September 2026: like cap 1" in later
    assert "since the page to the end of 8 September 2026: new rule 8 (before: 7)" in later
    assert "7 September" not in (last := read_week({"like_cap": 1, "new_rule": 8}, "p3", 31)).split(line)[1] and "8 September" in last
    assert line not in read_week({"like_cap": 1, "new_rule": 8}, "p3", 32)


def test_a_brand_to_which_nothing_happened_gets_honest_pages(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    _publish(paths, settings, make_rows(0))
    fifty, week, quarter = (
        " ".join(_check_page((folder / f"{folder.parent.name}.html").read_text(encoding="utf-8")).text.split())
        for folder in run_extracts("acme", brand, paths, settings).folders
    )
    assert "Nobody has been seen around Acme & Söhne <Berlin> up to this day." in fifty
    assert "There is no number yet. no data were ever pulled" in week
    assert "Nobody asked anything in the last 90 days" in week
    for words in (
        "Nobody: everybody who talked with you regularly still does, or there is no rhythm yet to fall out of.",
        "Nobody: the list names the same people as a week ago.",
        "There is no post of the last weeks that is old enough to judge.",
        "None runs, and none was judged in the last four weeks.",
    ):
        assert words in week, words
    for words in (
        "Nothing No comparison was made.",
        "Nothing was labelled as heard in three months. Either nobody said anything worth acting on, or nobody wrote it down",
        "There was no campaign in the last twelve months.",
        "There is no number yet.",
    ):
        assert words in quarter, words


def test_extracts_read_one_version_and_refuse_what_is_not_there(paths: BrandPaths, settings: Settings, brand: Brand) -> None:
    with pytest.raises(FatalError, match="nothing is published"):
        run_extracts("acme", brand, paths, settings)
    _publish(paths, settings, make_rows(1))
    brand.extracts = brand.extracts[:1]
    with pytest.raises(SettingsError, match="weekly is not ordered"):
        run_extracts("acme", brand, paths, settings, names=["weekly"])


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a minute"),
        (60, "1 minute"),
        (3600, "1 hour"),
        (5430, "1 hour 30 minutes"),
        (90_000, "1 day 1 hour"),
        (20 * 86_400 + 7200, "20 days"),
        (None, "unknown"),
    ],
)
def test_durations_in_words(seconds: float | None, words: str) -> None:
    assert pages.write_duration(seconds) == words
