"""The story that is told on the two real platforms: pure data, the same at every telling.

cast + chapter one + chapter two -> tell.py (the platforms' own APIs) and oracle.py (what must come out)

All times are days before the day of the telling, with a UTC clock. A coffee roastery on the harbour has a Bluesky
account and a WordPress blog. Thirty people are around it; what each of them is there for stands beside the name.

Run alone: ``python -m tests.acceptance.story`` prints both chapters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Platform = Literal["bluesky", "wordpress"]
Role = Literal["audience", "brand", "staff", "agency", "automaton"]
Standing = Literal["member", "author", "guest", "nameless"]
"""How WordPress knows somebody: by an account, by one that also writes posts, by an e-mail address, not at all."""


@dataclass(frozen=True)
class Moment:
    """An instant told as days before the telling and a clock in UTC."""

    days_ago: int
    clock: str

    def resolve(self, today: date) -> datetime:
        """Return the instant for a telling on ``today``."""
        hour, minute = self.clock.split(":")
        day = today - timedelta(days=self.days_ago)
        return datetime.combine(day, time(int(hour), int(minute)), tzinfo=UTC)


@dataclass(frozen=True)
class Character:
    """Somebody, or something, with one account on one platform."""

    key: str
    platform: Platform
    shown_as: str
    role: Role = "audience"
    answers_for_brand: bool = False
    standing: Standing = "member"
    says_it_is_a_bot: bool = False
    same_person_as: str | None = None


@dataclass(frozen=True)
class Message:
    """A post, reply, quote or comment. ``answers`` and ``quotes`` name other messages, ``mentions`` characters."""

    key: str
    author: str
    moment: Moment
    text: str
    answers: str | None = None
    quotes: str | None = None
    mentions: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Like:
    """Somebody likes a message (Bluesky only)."""

    actor: str
    message: str
    moment: Moment


@dataclass(frozen=True)
class Reshare:
    """Somebody passes a message on (Bluesky only)."""

    actor: str
    message: str
    moment: Moment


@dataclass(frozen=True)
class Follow:
    """Somebody follows somebody (Bluesky only)."""

    actor: str
    target: str
    moment: Moment


@dataclass(frozen=True)
class Edit:
    """A message gets a new text (WordPress only: Bluesky shows posts as they were written)."""

    message: str
    text: str


@dataclass(frozen=True)
class Removal:
    """A message is deleted: on WordPress for good (``into_trash`` False) or into the trash."""

    message: str
    into_trash: bool = False


@dataclass(frozen=True)
class Unlike:
    """A like is taken back."""

    actor: str
    message: str


@dataclass(frozen=True)
class Unfollow:
    """A follow is taken back."""

    actor: str
    target: str


@dataclass(frozen=True)
class Deactivation:
    """Somebody leaves: the account is deactivated, and the platform no longer shows what it wrote."""

    character: str


@dataclass(frozen=True)
class Chapter:
    """What happens in one telling, in the order in which it is told."""

    messages: tuple[Message, ...]
    likes: tuple[Like, ...] = ()
    reshares: tuple[Reshare, ...] = ()
    follows: tuple[Follow, ...] = ()
    edits: tuple[Edit, ...] = ()
    removals: tuple[Removal, ...] = ()
    unlikes: tuple[Unlike, ...] = ()
    unfollows: tuple[Unfollow, ...] = ()
    deactivations: tuple[Deactivation, ...] = ()


@dataclass(frozen=True)
class Contest:
    """A campaign in which taking part is rewarded: messages with its hashtag between two moments."""

    key: str
    name: str
    hashtag: str
    starts: Moment
    ends: Moment


@dataclass(frozen=True)
class Story:
    """Everybody and everything, in two chapters."""

    characters: dict[str, Character]
    one: Chapter
    two: Chapter
    contest: Contest
    promotional: tuple[str, ...] = field(default=())
    """Messages that a person has labelled as advertising."""


# The cast ------------------------------------------------------------------------------------------------------------

CHARACTERS = (
    # The roastery and what belongs to it.
    Character("hafenkaffee", "bluesky", "Hafenkaffee & Co", role="brand"),
    Character("lotte-tresen", "bluesky", "Lotte am Tresen", role="staff", answers_for_brand=True),
    Character("kurt-buchhaltung", "bluesky", "Kurt", role="staff"),  # works there, speaks for himself: nobody's person
    Character("agentur-nord", "bluesky", "Agentur Nord", role="agency"),
    Character("kaffee-automat", "bluesky", "Kaffee-Automat", role="automaton", answers_for_brand=True),
    Character("redaktion", "wordpress", "Die Redaktion", role="brand", standing="author"),
    Character("mara", "wordpress", "Mara", role="staff", answers_for_brand=True, standing="author"),
    # People of Bluesky.
    Character("ana", "bluesky", "Ana"),  # talks with the brand for months
    Character("ben", "bluesky", "Ben"),  # the same; stops following in chapter two
    Character("cleo", "bluesky", "Cleo"),  # the same, through mentions; takes a like back in chapter two
    Character("dario", "bluesky", "Dario"),  # the same, answered by Lotte and by the brand
    Character("elif", "bluesky", "Elif"),  # the same; leaves the platform in chapter two
    Character("frida", "bluesky", "Frida"),  # two exchanges, six days apart: one day short
    Character("goran", "bluesky", "Goran"),  # answered seven days and some hours later: too late for an exchange
    Character("hanne", "bluesky", "Hanne"),  # answered by the automaton only
    Character("ivan", "bluesky", "Ivan"),  # many exchanges on one day
    Character("jule", "bluesky", "Jule"),  # likes everything and says nothing
    Character("kemal", "bluesky", "Kemal"),  # talks with other people under the brand's posts
    Character("lena", "bluesky", "Lena"),  # mentioned by the brand in a crowd of five, twice
    Character("milo", "bluesky", "Milo"),  # one exchange here, one on the blog as Uwe
    Character("nora", "bluesky", "Nora"),  # a reply and many likes; asks twice before the answer
    Character("olga", "bluesky", "Olga"),  # her first exchange lies a day before the window
    Character("paul", "bluesky", "Paul"),  # takes part in the contest, answered each time
    Character("quinn", "bluesky", "Quinn"),  # loses an answer in chapter two
    Character("rosa", "bluesky", "Rosa"),  # asks for three days in one thread, gets one late answer
    Character("sami", "bluesky", "Sami"),  # is never answered
    Character("tilda", "bluesky", "<b>Tilda</b>"),  # one exchange; the second comes in chapter two
    Character("wetter-bot", "bluesky", "Wetter", says_it_is_a_bot=True),  # answered twice, but no person
    # People of the blog.
    Character("uwe", "wordpress", "Uwe", same_person_as="milo"),
    Character("vera", "wordpress", "Vera"),  # a registered reader
    Character("wanda", "wordpress", "Wanda Wind", standing="guest"),  # asks, is answered, edits in chapter two
    Character("xaver", "wordpress", '=HYPERLINK("x";"Xaver")', standing="guest"),  # a name that bites spreadsheets
    Character("yara", "wordpress", "Yara", standing="guest"),  # deletes a comment in chapter two
    Character("zoe", "wordpress", "Zoë", standing="guest"),  # answered by readers only
    Character("anton", "wordpress", "Anton", standing="guest"),  # an unanswered guest
    Character("namenlos", "wordpress", "Namenlos", standing="nameless"),
    Character("jemand", "wordpress", "Jemand", standing="nameless"),
)

# Chapter one ---------------------------------------------------------------------------------------------------------

BRAND, LOTTE, KURT = "hafenkaffee", "lotte-tresen", "kurt-buchhaltung"
AGENCY, AUTOMATON = "agentur-nord", "kaffee-automat"
EDITORS, MARA = "redaktion", "mara"
FOLLOWERS = ("ana", "ben", "cleo", "dario", "elif", "frida", "jule", "kemal", "lena", "milo", "nora", "rosa", "sami")


def _post(key: str, author: str, days_ago: int, clock: str, text: str, **more: object) -> Message:
    return Message(key, author, Moment(days_ago, clock), text, **more)  # type: ignore[arg-type]


def _reply(key: str, author: str, to: str, days_ago: int, clock: str, text: str, **more: object) -> Message:
    return Message(key, author, Moment(days_ago, clock), text, answers=to, **more)  # type: ignore[arg-type]


BRAND_POSTS = (
    _post("harvest", BRAND, 95, "08:00", "The harvest from Huila has arrived."),
    _post("roast", BRAND, 74, "07:30", "New roast — plum, cocoa, a long finish. ☕ #newroast", hashtags=("newroast",)),
    _post("tasting", BRAND, 66, "09:00", "Tasting on Saturday, ten cups, no talk about points."),
    _post("offer", BRAND, 60, "10:00", "Two bags for the price of one until Friday!"),
    _post("grinder", BRAND, 52, "08:15", "Which grinder do you use at home?"),
    _post("harbour", BRAND, 45, "06:45", "Fog over the harbour. The drum is warm."),
    _post("contest", BRAND, 40, "09:30", "Show us your cup and win a grinder! #cupcontest", hashtags=("cupcontest",)),
    _post("decaf", BRAND, 33, "08:00", "We have a decaf that we are not ashamed of."),
    _post("prices", BRAND, 26, "12:00", "Prices go up in winter. Here is why."),
    _post("register", BRAND, 20, "10:30", "Register, register, register for the newsletter!"),
    _post("opening", BRAND, 14, "08:20", "Longer opening hours from December."),
    _post("machine", BRAND, 9, "07:50", "The old Probat is back from its overhaul."),
    _post("sunday", BRAND, 3, "09:10", "Open this Sunday."),
)

BLOG_POSTS = (
    _post("blog-water", EDITORS, 71, "08:00", "Water is most of your coffee."),
    _post("blog-farm", MARA, 55, "08:30", "A week on the farm in Huila."),
    _post("blog-cleaning", EDITORS, 38, "09:00", "How to clean a grinder."),
    _post("blog-order", EDITORS, 24, "08:45", "Why a simple order took an hour."),
    _post("blog-christmas", MARA, 12, "10:00", "Our Christmas blend."),
)

TALKS = (
    # Ana: months of conversation, answered within minutes.
    _reply("ana-1", "ana", "roast", 74, "09:10", "Is it the washed lot?"),
    _reply("brand-ana-1", BRAND, "ana-1", 74, "09:18", "Yes, the washed one."),
    _reply("ana-2", "ana", "brand-ana-1", 74, "11:00", "Then I take two."),
    _reply("ana-3", "ana", "grinder", 52, "10:00", "A hand grinder, every morning."),
    _reply("brand-ana-3", BRAND, "ana-3", 52, "10:31", "Respect!"),
    _reply("ana-4", "ana", "decaf", 33, "08:40", "Which process?"),
    _reply("brand-ana-4", BRAND, "ana-4", 33, "08:52", "Sugar cane."),
    _reply("ana-5", "ana", "machine", 9, "08:30", "What did they mend?"),
    _reply("brand-ana-5", BRAND, "ana-5", 9, "08:41", "The bearings and the burner."),
    # Ben: answered after hours, and days.
    _reply("ben-1", "ben", "tasting", 66, "10:00", "Is there a place left?"),
    _reply("brand-ben-1", BRAND, "ben-1", 66, "16:00", "One!"),
    _reply("ben-2", "ben", "harbour", 45, "08:00", "A picture, please."),
    _reply("brand-ben-2", BRAND, "ben-2", 42, "09:00", "Sorry for the delay: here it is."),
    _reply("ben-3", "ben", "prices", 26, "13:00", "How much?"),
    _reply("brand-ben-3", BRAND, "ben-3", 25, "09:30", "About a tenth."),
    # Cleo: speaks to the brand from her own posts, and names it in a reply as well.
    _post("cleo-1", "cleo", 63, "12:00", "Best espresso in town is at", mentions=(BRAND,)),
    _reply("brand-cleo-1", BRAND, "cleo-1", 63, "12:45", "You make us blush."),
    _post("cleo-2", "cleo", 30, "12:00", "Does anybody know when they open,", mentions=(BRAND,)),
    _reply("brand-cleo-2", BRAND, "cleo-2", 29, "07:00", "At seven."),
    _reply("cleo-3", "cleo", "opening", 14, "09:00", "Finally! Thank you", mentions=(BRAND,)),
    _reply("brand-cleo-3", BRAND, "cleo-3", 14, "09:05", "See you then."),
    # Dario: once answered by Lotte, once by the brand.
    _reply("dario-1", "dario", "grinder", 52, "09:00", "The one you sell. It squeaks."),
    _reply("lotte-dario-1", LOTTE, "dario-1", 52, "12:00", "Bring it in, I oil it."),
    _reply("dario-2", "dario", "lotte-dario-1", 51, "08:00", "I will."),
    _reply("dario-3", "dario", "prices", 26, "14:00", "Fair enough. And for the subscription?"),
    _reply("brand-dario-3", BRAND, "dario-3", 26, "15:10", "Not before January."),
    _reply("dario-4", "dario", "machine", 9, "10:00", "Can one visit it?"),
    _reply("brand-dario-4", BRAND, "dario-4", 9, "10:20", "Any morning."),
    # Elif: two exchanges, three weeks apart.
    _reply("elif-1", "elif", "tasting", 66, "11:00", "I bring a friend."),
    _reply("brand-elif-1", BRAND, "elif-1", 66, "11:30", "Both welcome."),
    _reply("elif-2", "elif", "harbour", 45, "07:30", "Beautiful."),
    _reply("brand-elif-2", BRAND, "elif-2", 45, "10:30", "And cold."),
    # Frida: six days between the two.
    _reply("frida-1", "frida", "machine", 9, "08:10", "At last!"),
    _reply("brand-frida-1", BRAND, "frida-1", 9, "08:25", "We could not wait either."),
    _reply("frida-2", "frida", "sunday", 3, "10:00", "All day?"),
    _reply("brand-frida-2", BRAND, "frida-2", 3, "10:12", "Until four."),
    # Goran: the second answer comes seven days and eight hours later, the first in time.
    _reply("goran-1", "goran", "grinder", 52, "12:01", "None. Should I?"),
    _reply("brand-goran-1", BRAND, "goran-1", 52, "13:00", "Yes."),
    _reply("goran-2", "goran", "decaf", 33, "10:00", "Does it taste of anything?"),
    _reply("brand-goran-2", BRAND, "goran-2", 26, "18:00", "Cherry, a little."),
    # Hanne: the automaton answers, nobody else.
    _reply("hanne-1", "hanne", "roast", 74, "10:00", "Where can I order?"),
    _reply("automaton-hanne-1", AUTOMATON, "hanne-1", 74, "10:01", "Thank you for your message!"),
    _reply("hanne-2", "hanne", "opening", 14, "10:00", "Also on holidays?"),
    _reply("automaton-hanne-2", AUTOMATON, "hanne-2", 14, "10:01", "Thank you for your message!"),
    # Ivan: a lively hour.
    _reply("ivan-1", "ivan", "grinder", 52, "14:00", "Flat or conical?"),
    _reply("brand-ivan-1", BRAND, "ivan-1", 52, "14:05", "Conical."),
    _reply("ivan-2", "ivan", "brand-ivan-1", 52, "14:10", "Why?"),
    _reply("brand-ivan-2", BRAND, "ivan-2", 52, "14:20", "It forgives more."),
    _reply("ivan-3", "ivan", "brand-ivan-2", 52, "14:30", "Convinced."),
    # Kemal: among people.
    _reply("kemal-1", "kemal", "ana-3", 52, "11:00", "Which one, Ana?"),
    _reply("ana-kemal-1", "ana", "kemal-1", 52, "11:20", "A Comandante."),
    _reply("kemal-2", "kemal", "dario-1", 52, "13:30", "Mine squeaks, too."),
    # Lena: spoken to in a crowd; she answers each time.
    _post(
        *("crowd-1", BRAND, 50, "09:00", "Thank you for the tasting,"),
        mentions=("lena", "ana", "ben", "elif", "kemal"),
    ),
    _reply("lena-1", "lena", "crowd-1", 50, "10:00", "It was lovely."),
    _post(
        *("crowd-2", BRAND, 30, "09:00", "Who comes to the next one,"),
        mentions=("lena", "ivan", "cleo", "dario", "kemal"),
    ),
    _reply("lena-2", "lena", "crowd-2", 30, "10:00", "Me."),
    # Milo: one exchange here; the other on the blog, as Uwe.
    _reply("milo-1", "milo", "decaf", 33, "09:00", "Try it with a longer ratio."),
    _reply("brand-milo-1", BRAND, "milo-1", 33, "09:40", "We will."),
    # Nora: asks twice before the answer, in one thread.
    _reply("nora-1", "nora", "prices", 26, "12:30", "Also for members?"),
    _reply("nora-2", "nora", "prices", 25, "08:00", "Hello?"),
    _reply("brand-nora-1", BRAND, "nora-2", 25, "10:00", "Members keep the old price."),
    # Olga: her first exchange lies on the last day before the window of chapter one.
    _reply("olga-1", "olga", "harvest", 91, "09:00", "How much did you get?"),
    _reply("brand-olga-1", BRAND, "olga-1", 91, "10:00", "Forty bags."),
    _reply("olga-2", "olga", "harbour", 45, "09:00", "I can hear the horn."),
    _reply("brand-olga-2", BRAND, "olga-2", 45, "09:20", "So can we."),
    # Paul: contest entries, each answered by hand.
    _reply("paul-1", "paul", "contest", 40, "12:00", "My cup! #cupcontest", hashtags=("cupcontest",)),
    _reply("brand-paul-1", BRAND, "paul-1", 40, "12:30", "A fine one."),
    _reply("paul-2", "paul", "contest", 31, "12:00", "Another cup! #cupcontest", hashtags=("cupcontest",)),
    _reply("brand-paul-2", BRAND, "paul-2", 31, "12:20", "Finer still."),
    # Quinn: two exchanges; the second answer was sent twice.
    _reply("quinn-1", "quinn", "decaf", 32, "09:00", "Is it in the shop?"),
    _reply("brand-quinn-1", BRAND, "quinn-1", 32, "11:00", "From Monday."),
    _reply("quinn-2", "quinn", "register", 19, "22:00", "No."),
    _reply("brand-quinn-2", BRAND, "quinn-2", 19, "23:00", "We hear you."),
    _reply("brand-quinn-3", BRAND, "quinn-2", 18, "01:00", "And we are sorry."),
    # Rosa: three asks, one answer, late.
    _reply("rosa-1", "rosa", "tasting", 66, "12:00", "Is it accessible?"),
    _reply("rosa-2", "rosa", "tasting", 65, "12:00", "By wheelchair, I mean."),
    _reply("rosa-3", "rosa", "rosa-2", 64, "12:00", "Anybody?"),
    _reply("brand-rosa-1", BRAND, "rosa-1", 61, "12:00", "Yes. Forgive us, this should not take five days."),
    # Sami: never answered.
    _reply("sami-1", "sami", "offer", 60, "11:00", "Does this hold for the decaf?"),
    _reply("sami-2", "sami", "register", 20, "11:00", "I registered, twice."),
    _post("sami-3", "sami", 8, "15:00", "Still waiting for an answer from", mentions=(BRAND,)),
    # Tilda: one exchange now.
    _reply("tilda-1", "tilda", "opening", 14, "12:00", "On Sundays as well?"),
    _reply("brand-tilda-1", BRAND, "tilda-1", 14, "13:00", "Soon."),
    # The weather bot is answered by an absent-minded human.
    _reply("bot-1", "wetter-bot", "harbour", 45, "06:46", "Fog until noon."),
    _reply("brand-bot-1", BRAND, "bot-1", 45, "07:10", "Thanks."),
    _reply("bot-2", "wetter-bot", "sunday", 3, "09:11", "Rain on Sunday."),
    _reply("brand-bot-2", BRAND, "bot-2", 3, "09:30", "Oh no."),
    # Quotes, one each way; and voices of the house that are nobody's person.
    _post("rosa-quote", "rosa", 44, "10:00", "This is how a morning should look.", quotes="harbour"),
    _post("brand-quote", BRAND, 51, "10:00", "Ana knows how it is done.", quotes="ana-3"),
    _reply("kurt-1", KURT, "prices", 26, "12:10", "I have seen the invoices."),
    _reply("brand-kurt-1", BRAND, "kurt-1", 26, "12:40", "He has."),
    _reply("agency-1", AGENCY, "register", 20, "10:45", "What a campaign!"),
)

COMMENTS = (
    # Wanda: a guest with an address; two exchanges.
    _reply("wanda-1", "wanda", "blog-water", 71, "10:00", "Soft or hard?"),
    _reply("editors-wanda-1", EDITORS, "wanda-1", 71, "10:20", "Soft, but not dead."),
    _reply("wanda-2", "wanda", "blog-cleaning", 38, "12:00", "With rice?"),
    _reply("editors-wanda-2", EDITORS, "wanda-2", 38, "14:00", "Please, no rice."),
    # Vera: a registered reader; two exchanges with Mara.
    _reply("vera-1", "vera", "blog-farm", 55, "09:30", "How many people work there?"),
    _reply("mara-vera-1", MARA, "vera-1", 55, "10:00", "Eleven."),
    _reply("vera-2", "vera", "blog-christmas", 12, "11:00", "With cinnamon?"),
    _reply("mara-vera-2", MARA, "vera-2", 12, "11:15", "Never."),
    # Uwe, who is Milo.
    _reply("uwe-1", "uwe", "blog-order", 24, "09:30", "I was that order."),
    _reply("editors-uwe-1", EDITORS, "uwe-1", 24, "10:30", "We know. Come by."),
    # Xaver: one exchange; Yara: two, one of which goes in chapter two.
    _reply("xaver-1", "xaver", "blog-order", 24, "12:00", "An hour? Two!"),
    _reply("mara-xaver-1", MARA, "xaver-1", 22, "09:00", "You are right."),
    _reply("yara-1", "yara", "blog-farm", 55, "12:00", "Do they have a school?"),
    _reply("mara-yara-1", MARA, "yara-1", 55, "15:00", "In the next village."),
    _reply("yara-2", "yara", "blog-cleaning", 38, "15:00", "And the burrs?"),
    _reply("editors-yara-2", EDITORS, "yara-2", 37, "08:00", "With a brush."),
    # Zoe is answered by a reader, Anton by nobody.
    _reply("zoe-1", "zoe", "blog-cleaning", 36, "10:00", "How often?"),
    _reply("vera-zoe-1", "vera", "zoe-1", 36, "12:00", "Monthly, I do."),
    _reply("anton-1", "anton", "blog-christmas", 11, "09:00", "When can I order?"),
    _reply("anton-2", "anton", "anton-1", 10, "09:00", "Hello?"),
    # Two who left neither name nor address.
    _reply("namenlos-1", "namenlos", "blog-order", 23, "08:00", "This happened to me as well."),
    _reply("editors-namenlos-1", EDITORS, "namenlos-1", 23, "09:00", "Tell us more."),
    _reply("jemand-1", "jemand", "blog-order", 23, "10:00", "And to me."),
)


def _likes() -> Iterator[Like]:
    posts = {post.key: post.moment.days_ago for post in BRAND_POSTS}
    # Jule likes every post on its day; nobody else likes all.
    for key, days_ago in posts.items():
        yield Like("jule", key, Moment(days_ago, "20:00"))
    fans = {
        "ana": ("roast", "grinder", "decaf", "machine"),
        "ben": ("tasting", "harbour", "prices"),
        "cleo": ("roast", "opening", "machine"),
        "dario": ("grinder", "machine"),
        "elif": ("tasting", "harbour", "sunday"),
        "nora": tuple(key for key in posts if key not in ("offer", "contest", "register")),
        "kurt-buchhaltung": ("offer", "register"),
        "wetter-bot": ("harbour",),
        "agentur-nord": ("contest", "register"),
        "kemal": ("grinder", "decaf"),
    }
    for number, (actor, liked) in enumerate(fans.items()):
        for key in liked:
            yield Like(actor, key, Moment(posts[key], f"21:{number:02d}"))
    # On three days Nora likes several things at once; only one of a day counts.
    yield Like("nora", "brand-nora-1", Moment(3, "21:30"))
    yield Like("nora", "brand-frida-2", Moment(3, "21:31"))
    # The brand likes back, which is no answer.
    yield Like(BRAND, "sami-2", Moment(20, "11:30"))
    yield Like(BRAND, "ana-2", Moment(74, "11:05"))


CHAPTER_ONE = Chapter(
    messages=BRAND_POSTS + BLOG_POSTS + TALKS + COMMENTS,
    likes=tuple(_likes()),
    reshares=(
        Reshare("ana", "roast", Moment(74, "12:00")),
        Reshare("nora", "harbour", Moment(45, "12:00")),
        Reshare("kemal", "tasting", Moment(66, "13:00")),
        Reshare(BRAND, "cleo-1", Moment(63, "13:00")),
        Reshare("kurt-buchhaltung", "offer", Moment(60, "12:00")),
    ),
    follows=(
        *(Follow(who, BRAND, Moment(75, f"06:{number:02d}")) for number, who in enumerate(FOLLOWERS)),
        Follow(BRAND, "ana", Moment(70, "07:00")),
        Follow(KURT, BRAND, Moment(75, "06:30")),
    ),
)

# Chapter two: the day of the telling ---------------------------------------------------------------------------------

CHAPTER_TWO = Chapter(
    messages=(
        # Tilda's second exchange, and an answer to Sami after all, in one of the threads.
        _reply("tilda-2", "tilda", "machine", 0, "00:02", "Is it loud?"),
        _reply("brand-tilda-2", BRAND, "tilda-2", 0, "00:06", "You get used to it."),
        _reply("brand-sami-2", BRAND, "sami-2", 0, "00:03", "We see you twice, and thank you twice."),
        # Lotte joins under a post; Wanda comes back to the blog, and Anton is answered at last.
        _reply("dario-5", "dario", "sunday", 0, "00:01", "Lotte, are you there?"),
        _reply("lotte-dario-5", LOTTE, "dario-5", 0, "00:05", "From nine."),
        _reply("wanda-3", "wanda", "blog-christmas", 0, "00:02", "Is there any left?"),
        _reply("mara-anton-1", MARA, "anton-1", 0, "00:04", "Now, and sorry."),
        _post("rain", BRAND, 0, "00:01", "Rain. Come in."),
    ),
    likes=(Like("ana", "rain", Moment(0, "00:04")), Like("jule", "rain", Moment(0, "00:07"))),
    reshares=(Reshare("ben", "rain", Moment(0, "00:06")),),
    edits=(Edit("wanda-2", "With rice? (I know.)"),),
    removals=(
        Removal("brand-quinn-2"),
        Removal("yara-2"),
        Removal("jemand-1", into_trash=True),
        Removal("kemal-2"),
        # A deletion in the middle of a thread: Bluesky then hides what was answered to it, though it still stands.
        Removal("brand-ivan-1"),
    ),
    unlikes=(
        Unlike("cleo", "machine"),
        Unlike("nora", "sunday"),
        # The only like of a message: afterwards the platform counts none there.
        Unlike("nora", "brand-nora-1"),
    ),
    unfollows=(Unfollow("ben", BRAND),),
    deactivations=(Deactivation("elif"),),
)

STORY = Story(
    characters={character.key: character for character in CHARACTERS},
    one=CHAPTER_ONE,
    two=CHAPTER_TWO,
    contest=Contest("cup-contest", "Show us your cup", "cupcontest", Moment(41, "00:00"), Moment(28, "00:00")),
    promotional=("offer", "register"),
)


def check_story(story: Story) -> None:
    """Raise ValueError where the story contradicts itself: an answer before its question, two things at one instant."""
    today = date(2000, 1, 1)
    told: dict[str, datetime] = {}
    instants: set[tuple[str, datetime]] = set()
    for message in story.one.messages + story.two.messages:
        instant = message.moment.resolve(today)
        for earlier in (message.answers, message.quotes):
            if earlier is not None and (earlier not in told or told[earlier] >= instant):
                raise ValueError(f"{message.key} comes before {earlier}")
            if earlier is not None and _platform_of(story, earlier) != story.characters[message.author].platform:
                raise ValueError(f"{message.key} and {earlier} are on different platforms")
        if message.key in told or (message.author, instant) in instants:
            raise ValueError(f"{message.key} is told twice, or its author speaks twice in one minute")
        told[message.key] = instant
        instants.add((message.author, instant))
    for like in story.one.likes + story.two.likes:
        if told[like.message] >= like.moment.resolve(today):
            raise ValueError(f"{like.actor} likes {like.message} before it is written")


def _platform_of(story: Story, key: str) -> Platform:
    message = next(message for message in story.one.messages + story.two.messages if message.key == key)
    return story.characters[message.author].platform


if __name__ == "__main__":
    check_story(STORY)
    for name, chapter in (("one", STORY.one), ("two", STORY.two)):
        print(f"Chapter {name}: {len(chapter.messages)} messages, {len(chapter.likes)} likes")
        for message in sorted(chapter.messages, key=lambda item: (-item.moment.days_ago, item.moment.clock)):
            print(f"  -{message.moment.days_ago:>2} d {message.moment.clock}  {message.author:>16}: {message.text}")
