"""Checkpoints as C2SP writes them: its own examples are read, ours are read back, and nothing else is."""

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from events.checkpoints import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    Note,
    VerifierKey,
    cosign,
    cosigned_at,
    open_checkpoint,
    origin_of,
    parse_checkpoint,
    parse_key,
    parse_note,
    sign_checkpoint,
    signed_by,
    with_signatures,
)
from events.errors import RejectedMessage
from events.ledger import EMPTY_ROOT
from events.log.specimens import ASigner

ROOT = bytes(range(32))
LOG = ASigner(1)
WITNESS = ASigner(2)
LOG_KEY = VerifierKey("tellonce-1", ED25519, LOG.public_key)
WITNESS_KEY = VerifierKey("partner.example/w1", COSIGNATURE, WITNESS.public_key)
CHECKPOINT = Checkpoint(origin_of("tellonce-1", "1-abcd"), 7, ROOT)
NOTE = sign_checkpoint(CHECKPOINT, "tellonce-1", LOG)

# From c2sp.org/signed-note and c2sp.org/tlog-checkpoint.
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
EXAMPLE_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "\u2014 witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)


def test_the_published_example_verifies() -> None:
    key = parse_key(EXAMPLE_KEY)
    assert str(key) == EXAMPLE_KEY
    assert list(signed_by(parse_note(EXAMPLE_NOTE), [key])) == [key]


def test_the_published_checkpoint_is_read() -> None:
    note = parse_note(EXAMPLE_CHECKPOINT)
    assert str(note) == EXAMPLE_CHECKPOINT
    checkpoint = parse_checkpoint(note.text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert [each.name for each in note.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert cosigned_at(note.signatures[1]) == 1679315147


def test_a_signed_checkpoint_is_read_back() -> None:
    assert str(NOTE).startswith(
        "tellonce-1/1-abcd\n7\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n\u2014 tellonce-1 "
    )
    assert open_checkpoint(parse_note(str(NOTE)), LOG_KEY) == CHECKPOINT


def test_an_empty_log_may_be_signed() -> None:
    empty = Checkpoint("tellonce-1/1-abcd", 0, EMPTY_ROOT)
    assert open_checkpoint(sign_checkpoint(empty, "tellonce-1", LOG), LOG_KEY) == empty


@given(st.binary(min_size=32, max_size=32), st.integers(1, 2**63 - 1))
def test_every_checkpoint_is_read_back(root: bytes, size: int) -> None:
    checkpoint = Checkpoint("a/1", size, root)
    assert parse_checkpoint(checkpoint.text) == checkpoint


def test_a_witness_signs_under_the_log() -> None:
    both = with_signatures(NOTE, [cosign(NOTE, "partner.example/w1", WITNESS, 1_700_000_000)])
    found = signed_by(parse_note(str(both)), [LOG_KEY, WITNESS_KEY])
    assert set(found) == {LOG_KEY, WITNESS_KEY}
    assert cosigned_at(found[WITNESS_KEY]) == 1_700_000_000
    assert with_signatures(both, both.signatures) == both


def test_a_key_of_one_kind_does_not_sign_for_the_other() -> None:
    cosigned = Note(NOTE.text, (cosign(NOTE, "tellonce-1", LOG, 7),))
    with pytest.raises(RejectedMessage, match="not-signed"):
        open_checkpoint(cosigned, LOG_KEY)
    as_if = cosigned.signatures[0]._replace(key_id=LOG_KEY.key_id)
    with pytest.raises(RejectedMessage, match="bad-signature"):
        open_checkpoint(Note(NOTE.text, (as_if,)), LOG_KEY)


def test_signatures_of_strangers_are_passed_over() -> None:
    stranger = ASigner(3)
    twin = sign_checkpoint(CHECKPOINT, "tellonce-1", stranger).signatures[0]
    other = NOTE.signatures[0]._replace(name="someone-else")
    assert open_checkpoint(Note(NOTE.text, (twin, other, *NOTE.signatures)), LOG_KEY) == CHECKPOINT
    with pytest.raises(RejectedMessage, match="not-signed"):
        open_checkpoint(Note(NOTE.text, (twin, other)), LOG_KEY)


@pytest.mark.parametrize(
    "text",
    [
        CHECKPOINT._replace(size=8).text,
        CHECKPOINT._replace(root=ROOT[::-1]).text,
        CHECKPOINT._replace(origin="tellonce-1/2-abcd").text,
        CHECKPOINT._replace(origin="tellonce-2/1-abcd").text,
        CHECKPOINT.text + "more\n",
    ],
)
def test_a_text_that_was_not_signed_is_refused(text: str) -> None:
    with pytest.raises(RejectedMessage, match="bad-signature"):
        open_checkpoint(Note(text, NOTE.signatures), LOG_KEY)


def test_a_flipped_bit_of_a_signature_is_refused() -> None:
    mine = NOTE.signatures[0]
    for at in range(len(mine.signed)):
        flipped = bytearray(mine.signed)
        flipped[at] ^= 1 << at % 8
        with pytest.raises(RejectedMessage, match="bad-signature"):
            open_checkpoint(Note(NOTE.text, (mine._replace(signed=bytes(flipped)),)), LOG_KEY)


def test_a_time_that_the_witness_did_not_sign_is_refused() -> None:
    signature = cosign(NOTE, "partner.example/w1", WITNESS, 1_700_000_000)
    later = signature._replace(signed=(1_700_000_001).to_bytes(8, "big") + signature.signed[8:])
    with pytest.raises(RejectedMessage, match="bad-signature"):
        signed_by(Note(NOTE.text, (later,)), [WITNESS_KEY])


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.rstrip("\n"),
        lambda told: told + "\n",
        lambda told: told.replace("\u2014", "-"),
        lambda told: told.replace("\n\n", "\n"),
        lambda told: told.replace("\u2014 tellonce-1", "\u2014 tell once"),
        lambda told: told.replace("\u2014 tellonce-1", "\u2014  "),
        lambda told: told.replace("\n", "\r\n"),
        lambda told: told[:-5] + told[-4:],
        lambda told: told + "\u2014 a AAAA\n",
        lambda told: told + "x" * 20_000 + "\n",
        lambda told: told + told.rpartition("\n\n")[2] * 40,
        lambda told: "",
    ],
)
def test_what_is_no_note_is_refused(change: Callable[[str], str]) -> None:
    with pytest.raises(RejectedMessage, match="bad-note"):
        parse_note(change(str(NOTE)))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n7\n", "\n07\n"),
        lambda text: text.replace("\n7\n", "\n-7\n"),
        lambda text: text.replace("\n7\n", "\n7 \n"),
        lambda text: text.replace("\n7\n", "\n\u0667\n"),
        lambda text: text.replace("\n7\n", "\n9999999999999999999\n"),
        lambda text: text.replace("\n7\n", "\n0\n"),
        lambda text: text.replace("Hh8=", "Hh8"),
        lambda text: text.replace("Hh8=", "Hh9="),
        lambda text: text.replace("AAEC", "AA-C"),
        lambda text: text + "an extension\n",
        lambda text: "\n" + text.partition("\n")[2],
        lambda text: text[:-1],
        lambda text: "",
    ],
)
def test_what_is_no_checkpoint_is_refused(change: Callable[[str], str]) -> None:
    text = change(CHECKPOINT.text)
    assert text != CHECKPOINT.text
    with pytest.raises(RejectedMessage, match="bad-checkpoint"):
        parse_checkpoint(text)


def test_what_is_no_verifier_key_is_refused() -> None:
    told = str(LOG_KEY)
    assert parse_key(f" {told}\n") == LOG_KEY
    wrong = [told[:-4], told.replace("tellonce", "tellnone"), told.replace("+A", "+B"), "a+b", "", f"x {told}"]
    for each in wrong:
        with pytest.raises(RejectedMessage, match="bad-verifier-key"):
            parse_key(each)


def test_the_key_of_another_curve_holds_nothing() -> None:
    assert len(Ed25519PrivateKey.generate().public_key().public_bytes_raw()) == 32
    broken = VerifierKey("tellonce-1", ED25519, b"\xff" * 32)
    as_if = NOTE.signatures[0]._replace(key_id=broken.key_id)
    with pytest.raises(RejectedMessage, match="bad-signature"):
        open_checkpoint(Note(NOTE.text, (as_if,)), broken)
