"""Extracts from published marts: whole folders, honest manifests, pages that hostile text cannot break."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import signal
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st
from published_marts import AS_OF, read_contracts, write_marts
from wild_brand import NAMES, make_rows

from fifty import extract, pages, serving
from fifty.config import Brand
from fifty.errors import FatalError, SettingsError
from fifty.extract import run_extracts
from fifty.publish import prune_versions, run_publish
from fifty.settings import Settings
from fifty.spreadsheets import clean_text
from fifty.warehouse import BrandPaths, connect, lock_brand

# The marts that extracts read; publishing all of them each time would only cost time.
_MARTS = {
    name: model
    for name, model in read_contracts().items()
    if name.startswith("relationships.") or name in ("engagement.response_times", "engagement.response_summary", "ops.parameters", "ops.completeness")
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
            "extracts": [{"name": "the_fifty", "formats": _FORMATS, "recipients": ["social lead"]}, {"name": "weekly", "formats": _FORMATS}],
        }
    )


def _publish(paths: BrandPaths, settings: Settings, rows: dict[str, list[dict[str, Any]]], marker: str = "p1", as_of: date = AS_OF) -> None:
    write_marts(paths, rows, parameters_version=marker, as_of=as_of, contracts=_MARTS)
    run_publish(paths, settings, run_id="r", as_of=as_of)


class _Page(HTMLParser):
    """What a browser would make of a page: elements with attributes, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

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
    assert [one.name for one in result.extracts] == ["the_fifty", "weekly"]
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
    fifty, week = ((folder / f"{folder.parent.name}.html").read_text(encoding="utf-8") for folder in result.folders)
    page = _check_page(fifty)
    _check_page(week)
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
        "Next: Answer the open question first, in the thread where it was asked. Go to the open question",
        "Strength 82 of 100: closer than a steady monthly conversation; give and take are about even. Provisional",
        "Of 2 people on this list the platform tells too little to judge the account; they count as likely real as any account.",
        "delete it after 6 October 2026",
    ):
        assert words in text, words


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
        "50 % (12 of 24; likely between 31 % and 69 %)",
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
    fifty, week = (
        " ".join(_check_page((folder / f"{folder.parent.name}.html").read_text(encoding="utf-8")).text.split())
        for folder in run_extracts("acme", brand, paths, settings).folders
    )
    assert "Nobody has been seen around Acme & Söhne <Berlin> up to this day." in fifty
    assert "There is no number yet. no data were ever pulled" in week
    assert "Nobody asked anything in the last 90 days" in week


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
