"""The command line and the processes: ready only when healthy, the same world again, nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from demo.__main__ import main
from demo.faults import Fault, write_faults
from demo.model import write_atomically

from demo_reader import WORLD, Reader, Truth, read_addresses, start_demo


def is_open(url: str) -> bool:
    """Whether somebody listens at an address."""
    host, port = url.removeprefix("http://").split(":")
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((host, int(port))) == 0


def list_urls(addresses: dict[str, Any]) -> list[str]:
    """The addresses of all services."""
    rows = addresses["platforms"]
    return [
        rows["mastodon"]["base_url"],
        rows["bluesky"]["base_url"],
        rows["bluesky"]["pds_url"],
        rows["wordpress"]["base_url"].removesuffix("/moorhen"),
    ]


def read_world(directory: Path) -> dict[str, bytes]:
    """Everything that belongs to the world and its truth, byte by byte."""
    names = ["world.json", "world/mastodon/messages.parquet", "world/bluesky/reactions.parquet", "business/moorhen/conversions.csv"]
    return {name: (directory / name).read_bytes() for name in names}


def test_addresses_say_where_and_who(addresses: dict[str, Any], demo_directory: Path) -> None:
    assert addresses["as_of"] == "2026-03-01" and addresses["brand"]["timezone"] == "Europe/Lisbon"
    assert all(is_open(url) and url.startswith("http://127.0.0.1:") for url in list_urls(addresses))
    roles = {(row["platform"], row["role"]) for row in addresses["accounts"]}
    assert roles == {(p, r) for p in ("mastodon", "bluesky", "wordpress") for r in ("brand", "staff", "agency", "automaton")}
    assert all(row["responder_id"] for row in addresses["accounts"] if row["role"] == "staff")
    assert any(c["is_incentivised"] and c["cost"] > 0 and c["post_ids"] for c in addresses["campaigns"])
    assert Path(addresses["business_dir"]).is_dir()


def test_a_second_server_on_the_same_folder_is_refused(demo_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--dir", str(demo_directory)]) == 1
    assert "already served" in capsys.readouterr().err


def test_the_world_stays_the_same_on_another_day_and_another_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["world", "--dir", str(tmp_path), *WORLD]) == 0
    before = read_world(tmp_path)
    assert main(["world", "--dir", str(tmp_path)]) == 0, "a later day gives no anchor and keeps the world"
    assert read_world(tmp_path) == before
    assert main(["world", "--dir", str(tmp_path), "--seed", "8"]) == 2
    assert "another --dir" in capsys.readouterr().err
    assert main(["serve", "--dir", str(tmp_path), "--faults", "mastodon:nonsense"]) == 2
    assert main(["serve", "--dir", str(tmp_path), "--faults", "myspace:truncated"]) == 2


@pytest.fixture(scope="module")
def early_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], Path, dict[str, Any]]]:
    """A second server: as of an earlier moment, with two faults switched on."""
    directory = tmp_path_factory.mktemp("early")
    faults = "wordpress:unavailable,bluesky_pds:truncated:1"
    process = start_demo(directory, *WORLD, "--now", "2026-02-10T12:00:00Z", "--faults", faults)
    yield process, directory, read_addresses(directory)
    process.kill()
    process.wait(5)


Early = tuple[subprocess.Popen[str], Path, dict[str, Any]]


def test_an_earlier_moment_shows_less(early_demo: Early, reader: Reader, addresses: dict[str, Any]) -> None:
    early = early_demo[2]
    then, brand = Reader(early), addresses["platforms"]["mastodon"]["account_id"]
    before = {s["id"]: s for s in then.walk_mastodon(f"/api/v1/accounts/{brand}/statuses", limit=40)}
    after = {s["id"]: s for s in reader.walk_mastodon(f"/api/v1/accounts/{brand}/statuses", limit=40)}
    assert early["as_of"] == "2026-02-10" and 10 < len(before) < len(after)
    assert max(s["created_at"] for s in before.values()) <= "2026-02-10T12:00:00.000Z"
    assert any(before[i]["favourites_count"] != after[i]["favourites_count"] for i in before.keys() & after.keys())


def test_faults_break_answers_for_real(early_demo: Early) -> None:
    rows = early_demo[2]["platforms"]
    assert requests.get(rows["wordpress"]["base_url"] + "/wp-json/", timeout=5).status_code == 503
    with pytest.raises(requests.exceptions.RequestException):
        requests.get(rows["bluesky"]["pds_url"] + "/xrpc/_health", timeout=5).json()


def test_travelling_moves_all_services_both_ways_without_a_restart(early_demo: Early, capsys: pytest.CaptureFixture[str]) -> None:
    process, directory, addresses = early_demo

    def look() -> tuple[set[str], set[str]]:
        then = Reader(read_addresses(directory))
        own = then.addresses["platforms"]
        statuses = then.walk_mastodon(f"/api/v1/accounts/{own['mastodon']['account_id']}/statuses", limit=40, exclude_reblogs="true")
        feed = then.walk_bluesky("app.bsky.feed.getAuthorFeed", "feed", actor=own["bluesky"]["did"], limit=100)
        return {status["id"] for status in statuses}, {item["post"]["uri"] for item in feed if "reason" not in item}

    def expect() -> tuple[set[str], set[str]]:
        truth = Truth(directory)
        own = addresses["platforms"]["mastodon"]["account_id"], addresses["platforms"]["bluesky"]["did"]
        served = [{p["post_id"] for p in truth.read("posts", author_account_id=account_id, is_served=True)} for account_id in own]
        return served[0], served[1]

    earlier = look()
    assert earlier == expect()
    assert main(["travel", "--dir", str(directory), "--now", "2026-02-20"]) == 0
    later = look()
    assert later == expect() and later[0] > earlier[0] and later[1] - earlier[1]
    assert (read_addresses(directory)["now"], read_addresses(directory)["as_of"]) == ("2026-02-20T00:00:00.000Z", "2026-02-20")
    assert main(["travel", "--dir", str(directory), "--now", "2026-02-10T12:00:00Z"]) == 0
    assert look() == earlier == expect() and process.poll() is None
    assert main(["travel", "--dir", str(directory), "--now", "2020-01-01"]) == 2
    assert main(["travel", "--dir", str(directory / "nowhere"), "--now", "2026-02-20"]) == 2
    assert "no world" in capsys.readouterr().err and not (directory / "nowhere").exists()


def test_faults_can_be_switched_while_serving(early_demo: Early) -> None:
    _, directory, addresses = early_demo
    url = addresses["platforms"]["mastodon"]["base_url"] + "/api/v1/instance"
    before = (directory / "faults.json").read_text(encoding="utf-8")
    assert requests.get(url, timeout=5).status_code == 200
    write_atomically(directory / "faults.json", write_faults([Fault("mastodon", "unavailable")]))
    assert requests.get(url, timeout=5).status_code == 503
    write_atomically(directory / "faults.json", before)
    assert requests.get(url, timeout=5).status_code == 200


def test_services_end_with_a_killed_parent_come_back_at_the_same_addresses_and_stop(early_demo: Early) -> None:
    process, directory, addresses = early_demo
    os.kill(process.pid, signal.SIGKILL)
    process.wait(5)
    deadline = time.monotonic() + 6
    while any(is_open(url) for url in list_urls(addresses)):
        assert time.monotonic() < deadline, "a service outlived its parent"
        time.sleep(0.1)
    again = start_demo(directory)
    assert list_urls(read_addresses(directory)) == list_urls(addresses)
    assert main(["stop", "--dir", str(directory)]) == 0
    assert again.wait(10) == 0 and not any(is_open(url) for url in list_urls(addresses))
    assert not (directory / "addresses.json").exists()
    assert main(["stop", "--dir", str(directory)]) == 0, "nothing to stop is no error"
