"""The stand-in against Python's own client, so that a fault of our channel cannot hide one of the server."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from standins.smtp import SmtpStandIn


@pytest.fixture
def mail() -> Iterator[SmtpStandIn]:
    with SmtpStandIn() as server:
        yield server


def letter(to: str = "alice@example.test") -> EmailMessage:
    built = EmailMessage()
    built["From"], built["To"], built["Subject"] = "lea@shop.test", to, "Prêt"
    built.set_content("Votre carte est prête.")
    return built


def client(mail: SmtpStandIn) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", mail.port, local_hostname="shop.test", timeout=5)


def test_a_mail_is_kept_as_it_was_sent(mail: SmtpStandIn) -> None:
    with client(mail) as smtp:
        smtp.send_message(letter())

    assert [str(each["Subject"]) for each in mail.messages] == ["Prêt"]
    assert mail.to("alice@example.test") == mail.messages
    assert mail.to("bob@example.test") == []
    assert mail.connections == 1


def test_greylisting_ends_when_it_was_asked_to(mail: SmtpStandIn) -> None:
    mail.fault("greylist", to="alice@example.test", times=1)

    with client(mail) as smtp:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
            smtp.send_message(letter())
        smtp.send_message(letter())

    assert refusal.value.recipients["alice@example.test"][0] == 451
    assert len(mail.messages) == 1


def test_a_fault_for_one_recipient_spares_the_others_until_it_heals(mail: SmtpStandIn) -> None:
    mail.fault("mailbox_unavailable", to="alice@example.test")

    with client(mail) as smtp:
        smtp.send_message(letter("bob@example.test"))
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            smtp.send_message(letter())
        mail.heal()
        smtp.send_message(letter())

    assert [str(each["To"]) for each in mail.messages] == ["bob@example.test", "alice@example.test"]


@pytest.mark.parametrize(("fault", "arrived"), [("drop", 0), ("drop_after_data", 1)])
def test_a_dropped_connection_leaves_the_sender_in_doubt(mail: SmtpStandIn, fault: str, arrived: int) -> None:
    mail.fault(fault)  # type: ignore[arg-type]  # a parameter of a test has no literal type

    with pytest.raises(smtplib.SMTPServerDisconnected):
        client(mail).send_message(letter())

    assert len(mail.messages) == arrived


def test_a_login_is_asked_for_and_checked() -> None:
    with SmtpStandIn(login=("carnet", "s3cret")) as mail, client(mail) as smtp:
        with pytest.raises(smtplib.SMTPSenderRefused):
            smtp.send_message(letter())
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("carnet", "wrong")
        smtp.login("carnet", "s3cret")
        smtp.send_message(letter())

        assert len(mail.messages) == 1


def test_a_fault_that_there_is_not_is_refused(mail: SmtpStandIn) -> None:
    with pytest.raises(ValueError, match="no fault is called lost"):
        mail.fault("lost")  # type: ignore[arg-type]  # the point
