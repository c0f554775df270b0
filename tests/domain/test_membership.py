"""Memberships that are paid for or proved: trials, charges, grace, cancelling; approval, renewal, lapsing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from tests.domain.club import PURCHASE, Life, club, named
from wallet_api.domain import errors
from wallet_api.domain.definition import (
    Audience,
    Benefits,
    Condition,
    Definition,
    Plan,
    PlanTerms,
    Shipping,
    Span,
    Verification,
)
from wallet_api.domain.events import VerificationAction
from wallet_api.domain.state import MembershipStatus

APPLY, APPROVE, REVOKE, RENEW = (
    VerificationAction.APPLY,
    VerificationAction.APPROVE,
    VerificationAction.REVOKE,
    VerificationAction.RENEW,
)
PLANS = {
    "monthly": Plan(id="monthly", name=named("Monthly"), fee=14_99, period=Span(months=1)),
    "annual": Plan(id="annual", name=named("Annual"), fee=139_00, period=Span(months=12)),
    "lifetime": Plan(id="lifetime", name=named("Lifetime"), fee=500_00),
}
TERMS = PlanTerms(trial_days=30, grace_days=7, refund_business_days=3, worth_of_shipping=6_99)
SHIPPING = (
    Shipping(who=Audience(memberships=frozenset({"trial", "paid"})), fee=0),
    Shipping(who=Audience(), fee=6_99, free_from=100_00),
)
NO_TRIAL = replace(TERMS, trial_days=0)


def prime(terms: PlanTerms = TERMS) -> Definition:
    """A program with plans, whose members ship for nothing."""
    return replace(club(), plans=PLANS, plan_terms=terms, benefits=Benefits(shipping=SHIPPING))


def alice_joined(day: date = date(2026, 3, 10), *, terms: PlanTerms = TERMS) -> Life:
    return Life(prime(terms), joined=datetime(day.year, day.month, day.day, 12, tzinfo=UTC))


# ── Trial and charge ─────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_plan_there_is_no_membership() -> None:
    assert alice_joined().status == "none"


def test_a_first_start_opens_a_trial_that_costs_nothing_and_has_all_benefits() -> None:
    alice = alice_joined()

    decision = alice.start("monthly")

    assert (decision.charge, alice.status, alice.membership.until) == (0, "trial", date(2026, 4, 8))
    alice.wait_for_the_end_of(date(2026, 4, 8))
    assert alice.membership.has_benefits
    alice.sell(10_00)
    assert alice.last is not None
    assert alice.last.shipping == 0


def test_a_plan_may_start_with_joining() -> None:
    alice = Life(prime(), plan="monthly")

    assert alice.last is not None
    assert (alice.last.charge, alice.status) == (0, "trial")


def test_the_charge_is_due_on_the_day_after_the_trial_and_can_be_paid_on_that_day() -> None:
    alice = alice_joined()
    alice.start("monthly")

    alice.wait(on=date(2026, 4, 9))
    decision = alice.pays()

    assert (decision.charge, alice.status, alice.membership.until) == (14_99, "paid", date(2026, 5, 8))


def test_a_charge_with_no_word_by_the_end_of_its_day_counts_as_failed_and_that_day_is_the_first_of_grace() -> None:
    alice = alice_joined()
    alice.start("monthly")

    alice.wait_for_the_end_of(date(2026, 4, 9))
    on_its_day = alice.status
    alice.wait_for_the_beginning_of(date(2026, 4, 10))

    assert (on_its_day, alice.status, alice.membership.until) == ("trial", "grace", date(2026, 4, 15))
    alice.wait_for_the_end_of(date(2026, 4, 15))
    assert alice.status == "grace"
    alice.wait_for_the_beginning_of(date(2026, 4, 16))
    assert alice.status == "ended"


def test_a_failed_charge_opens_the_grace_on_its_own_day_without_benefits() -> None:
    alice = alice_joined()
    alice.start("monthly")
    alice.wait(on=date(2026, 4, 9))

    alice.fails_to_pay()
    alice.sell(10_00)

    assert (alice.status, alice.membership.until) == ("grace", date(2026, 4, 15))
    assert alice.last is not None
    assert alice.last.shipping == 6_99


def test_failing_again_in_grace_does_not_lengthen_it() -> None:
    alice = alice_joined()
    alice.start("monthly")
    alice.wait(on=date(2026, 4, 9))
    alice.fails_to_pay()
    alice.wait(days=3)

    alice.fails_to_pay()

    assert (alice.status, alice.membership.until) == ("grace", date(2026, 4, 15))


def test_a_charge_cannot_fail_before_it_is_due_nor_succeed_twice() -> None:
    alice = alice_joined(terms=NO_TRIAL)
    alice.start("monthly")
    alice.pays()

    with pytest.raises(errors.NotEligible):
        alice.fails_to_pay()
    with pytest.raises(errors.NotEligible):
        alice.pays()


def test_without_grace_a_failed_charge_ends_it() -> None:
    alice = alice_joined(terms=replace(TERMS, grace_days=0))
    alice.start("monthly")
    alice.wait(on=date(2026, 4, 9))

    alice.fails_to_pay()

    assert alice.status == "ended"


def test_paying_late_in_grace_counts_the_period_from_the_original_day() -> None:
    alice = alice_joined()
    alice.start("monthly")
    alice.wait(on=date(2026, 4, 15))

    alice.pays()

    assert (alice.status, alice.membership.until) == ("paid", date(2026, 5, 8))


def test_a_renewal_paid_late_counts_from_the_original_renewal_day_too() -> None:
    alice = alice_joined(terms=NO_TRIAL)
    alice.start("monthly")
    alice.pays()
    alice.wait(on=date(2026, 4, 14))
    in_grace = alice.status

    alice.pays()

    assert (in_grace, alice.status, alice.membership.until) == ("grace", "paid", date(2026, 5, 9))


def test_after_the_grace_no_payment_brings_it_back() -> None:
    alice = alice_joined()
    alice.start("monthly")
    alice.wait(on=date(2026, 4, 16))

    with pytest.raises(errors.NotEligible):
        alice.pays()


def test_renewals_are_anchored_at_the_first_day_of_all() -> None:
    alice = alice_joined(date(2026, 1, 31), terms=NO_TRIAL)
    alice.start("monthly")
    alice.pays()
    ends = [alice.membership.until]

    for due in (date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)):
        alice.wait(on=due)
        alice.pays()
        ends.append(alice.membership.until)

    assert ends == [date(2026, 2, 27), date(2026, 3, 30), date(2026, 4, 29), date(2026, 5, 30)]


def test_where_there_is_no_trial_all_stays_as_it_was_until_the_charge_succeeds() -> None:
    alice = alice_joined(terms=NO_TRIAL)

    decision = alice.start("annual")
    before = alice.status
    alice.wait(days=1)

    after_a_day_without_a_word = alice.status
    alice.pays()

    assert (decision.charge, before, after_a_day_without_a_word, alice.status) == (139_00, "none", "none", "paid")


def test_there_is_no_second_trial() -> None:
    alice = alice_joined()
    alice.start("monthly")
    alice.cancel()
    alice.wait(on=date(2026, 4, 9))
    ended = alice.status

    decision = alice.start("monthly")
    before = alice.status
    alice.pays()

    assert (ended, decision.charge, before, alice.status) == ("ended", 14_99, "ended", "paid")
    assert alice.membership.until == date(2026, 5, 8)


def test_a_plan_that_runs_cannot_be_started_again_and_an_unknown_one_not_at_all() -> None:
    alice = alice_joined()
    alice.start("monthly")

    with pytest.raises(errors.NotEligible):
        alice.start("monthly")
    with pytest.raises(errors.NotFound):
        alice.start("weekly")


def test_a_plan_for_life_is_paid_once_and_has_no_end() -> None:
    alice = alice_joined()

    decision = alice.start("lifetime")
    alice.wait(days=20_000)

    assert (decision.charge, alice.status, alice.membership.until) == (500_00, "paid", None)
    with pytest.raises(errors.NotEligible):
        alice.cancel()


def test_who_has_paid_for_life_cannot_be_moved_to_a_plan_by_the_month() -> None:
    alice = alice_joined(terms=NO_TRIAL)
    alice.start("lifetime")

    with pytest.raises(errors.NotEligible):
        alice.start("monthly")


def test_another_plan_takes_over_when_what_has_been_paid_for_ends() -> None:
    alice = alice_joined(terms=NO_TRIAL)
    alice.start("monthly")
    alice.pays()
    alice.wait(days=5)

    decision = alice.start("annual")
    alice.wait(on=date(2026, 4, 10))
    alice.pays()

    assert decision.charge == 0
    assert (alice.status, alice.membership.plan, alice.membership.until) == ("paid", "annual", date(2027, 4, 9))


def test_a_rule_may_ask_for_a_membership() -> None:
    paying = replace(PURCHASE, id="paying", where=Condition(memberships=frozenset({"paid"})))
    alice = Life(replace(prime(NO_TRIAL), earning=(PURCHASE, paying)))
    alice.sell(10_00)
    alice.start("monthly")
    alice.pays()

    alice.sell(10_00)

    assert alice.balance == 10 + 20


# ── Cancelling ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_cancelled_in_the_trial_it_ends_with_it_and_nothing_is_charged() -> None:
    alice = alice_joined()
    alice.start("monthly")
    alice.wait(days=3)

    decision = alice.cancel()
    still = alice.status
    alice.wait_for_the_end_of(date(2026, 4, 8))
    to_the_last = alice.status
    alice.wait_for_the_beginning_of(date(2026, 4, 9))

    assert (decision.refund, still, to_the_last, alice.status) == (0, "trial", "trial", "ended")
    with pytest.raises(errors.NotEligible):
        alice.pays()


def test_a_trial_that_was_cancelled_may_be_taken_up_again_before_it_ends() -> None:
    alice = alice_joined()
    alice.start("monthly")
    alice.cancel()

    decision = alice.start("monthly")
    alice.wait(on=date(2026, 4, 9))
    alice.pays()

    assert (decision.charge, alice.status, alice.membership.until) == (0, "paid", date(2026, 5, 8))


def alice_charged_on_a_friday() -> Life:
    """Her trial from 11 March on ends on 9 April; 10 April 2026 is a Friday."""
    alice = alice_joined(date(2026, 3, 11))
    alice.start("monthly")
    alice.wait(on=date(2026, 4, 10))
    alice.pays()
    return alice


@pytest.mark.parametrize(
    ("day", "refund"),
    [
        (date(2026, 4, 10), 8_00),  # the day of the charge is day 0
        (date(2026, 4, 12), 8_00),  # a Sunday
        (date(2026, 4, 15), 8_00),  # Wednesday, the third business day
    ],
)
def test_within_three_business_days_the_fee_comes_back_less_what_was_used(day: date, refund: int) -> None:
    alice = alice_charged_on_a_friday()
    alice.sell(10_00)
    alice.wait(on=day)

    decision = alice.cancel()

    assert (decision.refund, alice.status) == (refund, "ended")


def test_after_three_business_days_who_used_something_gets_nothing_and_the_plan_runs_to_its_end() -> None:
    alice = alice_charged_on_a_friday()
    alice.sell(10_00)
    alice.wait(on=date(2026, 4, 16))

    decision = alice.cancel()
    after = alice.status
    alice.wait_for_the_end_of(date(2026, 5, 9))
    to_the_last = alice.status
    alice.wait_for_the_beginning_of(date(2026, 5, 10))

    assert (decision.refund, after, to_the_last, alice.status) == (0, "paid", "paid", "ended")


def test_after_three_business_days_who_used_nothing_gets_the_whole_fee() -> None:
    alice = alice_charged_on_a_friday()
    alice.wait(on=date(2026, 5, 9))

    decision = alice.cancel()

    assert (decision.refund, alice.status) == (14_99, "ended")


def test_what_was_used_in_the_trial_or_before_the_last_charge_is_not_asked_about() -> None:
    alice = alice_joined(terms=TERMS)
    alice.start("monthly")
    alice.sell(10_00)
    alice.wait(on=date(2026, 4, 9))
    alice.pays()
    alice.sell(10_00)
    alice.wait(on=date(2026, 5, 9))
    alice.pays()
    alice.wait(days=10)

    decision = alice.cancel()

    assert decision.refund == 14_99


def test_what_was_used_never_costs_more_than_the_fee() -> None:
    alice = alice_charged_on_a_friday()
    for _ in range(3):
        alice.sell(10_00)

    assert alice.cancel().refund == 0


def test_a_purchase_that_ships_for_nothing_anyway_uses_no_benefit() -> None:
    alice = alice_charged_on_a_friday()
    alice.sell(100_00)

    assert alice.cancel().refund == 14_99


def test_cancelled_in_grace_it_ends_at_once_and_gives_nothing_back() -> None:
    alice = alice_joined()
    alice.start("monthly")
    alice.wait(on=date(2026, 4, 12))

    decision = alice.cancel()

    assert (decision.refund, alice.status) == (0, "ended")


def test_there_is_nothing_to_cancel_without_a_plan_or_after_its_end() -> None:
    alice = alice_joined(terms=NO_TRIAL)

    with pytest.raises(errors.NotEligible):
        alice.cancel()
    alice.start("monthly")
    alice.pays()
    alice.cancel()
    with pytest.raises(errors.NotEligible):
        alice.cancel()


def test_what_comes_back_is_never_more_than_what_was_paid_though_another_plan_is_to_follow() -> None:
    alice = alice_joined(terms=NO_TRIAL)
    alice.start("monthly")
    alice.pays()
    alice.wait(days=10)
    alice.start("annual")

    assert alice.cancel().refund == 14_99


# ── By proof ─────────────────────────────────────────────────────────────────────────────────────────────────────


def pro(reminder_days: int | None = 30, days: int | None = 365) -> Life:
    proof = Verification(id="pro", name=named("Pro"), days=days, reminder_days=reminder_days)
    return Life(replace(club(), verification=proof))


def verified(alice: Life) -> Life:
    alice.verification(APPLY)
    alice.verification(APPROVE)
    return alice


def test_an_application_waits_for_its_approval_which_lasts_365_days_with_that_day() -> None:
    alice = pro()

    alice.verification(APPLY)
    applied = alice.status
    alice.wait(on=date(2026, 3, 20))
    alice.verification(APPROVE)

    assert (applied, alice.status, alice.membership.until) == ("pending", "verified", date(2027, 3, 19))


def test_it_lapses_as_the_day_after_its_last_begins() -> None:
    alice = verified(pro())

    alice.wait_for_the_end_of(date(2027, 3, 9))
    to_the_last = alice.status
    alice.wait_for_the_beginning_of(date(2027, 3, 10))

    assert (to_the_last, alice.status) == ("verified", "lapsed")
    assert not alice.membership.has_benefits


def test_a_renewal_runs_on_from_the_old_end() -> None:
    alice = verified(pro())
    alice.wait(on=date(2027, 2, 1))

    alice.verification(RENEW)

    assert (alice.status, alice.membership.until) == ("verified", date(2028, 3, 8))  # 2028 has a leap day


def test_a_renewal_that_comes_after_it_lapsed_runs_on_from_the_old_end_too() -> None:
    alice = verified(pro())
    alice.wait(on=date(2027, 5, 1))

    alice.verification(RENEW)

    assert (alice.status, alice.membership.until) == ("verified", date(2028, 3, 8))


def test_a_renewal_whose_new_end_would_be_over_is_refused() -> None:
    alice = verified(pro())
    alice.wait(on=date(2028, 3, 9))

    with pytest.raises(errors.NotEligible):
        alice.verification(RENEW)


def test_what_was_revoked_is_lapsed_and_cannot_be_renewed_but_applied_for_again() -> None:
    alice = verified(pro())

    alice.verification(REVOKE)

    assert alice.status == "lapsed"
    with pytest.raises(errors.NotEligible):
        alice.verification(RENEW)
    assert verified(alice).status == "verified"


def test_an_application_may_be_turned_down() -> None:
    alice = pro()
    alice.verification(APPLY)

    alice.verification(REVOKE)

    assert alice.status == "lapsed"


@pytest.mark.parametrize(
    ("before", "action"),
    [((), APPROVE), ((), RENEW), ((), REVOKE), ((APPLY,), APPLY), ((APPLY,), RENEW), ((APPLY, APPROVE), APPROVE)],
)
def test_what_does_not_fit_the_state_is_refused(
    before: tuple[VerificationAction, ...], action: VerificationAction
) -> None:
    alice = pro()
    for earlier in before:
        alice.verification(earlier)

    with pytest.raises(errors.NotEligible):
        alice.verification(action)


def test_a_program_without_proofs_takes_no_application() -> None:
    with pytest.raises(errors.NotEligible):
        Life(club()).verification(APPLY)


def days_reminded(alice: Life, *, until: date) -> list[date]:
    """On which days she is told that it ends soon, when somebody looks every day."""
    told = []
    while (today := alice.now.date()) < until:
        decision = alice.wait(days=1)
        told += [today + timedelta(days=1) for notice in decision.notices if notice.kind == "membership_ends_soon"]
    return told


def test_members_are_reminded_once_so_many_days_before_the_end() -> None:
    alice = verified(pro())

    assert days_reminded(alice, until=date(2027, 4, 1)) == [date(2027, 2, 7)]


def test_a_renewal_brings_a_new_reminder_before_the_new_end() -> None:
    alice = verified(pro())
    alice.wait(on=date(2027, 2, 10))

    alice.verification(RENEW)

    assert days_reminded(alice, until=date(2028, 4, 1)) == [date(2028, 2, 7)]


def test_a_proof_without_an_end_never_lapses() -> None:
    alice = verified(pro(reminder_days=None, days=None))

    alice.wait(days=20_000)

    assert (alice.status, alice.membership.until) == (MembershipStatus.VERIFIED, None)


def test_waiting_day_by_day_brings_the_same_as_waiting_at_once() -> None:
    often, once = alice_joined(), alice_joined()
    for alice in (often, once):
        alice.start("monthly")

    for _ in range(60):
        often.wait(days=1)
    once.wait(days=60)

    assert often.membership == once.membership
    assert once.status == "ended"
