"""The world: the same from the same seed, inside its days, with everything in it that a pipeline must survive."""

from __future__ import annotations

import ast
import csv
import unicodedata
from collections import Counter, defaultdict
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pytest
from demo.behaviour import generate_world
from demo.business import COLUMNS, write_business_files
from demo.model import DAY, HOUR, World, load_world, save_world
from demo.people import NETWORKS
from demo.story import PlatformState
from demo.truth import collect_truth, count_living

ROOT = Path(__file__).resolve().parents[2]
ANCHOR = date(2026, 3, 2)


@pytest.fixture(scope="module")
def world() -> World:
    return generate_world(7, ANCHOR)


@pytest.fixture(scope="module")
def tables(world: World) -> dict[str, list[dict]]:
    return collect_truth(world, world.end)[0]


def test_the_same_seed_and_anchor_give_the_same_world(world: World) -> None:
    again = generate_world(7, ANCHOR)
    assert [asdict(e) for e in again.events] == [asdict(e) for e in world.events]
    assert [asdict(a) for a in again.accounts] == [asdict(a) for a in world.accounts]
    assert again.hidden == world.hidden and again.brand == world.brand


def test_another_seed_gives_another_world(world: World) -> None:
    assert [asdict(e) for e in generate_world(8, ANCHOR).events] != [asdict(e) for e in world.events]


def test_another_anchor_moves_the_same_world(world: World) -> None:
    moved = generate_world(7, ANCHOR + timedelta(days=17))
    assert [(e.ts - moved.start, e.platform, e.kind) for e in moved.events] == [(e.ts - world.start, e.platform, e.kind) for e in world.events]


def test_everything_happens_inside_the_world_and_in_order(world: World) -> None:
    assert all(world.start <= e.ts < world.end for e in world.events)
    assert world.end - world.events[-1].ts < 12 * HOUR, "the last day is empty"
    assert [e.ts for e in world.events] == sorted(e.ts for e in world.events)
    born = {e.data["post_id"]: e.ts for e in world.events if e.kind == "post"}
    assert len(born) == sum(e.kind == "post" for e in world.events), "ids repeat"
    for event in world.events:
        for name in ("post_id", "parent_id", "root_id", "quoted_id"):
            if event.data.get(name):
                assert born[event.data[name]] <= event.ts, f"{event.kind} before its {name}"


def test_the_world_is_of_the_promised_size(world: World, tables: dict[str, list[dict]]) -> None:
    broadcasts = [p for p in tables["posts"] if p["intent"] in ("broadcast", "contest_call")]
    assert 60 <= len(broadcasts) <= 90
    assert 150 <= len(tables["people"]) <= 250
    assert 2000 <= len(world.events) <= 9000
    assert {p["type"] for p in tables["people"]} == {"evangelist", "converser", "loyal", "lurker", "like_only", "contest_hunter", "bot"}
    stated = Counter(row["person_id"] for row in tables["identities"] if row["is_stated"])
    assert sum(count > 1 for count in stated.values()) >= 5, "too few people volunteered two accounts"


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_enough_people_are_in_sustained_exchange_for_a_list_of_fifty(seed: int) -> None:
    tables, summary = collect_truth(generate_world(seed, ANCHOR), generate_world(seed, ANCHOR).end)
    assert len(count_living(tables["exchanges"])) > 20
    assert len({row["account_id"] for row in tables["exchanges"]}) >= 50
    assert summary["vanity"]["likes"] > 1000


def test_answers_are_early_late_and_missing_and_some_come_from_an_automaton(tables: dict[str, list[dict]]) -> None:
    asks = tables["asks"]
    hours = [ask["hours_to_answer"] for ask in asks if ask["hours_to_answer"] is not None]
    assert min(hours) < 0.5 and max(hours) > 48
    assert 0.2 < sum(ask["answered_at"] is None for ask in asks) / len(asks) < 0.6
    assert sum(ask["repeat_count"] > 0 for ask in asks) >= 5
    for platform in NETWORKS:
        assert {row["account_id"] for row in tables["accounts"] if row["role"] == "staff" and row["platform"] == platform} & {
            ask["answered_by"] for ask in asks
        }, f"no named responder answered on {platform}"
    assert sum(p["intent"] == "automatic_answer" for p in tables["posts"]) >= 10


def test_every_trap_occurs(world: World, tables: dict[str, list[dict]]) -> None:
    kinds = {(e.platform, e.kind) for e in world.events}
    for kind in ("unlike", "unfollow", "suspend", "rename"):
        assert {("mastodon", kind), ("bluesky", kind)} <= kinds
    assert {("mastodon", "protect"), ("bluesky", "deactivate"), ("bluesky", "block"), ("mastodon", "edit"), ("wordpress", "edit")} <= kinds
    posts = {(p["platform"], p["post_id"]): p for p in tables["posts"]}
    for platform in NETWORKS:
        own = [p for p in tables["posts"] if p["platform"] == platform]
        assert any(p["deleted_at"] for p in own), f"nothing deleted on {platform}"
        parents = (posts.get((platform, p["parent_post_id"])) for p in own if p["is_served"])
        assert any(parent is not None and parent["deleted_at"] for parent in parents), f"no message below a deleted one on {platform}"
        assert any(p["directions"] == ["peer"] or "peer" in p["directions"] for p in own), f"no peers on {platform}"
    for platform in ("mastodon", "bluesky"):
        own = [p for p in tables["posts"] if p["platform"] == platform]
        assert any(p["kind"] == "quote" for p in own)
        assert any(p["parent_post_id"] is None and p["directions"] == ["in"] for p in own), "no mention without a thread"
        assert any(p["is_by_brand_side"] and len(p["mentioned_by_hand"]) > 3 for p in own), "no mass mention"
        assert any(p["is_by_brand_side"] and p["deleted_at"] for p in own), "no deleted answer of the brand"
    assert any(p["platform"] == "wordpress" and p["delete_mode"] == "trash" for p in tables["posts"])
    assert any(p["author_account_id"] == "guest:without-email:1" for p in tables["posts"]), "the guest without e-mail never wrote"


def test_hostile_names_and_texts_occur_among_people_who_talk(tables: dict[str, list[dict]]) -> None:
    talkers = {(row["platform"], row["account_id"]) for row in tables["exchanges"]}
    names = [row["display_name"] for row in tables["accounts"] if (row["platform"], row["account_id"]) in talkers]
    assert any("<script>" in name for name in names)
    assert any(name.startswith(("=", "+", "-", "@")) for name in names)
    assert any(any(unicodedata.category(c) == "Cc" for c in name) for name in names)
    assert any("\u202e" in row["display_name"] for row in tables["accounts"])
    assert any(not row["display_name"] for row in tables["accounts"])
    texts = [p["text"] for p in tables["posts"]]
    assert any("<img" in text for text in texts) and any(text.startswith("=") for text in texts)


def test_attention_to_posts_does_not_fall_off_exponentially(world: World) -> None:
    born = {e.data["post_id"]: e.ts for e in world.events if e.kind == "post"}
    waits = sorted(e.ts - born[e.data["post_id"]] for e in world.events if e.kind == "like")
    median, tail = waits[len(waits) // 2], waits[int(len(waits) * 0.97)]
    assert tail / median > 8, "an exponential would give 5.1"


def test_a_saved_world_is_read_back_whole_and_in_parts(world: World, tmp_path: Path) -> None:
    save_world(world, tmp_path)
    again = load_world(tmp_path, with_hidden=True)
    assert [asdict(e) for e in again.events] == [asdict(e) for e in world.events]
    assert again.hidden == world.hidden and again.anchor == world.anchor
    part = load_world(tmp_path, platform="bluesky")
    assert {e.platform for e in part.events} == {"bluesky"} and part.hidden == {}


@pytest.mark.parametrize("platform", NETWORKS)
def test_moving_on_gives_the_state_that_a_later_moment_has_from_the_start(world: World, platform: str) -> None:
    moved = PlatformState(world, platform, world.start + 10 * DAY)
    counts = [len(moved.posts)]
    for day in (25, 45, 60):
        moved.advance_to(world.start + day * DAY)
        counts.append(len(moved.posts))
    at_once = PlatformState(world, platform, world.start + 60 * DAY)
    assert counts == sorted(set(counts)), "nothing new came"
    assert (moved.posts, moved.marks, moved.accounts) == (at_once.posts, at_once.marks, at_once.accounts)
    with pytest.raises(ValueError, match="cannot go back"):
        moved.advance_to(world.start)


def test_business_files_have_their_columns_and_survive_commas_quotes_and_line_breaks(world: World, tmp_path: Path) -> None:
    counts = write_business_files(world, tmp_path)
    read = defaultdict(list)
    for name, columns in COLUMNS.items():
        with (tmp_path / f"{name}.csv").open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        assert list(rows[0]) == columns and len(rows) == counts[name]
        assert all(None not in row and None not in row.values() for row in rows)
        read[name] = rows
    assert any("\n" in row["note"] for row in read["outreach"]) and any("," in row["note"] for row in read["outreach"])
    assert any('"' in row["labelled_by"] for row in read["labels"])
    assert {row["fact"] for row in read["person_facts"]} >= {"customer", "account", "email_consent", "opt_out", "name"}
    known = {f"{a.platform}:{a.account_id}" for a in world.accounts}
    stated = [row["value"] for row in read["person_facts"] if row["fact"] == "account"]
    assert stated and all(value in known or value.startswith("https://") for value in stated)
    assert {row["referral_id"] for row in read["conversions"]} - {""} <= {row["referral_id"] for row in read["referrals"]}
    again = tmp_path / "again"
    write_business_files(world, again)
    assert all((again / f"{name}.csv").read_bytes() == (tmp_path / f"{name}.csv").read_bytes() for name in COLUMNS)


def test_the_demo_imports_nothing_of_the_product() -> None:
    files = sorted((ROOT / "demo").rglob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not any(name.split(".")[0] == "fifty" for name in names), f"{file} imports fifty"
