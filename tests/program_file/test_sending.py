"""What a file says of sending and reminders, and what it may not say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time
from fractions import Fraction

import pytest

from notifications.render import check_template
from wallet_api.domain.definition import Span
from wallet_api.domain.definition.sending import QuietHours, Reminders, Sending
from wallet_api.program_file import read_definition
from wallet_api.program_file.faults import DefinitionFaults


def test_a_file_that_says_nothing_sends_at_any_time_and_reminds_of_nothing(complete: Callable[[str], str]) -> None:
    program = read_definition(complete(""))

    assert program.sending == Sending()
    assert program.reminders == Reminders()


def test_all_that_a_file_can_say_of_sending_is_read(complete: Callable[[str], str]) -> None:
    program = read_definition(
        complete(
            "sending:\n"
            "  quiet_hours: 21:00 to 08:00\n"
            "  at_most: [1 per day, 3 per week]\n"
            "  channels: {tier_upgraded: [push, email], points_usable: none, welcome: email}\n"
            "  hold_out: 5 %\n"
            "reminders: {points_expiring: 30 days before, birthday: on the day, win_back: after 90 days}\n"
        )
    )

    assert program.sending == Sending(
        quiet_hours=QuietHours(begin=time(21), end=time(8)),
        per_day=1,
        per_week=3,
        channels={"tier_upgraded": ("push", "email"), "points_usable": (), "welcome": ("email",)},
        hold_out=Fraction(1, 20),
    )
    assert program.reminders == Reminders(points_expiring=Span(days=30), birthday=Span(), win_back=Span(days=90))


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("sending: {quiet_hours: 21:00 to 21:00}", "`21:00 to 21:00` does not fit"),
        ("sending: {quiet_hours: 21:00 to 24:00}", "`21:00 to 24:00` does not fit"),
        ("sending: {at_most: [1 per day, 2 per day]}", "there is a limit per day already"),
        ("sending: {at_most: 1 per month}", "`1 per month` does not fit"),
        ("sending: {channels: {welcome: [push, none]}}", "`none` stands beside channels"),
        ("sending: {channels: {welcome: [push, push]}}", "a channel `push` stands already in line"),
        ("sending: {channels: {welcome: sms}}", "`sms` is unknown"),
        ("sending: {channels: {sign_in_code: none}}", "`sign_in_code` is unknown"),
        ("sending: {hold_out: 101 %}", "more than all members are held out"),
        (f"messages: {{welcome: {{en: {{title: {'x' * 5_000}, body: b}}}}}}", "messages.welcome.en.title: `xxx"),
        (
            "messages: {points_earned: '{points, plural, one {#}}'}",
            "line 1, messages.points_earned: {points, plural} has no",
        ),
        ("reminders: {birthday: after 3 days}", "`after 3 days` does not fit"),
        ("reminders: {win_back: 90 days before}", "`90 days before` does not fit"),
    ],
)
def test_what_cannot_be_meant_is_refused(complete: Callable[[str], str], written: str, fault: str) -> None:
    with pytest.raises(DefinitionFaults) as refused:
        read_definition(complete(written + "\n"), check_template=lambda kind, text: check_template(text, kind))

    assert fault in str(refused.value)
