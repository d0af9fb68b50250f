"""What is told only for the contract: things that a careful client meets and the story does not need.

Teller after both chapters -> the platforms' own APIs -> Epilogue (names of what was made)

Texts carry what platforms like to change: quotes, dashes, entities, addresses, several paragraphs, bytes beyond ASCII.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import requests

from tests.acceptance.ledger import Account, Told
from tests.acceptance.servers.bluesky import BYPASS_KEY
from tests.acceptance.tell import FOLLOW, JOINED, LIKE, POST, PROFILE, REPOST, Teller, write_instant

BLOCK = "app.bsky.graph.block"
BRAND = "hafenkaffee"
#: how the programs of some people end a time; each writes all of its times so
TIME_ENDINGS = {"rita": ".000417Z", "wim": "Z", "zeno": ".000+00:00"}
USUAL_ENDING = ".000Z"
WITH_PICTURE = "rita"
NETWORK_ADMIN = ("admin", "admin-pass")
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")

TAGS = ("Ernte", "Huila")
TITLE = 'Beans & "Bohnen": it\'s roasted -- slowly...'
PARAGRAPHS = (
    'We don\'t hurry. "Slow" is what the drum says & what we say every day...',
    "Read https://example.org/slow?a=1&b=2 first.\nThen come by <b>early</b>.",
    "Then come back and tell us what you found in the cup, because a cup that nobody talks about is only warm water with a colour, "
    "and we would rather hear that you did not like it than hear nothing at all, which is what most people say most of the time.",
    "#Ernte #Huila",
)
COMMENT = "It's \"fine\" & I'd buy it again... -- see https://example.org/why\n\nTwo bags, please.\nNow."


@dataclass
class Epilogue:
    """Names of what was made: ``posts`` and ``comments`` of the blog by their number, messages of Bluesky by address."""

    posts: dict[str, int] = field(default_factory=dict)
    comments: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    messages: dict[str, Told] = field(default_factory=dict)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was sent for each post, comment and message, by its name."""
    reactions: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """(who, record)."""
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Names of the messages deleted afterwards."""


class Narrator:
    """Tells the epilogue through a teller's sessions."""

    def __init__(self, teller: Teller) -> None:
        self.teller, self.wordpress, self.bluesky = teller, teller.wordpress, teller.bluesky
        self.epilogue = Epilogue()

    def tell(self) -> Epilogue:
        """Tell all of it and wait until both platforms show it."""
        self._tell_on_wordpress()
        self._tell_on_bluesky()
        self.bluesky.settle()
        return self.epilogue

    # WordPress

    def _tell_on_wordpress(self) -> None:
        accounts = self.teller.ledger.accounts
        mara, vera = int(str(accounts["mara"].account_id)), int(str(accounts["vera"].account_id))
        for name in TAGS:
            self.epilogue.tags[name] = self.wordpress.call("POST", "tags", body={"name": name})["id"]
        said_at = self._days_ago(7)
        text = "\n\n".join(PARAGRAPHS)
        common = {"author": mara, "status": "publish"}
        tagged = {**common, "title": TITLE, "content": text, "tags": list(self.epilogue.tags.values()), "date_gmt": said_at}
        self._post("tagged", tagged)
        self._post("edited", {**common, "title": "Before", "content": "Short.", "date_gmt": self._days_ago(6)})
        self.wordpress.call("POST", f"posts/{self.epilogue.posts['edited']}", body={"content": "Shorter."})
        self._post("scheduled", {**common, "title": "Not yet", "content": "Later.", "date_gmt": self._days_ago(-2)})
        self._post("trashed", {**common, "title": "Gone", "content": "Gone.", "date_gmt": self._days_ago(5)})
        self._post("deleted", {**common, "title": "Gone for good", "content": "Gone.", "date_gmt": self._days_ago(5)})
        for name, post in (("on-trashed", "trashed"), ("on-deleted", "deleted")):
            self._comment(name, {"post": self.epilogue.posts[post], "content": "Why?", "author": vera})
        self.wordpress.call("DELETE", f"posts/{self.epilogue.posts['trashed']}")
        self.wordpress.call("DELETE", f"posts/{self.epilogue.posts['deleted']}", parameters={"force": "true"})
        post = {"post": self.epilogue.posts["tagged"]}
        guest = {"author_name": "<script>alert('moorhen')</script>", "author_email": "guest@example.test", "author_url": "https://example.org/guest"}
        self._comment("hostile", {**post, "content": COMMENT, **guest})
        self._comment("held", {**post, "content": "First!", "author_name": "Eager", "author_email": "eager@example.test"})
        self.wordpress.call("POST", f"comments/{self.epilogue.comments['held']}", body={"status": "hold"})
        for name, force in (("trashed", False), ("deleted", True)):
            self._comment(f"{name}-parent", {**post, "content": f"About to be {name}.", "author": vera})
            above = self.epilogue.comments[f"{name}-parent"]
            self._comment(f"below-{name}", {**post, "parent": above, "content": f"Below what is {name}.", "author": mara})
            self.wordpress.call("DELETE", f"comments/{above}", parameters={"force": "true"} if force else {})

    def _post(self, name: str, body: dict[str, Any]) -> None:
        self.epilogue.bodies[name] = body
        self.epilogue.posts[name] = self.wordpress.call("POST", "posts", body=body)["id"]

    def _comment(self, name: str, body: dict[str, Any]) -> None:
        body = {**body, "date_gmt": self._days_ago(4, minutes=len(self.epilogue.comments))}
        self.epilogue.bodies[name] = body
        self.epilogue.comments[name] = self.wordpress.call("POST", "comments", body=body)["id"]

    def _days_ago(self, days: int, minutes: int = 0) -> str:
        midnight = self.teller.today - timedelta(days=days)
        return f"{midnight.isoformat()}T09:{minutes:02d}:00"

    # Bluesky

    def _tell_on_bluesky(self) -> None:
        joined = write_instant(JOINED, self.teller.today)
        picture = self._upload(BRAND)
        self._introduce("rita", {"description": "No name, only a description.\nTwo lines.", "createdAt": joined})
        self._introduce("omar", {"displayName": "Omar", "createdAt": joined})
        self._introduce("pia", {"displayName": "", "createdAt": joined})
        self._introduce("wim", {"displayName": "Wim", "createdAt": joined})
        self._introduce("zeno", None)
        ledger = self.teller.ledger
        roast, sunday = ledger.messages["roast"], ledger.messages["sunday"]
        # Clients write times in several ways, and some run ahead.
        self._say("micro", "rita", "In millionths.", self._days_ago(13))
        self._say("second", "wim", "In seconds.", self._days_ago(12))
        self._say("offset", "zeno", "With an offset.", self._days_ago(11))
        self._say("ahead", "zeno", "From tomorrow.", self._days_ago(-1))
        images = [{"image": picture, "alt": "", "aspectRatio": {"width": 1200, "height": 800}}]
        embed = {"$type": "app.bsky.embed.images", "images": images}
        self._say("picture", BRAND, "Look: ☕", self._days_ago(2), embed=embed)
        link = "example.org/why"
        text = f"Zoë, read {link}"
        start = len(text[: text.index(link)].encode())
        facet = {
            "index": {"byteStart": start, "byteEnd": start + len(link.encode())},
            "features": [{"$type": "app.bsky.richtext.facet#link", "uri": f"https://{link}"}],
        }
        self._say("link", BRAND, text, self._days_ago(2, 1), facets=[facet])
        self._say("deep-1", "wim", "One below.", self._days_ago(2, 5), reply=("picture", "picture"))
        self._say("deep-2", BRAND, "Two below.", self._days_ago(2, 6), reply=("picture", "deep-1"))
        self._say("deep-3", "wim", "Three below.", self._days_ago(2, 7), reply=("picture", "deep-2"))
        # What goes afterwards: a quoted message, a reposted one, an author, and one who blocks the brand.
        self._say("to-be-quoted", "wim", "Quote me.", self._days_ago(2, 10))
        self._say("quoting", "rita", "Look at this.", self._days_ago(2, 11), quotes="to-be-quoted")
        self._react("rita", REPOST, self.epilogue.messages["to-be-quoted"], 12)
        self._say("omar-says", "omar", "Hello?", self._days_ago(2, 13), reply=(sunday, sunday))
        self._say("quoting-omar", "rita", "He asks.", self._days_ago(2, 14), quotes="omar-says")
        self._react("omar", LIKE, roast, 15)
        self._react("omar", REPOST, roast, 16)
        self._react("omar", FOLLOW, self.teller.sessions[BRAND].did, 17)
        self._say("pia-says", "pia", "I leave.", self._days_ago(2, 18), reply=(sunday, sunday))
        self._react("pia", LIKE, roast, 19)
        self._react("pia", BLOCK, self.teller.sessions[BRAND].did, 20)
        self._delete("wim", "to-be-quoted")
        self.bluesky.settle()
        self._suspend("omar")
        handle = "wim-neu.test"
        self.bluesky.call("com.atproto.identity.updateHandle", account=self.teller.sessions["wim"], body={"handle": handle})
        self.teller.ledger.accounts["wim"].handle = handle

    def _introduce(self, name: str, profile: dict[str, Any] | None) -> None:
        session = self.teller.sessions[name] = self.bluesky.create_account(name)
        if profile is not None and name == WITH_PICTURE:
            profile["avatar"] = self._upload(name)
        self.epilogue.profiles[name] = profile or {}
        if profile is not None:
            self._write(name, PROFILE, {"$type": PROFILE, **profile}, key="self")
        self.teller.ledger.accounts[name] = Account("bluesky", session.did, session.handle, str((profile or {}).get("displayName", "")))

    def _say(
        self,
        name: str,
        author: str,
        text: str,
        created: str,
        reply: tuple[str | Told, str | Told] | None = None,
        quotes: str | None = None,
        **more: Any,
    ) -> None:
        stated = created + TIME_ENDINGS.get(author, USUAL_ENDING)
        record: dict[str, Any] = {"$type": POST, "text": text, "langs": ["en"], "createdAt": stated, **more}
        if reply is not None:
            record["reply"] = {"root": self._refer(reply[0]), "parent": self._refer(reply[1])}
        if quotes is not None:
            record["embed"] = {"$type": "app.bsky.embed.record", "record": self._refer(quotes)}
        if reply is not None:
            self.bluesky.settle()  # see Teller.tell
        self.epilogue.bodies[name] = record
        self.epilogue.messages[name] = self._write(author, POST, record)

    def _refer(self, what: str | Told) -> dict[str, str]:
        told = what if isinstance(what, Told) else self.epilogue.messages[what]
        return {"uri": told.message_id, "cid": str(told.cid)}

    def _react(self, actor: str, collection: str, subject: Told | str, minute: int) -> None:
        record = {
            "$type": collection,
            "subject": subject if isinstance(subject, str) else self._refer(subject),
            "createdAt": self._days_ago(2, minute) + TIME_ENDINGS.get(actor, USUAL_ENDING),
        }
        self.epilogue.reactions.append((actor, record))
        self._write(actor, collection, record)

    def _write(self, author: str, collection: str, record: dict[str, Any], key: str | None = None) -> Told:
        session = self.teller.sessions[author]
        body: dict[str, Any] = {"repo": session.did, "collection": collection, "record": record} | ({"rkey": key} if key else {})
        answer = self.bluesky.call("com.atproto.repo.createRecord", account=session, body=body)
        return Told("bluesky", answer["uri"], str(record.get("createdAt", "")), cid=answer["cid"])

    def _delete(self, author: str, name: str) -> None:
        self.epilogue.gone.add(name)
        _, _, did, collection, key = self.epilogue.messages[name].message_id.split("/")
        self.bluesky.call(
            "com.atproto.repo.deleteRecord", account=self.teller.sessions[author], body={"repo": did, "collection": collection, "rkey": key}
        )

    def _upload(self, name: str) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {self.teller.sessions[name].access_token}",
            "Content-Type": "image/png",
            "x-ratelimit-bypass": BYPASS_KEY,
        }
        answer = requests.post(f"{self.bluesky.pds_url}/xrpc/com.atproto.repo.uploadBlob", data=PIXEL, headers=headers, timeout=60)
        answer.raise_for_status()
        blob: dict[str, Any] = answer.json()["blob"]
        return blob

    def _suspend(self, name: str) -> None:
        subject = {"$type": "com.atproto.admin.defs#repoRef", "did": self.teller.sessions[name].did}
        body = {"subject": subject, "takedown": {"applied": True, "ref": "contract"}}
        answer = requests.post(f"{self.bluesky.pds_url}/xrpc/com.atproto.admin.updateSubjectStatus", json=body, auth=NETWORK_ADMIN, timeout=60)
        answer.raise_for_status()
