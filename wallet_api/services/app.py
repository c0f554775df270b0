"""What every use case needs, in one frozen value."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import islice
from uuid import UUID

from google.oauth2.service_account import Credentials

from passes.apple.signing import Signer
from wallet_api.clock import Clock
from wallet_api.domain import calendar
from wallet_api.domain.definition import (
    ByStreak,
    Challenge,
    Definition,
    MonthDay,
    Period,
    Span,
    TierScheme,
    YearKind,
    with_days,
)
from wallet_api.domain.errors import NotFound
from wallet_api.program_file import read_definition
from wallet_api.settings import Settings
from wallet_api.store import access, programs
from wallet_api.store.locks import MemberRow
from wallet_api.store.programs import Location
from wallet_api.store.session import Database, Tx
from wallet_api.tokens import token_hash

KEY_IS_REMEMBERED = timedelta(seconds=5)
"""A revoked key works this long at the most; looking each key up would cost every sale a round trip."""


SESSION_IS_REMEMBERED = timedelta(seconds=5)
"""A session that ended elsewhere works this long at the most, for the same reason."""

SESSIONS_REMEMBERED_MAX = 10_000
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Key:
    """A till's or POS's key: what it may do, and where (no locations: anywhere in the program)."""

    id: UUID
    program: str
    scopes: frozenset[str]
    locations: frozenset[UUID]


@dataclass(frozen=True, kw_only=True)
class GoogleIssuer:
    """The Google Wallet account that passes are made under.

    One for development is known to nobody at Google: nothing is sent with it, and no link to save a pass would work.
    """

    issuer_id: str
    credentials: Credentials = field(repr=False)
    is_development: bool = False


@dataclass(frozen=True, kw_only=True)
class App:
    """The running Carnet: its settings, clock and database, and what it remembers of them."""

    settings: Settings
    clock: Clock
    db: Database
    apple: Signer | None = None
    google: GoogleIssuer | None = None
    _definitions: dict[tuple[str, int, int], Definition] = field(default_factory=dict, repr=False)
    _versions: dict[tuple[str, int], tuple[tuple[int, datetime], ...]] = field(default_factory=dict, repr=False)
    _locations: dict[UUID, Location] = field(default_factory=dict, repr=False)
    _keys: dict[bytes, tuple[datetime, Key | None]] = field(default_factory=dict, repr=False)
    _open_sessions: dict[UUID, datetime] = field(default_factory=dict, repr=False)

    @property
    def signer(self) -> Signer | None:
        """Who signs Apple passes now, of two certificates during a change-over; None while passes are off."""
        return self.apple and self.apple.at(self.clock.now())

    @property
    def wallets(self) -> tuple[str, ...]:
        """The wallets that passes are made for."""
        return tuple(name for name, maker in (("apple", self.apple), ("google", self.google)) if maker is not None)

    @cached_property
    def card_master(self) -> bytes:
        """What card codes are derived from."""
        return self.settings.derive("card")

    def definition(self, tx: Tx, program_id: str, version: int, *, revision: int = 0) -> Definition:
        """A version of a program's definition, with the promotions started by a revision of its days.

        Neither changes, so each is read once. A return reckons with the promotions that its sale had, so it needs no
        days and no revision.
        """
        known = self._definitions.get((program_id, version, revision))
        if known is None:
            text, files = programs.source(tx, program_id, version)
            known = read_definition(text, files=_reader(files))
            if revision:
                known = with_days(known, programs.promotion_days(tx, program_id))
            self._definitions[program_id, version, revision] = known
        return known

    def current_definition(self, tx: Tx, program_id: str) -> Definition:
        """The definition in force; NotFound where there is no such program."""
        version = self.current_version(tx, program_id)
        if version is None:
            raise NotFound(what="program")
        return self.definition(tx, program_id, version, revision=programs.revision(tx, program_id))

    def current_version(self, tx: Tx, program_id: str) -> int | None:
        """The version in force, which need not be the one that was published last; None where there is no program."""
        latest = programs.latest_version(tx, program_id)
        return None if latest is None else self.version_at(tx, program_id, latest, at=self.clock.now())

    def version_at(self, tx: Tx, program_id: str, latest: int, *, at: datetime) -> int:
        """The version in force at an instant: the last one whose time has come; the first one before any had."""
        versions = self._versions_up_to(tx, program_id, latest)
        return max((version for version, since in versions if since <= at), default=versions[0][0])

    def in_force(self, tx: Tx, row: MemberRow, *, at: datetime) -> MemberRow:
        """A member's row with the version in force at an instant, and when the next one comes."""
        versions = self._versions_up_to(tx, row.program_id, row.version)
        version = self.version_at(tx, row.program_id, row.version, at=at)
        to_come = [since for later, since in versions if later > version and since > at]
        return replace(row, version=version, next_rules_at=min(to_come, default=None))

    def in_force_since(self, tx: Tx, program_id: str, version: int) -> datetime:
        """From which instant on a version is in force."""
        return dict(self._versions_up_to(tx, program_id, version))[version]

    def changes_of_rules(self, tx: Tx, program_id: str, *, settled: int, latest: int) -> list[tuple[int, datetime]]:
        """The versions that came into force after one, up to a later one, and when; each held for a while.

        One whose time came when a later one was in force already never was.
        """
        versions = [each for each in self._versions_up_to(tx, program_id, latest) if each[0] > settled]
        return [
            (version, since)
            for version, since in versions
            if all(since < later_since for later, later_since in versions if later > version)
        ]

    def _versions_up_to(self, tx: Tx, program_id: str, latest: int) -> tuple[tuple[int, datetime], ...]:
        """The versions up to the latest that the caller has seen; none of them changes, so they are read once."""
        known = self._versions.get((program_id, latest))
        if known is None:
            known = tuple(each for each in programs.versions(tx, program_id) if each[0] <= latest)
            self._versions[program_id, latest] = known
        return known

    def location(self, tx: Tx, location_id: UUID, *, program: str) -> Location:
        """A location of this program; NotFound for any other."""
        known = self._locations.get(location_id) or programs.location(tx, location_id)
        if known is None or known.program_id != program:
            raise NotFound(what="location")
        self._locations[location_id] = known
        return known

    def authenticate_key(self, raw: str) -> Key | None:
        """Whose key this is; None for one that is unknown or revoked."""
        now, hashed = self.clock.now(), token_hash(raw)
        known = self._keys.get(hashed)
        if known and known[0] <= now < known[0] + KEY_IS_REMEMBERED:
            return known[1]
        with self.db.read() as tx:
            row = access.key_by_hash(tx, hashed)
        if row is None:
            return None  # unknown keys are not remembered: they would fill the memory
        key = Key(
            id=row.id,
            program=row.program_id,
            scopes=frozenset(row.scopes),
            locations=frozenset(row.location_ids),
        )
        self._keys[hashed] = (now, key)
        return key

    def session_is_open(self, session: UUID) -> bool:
        """Whether nobody has ended this session. Raises Busy where the database cannot tell: nobody is let in."""
        now, seen = self.clock.now(), self._open_sessions.get(session)
        if seen is not None and seen <= now < seen + SESSION_IS_REMEMBERED:
            return True
        with self.db.read() as tx:
            is_open = access.session_is_open(tx, session)
        if not is_open:
            self.forget_session(session)
            return False
        if len(self._open_sessions) >= SESSIONS_REMEMBERED_MAX:
            self._open_sessions.clear()
        self._open_sessions[session] = now
        return True

    def forget_session(self, session: UUID) -> None:
        """Look this session up again before its next call: it has ended."""
        self._open_sessions.pop(session, None)

    def pass_token(self, card_id: UUID) -> str:
        """The token that Apple Wallet shows to the web service; it never changes, since old copies keep the old one."""
        return hmac.digest(self._pass_key, card_id.bytes, hashlib.sha256).hex()

    def is_pass_token(self, token: str, *, pass_type_id: str, serial: str) -> bool:
        """Whether this is the token of this pass; never for a pass that was not made here."""
        try:
            card_id = UUID(serial)
        except ValueError:
            card_id = UUID(int=0)  # no card has it; the work stays the same
        is_right = hmac.compare_digest(self.pass_token(card_id).encode(), token.encode("utf-8", "replace"))
        return is_right and self.apple is not None and self.apple.pass_type_id == pass_type_id

    @cached_property
    def _pass_key(self) -> bytes:
        return self.settings.derive("apple-pass")


def measures_since(
    definition: Definition, *days: date, joined: date | None = None, counted_from: date | None = None
) -> date:
    """From which day on a decision about these days needs the member's measures.

    `joined`: the day of joining, for years that begin with it. `counted_from`: from when on the tier that is held is
    earned again, where it has an end.
    """
    return min(_starts(definition, days, joined=joined, counted_from=counted_from))


def _starts(
    definition: Definition, days: Collection[date], *, joined: date | None, counted_from: date | None
) -> Iterator[date]:
    """The first day that each part of the definition looks at."""
    earliest = min(days)
    yield earliest
    if definition.tiers:
        yield _tier_starts(definition.tiers, earliest, joined=joined)
        if definition.tiers.valid and counted_from:
            yield counted_from
    for credit in definition.credits:
        yield from (period.first for day in days if (period := credit.period_of(day)))
        # What is credited on the earliest day itself may still be due on it.
        yield from (period.first for period in islice(credit.periods_credited_after(earliest - ONE_DAY), 1))
    for challenge in definition.challenges:
        yield from (start for day in days if (start := _challenge_starts(challenge, day)))
    conditions = [rule.where for rule in definition.earning]
    conditions += [promotion.where for promotion in definition.promotions]
    conditions += [credit.where for credit in definition.credits]
    for name in frozenset[str]().union(*(where.segments for where in conditions)):
        yield calendar.add(earliest, _back(definition.segments[name].over))
    if any(where.first_in_month for where in conditions):
        yield earliest.replace(day=1)
    steps = [len(rule.amount.steps) for rule in definition.earning if isinstance(rule.amount, ByStreak)]
    yield earliest - timedelta(days=max(steps, default=0))


def _tier_starts(scheme: TierScheme, earliest: date, *, joined: date | None) -> date:
    """The first day of the window in which a tier is earned, or kept by what the years before have earned."""
    if scheme.years is None:
        # What the end of a month has worked out comes into force in the next one.
        end = earliest.replace(day=1) if scheme.effective_day is not None else earliest + ONE_DAY
        return calendar.add(end, _back(scheme.rolling or Span(months=12)))
    back = 0 if scheme.years_after is None else max(1, scheme.years_after)
    if scheme.years is YearKind.CALENDAR:
        return date(earliest.year - back, 1, 1)
    if joined is None:
        return calendar.add(earliest, Span(months=-12 * (back + 1)))
    anniversary = MonthDay(month=joined.month, day=joined.day)
    year = earliest.year if anniversary.in_year(earliest.year) <= earliest else earliest.year - 1
    return anniversary.in_year(year - back)


def _challenge_starts(challenge: Challenge, day: date) -> date | None:
    """The first day that a challenge looks at for a day, if it looks at any; a lifetime is told without measures."""
    if challenge.days is not None:
        return challenge.days.first if day in challenge.days else None
    match challenge.per:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case Period.YEAR:
            return date(day.year, 1, 1)
        case _:
            return None


def _back(span: Span) -> Span:
    return Span(months=-span.months, days=-span.days)


def _reader(files: Mapping[str, str]) -> Callable[[str], bytes]:
    return lambda name: base64.b64decode(files[name])
