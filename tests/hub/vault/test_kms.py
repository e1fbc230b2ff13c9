"""The local file of wrapping keys: its owner's alone, durable, and nothing opens without it."""

import json
import stat
from pathlib import Path
from typing import Any

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


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = LocalKms(path)
    theirs.wrap("agency/north", SECRET)
    opened = Path.open
    replaced: list[bytes] = []

    def open_late(self: Path, *how: str) -> Any:
        file = opened(self, *how)
        if self == path and not replaced:
            replaced.append(theirs.wrap("agency/south", SECRET))  # the old file's bytes are overwritten
        return file

    monkeypatch.setattr(Path, "open", open_late)
    assert LocalKms(path).unwrap("agency/south", replaced[0] if replaced else b"") == SECRET


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


# ---- renewed and retired


def test_a_renewed_key_wraps_what_comes_and_the_ones_before_open_what_they_wrapped(path: Path) -> None:
    kms, reader = LocalKms(path), LocalKms(path)
    told = [kms.wrap("agency/north", SECRET)]
    stolen = path.with_name("stolen.key")
    stolen.write_bytes(path.read_bytes())
    for at_us in (1, 2):
        kms.renew("agency/north", at_us)
        told.append(kms.wrap("agency/north", SECRET))
        for each in (kms, reader, LocalKms(path)):
            assert [each.unwrap("agency/north", wrapped) for wrapped in told] == [SECRET] * len(told)
    with pytest.raises(WrongSettings, match="kms-differs"):
        LocalKms(stolen).unwrap("agency/north", told[-1])


def test_a_name_without_a_key_is_not_renewed(path: Path) -> None:
    kms = LocalKms(path)
    kms.renew("agency/north", 1)
    assert not path.exists()


def test_what_an_older_key_wrapped_is_wrapped_with_the_newest(path: Path) -> None:
    kms = LocalKms(path)
    wrapped = kms.wrap("hub", SECRET)
    assert kms.rewrapped("hub", wrapped) is None
    kms.renew("hub", 1)
    anew = LocalKms(path).rewrapped("hub", wrapped)
    assert anew is not None
    assert kms.rewrapped("hub", anew) is None
    kms.retire(2)
    assert kms.unwrap("hub", anew) == SECRET


def test_retired_are_the_keys_that_were_replaced_before_a_moment_and_no_other(path: Path) -> None:
    kms = LocalKms(path)
    told = {name: [kms.wrap(name, SECRET)] for name in ("agency/north", "agency/south", "hub")}
    for name, at_us in (("agency/north", 10), ("agency/north", 30), ("hub", 20)):
        kms.renew(name, at_us)
        told[name].append(kms.wrap(name, SECRET))
    first = json.loads(path.read_bytes())["wrapping"]["agency/north"]
    with path.open("rb") as old:
        assert LocalKms(path).retire(10) == []
        assert kms.retire(30) == ["agency/north", "hub"]
        assert first.encode() not in old.read()
    assert first.encode() not in path.read_bytes()
    for each in (kms, LocalKms(path)):
        for name, gone in (("agency/north", 1), ("hub", 1), ("agency/south", 0)):
            for wrapped in told[name][:gone]:
                with pytest.raises(WrongSettings, match=r"kms-differs: .* of more than 30 days"):
                    each.unwrap(name, wrapped)
            assert [each.unwrap(name, wrapped) for wrapped in told[name][gone:]] == [SECRET] * len(told[name][gone:])


def test_with_a_name_all_its_keys_are_destroyed(path: Path) -> None:
    kms = LocalKms(path)
    told = [kms.wrap("agency/north", SECRET)]
    kms.renew("agency/north", 1)
    told.append(kms.wrap("agency/north", SECRET))
    kms.wrap("agency/north-west", SECRET)
    kms.destroy("agency/north")
    for each in (kms, LocalKms(path)):
        for wrapped in told:
            with pytest.raises(KeyDestroyed):
                each.unwrap("agency/north", wrapped)
        assert each.retire(100) == []
    assert list(json.loads(path.read_bytes())["wrapping"]) == ["agency/north-west"]


def test_a_key_that_no_disk_holds_wraps_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kms = LocalKms(path)
    kms.wrap("hub", SECRET)

    def fails(path: Path, content: bytes) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patch:
        patch.setattr("hub.vault.kms._write_durably", fails)
        with pytest.raises(OSError, match="no room"):
            kms.renew("hub", 1)
    wrapped = kms.wrap("hub", SECRET)
    assert LocalKms(path).unwrap("hub", wrapped) == SECRET
    assert kms.retire(100) == []


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
