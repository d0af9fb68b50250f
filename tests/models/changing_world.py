"""A brand whose past changes day by day, as staging rows: what the loads of each day say, late, rejected and rewritten ones too.

ChangingWorld(seed).tell(day) → rows of that day's loads → the work file of a brand, added to what is there

People follow and stop and come back, likes are taken back and given again, messages are edited and deleted, accounts are renamed and suspended, lists are
read whole or in part. `EVENTS` says what else happens on which day.
"""

from __future__ import annotations

import random
from typing import Any

import duckdb

from fifty.warehouse import read_tables
from tests.models.conftest import Stage

PEOPLE = tuple(f"p{number:02}" for number in range(18))
#: what happens on a day beside the usual, and ten days later again; each is one of the rules of decision 0011
PERIOD = 10
EVENTS = {
    2: "a load is rejected",
    3: "a load of two days ago arrives late, with a complete read that nobody knew of",
    4: "the rejected load is released",
    5: "the configuration changes a parameter, and a listing has a line in quarantine",
    6: "a load is landed again as a new revision, with fewer rows",
}


class ChangingWorld:
    """What is true, and what each day's loads say of it."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.followers = set(PEOPLE[:12])
        self.likes: dict[str, set[str]] = {}
        self.posts: dict[str, dict[str, Any]] = {}
        self.names = {person: person for person in PEOPLE}
        self.count = 0

    def tell(self, day: int) -> Stage:
        """The rows of the loads of a day; the events of `EVENTS` that only change what is there are in `disturb`."""
        stage = Stage(count=self.count)
        if day == 0:
            stage.configure()
        self._live(day)
        self._tell_posts(stage, day)
        self._tell_likes(stage, day)
        self._tell_followers(stage, day)
        self._tell_profiles(stage, day)
        self._tell_endings(stage, day)
        self._tell_facts(stage, day)
        if EVENTS.get(day % PERIOD, "").startswith("a load of two days ago"):
            self._tell_late(stage, day)
        if EVENTS.get(day % PERIOD, "").startswith("the configuration"):
            stage.configure(settings={"parameter.exchange_gap_days": "3"}, load_id=f"config-{day}")
        self.count = stage.count
        return stage

    def disturb(self, connection: duckdb.DuckDBPyConnection, day: int) -> None:
        """What happens to loads that are there."""
        event = EVENTS.get(day % PERIOD, "")
        if event == "a load is rejected":
            connection.execute(f"update ops.loads set load_status = 'rejected' where load_id = 'likes-{day}'")
        elif event == "the rejected load is released":
            connection.execute("update ops.loads set load_status = 'accepted' where load_status = 'rejected'")
        elif event.endswith("a listing has a line in quarantine"):
            connection.execute(f"insert into ops.quarantine by name select 'followers-{day}' as load_id, 1 as seq, 'wrong_type' as reason")
        elif event.startswith("a load is landed again"):
            connection.execute(f"delete from staging.interactions where load_id = 'followers-{day - 5}' and seq % 3 = 0")
            connection.execute(f"update ops.loads set manifest_revision = 2 where load_id = 'followers-{day - 5}'")

    def _live(self, day: int) -> None:
        for number in range(4):
            author = "brand" if number == 0 else self.chance.choice(PEOPLE)
            known = sorted(self.posts)
            parent = self.chance.choice(known) if known and number else None
            post_id = f"m{day:02}{number}"
            root = self.posts[parent]["root"] if parent else post_id
            self.posts[post_id] = {"author": author, "parent": parent, "root": root, "day": day + 0.1 + number / 10, "text": f"text {post_id}"}
            self.likes[post_id] = set()
        for people in (self.followers, *self.likes.values()):
            for _ in range(2):
                people ^= {self.chance.choice(PEOPLE)}
        renamed = self.chance.choice(PEOPLE)
        self.names[renamed] = f"{renamed}-{day}"
        edited = self.chance.choice(sorted(self.posts))
        self.posts[edited]["text"] += f" edited {day}"

    def _tell_posts(self, stage: Stage, day: int) -> None:
        stage.load(f"timeline-{day}", observed=day + 0.9)
        for post_id in sorted(self.posts)[-10:] + self.chance.sample(sorted(self.posts), 2):
            post = self.posts[post_id]
            columns: dict[str, Any] = {"load_id": f"timeline-{day}", "text": post["text"]}
            if self.chance.random() < 0.4:
                # A short row: what it leaves out stays known.
                columns |= {"author_account_id": None, "parent_post_id": None, "root_post_id": None, "url": None, "created_at": None}
            stage.post(post_id, post["author"], post["day"], parent=post["parent"], root=post["root"], **columns)
            if self.chance.random() < 0.2:
                # One item may name a thing twice: equal rows in one place of the load.
                stage.rows["staging.posts"].append(dict(stage.rows["staging.posts"][-1]))
            stage.add("post_metrics", load_id=f"timeline-{day}", post_id=post_id, like_count=len(self.likes[post_id]))

    def _tell_likes(self, stage: Stage, day: int) -> None:
        stage.load(f"likes-{day}", observed=day + 0.92, stream="likes")
        for post_id in sorted(self.posts)[-8:]:
            self._list_likes(stage, f"likes-{day}", post_id, self.likes[post_id], is_complete=self.chance.random() < 0.7)

        for post_id in sorted(self.posts):
            self._list_answers(stage, f"likes-{day}", post_id, is_complete=self.chance.random() < 0.7)

    def _list_likes(self, stage: Stage, load_id: str, post_id: str, people: set[str], *, is_complete: bool) -> None:
        scope = {"load_id": load_id, "scope_key": f"likes|{post_id}"}
        stage.add(
            "scopes",
            **scope,
            stream="likes",
            read_kind="listing",
            entity="interactions",
            subject_id=post_id,
            is_complete=is_complete,
            item_count=len(people),
        )
        for person in sorted(people):
            stage.like(person, post_id, None, **scope)

    def _list_answers(self, stage: Stage, load_id: str, post_id: str, *, is_complete: bool) -> None:
        scope = {"load_id": load_id, "scope_key": f"answers|{post_id}"}
        answers = [answer for answer, post in sorted(self.posts.items()) if post["parent"] == post_id and self.chance.random() < 0.7]
        stage.add("scopes", **scope, read_kind="listing", entity="posts", subject_id=post_id, is_complete=is_complete, item_count=len(answers))
        for answer in answers:
            post = self.posts[answer]
            stage.post(answer, post["author"], post["day"], parent=post_id, root=post["root"], text=post["text"], **scope)

    def _tell_followers(self, stage: Stage, day: int) -> None:
        load_id = stage.load(f"followers-{day}", observed=day + 0.93, stream="followers")
        scope = {"load_id": load_id, "scope_key": "followers|{}"}
        stage.add(
            "scopes", **scope, stream="followers", read_kind="listing", entity="followers", is_complete=day % 4 != 2, item_count=len(self.followers)
        )
        for person in sorted(self.followers):
            stage.add(
                "interactions",
                **scope,
                interaction_id=f"follow:{person}",
                kind="follow",
                actor_account_id=person,
                target_account_id="brand",
                occurred_at=None,
            )
            stage.add("accounts", **scope, account_id=person, display_name=person, handle=None)

    def _tell_profiles(self, stage: Stage, day: int) -> None:
        load_id = stage.load(f"profiles-{day}", observed=day + 0.94, stream="profiles")
        for person in ("brand", *self.chance.sample(PEOPLE, 5)):
            stage.add(
                "accounts",
                load_id=load_id,
                account_id=person,
                handle=self.names.get(person, "brand"),
                display_name=person,
                profile_url=f"https://example.org/{person}",
                follower_count=self.chance.choice([None, day]),
                is_suspended=None if self.chance.random() < 0.8 else self.chance.random() < 0.5,
            )
            stage.add("account_metrics", load_id=load_id, account_id=person, follower_count=day)

    def _tell_endings(self, stage: Stage, day: int) -> None:
        load_id = stage.load(f"lookups-{day}", observed=day + 0.95, stream="lookups")
        post_id, person = self.chance.choice(sorted(self.posts)), self.chance.choice(PEOPLE)
        for entity, subject_id in (("posts", post_id), ("accounts", person)):
            stage.add(
                "scopes",
                load_id=load_id,
                scope_key=f"lookups|{subject_id}",
                read_kind="lookup",
                entity=entity,
                subject_id=subject_id,
                is_complete=True,
                item_count=0,
            )
        stage.add("deletions", load_id=load_id, entity="post", entity_id=self.chance.choice(sorted(self.posts)), reason="deleted")

    def _tell_facts(self, stage: Stage, day: int) -> None:
        load_id = stage.load(f"facts-{day}", observed=day + 0.96, platform="business", stream="facts")
        stage.add("scopes", load_id=load_id, scope_key="facts|{}", read_kind="listing", entity="person_facts", is_complete=True, item_count=6)
        for person in self.chance.sample(PEOPLE, 6):
            # A fact without a value: a part of its key is NULL.
            value = None if person < "p06" else "yes"
            stage.add(
                "person_facts", load_id=load_id, scope_key="facts|{}", person_ref=f"bluesky:{person}", fact="customer", value=value, source="desk"
            )

    def _tell_late(self, stage: Stage, day: int) -> None:
        load_id = stage.load(f"late-{day}", observed=day - 1.8, stream="likes")
        profiles = stage.load(f"late-profiles-{day}", observed=day - 2.8, stream="profiles")
        for post_id in sorted(self.posts)[4 * (day - 3) : 4 * (day - 2)]:
            self._list_likes(stage, load_id, post_id, {self.chance.choice(PEOPLE)}, is_complete=True)
        for person in PEOPLE[::4]:
            stage.add(
                "accounts",
                load_id=profiles,
                account_id=person,
                handle=f"once-{person}",
                location="then",
                created_at=stage.loads[load_id]["observed_at"],
            )


def add_rows(connection: duckdb.DuckDBPyConnection, stage: Stage) -> None:
    """Put rows and loads into the work file beside what is there."""
    tables = read_tables()
    connection.execute("begin")
    for name, rows in {**stage.rows, "ops.loads": list(stage.loads.values())}.items():
        columns = tables[name].column_names
        marks = ", ".join("?" for _ in columns)
        connection.executemany(f"insert into {name} values ({marks})", [[row.get(column) for column in columns] for row in rows])
    connection.execute("commit")
