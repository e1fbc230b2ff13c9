"""The local file of wrapping keys: its owner's alone, durable, and nothing opens without it."""

import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from events.errors import WrongSettings
from hub.vault.kms import KeyDestroyed, KmsSigner, LocalKms

SECRET = b"s" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "safe" / "kms.key"


def test_what_was_wrapped_unwraps_also_after_reopening(path: Path) -> None:
    wrapped = LocalKms(path).wrap("agency/north", SECRET)
    assert LocalKms(path).unwrap("agency/north", wrapped) == SECRET
    assert SECRET not in wrapped


def test_a_key_that_another_process_made_is_found(path: Path) -> None:
    mine, theirs = LocalKms(path), LocalKms(path)
    wrapped = theirs.wrap("agency/north", SECRET)
    assert mine.unwrap("agency/north", wrapped) == SECRET


def test_nothing_is_written_before_the_first_key(path: Path) -> None:
    LocalKms(path)
    assert not path.exists()


def test_the_file_is_private_and_leaves_no_draft(path: Path) -> None:
    LocalKms(path).wrap("agency/north", SECRET)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["kms.key"]


def test_each_name_has_a_key_of_its_own(path: Path) -> None:
    kms = LocalKms(path)
    wrapped = kms.wrap("agency/north", SECRET)
    kms.wrap("agency/south", SECRET)
    with pytest.raises(WrongSettings, match="kms-differs"):
        kms.unwrap("agency/south", wrapped)


def test_without_the_file_nothing_opens(path: Path) -> None:
    wrapped = LocalKms(path).wrap("agency/north", SECRET)
    path.unlink()
    with pytest.raises(WrongSettings, match=r"kms-missing: .*TELLONCE_KMS"):
        LocalKms(path).unwrap("agency/north", wrapped)


def test_another_homes_file_is_told_apart_from_none(path: Path, tmp_path: Path) -> None:
    wrapped = LocalKms(path).wrap("agency/north", SECRET)
    other = LocalKms(tmp_path / "other.key")
    other.wrap("agency/north", SECRET)
    with pytest.raises(WrongSettings, match="kms-differs"):
        other.unwrap("agency/north", wrapped)


def test_a_destroyed_key_is_gone_from_the_file_and_its_old_bytes_are_overwritten(path: Path) -> None:
    kms = LocalKms(path)
    wrapped = kms.wrap("agency/north", SECRET)
    kept = kms.wrap("agency/south", SECRET)
    key = json.loads(path.read_bytes())["wrapping"]["agency/north"]
    with path.open("rb") as old:
        kms.destroy("agency/north")
        assert key.encode() not in old.read()
    assert key.encode() not in path.read_bytes()
    for again in (kms, LocalKms(path)):
        with pytest.raises(KeyDestroyed):
            again.unwrap("agency/north", wrapped)
        with pytest.raises(KeyDestroyed):
            again.wrap("agency/north", SECRET)
        assert again.destroyed() == ["agency/north"]
    assert LocalKms(path).unwrap("agency/south", kept) == SECRET


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": 2, "wrapping": {}, "signing": {}}', b"\xff"])
def test_a_damaged_file_is_told(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(WrongSettings, match=r"broken-file: kms\.key"):
        LocalKms(path)


def test_it_signs_with_a_key_that_stays_the_same(path: Path) -> None:
    signer = KmsSigner(LocalKms(path), "log")
    signature = signer.sign(b"message")
    again = KmsSigner(LocalKms(path), "log")
    Ed25519PublicKey.from_public_bytes(again.public_key).verify(signature, b"message")
    assert KmsSigner(LocalKms(path), "other").public_key != again.public_key
