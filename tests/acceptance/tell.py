"""Tell the story through the platforms' own APIs and write down what they made of it.

story.py + running servers -> createRecord, applyWrites (Bluesky), REST (WordPress) -> Ledger

Bluesky takes the time of a record from the one who writes it, WordPress lets an administrator set it. Nothing is
written past the APIs, so what the pipeline reads is what people could have done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from tests.acceptance.ledger import Account, Ledger, Told
from tests.acceptance.servers import bluesky as network
from tests.acceptance.servers.bluesky import Bluesky
from tests.acceptance.servers.wordpress import WordPress
from tests.acceptance.story import Chapter, Character, Message, Moment, Story

POST, LIKE, REPOST = "app.bsky.feed.post", "app.bsky.feed.like", "app.bsky.feed.repost"
FOLLOW, PROFILE = "app.bsky.graph.follow", "app.bsky.actor.profile"
WRITES_PER_CALL = 200
#: everybody was there before the story begins
JOINED = Moment(200, "12:00")


def write_instant(moment: Moment, today: date) -> str:
    """Return a moment as Bluesky's clients write it."""
    return moment.resolve(today).strftime("%Y-%m-%dT%H:%M:%S.000Z")


@dataclass
class Teller:
    """Tells chapters to one pair of servers and keeps the ledger and the sessions."""

    story: Story
    bluesky: Bluesky
    wordpress: WordPress
    today: date
    sessions: dict[str, network.Account] = field(default_factory=dict, repr=False)
    ledger: Ledger = field(init=False)

    def __post_init__(self) -> None:
        self.ledger = Ledger(self.today.isoformat(), self.bluesky.appview_url, self.wordpress.base_url)

    def introduce_characters(self) -> None:
        """Create every account of the story."""
        for character in self.story.characters.values():
            if character.platform == "bluesky":
                self._introduce_on_bluesky(character)
            else:
                self._introduce_on_wordpress(character)

    def tell(self, chapter: Chapter) -> None:
        """Let a chapter happen, wait until both platforms show it, and note the times as they state them."""
        for message in chapter.messages:
            if self.story.characters[message.author].platform == "wordpress":
                self._say_on_wordpress(message)
        # The AppView indexes authors side by side: an answer that it meets before what it answers is told to nobody.
        for generation in self._list_generations(chapter):
            for message in generation:
                self._say_on_bluesky(message)
            self.bluesky.settle()
        self._tell_reactions(chapter)
        self._tell_changes(chapter)
        self.bluesky.settle()
        self._note_stated_times(chapter)

    # Bluesky

    def _list_generations(self, chapter: Chapter) -> list[list[Message]]:
        """The messages of Bluesky, each in a later generation than what it answers or quotes."""
        depths: dict[str, int] = {}
        for message in chapter.messages:
            if self.story.characters[message.author].platform == "bluesky":
                above = [depths[key] for key in (message.answers, message.quotes) if key in depths]
                depths[message.key] = max(above, default=-1) + 1
        told = {message.key: message for message in chapter.messages}
        return [[told[key] for key, depth in depths.items() if depth == number] for number in range(max(depths.values(), default=-1) + 1)]

    def create_app_password(self, name: str) -> str:
        """Give an account an app password, as a person does for a program."""
        body = {"name": "pipeline"}
        answer = self.bluesky.call("com.atproto.server.createAppPassword", account=self.sessions[name], body=body)
        return str(answer["password"])

    def _introduce_on_bluesky(self, character: Character) -> None:
        session = self.bluesky.create_account(character.key)
        self.sessions[character.key] = session
        profile: dict[str, Any] = {"$type": PROFILE, "displayName": character.shown_as, "createdAt": write_instant(JOINED, self.today)}
        if character.says_it_is_a_bot:
            profile["labels"] = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": "bot"}]}
        self._write_record(character.key, PROFILE, profile, key="self")
        self.ledger.accounts[character.key] = Account("bluesky", session.did, session.handle, character.shown_as)

    def _write_record(self, author: str, collection: str, record: dict[str, Any], key: str | None = None) -> Told:
        session = self.sessions[author]
        body: dict[str, Any] = {"repo": session.did, "collection": collection, "record": record}
        if key is not None:
            body["rkey"] = key
        answer = self.bluesky.call("com.atproto.repo.createRecord", account=session, body=body)
        return Told("bluesky", answer["uri"], str(record.get("createdAt", "")), cid=answer["cid"])

    def _say_on_bluesky(self, message: Message) -> None:
        text, facets = message.text, []
        for hashtag in message.hashtags:
            facets.append(_mark(text, f"#{hashtag}", {"$type": "app.bsky.richtext.facet#tag", "tag": hashtag}))
        for name in message.mentions:
            session = self.sessions[name]
            text += f" @{session.handle}"
            feature = {"$type": "app.bsky.richtext.facet#mention", "did": session.did}
            facets.append(_mark(text, f"@{session.handle}", feature))
        record: dict[str, Any] = {"$type": POST, "text": text, "langs": ["en"]}
        record["createdAt"] = write_instant(message.moment, self.today)
        if facets:
            record["facets"] = facets
        if message.answers is not None:
            record["reply"] = {"root": self._refer(self.find_root(message.key)), "parent": self._refer(message.answers)}
        if message.quotes is not None:
            record["embed"] = {"$type": "app.bsky.embed.record", "record": self._refer(message.quotes)}
        self.ledger.messages[message.key] = self._write_record(message.author, POST, record)

    def find_root(self, key: str) -> str:
        """Return the message at the top of a message's thread."""
        messages = {message.key: message for message in self.story.one.messages + self.story.two.messages}
        while (above := messages[key].answers) is not None:
            key = above
        return key

    def _refer(self, key: str) -> dict[str, str]:
        told = self.ledger.messages[key]
        return {"uri": told.message_id, "cid": str(told.cid)}

    def _tell_reactions(self, chapter: Chapter) -> None:
        wanted: dict[str, list[tuple[dict[str, Told], str, str, dict[str, Any]]]] = {}
        for like in chapter.likes:
            record = {"$type": LIKE, "subject": self._refer(like.message)}
            record["createdAt"] = write_instant(like.moment, self.today)
            row = (self.ledger.likes, f"{like.actor}|{like.message}", LIKE, record)
            wanted.setdefault(like.actor, []).append(row)
        for reshare in chapter.reshares:
            record = {"$type": REPOST, "subject": self._refer(reshare.message)}
            record["createdAt"] = write_instant(reshare.moment, self.today)
            row = (self.ledger.reshares, f"{reshare.actor}|{reshare.message}", REPOST, record)
            wanted.setdefault(reshare.actor, []).append(row)
        for follow in chapter.follows:
            record = {"$type": FOLLOW, "subject": self.sessions[follow.target].did}
            record["createdAt"] = write_instant(follow.moment, self.today)
            row = (self.ledger.follows, f"{follow.actor}|{follow.target}", FOLLOW, record)
            wanted.setdefault(follow.actor, []).append(row)
        for actor, rows in wanted.items():
            for start in range(0, len(rows), WRITES_PER_CALL):
                self._apply(actor, rows[start : start + WRITES_PER_CALL])

    def _apply(self, actor: str, rows: list[tuple[dict[str, Told], str, str, dict[str, Any]]]) -> None:
        writes = [{"$type": "com.atproto.repo.applyWrites#create", "collection": collection, "value": record} for _, _, collection, record in rows]
        session = self.sessions[actor]
        body = {"repo": session.did, "writes": writes}
        answer = self.bluesky.call("com.atproto.repo.applyWrites", account=session, body=body)
        for (page, name, _, record), result in zip(rows, answer["results"], strict=True):
            page[name] = Told("bluesky", result["uri"], record["createdAt"], cid=result["cid"])

    def _delete_record(self, author: str, told: Told) -> None:
        _, _, did, collection, key = told.message_id.split("/")
        body = {"repo": did, "collection": collection, "rkey": key}
        self.bluesky.call("com.atproto.repo.deleteRecord", account=self.sessions[author], body=body)

    # WordPress

    def _introduce_on_wordpress(self, character: Character) -> None:
        account_id = None
        if character.standing in ("member", "author"):
            user = self.wordpress.call(
                "POST",
                "users",
                body={
                    "username": character.key,
                    "name": character.shown_as,
                    "email": f"{character.key}@example.test",
                    "password": f"password-of-{character.key}",
                    "roles": ["author" if character.standing == "author" else "subscriber"],
                },
            )
            account_id = str(user["id"])
        self.ledger.accounts[character.key] = Account("wordpress", account_id, character.key, character.shown_as)

    def _say_on_wordpress(self, message: Message) -> None:
        said_at = message.moment.resolve(self.today).strftime("%Y-%m-%dT%H:%M:%S")
        author = self.story.characters[message.author]
        account_id = self.ledger.accounts[message.author].account_id
        body: dict[str, Any] = {"date_gmt": said_at}
        if message.answers is None:
            body |= {"title": message.text, "content": f"<p>{message.text}</p>", "status": "publish"}
            body["author"] = int(str(account_id))
            answer = self.wordpress.call("POST", "posts", body=body)
        else:
            above = self.ledger.messages[message.answers]
            body |= {"content": message.text, "post": int(self.ledger.messages[self.find_root(message.key)].message_id)}
            if not above.is_article:
                body["parent"] = int(above.message_id)
            if account_id is not None:
                body["author"] = int(account_id)
            else:
                body["author_name"] = author.shown_as
                if author.standing == "guest":
                    body["author_email"] = f"{author.key}@example.test"
            answer = self.wordpress.call("POST", "comments", body=body)
        self.ledger.messages[message.key] = Told(
            "wordpress",
            str(answer["id"]),
            f"{answer['date_gmt']}+00:00",
            url=answer["link"],
            is_article=message.answers is None,
        )

    # Both

    def _tell_changes(self, chapter: Chapter) -> None:
        authors = {message.key: message.author for message in self.story.one.messages + self.story.two.messages}
        for edit in chapter.edits:
            told = self.ledger.messages[edit.message]
            self.wordpress.call("POST", f"comments/{told.message_id}", body={"content": edit.text})
            self._note(f"edit|{edit.message}")
        for removal in chapter.removals:
            told = self.ledger.messages[removal.message]
            if told.platform == "bluesky":
                self._delete_record(authors[removal.message], told)
            else:
                force = {} if removal.into_trash else {"force": "true"}
                self.wordpress.call("DELETE", f"comments/{told.message_id}", parameters=force)
            self._note(f"removal|{removal.message}")
        for unlike in chapter.unlikes:
            self._delete_record(unlike.actor, self.ledger.likes[f"{unlike.actor}|{unlike.message}"])
            self._note(f"unlike|{unlike.actor}|{unlike.message}")
        for unfollow in chapter.unfollows:
            self._delete_record(unfollow.actor, self.ledger.follows[f"{unfollow.actor}|{unfollow.target}"])
            self._note(f"unfollow|{unfollow.actor}|{unfollow.target}")
        for deactivation in chapter.deactivations:
            session = self.sessions[deactivation.character]
            self.bluesky.call("com.atproto.server.deactivateAccount", account=session, body={})
            self._note(f"deactivation|{deactivation.character}")

    def _note(self, change: str) -> None:
        self.ledger.changes[change] = datetime.now(UTC).isoformat()

    def _note_stated_times(self, chapter: Chapter) -> None:
        told = [self.ledger.messages[message.key] for message in chapter.messages]
        told = [message for message in told if message.platform == "bluesky"]
        for batch in _batch(told, 25):
            parameters = {"uris": [message.message_id for message in batch]}
            answer = self.bluesky.call("app.bsky.feed.getPosts", parameters=parameters, server=self.bluesky.appview_url)
            stated = {post["uri"]: post["record"]["createdAt"] for post in answer["posts"]}
            missing = [message.message_id for message in batch if message.message_id not in stated]
            if missing:
                raise RuntimeError(f"The AppView does not show what was told: {missing}")
            for message in batch:
                message.said_at = stated[message.message_id]


def _mark(text: str, part: str, feature: dict[str, str]) -> dict[str, Any]:
    # Facets count bytes of UTF-8, not characters.
    start = len(text[: text.rindex(part)].encode())
    return {"index": {"byteStart": start, "byteEnd": start + len(part.encode())}, "features": [feature]}


def _batch(items: list[Told], size: int) -> Iterable[list[Told]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
