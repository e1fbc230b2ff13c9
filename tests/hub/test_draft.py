"""A folder made ready beside its name: ours begins again, anybody else's is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from events.errors import WrongSettings
from hub.draft import MARK, begin, finish


def test_what_a_killed_run_left_is_begun_again_and_the_mark_is_gone_at_the_end(tmp_path: Path) -> None:
    draft, home = tmp_path / "new.draft", tmp_path / "new"
    begin(draft)
    (draft / "log.sqlite").write_text("half")
    (draft / "receipts").mkdir()
    begin(draft)
    assert [path.name for path in draft.iterdir()] == [MARK]
    (draft / "log.sqlite").write_text("whole")
    finish(draft, home)
    assert not draft.exists()
    assert [path.name for path in home.iterdir()] == ["log.sqlite"]


@pytest.mark.parametrize("written", [b"", b"tellonce: half"])
def test_a_run_killed_while_it_wrote_its_mark_is_begun_again(tmp_path: Path, written: bytes) -> None:
    draft = tmp_path / "new.draft"
    draft.mkdir()
    (draft / MARK).write_bytes(written)
    begin(draft)


def test_an_empty_folder_is_taken_and_becomes_the_owners_alone(tmp_path: Path) -> None:
    draft = tmp_path / "new.draft"
    draft.mkdir(mode=0o755)
    begin(draft)
    assert draft.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("mark", [None, b"", b"a note of mine"])
def test_a_folder_without_our_mark_is_refused_and_left_as_it_is(tmp_path: Path, mark: bytes | None) -> None:
    draft = tmp_path / "new.draft"
    draft.mkdir()
    (draft / "thesis").write_text("years of work")
    if mark is not None:
        (draft / MARK).write_bytes(mark)
    with pytest.raises(WrongSettings, match="draft-in-the-way"):
        begin(draft)
    assert (draft / "thesis").read_text() == "years of work"


def test_a_file_or_a_link_is_refused_and_what_it_leads_to_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other"
    begin(other)
    (tmp_path / "linked.draft").symlink_to(other)
    (tmp_path / "file.draft").touch()
    for name in ("linked.draft", "file.draft"):
        with pytest.raises(WrongSettings, match="draft-in-the-way"):
            begin(tmp_path / name)
    assert (other / MARK).exists()


def test_a_run_killed_before_it_took_its_mark_away_left_a_whole_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, target = tmp_path / "new.draft", tmp_path / "new"
    begin(draft)
    (draft / "what").write_text("all of it", "utf-8")

    def killed(*given: object, **named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(Path, "unlink", killed)
        with pytest.raises(KeyboardInterrupt):
            finish(draft, target)
    assert (target / "what").read_text("utf-8") == "all of it"
    assert not draft.exists()
    begin(draft)  # nothing stands in the way of another
