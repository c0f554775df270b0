"""A shop with members who agreed to marketing, campaigns to them, and what each of them has got."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.shop import PROGRAMS, SETTINGS, Shop
from wallet_api.clock import FixedClock
from wallet_api.domain.campaign import Act
from wallet_api.services.app import App
from wallet_api.services.campaigns import CampaignWish, act_on_campaign, create_campaign, show_campaign
from wallet_api.services.present import Json
from wallet_api.services.publish import publish
from wallet_api.services.segments import SegmentWish, save_segment
from wallet_api.services.walk_campaigns import walk_campaigns
from wallet_api.store import members, sql
from wallet_api.store.ids import new_id
from wallet_api.store.session import Database

EVERYBODY: dict[str, Any] = {"all": []}


def agree(shop: Shop, *people: UUID, granted: bool = True) -> None:
    """These members give their consent to marketing, or withdraw it."""
    with shop.app.db.begin() as tx:
        for member in people:
            members.add_consent(
                tx,
                member,
                kind="marketing",
                granted=granted,
                terms_version="1",
                channel="app",
                at=shop.app.clock.now(),
            )


def crowd(shop: Shop, number: int) -> list[UUID]:
    """So many members who agreed, in all, Alice among them."""
    people = [shop.alice, *(shop.join(f"m{each}") for each in range(number - 1))]
    agree(shop, *people)
    return people


def rules(shop: Shop, more: str) -> None:
    """The shop's program with something added."""
    source = (PROGRAMS / f"{shop.program}.yaml").read_text(encoding="utf-8")
    publish(shop.app, f"{source}\n{more}\n", now=shop.app.clock.now())


def segment_of(shop: Shop, rule: dict[str, Any] | None = None) -> Json:
    """A segment of everybody, or of whom a rule selects."""
    wish = SegmentWish(name=str(new_id()), rule=rule or EVERYBODY)
    with shop.app.db.begin() as tx:
        return save_segment(shop.app, tx, wish, program=shop.program)


def campaign(shop: Shop, *, rule: dict[str, Any] | None = None, **wish: Any) -> UUID:
    """A draft to everybody, or to whom a rule selects."""
    segment = segment_of(shop, rule)
    with shop.app.db.begin() as tx:
        said = {"title": "News", "body": "Come in!", "channels": ["push"], "purchases_within_days": 7, **wish}
        made = create_campaign(
            shop.app, tx, CampaignWish(name="Spring", segment=UUID(str(segment["id"])), **said), program=shop.program
        )
    return UUID(str(made["id"]))


def do(shop: Shop, campaign_id: UUID, act: Act) -> Json:
    """A manager acts."""
    with shop.app.db.begin() as tx:
        return act_on_campaign(shop.app, tx, campaign_id, act, program=shop.program)


def send(shop: Shop, campaign_id: UUID) -> dict[str, Any]:
    """A manager sends it, and a worker walks to its end; where it stands then."""
    do(shop, campaign_id, Act.SEND)
    walk_campaigns(shop.app)
    return state(shop, campaign_id)


def state(shop: Shop, campaign_id: UUID) -> dict[str, Any]:
    """How far it is."""
    with shop.app.db.read() as tx:
        return dict(show_campaign(shop.app, tx, campaign_id, program=shop.program))


def counts(shop: Shop, campaign_id: UUID) -> dict[str, int]:
    """How many members there are of each status, without those of which there are none."""
    progress = state(shop, campaign_id)["progress"]
    names = ("waiting", "sent", "withheld", "control", "cancelled", "failed")
    return {name: progress[name] for name in names if progress[name]}


def reasons(shop: Shop, campaign_id: UUID) -> dict[str, int]:
    """Why members got nothing, and how many."""
    return {each["reason"]: each["members"] for each in state(shop, campaign_id)["progress"]["reasons"]}


def messages(shop: Shop, campaign_id: UUID) -> Sequence[Any]:
    """The messages of a campaign, by member, with how many deliveries of each."""
    with shop.app.db.read() as tx:
        return sql.every(
            tx,
            """
            SELECT n.id, n.member_id, n.title, n.body, n.withheld, n.goes_at, count(d.id) AS deliveries,
                   coalesce(min(d.status), '') AS status
            FROM notifications n LEFT JOIN deliveries d ON d.notification_id = n.id
            WHERE n.campaign_id = :id GROUP BY n.id ORDER BY n.member_id
            """,
            id=campaign_id,
        )


def work(url: str, now: datetime, chunk: int) -> None:
    """What a worker does for campaigns, in a process that may be killed."""
    app = App(settings=SETTINGS, clock=FixedClock(now), db=Database(url))
    while not walk_campaigns(app, chunk=chunk):
        pass
