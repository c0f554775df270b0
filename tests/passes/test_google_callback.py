"""Google's callbacks: what is right is read, and each step done wrong is found by its name."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from passes.google.callback import Callback, CallbackRefused, RootKey, UnknownRoot, read_roots, verify
from passes.google.root_keys import RootKeys, RootsUnavailable
from standins.google_callbacks import CallbackSigner
from standins.google_wallet import GoogleWalletStandIn

ISSUER = "3388000000000000001"
CLASS, ALICE = f"{ISSUER}.program-lea", f"{ISSUER}.0199c7f0-0000-7000-8000-00000000a11c"
NOW = datetime(2026, 9, 21, 14, 30, tzinfo=UTC)
Json = dict[str, Any]


@pytest.fixture(scope="module")
def signer() -> CallbackSigner:
    return CallbackSigner()


def signed(signer: CallbackSigner, **changes: Any) -> Json:
    facts: Json = {"event": "save", "class_id": CLASS, "object_id": ALICE, "issuer": ISSUER, "now": NOW}
    return signer.sign(**{**facts, "nonce": "n-1", **changes})


def roots_of(signer: CallbackSigner) -> tuple[RootKey, ...]:
    return read_roots(json.dumps(signer.keys(now=NOW)).encode())


def read(signer: CallbackSigner, body: Json, **changes: Any) -> Callback:
    known: Json = {"roots": roots_of(signer), "issuer_id": ISSUER, "now": NOW}
    return verify(body, **{**known, **changes})


@pytest.mark.parametrize("event", ["save", "del"])
def test_a_callback_says_what_happened_to_which_pass(signer: CallbackSigner, event: str) -> None:
    told = read(signer, signed(signer, event=event))

    assert told == Callback(
        event=event,  # type: ignore[arg-type]  # parametrize knows str only
        class_id=CLASS,
        object_id=ALICE,
        nonce="n-1",
        expires_at=NOW + timedelta(hours=1),
    )


def test_lengths_are_counted_in_bytes(signer: CallbackSigner) -> None:
    told = read(signer, signed(signer, more={"note": "Café Léa 🫖"}))

    assert told.object_id == ALICE


def test_times_may_be_numbers_or_texts(signer: CallbackSigner) -> None:
    end = int((NOW + timedelta(minutes=5)).timestamp() * 1000)

    told = [read(signer, signed(signer, more={"expTimeMillis": written})) for written in (end, str(end))]

    assert {each.expires_at for each in told} == {NOW + timedelta(minutes=5)}


def test_any_of_several_signatures_and_roots_will_do(signer: CallbackSigner) -> None:
    body = signed(signer)
    other = base64.b64encode(b"not a signature").decode()
    body["intermediateSigningKey"]["signatures"].insert(0, other)

    assert read(signer, body, roots=(*roots_of(CallbackSigner()), *roots_of(signer))).event == "save"


def test_keys_of_other_schemes_are_passed_over(signer: CallbackSigner) -> None:
    listed = signer.keys(now=NOW)
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    other = base64.b64encode(rsa_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    keys = listed["keys"]
    assert isinstance(keys, list)
    keys.append({"keyValue": other, "protocolVersion": "ECv2SigningOnly", "keyExpiration": "99999999999999"})

    roots = read_roots(json.dumps(listed).encode())

    assert len(keys) == 3
    assert [type(root.key.curve) for root in roots] == [ec.SECP256R1]


@pytest.mark.parametrize(
    ("change", "step"),
    [
        ({"sender": "SomebodyElse"}, "root signature"),
        ({"protocol": "ECv2"}, "protocol version"),
        ({"issuer": "1234567890"}, "message signature"),
        ({"intermediate_lasts": timedelta(0)}, "intermediate key expired"),
        ({"message_lasts": timedelta(0)}, "message expired"),
        ({"object_id": "1234567890.alice"}, "another issuer's pass"),
        ({"object_id": f"{ISSUER}."}, "another issuer's pass"),
        ({"class_id": f"{ISSUER}0.program-lea"}, "another issuer's pass"),
        ({"more": {"objectId": None}}, "another issuer's pass"),
        ({"more": {"eventType": "update"}}, "event type"),
        ({"more": {"expTimeMillis": "soon"}}, "message"),
        ({"more": {"expTimeMillis": True}}, "message"),
        ({"more": {"expTimeMillis": 10**30}}, "message"),
        ({"nonce": "a\0b"}, "nonce"),
        ({"nonce": "n" * 201}, "nonce"),
        ({"more": {"nonce": 7}}, "nonce"),
    ],
)
def test_a_message_that_is_wrong_at_one_step_is_refused_there(signer: CallbackSigner, change: Json, step: str) -> None:
    with pytest.raises(CallbackRefused) as refused:
        read(signer, signed(signer, **change))

    assert str(refused.value) == step


def tampered(body: Json) -> None:
    body["signedMessage"] = body["signedMessage"].replace("save", "del")


def with_another_key(body: Json) -> None:
    body["intermediateSigningKey"] = signed(CallbackSigner())["intermediateSigningKey"]


def without_signatures(body: Json) -> None:
    body["intermediateSigningKey"]["signatures"] = []


def with_a_thousand_signatures(body: Json) -> None:
    body["intermediateSigningKey"]["signatures"] *= 1_000


def with_no_base64(body: Json) -> None:
    body["signature"] = "%%%"


def with_half_a_character(body: Json) -> None:
    body["signedMessage"] = "\ud83d"


def with_a_number(body: Json) -> None:
    body["signedMessage"] = 7


def without_the_key(body: Json) -> None:
    body["intermediateSigningKey"] = None


@pytest.mark.parametrize(
    ("spoil", "step"),
    [
        (tampered, "message signature"),
        (with_another_key, "root signature"),
        (without_signatures, "intermediate key's signatures"),
        (with_a_thousand_signatures, "intermediate key's signatures"),
        (with_no_base64, "signature is not base64"),
        (with_half_a_character, "message is half a character"),
        (with_a_number, "message missing"),
        (without_the_key, "intermediate key missing"),
    ],
)
def test_a_body_that_was_changed_on_its_way_is_refused(
    signer: CallbackSigner, spoil: Callable[[Json], None], step: str
) -> None:
    body = signed(signer)

    spoil(body)

    with pytest.raises(CallbackRefused) as refused:
        read(signer, body)
    assert str(refused.value) == step


@pytest.mark.parametrize("more", ["[" * 100_000, "7", '"text"', "{"])
def test_what_is_signed_and_no_object_is_refused(signer: CallbackSigner, more: str) -> None:
    body = signed(signer) | {"signedMessage": more, "signature": signer.proof_of(more, issuer=ISSUER)}

    with pytest.raises(CallbackRefused) as refused:
        read(signer, body)

    assert str(refused.value) == "message"


def test_a_root_that_has_ended_vouches_for_nothing(signer: CallbackSigner) -> None:
    roots = tuple(RootKey(key=root.key, expires_at=NOW) for root in roots_of(signer))

    with pytest.raises(UnknownRoot):
        read(signer, signed(signer), roots=roots)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"keys": {}}', b"[" * 100_000, b"\xff"])
def test_what_is_no_list_of_keys_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        read_roots(text)


# ── Root keys, fetched ───────────────────────────────────────────────────────────────────────────────────────────


def ask(keys: RootKeys, signer: CallbackSigner, *, now: datetime) -> str:
    body = signed(signer, now=now)
    return keys.verified(lambda roots: verify(body, roots=roots, issuer_id=ISSUER, now=now), now=now).event


def test_the_keys_are_fetched_once() -> None:
    with GoogleWalletStandIn() as google:
        keys = RootKeys(google.keys_url)

        told = [ask(keys, google.callbacks, now=NOW + timedelta(minutes=minutes)) for minutes in range(5)]

        assert told == ["save"] * 5
        assert google.keys_given == 1


def test_a_new_root_is_fetched_when_it_is_first_met() -> None:
    with GoogleWalletStandIn() as google:
        keys = RootKeys(google.keys_url)
        ask(keys, google.callbacks, now=NOW)
        google.callbacks.rotate()

        assert ask(keys, google.callbacks, now=NOW + timedelta(minutes=2)) == "save"
        assert google.keys_given == 2


def test_forgeries_do_not_make_us_ask_google_for_each() -> None:
    with GoogleWalletStandIn() as google:
        keys, forger = RootKeys(google.keys_url), CallbackSigner()

        for seconds in range(0, 180, 2):
            with pytest.raises(UnknownRoot):
                ask(keys, forger, now=NOW + timedelta(seconds=seconds))

        assert google.keys_given == 3  # one a minute


def test_keys_are_looked_at_again_after_a_day() -> None:
    with GoogleWalletStandIn() as google:
        keys = RootKeys(google.keys_url)
        ask(keys, google.callbacks, now=NOW)

        ask(keys, google.callbacks, now=NOW + timedelta(hours=25))

        assert google.keys_given == 2


def test_keys_that_hold_are_used_while_google_is_away() -> None:
    with GoogleWalletStandIn() as google:
        keys = RootKeys(google.keys_url)
        ask(keys, google.callbacks, now=NOW)

    assert ask(keys, google.callbacks, now=NOW + timedelta(hours=25)) == "save"


def test_without_any_key_nobody_is_believed() -> None:
    with GoogleWalletStandIn() as google:
        keys = RootKeys(google.keys_url)

    with pytest.raises(RootsUnavailable):
        ask(keys, google.callbacks, now=NOW)
