"""What a member would read of any message, and whether they would get it now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from notifications.render import Value
from notifications.texts import PLACEHOLDERS
from wallet_api.domain import calendar
from wallet_api.domain.definition import Definition
from wallet_api.domain.errors import Invalid
from wallet_api.domain.messages import KINDS
from wallet_api.services import load_member
from wallet_api.services.app import App
from wallet_api.services.find_member import member_now
from wallet_api.services.load_member import Loaded
from wallet_api.services.messages import Words
from wallet_api.services.notify import Wish, look_ahead, recipients_of
from wallet_api.services.present import Json
from wallet_api.services.show_messages import NOT_SENT, WAITING, channel_line
from wallet_api.store.session import Tx

SAMPLE_POINTS = 100
SAMPLE_MINUTES = 10
SAMPLE_LEAD = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class PreviewWish:
    """Which message, in which language (the member's own where left out), with which values in place of samples."""

    kind: str
    locale: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


def preview_message(app: App, tx: Tx, member_id: UUID, wish: PreviewWish, *, program: str) -> Json:
    """Title and body as this member would read them now, and by which ways it would go; nothing is written.

    What the message is about is taken from the member (balance, tier) or from the program (its first reward). Raises
    NotFound, and Invalid for a value that this kind has no place for.
    """
    survivor = member_now(tx, member_id, program=program)
    for name in wish.values:
        if name not in PLACEHOLDERS[wish.kind]:
            raise Invalid(pointer=f"#/values/{name}", detail=f"{wish.kind} has no placeholder of this name.")
    now = app.clock.now()
    readers = recipients_of(app, tx, [survivor], now=now, marketing=True, lock=False)
    locale = wish.locale or readers[survivor].locale
    loaded = load_member.as_of_now(app, tx, survivor, now=now)
    words = Words(readers.definition(survivor), locale)
    values = {**dict(_samples(app, loaded, words)), **_given(words, wish.values)}
    text = words.say(wish.kind, {"given_name": readers[survivor].given_name or "", **values})
    asked = Wish(member_id=survivor, kind=wish.kind, caused_at=now, expires_at=now + KINDS[wish.kind].is_worth)
    (verdict,) = look_ahead(app, [asked], readers, now=now)
    going = [channel_line(each, WAITING, None, language=locale, at=at) for each, at in verdict.goes.items()]
    withheld = [channel_line(each, NOT_SENT, reason, language=locale) for each, reason in verdict.withheld.items()]
    return {
        "kind": wish.kind,
        "class": KINDS[wish.kind].message_class.value,
        "locale": locale,
        "title": text.title,
        "body": text.body,
        "channels": [*going, *withheld],
    }


def _samples(app: App, member: Loaded, words: Words) -> Iterator[tuple[str, Value]]:
    definition, explain = words.definition, words.explain
    today = calendar.local_day(app.clock.now(), definition.time_zone)
    unit = _first_unit(definition)
    if unit is not None:
        yield "points", words.quantity(unit, SAMPLE_POINTS * 10 ** definition.units[unit].decimals)
        yield "balance", words.quantity(unit, member.state.available(unit))
    else:
        yield from (("points", SAMPLE_POINTS), ("balance", 0))
    standing = member.state.standing
    yield "tier", explain.tier(standing.tier) if standing else words.definition.name.text(words.locale)
    yield "reward", next((explain.reward(reward) for reward in definition.rewards), "…")
    yield "challenge", next((explain.rule(challenge.id) for challenge in definition.challenges), "…")
    yield "survey", "…"
    yield "missing", explain.measure(definition.tiers.measure, SAMPLE_POINTS) if definition.tiers else "…"
    yield from (("status", "paid"), ("items", "…"), ("voucher", "K7QM-2XPT"), ("code", "123456"))
    yield from (("minutes", SAMPLE_MINUTES), ("day", today + SAMPLE_LEAD))


def _given(words: Words, values: Mapping[str, str]) -> dict[str, Value]:
    unit = _first_unit(words.definition)
    return {
        name: words.quantity(unit, int(value))
        if unit and name in ("points", "balance") and value.isascii() and value.isdigit()
        else value
        for name, value in values.items()
    }


def _first_unit(definition: Definition) -> str | None:
    return next(iter(definition.units), None)
