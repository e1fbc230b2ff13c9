"""Files of the home: what was overwritten is in no file any more once it was asked for."""

from pathlib import Path

from events.log.transaction import transaction
from hub.sqlite import open_file, truncate


def test_what_was_overwritten_is_cut_off_the_write_ahead_log(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    db = open_file(path, 1, lambda db: [*db.execute("CREATE TABLE t(x BLOB)")].clear())
    with transaction(db):
        db.execute("INSERT INTO t VALUES(?)", (b"Quartzmarker",))
    with transaction(db):
        db.execute("UPDATE t SET x = zeroblob(12)")
    wal = path.with_name("a.sqlite-wal")
    assert b"Quartzmarker" in wal.read_bytes()
    truncate(path)
    assert wal.stat().st_size == 0
    assert b"Quartzmarker" not in path.read_bytes()
    db.close()
