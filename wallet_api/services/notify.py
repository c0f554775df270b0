"""The one way to send members something: wishes become messages with their deliveries, or with the reason why not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from notifications.render import Override, Value
from wallet_api.domain import governor
from wallet_api.domain.definition import Definition
from wallet_api.domain.definition.sending import QuietHours, Sending
from wallet_api.domain.experiment import is_held_out
from wallet_api.domain.governor import Reader, Reason, Verdict, Waiting
from wallet_api.domain.messages import EMAIL, KINDS, PUSH, WALLET, MessageClass
from wallet_api.services.app import App
from wallet_api.services.messages import Words
from wallet_api.store import filing, recipients
from wallet_api.store.filing import NewMessage, Outgoing
from wallet_api.store.ids import new_id
from wallet_api.store.recipients import Recipient
from wallet_api.store.session import Tx

COUNTED_FOR = timedelta(days=8)
"""Seven rolling days, and one more for whose day began earlier than ours."""


@dataclass(frozen=True, kw_only=True)
class Wish(governor.Wish):
    """A message for a member: the kind, and what its placeholders stand for.

    `texts` go before the program's own and Carnet's (a campaign's). Of two messages with the same `collapse_key` a
    phone that was away shows the last; without one each is shown.
    """

    member_id: UUID
    values: Mapping[str, Value] = field(default_factory=dict)
    texts: Mapping[str, Override] = field(default_factory=dict)
    campaign_id: UUID | None = None
    data: Mapping[str, str] = field(default_factory=dict)
    collapse_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Filed:
    """What became of a wish; `id` is None where the same had been said before, and nothing was written."""

    wish: Wish
    id: UUID | None
    verdict: Verdict


class Recipients:
    """The members of a batch, and the rules and words for each; asked once for the batch."""

    def __init__(self, app: App, tx: Tx, members: Mapping[UUID, Recipient], *, now: datetime) -> None:
        self._app, self._tx, self._now = app, tx, now
        self._members = members
        self._words: dict[tuple[str, int, int, str], Words] = {}

    def __contains__(self, member_id: UUID) -> bool:
        return member_id in self._members

    def __getitem__(self, member_id: UUID) -> Recipient:
        return self._members[member_id]

    def words(self, member_id: UUID) -> Words:
        """The program's words in the member's language."""
        member = self._members[member_id]
        key = (member.program_id, member.version, member.revision, member.locale)
        known = self._words.get(key)
        if known is None:
            version = self._app.version_at(self._tx, member.program_id, member.version, at=self._now)
            definition = self._app.definition(self._tx, member.program_id, version, revision=member.revision)
            known = self._words[key] = Words(definition, member.locale)
        return known

    def zone(self, member_id: UUID) -> ZoneInfo:
        """Where the member's days begin and end: their own time zone, else the program's."""
        return _zone(self._members[member_id].time_zone) or self.definition(member_id).time_zone

    def definition(self, member_id: UUID) -> Definition:
        """The rules of the member's program that are in force."""
        return self.words(member_id).definition


def recipients_of(
    app: App, tx: Tx, member_ids: Collection[UUID], *, now: datetime, marketing: bool = False, lock: bool = True
) -> Recipients:
    """Read these members for sending; `marketing`: they are locked until the commit, so that caps hold.

    `lock`: False for a look at what would be sent.
    """
    if marketing and lock:
        recipients.lock(tx, member_ids)
    found = recipients.read(tx, member_ids, since=now - COUNTED_FOR, marketing=marketing, wallets=app.wallets)
    return Recipients(app, tx, found, now=now)


def file_messages(app: App, tx: Tx, wishes: Sequence[Wish], readers: Recipients, *, now: datetime) -> list[Filed]:
    """Write each wish down as a message, with its deliveries or the reasons why there are none; in their order.

    A wish whose `about` the member has had already is not written again. Marketing needs recipients that were read
    with `marketing`. Raises what `render` raises, for a wish without the values that its text uses.
    """
    drafts = [_draft(app, wish, readers, now=now) for wish in wishes]
    _settle(tx, drafts, now=now)
    _count(drafts)
    written = filing.add(tx, [draft.message() for draft in drafts], now=now)
    return [
        Filed(wish=draft.wish, id=draft.id if draft.id in written else None, verdict=draft.verdict) for draft in drafts
    ]


def look_ahead(app: App, wishes: Sequence[Wish], readers: Recipients, *, now: datetime) -> list[Verdict]:
    """What would become of each wish if it were filed now, as far as it depends on no other; nothing is written."""
    verdicts = []
    for wish in wishes:
        member, definition = readers[wish.member_id], readers.definition(wish.member_id)
        reader = _reader(member, definition, _targets(app, member))
        verdicts.append(governor.decide(wish, reader, definition.sending, now=now, channels_on=_channels_on(app)))
    return verdicts


@dataclass(kw_only=True)
class _Draft:
    """A wish on its way to becoming a message."""

    id: UUID
    wish: Wish
    member: Recipient
    title: str
    body: str
    reader: Reader
    rules: Sending
    verdict: Verdict
    targets: Mapping[str, Sequence[tuple[str | None, str]]]

    def withhold(self, reason: Reason) -> None:
        """Send it nowhere after all."""
        going = dict.fromkeys(self.verdict.goes, reason)
        self.verdict = replace(self.verdict, goes={}, withheld={**self.verdict.withheld, **going})

    def message(self) -> NewMessage:
        """What is written."""
        return NewMessage(
            id=self.id,
            program_id=self.member.program_id,
            member_id=self.member.id,
            kind=self.wish.kind,
            message_class=KINDS[self.wish.kind].message_class.value,
            title=self.title,
            body=self.body,
            locale=self.member.locale,
            about=self.wish.about,
            facts=self.wish.facts,
            withheld={channel: reason.value for channel, reason in self.verdict.withheld.items()},
            goes_at=self.verdict.goes_at,
            caused_at=self.wish.caused_at,
            expires_at=self.wish.expires_at,
            campaign_id=self.wish.campaign_id,
            collapse_key=self.wish.collapse_key or KINDS[self.wish.kind].follows or str(self.id),
            quiet=str(self.verdict.quiet) if self.verdict.quiet else None,
            data={**self.wish.data, "program": self.member.program_id, "message": str(self.id)},
            deliveries=[
                Outgoing.of(self.id, channel, target, device_id=device_id, at=at)
                for channel, at in self.verdict.goes.items()
                for device_id, target in self.targets[channel]
            ],
        )


def _draft(app: App, wish: Wish, readers: Recipients, *, now: datetime) -> _Draft:
    member, words = readers[wish.member_id], readers.words(wish.member_id)
    values = {"given_name": member.given_name or "", **wish.values}
    text = words.say(wish.kind, values, texts=wish.texts)
    targets = _targets(app, member)
    reader = _reader(member, words.definition, targets)
    verdict = governor.decide(wish, reader, words.definition.sending, now=now, channels_on=_channels_on(app))
    return _Draft(
        id=new_id(),
        wish=wish,
        member=member,
        title=text.title,
        body=text.body,
        reader=reader,
        rules=words.definition.sending,
        verdict=verdict,
        targets=targets,
    )


def _targets(app: App, member: Recipient) -> dict[str, Sequence[tuple[str | None, str]]]:
    """Where each channel leads: device and address. Without Firebase the console shows what would go to a phone."""
    targets: dict[str, Sequence[tuple[str | None, str]]] = {}
    if member.phones:
        targets[PUSH] = member.phones
    elif app.settings.missing_for_firebase:
        targets[PUSH] = [(None, f"member {member.id}")]
    if member.email and not member.mail_is_dead:
        targets[EMAIL] = [(None, member.email)]
    if member.passes:
        targets[WALLET] = [(None, f"{wallet}:{card_id}") for wallet, card_id in member.passes]
    return targets


def _channels_on(app: App) -> Collection[str]:
    """What this Carnet sends by."""
    return (PUSH, EMAIL, WALLET) if app.wallets else (PUSH, EMAIL)


def _reader(member: Recipient, definition: Definition, targets: Collection[str]) -> Reader:
    own = None
    if member.quiet_from is not None and member.quiet_until is not None:
        own = QuietHours(begin=member.quiet_from, end=member.quiet_until)
    return Reader(
        zone=_zone(member.time_zone) or definition.time_zone,
        reachable=frozenset(targets),
        is_erased=member.status == "erased",
        unwanted=member.unwanted,
        quiet=own,
        marketing=member.marketing,
        is_held_out=is_held_out(member.program_id, member.id, share=definition.sending.hold_out),
        sent=member.sent,
    )


def _zone(name: str | None) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # of a time before names were checked
        return None


def _settle(tx: Tx, drafts: Sequence[_Draft], *, now: datetime) -> None:
    """Let newer messages take the place of older ones that wait, and changes that undo each other go unsaid."""
    followed = {draft.member.id for draft in drafts if governor.can_follow(draft.wish)}
    if not followed:
        return
    earlier: defaultdict[UUID, dict[UUID, Waiting]] = defaultdict(dict)
    for row in filing.waiting(tx, followed, now=now):
        earlier[row.member_id][row.id] = Waiting(kind=row.kind, facts=row.facts, is_unsent=row.is_unsent)
    here, over = {draft.id: draft for draft in drafts}, dict[UUID, Reason]()
    for draft in drafts:
        waiting = earlier[draft.member.id]
        for message_id, each in list(waiting.items()):
            end = governor.follow(draft.wish, each)
            if end is None:
                continue
            draft.wish = replace(draft.wish, facts=governor.since_last_told(draft.wish, each))
            del waiting[message_id]
            if message_id in here:
                here[message_id].withhold(end)
            else:
                over[message_id] = end
            if end is Reason.CANCELLED_OUT:
                draft.withhold(end)
        if draft.verdict.goes:
            waiting[draft.id] = Waiting(kind=draft.wish.kind, facts=draft.wish.facts)
    if over:
        filing.end(tx, over, now=now)


def _count(drafts: Sequence[_Draft]) -> None:
    """Hold the caps within a batch too: what an earlier wish of it uses up is gone for the later ones."""
    going: defaultdict[UUID, list[datetime]] = defaultdict(list)
    for draft in drafts:
        at, earlier = draft.verdict.goes_at, going[draft.member.id]
        if at is None:
            continue
        if earlier and KINDS[draft.wish.kind].message_class is MessageClass.MARKETING:
            reader = replace(draft.reader, sent=(*draft.reader.sent, *earlier))
            if full := governor.cap(at, reader, draft.rules):
                draft.withhold(full)
                continue
        earlier.append(at)
