"""The story once more, for the demo: the same ids, times and texts as the real servers hold.

Story + Ledger + Epilogue (+ what only the servers know: when they registered and showed things) -> WorldBuilder -> a world folder
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from demo.model import DAY, Segment, WorldBuilder, to_ms
from tests.acceptance.contract.epilogue import BLOCK, BRAND, TAGS, Epilogue
from tests.acceptance.ledger import Told
from tests.acceptance.story import Chapter, Message
from tests.acceptance.tell import FOLLOW, LIKE, Teller

DAYS = 110
TIME_FORMATS = {"rita": "micro", "wim": "second", "zeno": "offset"}


def read_instant(text: str) -> int:
    """Milliseconds of an instant as the platforms write it, cut; WordPress leaves the zone away."""
    moment = datetime.fromisoformat(text if text[10:].find("+") > 0 or text.endswith("Z") else f"{text}+00:00")
    return to_ms(moment.replace(microsecond=moment.microsecond // 1000 * 1000))


@dataclass
class Retelling:
    """Puts the story into a world by hand."""

    teller: Teller
    epilogue: Epilogue
    builder: WorldBuilder = field(init=False)
    accounts: dict[str, int] = field(default_factory=dict)
    messages: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.builder = WorldBuilder(self.teller.today + timedelta(days=1), DAYS)

    def write(self, folder: Path) -> None:
        """Write the world folder."""
        self._describe_brand()
        self._retell_bluesky()
        self._retell_wordpress()
        self.builder.write(folder)

    def _describe_brand(self) -> None:
        ledger = self.teller.ledger
        accounts = []
        for key, character in self.teller.story.characters.items():
            if character.role != "audience":
                account, role = ledger.accounts[key], character.role
                if character.platform == "wordpress" and role == "brand":
                    role = "staff"  # the site's administrator stands for the brand: the demo gives it the password
                accounts.append(
                    {
                        "platform": character.platform,
                        "account_id": account.account_id,
                        "handle": account.handle,
                        "role": role,
                        "answers_for_brand": character.answers_for_brand,
                    }
                )
        keeper = self.teller.wordpress.admin_user
        accounts.append({"platform": "wordpress", "account_id": "1", "handle": keeper, "role": "brand", "answers_for_brand": True})
        self.builder.add_brand(
            BRAND,
            name="Hafenkaffee",
            blog_name="Hafenkaffee",
            blog_host="blog.hafenkaffee.example",
            timezone="Europe/Berlin",
            language="de",
            currency="EUR",
            working_hours=[9, 18],
            terms=["coffee"],
            hashtags=["cupcontest"],
            accounts=accounts,
            campaigns=[],
        )

    # Bluesky

    def _retell_bluesky(self) -> None:
        story, ledger, bluesky = self.teller.story, self.teller.ledger, self.teller.bluesky
        people = [key for key, character in story.characters.items() if character.platform == "bluesky"]
        for key in [*people, *self.epilogue.profiles]:
            account, profile = ledger.accounts[key], self.epilogue.profiles.get(key)
            character = story.characters.get(key)
            traits: dict[str, Any] = {"has_avatar": bool(profile and "avatar" in profile)}
            if profile is not None and "displayName" not in profile:
                traits["no_display_name"] = True
            if profile == {}:
                traits["no_profile"] = True
            if key in TIME_FORMATS:
                traits["time_format"] = TIME_FORMATS[key]
            username, _, domain = self.teller.sessions[key].handle.partition(".")
            self.accounts[key] = self.builder.add_account(
                "bluesky",
                str(account.account_id),
                username,
                domain=domain,
                display_name=account.shown_as,
                bio=(profile or {}).get("description", ""),
                created_at=self.builder.end - 201 * DAY + DAY // 2,
                role=character.role if character and character.role != "audience" else "person",
                brand=BRAND if character and character.role != "audience" else None,
                is_bot=bool(character and character.says_it_is_a_bot),
                email=f"{username}@example.test",
                traits=traits,
            )
        now = to_ms(datetime.now(tz=self.teller.story.contest.starts.resolve(self.teller.today).tzinfo))
        for chapter in (story.one, story.two):
            self._retell_bluesky_chapter(chapter, now)
        shown = bluesky.call(
            "app.bsky.feed.getPosts", server=bluesky.appview_url, parameters={"uris": [told.message_id for told in self.epilogue.messages.values()]}
        )
        shown_at = {post["uri"]: read_instant(post["indexedAt"]) for post in shown["posts"]}
        names = {told.message_id: name for name, told in self.epilogue.messages.items()}
        names |= {told.message_id: key for key, told in ledger.messages.items()}
        for name, told in self.epilogue.messages.items():
            body, created = self.epilogue.bodies[name], read_instant(told.said_at)
            above, quoted = body.get("reply", {}).get("parent"), body.get("embed", {}).get("record")
            links: dict[str, Any] = {"parent": self.messages[names[above["uri"]]]} if above else {}
            links |= {"quoted": self.messages[names[quoted["uri"]]]} if quoted else {}
            author = next(key for key, session in self.teller.sessions.items() if session.did == told.message_id.split("/")[2])
            self._add_on_bluesky(
                name,
                author,
                told,
                created,
                read_segments(body),
                visible_at=shown_at.get(told.message_id, created),
                has_media="embed" in body and not quoted,
                **links,
            )
            if name in self.epilogue.gone:
                self.builder.delete_message("bluesky", self.messages[name], now)
        for actor, record in self.epilogue.reactions:
            self._react(actor, record, names)
        self.builder.add_change("bluesky", "deactivate", self.accounts["elif"], now)
        self.builder.add_change("bluesky", "suspend", self.accounts["omar"], now)
        self.builder.add_change("bluesky", "rename", self.accounts["wim"], now, username=ledger.accounts["wim"].handle.partition(".")[0])

    def _retell_bluesky_chapter(self, chapter: Chapter, now: int) -> None:
        story, today = self.teller.story, self.teller.today
        for message in sorted(chapter.messages, key=lambda one: one.moment.resolve(today)):
            if story.characters[message.author].platform != "bluesky":
                continue
            told = self.teller.ledger.messages[message.key]
            links = {"parent": self.messages[message.answers]} if message.answers else {}
            links |= {"quoted": self.messages[message.quotes]} if message.quotes else {}
            self._add_on_bluesky(message.key, message.author, told, read_instant(told.said_at), self._split(message), **links)
        for kind, reactions in (("like", chapter.likes), ("reshare", chapter.reshares)):
            for one in reactions:
                ended = any((one.actor, one.message) == (back.actor, back.message) for back in self.teller.story.two.unlikes) and kind == "like"
                ts = to_ms(one.moment.resolve(today))
                self.builder.add_reaction(
                    "bluesky", kind, self.accounts[one.actor], ts, message=self.messages[one.message], ended_at=now if ended else None
                )
        for one in chapter.follows:
            ended = any((one.actor, one.target) == (back.actor, back.target) for back in self.teller.story.two.unfollows)
            ts = to_ms(one.moment.resolve(today))
            self.builder.add_reaction(
                "bluesky", "follow", self.accounts[one.actor], ts, target=self.accounts[one.target], ended_at=now if ended else None
            )
        for removal in chapter.removals:
            if self.teller.ledger.messages[removal.message].platform == "bluesky":
                self.builder.delete_message("bluesky", self.messages[removal.message], now)

    def _react(self, actor: str, record: Mapping[str, Any], names: Mapping[str, str]) -> None:
        subject, ts = record["subject"], read_instant(record["createdAt"])
        who = self.accounts[actor]
        if record["$type"] in (FOLLOW, BLOCK):
            target = next(self.accounts[key] for key, session in self.teller.sessions.items() if session.did == subject)
            if record["$type"] == BLOCK:
                self.builder.add_change("bluesky", "block", who, ts, target=target)
            else:
                self.builder.add_reaction("bluesky", "follow", who, ts, target=target)
            return
        kind = "like" if record["$type"] == LIKE else "reshare"
        self.builder.add_reaction("bluesky", kind, who, ts, message=self.messages[names[subject["uri"]]])

    def _add_on_bluesky(self, key: str, author: str, told: Told, created: int, segments: list[Segment], **columns: Any) -> None:
        columns = {"visible_at": created, "content_id": told.cid, **columns}
        self.messages[key] = self.builder.add_message("bluesky", told.message_id, self.accounts[author], created, segments, **columns)

    def _split(self, message: Message) -> list[Segment]:
        """The text of a message as the teller puts it together, in segments."""
        segments: list[Segment] = []
        text = message.text
        for hashtag in message.hashtags:
            before, _, text = text.partition(f"#{hashtag}")
            segments += [["t", before], ["h", hashtag]]
        segments.append(["t", text])
        for name in message.mentions:
            segments += [["t", " "], ["m", self.teller.sessions[name].did]]
        return [segment for segment in segments if segment[1]]

    # WordPress

    def _retell_wordpress(self) -> None:
        users = self.teller.wordpress.call("GET", "users", parameters={"context": "edit", "per_page": "100"})
        known: dict[str, int] = {}
        story, ledger = self.teller.story, self.teller.ledger
        for user in users:
            character = story.characters.get(user["username"])
            key = user["username"]
            self.accounts[f"user {user['id']}"] = known[key] = self.builder.add_account(
                "wordpress",
                str(user["id"]),
                key,
                display_name=user["name"],
                created_at=read_instant(user["registered_date"]),
                role=character.role if character and character.role != "audience" else "person",
                brand=BRAND if character and character.role != "audience" else None,
                email=user["email"],
                traits={"wordpress_role": user["roles"][0], "url": user["url"]},
            )
        for key, character in story.characters.items():
            if character.platform == "wordpress":
                email = f"{key}@example.test" if character.standing != "nameless" else ""
                self.accounts[key] = known[key] if key in known else self._add_guest(character.shown_as, email)
        now = to_ms(datetime.now(tz=story.contest.starts.resolve(self.teller.today).tzinfo))
        for chapter in (story.one, story.two):
            for message in sorted(chapter.messages, key=lambda one: one.moment.resolve(self.teller.today)):
                if story.characters[message.author].platform == "wordpress":
                    told = ledger.messages[message.key]
                    above = {"parent": self.messages[message.answers]} if message.answers else {}
                    article = {"title": message.text} if told.is_article else {}
                    self._add_on_wordpress(
                        message.key, told.message_id, self.accounts[message.author], read_instant(told.said_at), message.text, **article, **above
                    )
            for edit in chapter.edits:
                self.builder.add_edit("wordpress", self.messages[edit.message], now, [["t", edit.text]])
            for removal in chapter.removals:
                if ledger.messages[removal.message].platform == "wordpress":
                    self.builder.delete_message("wordpress", self.messages[removal.message], now, "trash" if removal.into_trash else "author")
        self._retell_wordpress_epilogue(now)

    def _retell_wordpress_epilogue(self, now: int) -> None:
        for name, number in self.epilogue.posts.items():
            body = self.epilogue.bodies[name]
            created = read_instant(body["date_gmt"])
            self._add_on_wordpress(
                f"post {number}", str(number), self.accounts[f"user {body['author']}"], created, body["content"], title=body["title"]
            )
        edited = self.teller.wordpress.call("GET", f"posts/{self.epilogue.posts['edited']}")
        self.builder.add_edit("wordpress", self.messages[f"post {edited['id']}"], read_instant(edited["modified_gmt"]), [["t", "Shorter."]])
        for name, number in self.epilogue.comments.items():
            body = self.epilogue.bodies[name]
            author = self.accounts.get(f"user {body.get('author')}")
            if author is None:
                author = self._add_guest(body["author_name"], body["author_email"], body.get("author_url", ""))
            above = self.messages[f"comment {body['parent']}" if "parent" in body else f"post {body['post']}"]
            created = read_instant(body["date_gmt"])
            columns = {"visible_at": self.builder.end + DAY} if name == "held" else {}
            self._add_on_wordpress(f"comment {number}", str(number), author, created, body["content"], parent=above, **columns)
        for name, mode in (("trashed", "trash"), ("deleted", "author")):
            self.builder.delete_message("wordpress", self.messages[f"post {self.epilogue.posts[name]}"], now, mode)
            self.builder.delete_message("wordpress", self.messages[f"comment {self.epilogue.comments[f'{name}-parent']}"], now, mode)

    def _add_guest(self, name: str, email: str, url: str = "") -> int:
        number = sum(key.startswith("guest ") for key in self.accounts)
        self.accounts[f"guest {number}"] = account = self.builder.add_account(
            "wordpress", f"guest:{number}", f"guest-{number}", display_name=name, email=email, traits={"url": url}
        )
        return account

    def _add_on_wordpress(self, key: str, number: str, author: int, created: int, text: str, **columns: Any) -> None:
        post_id = f"post:{number}" if "parent" not in columns else number
        segments = read_hashtags(text)
        self.messages[key] = self.builder.add_message("wordpress", post_id, author, created, segments, site=BRAND, **columns)


def read_hashtags(text: str) -> list[Segment]:
    """A text of the blog in segments: tags stand in it as hashtags."""
    segments: list[Segment] = []
    for tag in TAGS:
        before, mark, after = text.partition(f"#{tag}")
        if mark:
            segments += [["t", before], ["h", tag]]
            text = after
    return [*segments, *([["t", text]] if text else [])]


def read_segments(record: Mapping[str, Any]) -> list[Segment]:
    """The text of a record of Bluesky in segments."""
    raw = record["text"].encode()
    segments: list[Segment] = []
    at = 0
    for facet in record.get("facets", []):
        begin, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
        segments += [["t", raw[at:begin].decode()], ["u", facet["features"][0]["uri"]]]
        at = end
    segments.append(["t", raw[at:].decode()])
    return [segment for segment in segments if segment[1]]
