"""Hand-made worlds: T11 and its attacks as real staging rows, and the wild cases.

Stage → rows. Day numbers are those of the specification shifted by nothing: day 0 opens the window of 90 days, as_of is day 90, 00:00 UTC.
"""

from __future__ import annotations

from tests.models.conftest import Stage, at


def talk(stage: Stage, person: str, turns: str, *, brand: str = "brand", tag: str = "", robot: bool = False) -> None:
    """A thread of its own between a person and the brand: `i5 o5.2` is a message of the person on day 5 and the brand's on day 5.2.

    `a` stands for an automatic answer. Every message answers the one before it; the first one of the person names the brand.
    """
    previous: tuple[str, str] | None = None
    for number, turn in enumerate(turns.split()):
        direction, day = turn[0], float(turn[1:])
        author = person if direction == "i" else ("robot" if direction == "a" or robot else brand)
        post_id = f"{person}{tag}-{number}"
        parent = next((f"{person}{tag}-{n}" for n in range(number - 1, -1, -1) if (turns.split()[n][0] == "i") != (direction == "i")), None)
        first = f"{person}{tag}-0"
        stage.post(
            post_id,
            author,
            day,
            parent=parent,
            root=first,
            mentioned_account_ids=[] if parent else (["brand"] if direction == "i" else [person]),
        )
        previous = (post_id, direction)
    assert previous


def add_account(stage: Stage, account_id: str, **columns: object) -> None:
    """A profile."""
    stage.add(
        "accounts",
        account_id=account_id,
        handle=account_id,
        display_name=account_id.title(),
        profile_url=f"https://example.org/@{account_id}",
        **columns,
    )


def build_t11() -> Stage:
    """The nine people of T11: LR90 is 2 (ana and eve)."""
    stage = Stage()
    stage.configure()
    for name in ("brand", "ana", "bob", "cai", "dee", "eve", "fay", "gus", "hal", "robot"):
        add_account(stage, name)
    # Ivy's profile breaks three rules of four that can be seen: her p_real is .3415 (M6.4), below the half that counts.
    nobody = '{"has_default_picture": true, "has_bio": false}'
    add_account(stage, "ivy", follower_count=2, following_count=900, post_count=4, created_at=at(-400), attributes=nobody)
    stage.post("news", "brand", 0.5)
    talk(stage, "ana", "i5 o5.2 i40 o41")
    talk(stage, "bob", "i10 o10.1 i10.3 o10.4")
    talk(stage, "cai", "i20 o20.5 i30 o30.5")
    for row in stage.rows["staging.posts"]:
        if row["post_id"].startswith("cai-"):
            row["hashtags"] = ["win"]
    stage.add(
        "campaigns",
        load_id="business",
        platform="business",
        campaign_id="contest",
        campaign_name="Contest",
        starts_at=at(15),
        ends_at=at(35),
        is_incentivised=True,
        post_ids=[],
        hashtags=["win"],
        link_patterns=[],
    )
    for number in range(50):
        stage.post(f"daily-{number}", "brand", number + 0.3)
        stage.like("dee", f"daily-{number}", number + 0.5)
    talk(stage, "eve", "i12 o13 o60 i62")
    talk(stage, "fay", "i3 o3.1 i50 o50.1")
    talk(stage, "gus", "i3 o12.5 i50 o50.1")
    talk(stage, "hal", "i6 a6.1 i44 a44.1")
    talk(stage, "ivy", "i3 o3.5 i30 o31")
    return stage


def add_business(stage: Stage) -> None:
    """What a shop and a desk would have said of T11's people: ana bought and recommended, eve bought, who was only on a list did not."""
    add = {"load_id": "business", "platform": "business"}
    stage.add("person_facts", **add, person_ref="crm:1", fact="account", value="bluesky:ana", source="form", basis="consent", collected_at=at(0))
    stage.add("outreach", **add, outreach_id="call-1", person_ref="bluesky:gus", contacted_by="sam", contacted_at=at(1), channel="telephone")
    stage.add("config_settings", load_id="config", name="goal.living_people", value="3.0")
    orders = (("crm:1", 1, 40.0, None), ("bluesky:eve", 20, 20.0, None), ("crm:9", 30, 90.0, "ref-1"), ("crm:8", 45, 10.0, None))
    for person_ref, day, amount, referral_id in orders:
        stage.add(
            "conversions",
            **add,
            conversion_id=f"order-{person_ref}",
            person_ref=person_ref,
            occurred_at=at(day),
            conversion_kind="order",
            amount=amount,
            currency="EUR",
            referral_id=referral_id,
        )
    stage.add(
        "referrals", **add, referral_id="ref-1", referrer_ref="crm:1", prospect_ref="crm:9", referred_at=at(25), arm="referred", is_rewarded=False
    )
    stage.add("referrals", **add, referral_id="list-1", prospect_ref="crm:10", referred_at=at(25), arm="cold")
    stage.add(
        "costs",
        **add,
        cost_id="desk",
        incurred_at=at(10),
        channel="bluesky",
        cost_kind="staff",
        amount=60.0,
        currency="EUR",
        hours=2.0,
    )


def add_spread(stage: Stage) -> None:
    """Who passed T11's posts on: lea twice and kim once; all that the brand published was read, and one of its posts asks for an answer."""
    stage.add("labels", load_id="business", platform="business", entity="post", entity_id="bluesky:daily-40", label="ask", value="true")
    for name in ("lea", "kim"):
        add_account(stage, name)
    stage.load("feed", stream="feed")
    stage.add("scopes", load_id="feed", scope_key="feed|{}", stream="feed", read_kind="window", entity="posts", is_complete=True, window_end=at(90))
    for actor, post_id, day in (("lea", "daily-40", 41), ("lea", "daily-45", 46), ("kim", "daily-40", 42)):
        stage.add(
            "interactions",
            interaction_id=f"reshare:{actor}:{post_id}",
            kind="reshare",
            actor_account_id=actor,
            target_account_id="brand",
            post_id=post_id,
            occurred_at=at(day),
        )
