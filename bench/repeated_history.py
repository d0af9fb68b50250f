"""A longer history for a brand that is landed: every event is told again in earlier stretches of time, straight into the staging tables.

warehouse of a brand, landed and judged → staging rows and loads, copied per stretch with times and ids of their own → warehouse with n times the events

For benches of what costs follow history: a world of ten million interactions takes most of an hour to serve and land, its repetition a minute or two.
Half of the people stay through all stretches, the others are new in each, so that people grow with the history as in a generated world. Messages,
reactions, loads and scopes are new in each; a stretch is no evidence of absence for another. Configuration, campaigns and what was published are not repeated.
It is no world: no truth is beside it, and what belongs together over a long time (a person who lapses for months) is not in it.

Run alone: `python -m bench.repeated_history --warehouse FILE --times 10 --days 40`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import duckdb

from fifty.warehouse import Table, read_tables

#: what the configuration and the brand's plans say is said once; what was published was published once
NOT_REPEATED = ("staging.config_accounts", "staging.config_settings", "staging.campaigns", "staging.published_history")
ACCOUNT_IDS = ("account_id", "author_account_id", "actor_account_id", "target_account_id")
#: names of people in business files: an account's key, or an id of the business
PERSON_REFS = ("person_ref", "referrer_ref", "prospect_ref")
OWN_IDS = (
    *("post_id", "parent_post_id", "root_post_id", "subject_post_id", "interaction_id", "load_id", "scope_key"),
    *("conversion_id", "referral_id", "parent_referral_id", "outreach_id", "cost_id"),
)


def repeat_history(warehouse: Path, times: int, days: int) -> dict[str, int]:
    """Tell the events of a work file `times` times: `times - 1` copies, each `days` earlier than the last. Returns the rows of each table touched."""
    with duckdb.connect(str(warehouse), config={"threads": 2, "memory_limit": "4GB", "preserve_insertion_order": False}) as connection:
        # The brand's own accounts are the same at all times, and so is everybody whose hash is even.
        connection.execute(
            "create temp table staying as select distinct platform, account_id from staging.accounts where hash(account_id) % 2 = 0 or handle in"
            " (select handle from staging.config_accounts) union select account_platform, account_id from staging.config_accounts where account_id is not null"
        )
        counts = {}
        for name, table in read_tables().items():
            if (table.schema != "staging" and name != "ops.loads") or name in NOT_REPEATED:
                continue
            connection.execute(f"create temp table told as select * from {name}")
            for stretch in range(1, times):
                connection.execute(f"insert into {name} by name select {', '.join(_retell(table, stretch, stretch * days))} from told as row_told")
            row = connection.execute(f"select count(*) from {name}").fetchone()
            counts[name] = int(row[0]) if row else 0
            connection.execute("drop table told")
    return counts


def _retell(table: Table, stretch: int, days: int) -> Iterator[str]:
    for column in table.columns:
        yield f'{_retell_value(table, column.name, column.type, stretch, days)} as "{column.name}"'


def _retell_value(table: Table, name: str, kind: str, stretch: int, days: int) -> str:
    value, suffix = f'row_told."{name}"', f"'~{stretch}'"
    stays = "(row_told.platform, {0}) in (select (platform, account_id) from staying)"
    person = (
        f"case when {value} is null then null"
        f" when split_part({value}, ':', 1) in (select platform from staying) and"
        f" (split_part({value}, ':', 1), substr({value}, position(':' in {value}) + 1)) in (select (platform, account_id) from staying) then {value}"
        f" when split_part({value}, ':', 1) not in (select platform from staying) and hash({value}) % 2 = 0 then {value}"
        f" else {value} || {suffix} end"
    )
    if kind in ("timestamp", "date"):
        return f"{value} - interval {days} day"
    if name in OWN_IDS:
        return f"{value} || {suffix}"
    if name in ACCOUNT_IDS or (name == "handle" and table.name == "accounts"):
        return f"case when {stays.format('row_told.account_id' if name == 'handle' else value)} then {value} else {value} || {suffix} end"
    if name in PERSON_REFS:
        return person
    if name == "value" and table.name == "person_facts":
        return f"case when row_told.fact = 'account' then {person} else {value} end"
    if name == "subject_id":
        return f"case when row_told.entity in ('accounts', 'followers') then {value} else {value} || {suffix} end"
    if name == "entity_id":
        return f"case when row_told.entity = 'post' then {value} || {suffix} else {value} end"
    if name == "mentioned_account_ids":
        # Who is named is the brand, nearly always.
        return value
    return value


def main() -> None:
    """Repeat the history of a work file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--days", type=int, required=True, help="length of the history that is there")
    options = parser.parse_args()
    for name, count in repeat_history(options.warehouse, options.times, options.days).items():
        print(f"{name:32} {count:>12,}", flush=True)


if __name__ == "__main__":
    main()
