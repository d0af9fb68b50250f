"""Egos, people and outcomes of the message network, by hand."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from bench.validity_network import choose_egos, find_outcomes, load_messages, stage_dyads
from fifty.warehouse import create_tables

CUT = datetime(2004, 6, 15)
MESSAGES = """\
1,2,6/1/04 9:00 AM
2,1,6/1/04 9:00 AM
1,3,6/2/04 1:00 PM
4,1,6/3/04 12:00 AM
5,2,6/14/04 11:59 PM
1,2,6/15/04 12:00 AM
2,1,6/22/04 12:00 AM
3,1,6/20/04 12:00 AM
1,3,6/27/04 12:01 AM
1,4,6/30/04 9:00 AM
4,1,10/1/04 9:00 AM
1,6,6/16/04 9:00 AM
6,1,6/16/04 9:05 AM
"""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path / "messages.csv.gz"
    path.write_bytes(gzip.compress(("Source,Target,Timestamp\n" + MESSAGES).encode()))
    with duckdb.connect() as connection:
        load_messages(connection, path)
        yield connection


def test_the_ego_is_whoever_knows_most_and_its_people_are_those_it_knew_before_the_cut(connection):
    choose_egos(connection, CUT, 1)
    assert connection.execute("select distinct ego, person from dyads order by person").fetchall() == [("1", "2"), ("1", "3"), ("1", "4")]


def test_egos_with_equally_many_people_are_taken_by_number(connection):
    choose_egos(connection, CUT, 3)
    assert connection.execute("select distinct ego from dyads order by ego").fetchall() == [("1",), ("2",), ("3",)]


def test_an_exchange_lies_within_the_horizon_and_within_seven_days(connection):
    choose_egos(connection, CUT, 1)
    # 2 answered after exactly seven days; 3 was answered a minute too late; 4 answered after the horizon; 6 was unknown before the cut.
    assert find_outcomes(connection, CUT, 90) == {("1", "2")}
    assert find_outcomes(connection, CUT, 7) == set()


def test_only_what_was_sent_before_the_cut_is_staged(connection):
    choose_egos(connection, CUT, 1)
    create_tables(connection)
    stage_dyads(connection, CUT)
    rows = connection.execute("select platform, author_account_id, mentioned_account_ids, created_at < ? from staging.posts order by post_id", [CUT])
    assert rows.fetchall() == [("ego1", "1", ["2"], True), ("ego1", "2", ["1"], True), ("ego1", "1", ["3"], True), ("ego1", "4", ["1"], True)]
    degrees = dict(connection.execute("select account_id, follower_count from staging.accounts").fetchall())
    assert degrees == {"2": 2, "3": 1, "4": None}
