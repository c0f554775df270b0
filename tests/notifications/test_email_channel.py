import asyncio
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from socket import socket
from typing import Literal

import pytest

from notifications import Message, Outcome, SendResult
from notifications.channels.email_smtp import EmailChannel, SmtpServer
from notifications.message import Brand
from standins.smtp import FaultKind, SmtpStandIn

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ALICE, BOB = "alice@example.test", "bob@example.test"

BuildMessage = Callable[..., Message]


def send(
    mail: SmtpStandIn,
    messages: Sequence[Message],
    *,
    url: str | None = None,
    mail_from: str = "Chez Léa <lea@shop.test>",
    tls: ssl.SSLContext | None = None,
    deadline_s: float = 10.0,
) -> list[SendResult]:
    channel = EmailChannel(
        server=SmtpServer.from_url(url or mail.url),
        mail_from=mail_from,
        tls=tls or mail.client_context(),
        timeout_s=2.0,
        deadline_s=deadline_s,
    )
    return asyncio.run(channel.send(messages, now=NOW))


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


def test_a_mail_arrives_as_text_and_page_in_the_readers_language(mail: SmtpStandIn, message: BuildMessage) -> None:
    welcome = message(ALICE, title="Prête\u202f!", body="Carte <b>prête</b>\n\nÀ bientôt", locale="fr_FR")

    results = send(mail, [welcome])

    arrived = mail.to(ALICE)[0]
    assert results == [SendResult(outcome=Outcome.ACCEPTED, provider_id=f"<{welcome.id}@shop.test>")]
    assert arrived["From"] == "Chez Léa <lea@shop.test>"
    assert arrived["To"] == ALICE
    assert arrived["Subject"] == "Prête\u202f!"
    assert arrived["Date"].datetime == NOW
    assert arrived["Message-ID"] == f"<{welcome.id}@shop.test>"
    assert arrived["Content-Language"] == "fr-FR"
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert part(arrived, "plain").splitlines() == ["Carte <b>prête</b>", "", "À bientôt"]
    assert '<html lang="fr-FR">' in part(arrived, "html")
    assert "<p>Carte &lt;b&gt;prête&lt;/b&gt;</p><p>À bientôt</p>" in part(arrived, "html")


def test_a_mail_shows_the_brand_and_ends_by_one_click(mail: SmtpStandIn, message: BuildMessage) -> None:
    brand = Brand(
        name="Léa & Cie",
        background="#112233",
        text="#ffffff",
        logo_url="https://shop.test/logo.png",
        url="https://shop.test",
    )
    url = "https://shop.test/v1/unsubscribe/abc"
    offer = replace(message(ALICE, body="Bonjour", locale="fr"), brand=brand, unsubscribe_url=url)

    send(mail, [offer], mail_from="lea@shop.test")

    arrived = mail.to(ALICE)[0]
    assert arrived["From"] == "Léa & Cie <lea@shop.test>"
    assert arrived["List-Unsubscribe"] == f"<{url}>"
    assert arrived["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert part(arrived, "plain").splitlines() == ["Bonjour", "", "-- ", f"Se désinscrire: {url}"]
    page = part(arrived, "html")
    assert "Léa &amp; Cie" in page
    assert "#112233" in page
    assert f'href="{url}"' in page


def test_a_mail_that_must_come_has_no_way_to_end_it(mail: SmtpStandIn, message: BuildMessage) -> None:
    send(mail, [message(ALICE)])

    assert mail.to(ALICE)[0]["List-Unsubscribe"] is None


def test_a_batch_goes_over_one_connection(mail: SmtpStandIn, message: BuildMessage) -> None:
    results = send(mail, [message(ALICE) for _ in range(20)])

    assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 20
    assert len(mail.to(ALICE)) == 20
    assert mail.connections == 1


@pytest.mark.parametrize("tls", ["none", "implicit", "starttls"])
@pytest.mark.parametrize("login", [None, ("carnet", "s3cret")])
def test_every_form_of_smtp_url_works(
    message: BuildMessage, tls: Literal["none", "implicit", "starttls"], login: tuple[str, str] | None
) -> None:
    with SmtpStandIn(tls=tls, login=login) as mail:
        results = send(mail, [message(ALICE)])

        assert [result.outcome for result in results] == [Outcome.ACCEPTED]
        assert len(mail.to(ALICE)) == 1


@pytest.mark.parametrize(
    ("fault", "outcome", "detail", "arrived"),
    [
        ("greylist", Outcome.LATER, "SMTP 451", 0),
        ("mailbox_unavailable", Outcome.REJECTED, "SMTP 550", 0),
        ("text_refused", Outcome.REJECTED, "SMTP 554", 0),
        ("drop", Outcome.LATER, "SMTPServerDisconnected", 0),
        ("drop_after_data", Outcome.LATER, "SMTPServerDisconnected", 1),
    ],
)
def test_a_fault_of_one_mail_does_not_touch_the_next(
    mail: SmtpStandIn, message: BuildMessage, fault: FaultKind, outcome: Outcome, detail: str, arrived: int
) -> None:
    mail.fault(fault, to=ALICE)

    first, second = send(mail, [message(ALICE), message(BOB)])

    assert (first.outcome, first.detail) == (outcome, detail)
    assert second.outcome is Outcome.ACCEPTED
    assert (len(mail.to(ALICE)), len(mail.to(BOB))) == (arrived, 1)


def test_both_tries_of_a_mail_carry_the_same_message_id(mail: SmtpStandIn, message: BuildMessage) -> None:
    welcome = message(ALICE)
    mail.fault("drop_after_data", times=1)

    results = [*send(mail, [welcome]), *send(mail, [welcome])]

    assert [result.outcome for result in results] == [Outcome.LATER, Outcome.ACCEPTED]
    assert {str(each["Message-ID"]) for each in mail.to(ALICE)} == {f"<{welcome.id}@shop.test>"}
    assert len(mail.to(ALICE)) == 2


def test_a_sender_that_is_refused_stops_the_channel(mail: SmtpStandIn, message: BuildMessage) -> None:
    mail.fault("sender_refused", times=1)

    results = send(mail, [message(ALICE), message(BOB)])

    assert [result.outcome for result in results] == [Outcome.MISCONFIGURED] * 2
    assert mail.messages == []


@pytest.mark.parametrize("login", ["carnet:wrong@", ""])
def test_a_wrong_or_missing_password_stops_the_channel(message: BuildMessage, login: str) -> None:
    with SmtpStandIn(login=("carnet", "s3cret")) as mail:
        results = send(mail, [message(ALICE), message(BOB)], url=f"smtp://{login}127.0.0.1:{mail.port}")

        assert [result.outcome for result in results] == [Outcome.MISCONFIGURED] * 2
        assert mail.messages == []


def test_a_server_without_starttls_gets_no_password(mail: SmtpStandIn, message: BuildMessage) -> None:
    results = send(mail, [message(ALICE)], url=f"smtp+starttls://carnet:s3cret@127.0.0.1:{mail.port}")

    assert results[0].outcome is Outcome.MISCONFIGURED
    assert mail.messages == []


@pytest.mark.parametrize("tls", ["implicit", "starttls"])
def test_a_certificate_that_is_not_trusted_stops_the_channel(
    message: BuildMessage, tls: Literal["implicit", "starttls"]
) -> None:
    with SmtpStandIn(tls=tls) as mail:
        results = send(mail, [message(ALICE)], tls=ssl.create_default_context())

        assert results[0].outcome is Outcome.MISCONFIGURED
        assert mail.messages == []


def test_a_server_that_is_down_means_later_for_all(mail: SmtpStandIn, message: BuildMessage, free_port: int) -> None:
    results = send(mail, [message(ALICE), message(BOB)], url=f"smtp://127.0.0.1:{free_port}")

    assert [(result.outcome, result.detail) for result in results] == [(Outcome.LATER, "ConnectionRefusedError")] * 2


def test_a_server_that_drips_is_cut_at_the_deadline(mail: SmtpStandIn, message: BuildMessage) -> None:
    over = threading.Event()
    with socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"220 slow\r\n")
                while not over.wait(0.1):
                    try:
                        connection.sendall(b"2")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()

        url = f"smtp://127.0.0.1:{server.getsockname()[1]}"
        results = send(mail, [message(ALICE), message(BOB)], url=url, deadline_s=0.5)

        over.set()
        thread.join()
    assert [result.outcome for result in results] == [Outcome.LATER] * 2


@pytest.mark.parametrize(
    "hostile",
    [
        {"title": "Hello\r\nBcc: bob@example.test"},
        {"title": "Hello\nBcc: bob@example.test"},
        {"locale": "fr\r\nBcc: bob@example.test"},
        {"to": "alice@example.test\r\nBcc: bob@example.test"},
        {"to": "alice@example.test, bob@example.test"},
        {"to": "Alice <alice@example.test>"},
        {"to": "alice"},
        {"to": ""},
        {"to": "alice@example.test>"},
        {"body": "\ud800"},
        {"title": "\ud800"},
    ],
)
def test_header_injection_and_wrong_addresses_are_refused(
    mail: SmtpStandIn, message: BuildMessage, hostile: dict[str, str]
) -> None:
    first, second = send(mail, [message(**{"to": ALICE} | hostile), message(BOB)])

    assert first.outcome is Outcome.REJECTED
    assert second.outcome is Outcome.ACCEPTED
    assert [str(each["To"]) for each in mail.messages] == [BOB]
    assert mail.messages[0]["Bcc"] is None


def test_an_expired_mail_is_not_sent(mail: SmtpStandIn, message: BuildMessage) -> None:
    results = send(mail, [message(ALICE, ends_in=timedelta(0))])

    assert results[0].outcome is Outcome.REJECTED
    assert mail.connections == 0


def test_no_result_quotes_an_address_or_a_password(message: BuildMessage) -> None:
    with SmtpStandIn(login=("carnet", "s3cret")) as mail:
        mail.fault("mailbox_unavailable")
        results = send(mail, [message(ALICE), message("bob@@example.test")])

        assert not any(word in repr(results) for word in ("alice", "bob", "s3cret"))


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.test", SmtpServer(host="mail.test", port=25, tls="none")),
        ("smtp://mail.test:2525/", SmtpServer(host="mail.test", port=2525, tls="none")),
        (
            "smtps://a%40b:p%3Aw@mail.test",
            SmtpServer(host="mail.test", port=465, tls="implicit", user="a@b", password="p:w"),
        ),
        (
            "smtp+starttls://u:p@mail.test",
            SmtpServer(host="mail.test", port=587, tls="starttls", user="u", password="p"),
        ),
    ],
)
def test_smtp_urls_are_read(url: str, server: SmtpServer) -> None:
    assert SmtpServer.from_url(url) == server
    assert "p:w" not in repr(server)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.test",
        "http://mail.test",
        "smtp://",
        "smtp://user@mail.test",
        "smtp://mail.test/x",
        "smtp://u:é@mail.test",
        "smtp://u:s3cret@mail.test?x=1",
        "smtp://u:s3cret@mail.test:port",
    ],
)
def test_other_urls_are_refused_without_quoting_them(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP_URL") as refusal:
        SmtpServer.from_url(url)

    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize("mail_from", ["", "lea", "Léa <lea>", "a@shop.test, b@shop.test"])
def test_a_sender_that_is_no_address_stops_the_start(mail_from: str) -> None:
    with pytest.raises(ValueError, match="MAIL_FROM"):
        EmailChannel(server=SmtpServer.from_url("smtp://mail.test"), mail_from=mail_from)
