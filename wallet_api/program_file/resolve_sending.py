"""Sending and reminders as they are written → as the worker goes by them."""

from __future__ import annotations

from fractions import Fraction

from wallet_api.domain.definition import Span
from wallet_api.domain.definition.sending import Reminders, Sending

from .declaration_sending import NONE, RemindersWritten, SendingWritten
from .lookup import Lookup
from .shapes import At


class SendingReader(Lookup):
    """Makes rules for messages out of a file's parts."""

    def sending(self, written: SendingWritten) -> Sending:
        caps: dict[str, int] = {}
        for cap in written.at_most or ():
            if cap.value.per in caps:
                self.report.add(cap.place, f"there is a limit per {cap.value.per} already", "keep one of the two")
            caps[cap.value.per] = cap.value.times
        hold_out = written.hold_out.value if written.hold_out else Fraction(0)
        if written.hold_out and hold_out > 1:
            self.report.add(written.hold_out.place, "more than all members are held out", "at most `100 %`")
        return Sending(
            quiet_hours=written.quiet_hours.value if written.quiet_hours else None,
            per_day=caps.get("day"),
            per_week=caps.get("week"),
            channels={
                kind.value: self.channels(channels) for kind, channels in written.channels or () if channels is not None
            },
            hold_out=hold_out,
        )

    def channels(self, written: tuple[At[str], ...]) -> tuple[str, ...]:
        self.once(written, what="channel")
        for channel in written:
            if channel.value == NONE and len(written) > 1:
                self.report.add(channel.place, "`none` stands beside channels", "write `none` alone")
        return tuple(channel.value for channel in written if channel.value != NONE)

    def reminders(self, written: RemindersWritten) -> Reminders:
        return Reminders(
            points_expiring=_span(written.points_expiring),
            voucher_expiring=_span(written.voucher_expiring),
            tier_ending=_span(written.tier_ending),
            birthday=_span(written.birthday),
            win_back=_span(written.win_back),
        )


def _span(written: At[Span] | None) -> Span | None:
    return written.value if written else None
