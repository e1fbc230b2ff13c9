"""The log says what the hub does, and nothing of anybody: a marked person goes through every path."""

from __future__ import annotations

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog

from hub.http.server import MllpPort
from hub.logs import ALLOWED, configure_logs
from tests.hub.homes import NHS, cloudevent, open_home
from tests.hub.http.serving import Served

NAME = "Quixotewitz"
NHS_NUMBER = "9991234586"
BORN = "1931-12-25"
TOWN = "Marksworthy-under-Canary"
NOTE = "sings to the herons"
MARKS = (NAME, NHS_NUMBER, "999 123 4586", BORN, "19311225", TOWN, NOTE)
PAYLOAD = {
    "identifiers": [{"system": NHS, "value": NHS_NUMBER}],
    "names": [{"family": NAME, "given": ["Zebedee"]}],
    "birth_date": BORN,
    "addresses": [{"text": TOWN}],
    "note": NOTE,
}
ADT = (
    "MSH|^~\\&|PAS|RIV|HUB|HUB|20250301093000||{trigger}|MARKED1|P|2.4\r"
    f"PID|1||77^^^RIV^MR~{NHS_NUMBER}^^^NHS^NH||{NAME.upper()}^ZEBEDEE||19311225|M|||1 HIGH ST^^{TOWN}\r"
    f"NTE|1||{NOTE}\r"
)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logs(level="debug", stream=stream, as_json=True)
    yield stream
    configure_logs(level="error", stream=io.StringIO())


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def marks_in(text: str) -> list[str]:
    return [mark for mark in MARKS if mark.lower() in text.lower()]


# ---- the marked person


def test_over_http_nothing_of_a_person_reaches_the_log(tmp_path: Path, written: io.StringIO) -> None:
    with Served(tmp_path, mllp=[MllpPort(0, "hospital", "pas")]) as served:
        _send_in_every_way(served)
        _ask_in_every_way(served)
        _send_over_mllp(served)
    text = written.getvalue()
    assert marks_in(text) == []
    told = lines(written)
    assert {line["event"] for line in told} >= {"serving_started", "messages_taken_in", "serving_stopped"}
    assert {key for line in told for key in line} <= ALLOWED
    taken = [line for line in told if line["event"] == "messages_taken_in" and line["events"]]
    assert all(line["event_ids"] and line["position"] and line["receipt"] for line in taken)
    assert len({line["request_id"] for line in taken}) == len(taken) > 1


def _send_in_every_way(served: Served) -> None:
    good = cloudevent("marked-1", "person.registered", "tenant/77", PAYLOAD, fact="demographics")
    served.send(good)
    served.send({**good, "type": NAME, "id": NHS_NUMBER}, {**good, "subject": NAME}, {**good, "time": BORN})
    for payload in ({**PAYLOAD, NAME: NAME}, {**PAYLOAD, "birth_date": NOTE}, {**PAYLOAD, "names": NAME}):
        served.send({**good, "id": "marked-2", "data": payload})
    for content, headers in (
        (NAME, {}),
        ("{" + NAME, {"Content-Type": "application/cloudevents+json"}),
        (json.dumps(good), {"Content-Type": f"application/{NAME}"}),
        (json.dumps(good), {"Authorization": f"Bearer {NAME}.{NAME}.{NAME}"}),
        (json.dumps(PAYLOAD), {"ce-source": NAME, "ce-id": NHS_NUMBER, "ce-type": NAME, "ce-specversion": "1.0"}),
        (json.dumps(PAYLOAD), {f"ce-{NAME}": NAME, "X-Request-Id": NAME, "User-Agent": NAME}),
    ):
        served.ask("adapter", "POST", "/v1/events", content=content, headers=headers)
    for path in (
        f"/v1/intake/{NAME}/{NAME}/{NAME}",
        f"/v1/intake/housing/crm/cloudevents?file_name={NAME}",
        f"/v1/intake/housing/crm/cloudevents?option.x={NAME}",
    ):
        served.ask("adapter", "POST", path, content=json.dumps(good))
    for adapter in ("hl7v2", "csv_mapping"):
        served.ask("adapter", "POST", f"/v1/intake/housing/crm/{adapter}", content=ADT.format(trigger=NAME))


def _ask_in_every_way(served: Served) -> None:
    person = served.person_of("housing:crm/tenant/77")
    for question in (
        {"nhs_number": NHS_NUMBER},
        {"name": f"Zebedee {NAME}", "born": BORN},
        {"record": NAME},
        {NAME: NOTE},
    ):
        for path in ("/v1/people/search", "/v1/timeline/search", "/v1/links", "/v1/unlinks", "/v1/merges"):
            served.ask("steward", "POST", path, json=question)
    for path in (
        f"/v1/people/{NAME}",
        f"/v1/people/{person}/timeline?as_of={BORN}&cursor={NAME}&type={NAME}",
        f"/{NAME}",
    ):
        for role in ("practitioner", "adapter"):
            served.ask(role, "GET", path)
    for path in ("/v1/log", "/v1/quarantine", f"/v1/receipts?sender_id={NHS_NUMBER}", "/metrics", "/v1/sources"):
        served.ask("admin", "GET", path)
    assert NAME in served.ask("practitioner", "GET", f"/v1/people/{person}/timeline").text


def _send_over_mllp(served: Served) -> None:
    import socket

    at = (served.listening.host, served.listening.mllp[0].port)
    for trigger in ("ADT^A01", "ADT^A60", NAME):
        with socket.create_connection(at, timeout=20) as connection:
            connection.sendall(b"\x0b" + ADT.format(trigger=trigger).encode() + b"\x1c\r")
            assert b"MSA|A" in connection.recv(65_536)


def test_a_bug_that_meets_a_person_tells_places_and_no_values(
    tmp_path: Path, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> None:
        try:
            raise ValueError(NAME)
        except ValueError as error:
            raise RuntimeError(f"{NAME}, born {BORN}") from error

    with Served(tmp_path, mllp=[MllpPort(0, "hospital", "pas")]) as served:
        for way_in in ("receive", "submit"):
            monkeypatch.setattr(served.hub.intake, way_in, stumble)
        served.ask(
            "adapter", "POST", "/v1/events", json=cloudevent("marked-3", "person.registered", "tenant/78", PAYLOAD)
        )
        _send_over_mllp(served)
    assert marks_in(written.getvalue()) == []
    failed = [line for line in lines(written) if line["event"] == "request_failed"]
    assert [line["error"] for line in failed] == ["RuntimeError"]
    assert any(line["event"] == "library_logged" and line["error"] == "RuntimeError" for line in lines(written))


def test_a_fold_that_falls_over_a_person_halts_without_naming_them(
    tmp_path: Path, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    from projections.people.fold import PeopleProjection

    usual = PeopleProjection.folder

    def failing(self: PeopleProjection, db: Any) -> Any:
        folder = usual(self, db)

        def fold(batch: Any) -> None:
            if any(NAME in json.dumps(logged.event.attributes.get("data")) for logged in batch):
                raise KeyError(NAME)
            taken(batch)

        taken, folder.batch = folder.batch, fold
        return folder

    monkeypatch.setattr(PeopleProjection, "folder", failing)
    with Served(tmp_path) as served:
        report = served.send(cloudevent("marked-4", "person.registered", "tenant/79", PAYLOAD))
        served.person_of("housing:crm/tenant/79", after=report["position"])
    assert [line["projection"] for line in lines(written) if line["event"] == "lane_halted"] == ["people"]
    assert marks_in(written.getvalue()) == []


@pytest.mark.long
def test_on_the_command_line_nothing_of_a_person_is_printed_by_an_intake(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_home(home).close()
    files = {
        "hl7v2": ADT.format(trigger="ADT^A01").encode() + b"\n" + ADT.format(trigger=NAME).encode(),
        "cloudevents": json.dumps(
            [
                cloudevent("marked-5", "person.registered", "tenant/80", PAYLOAD),
                cloudevent("marked-6", NAME, "tenant/80", {NAME: NOTE}),
                cloudevent("marked-7", "person.registered", NAME, {**PAYLOAD, "birth_date": NAME}),
            ]
        ).encode(),
        "csv_mapping": f"name,born\n{NAME},{BORN}\n".encode(),
    }
    for (adapter, content), more in zip(files.items(), ([], ["--json"], []), strict=True):
        file = tmp_path / f"{adapter}.in"
        file.write_bytes(content)
        command = [*more, "intake", adapter, str(file), "--agency", "housing", "--system", "crm"]
        told = subprocess.run(
            [sys.executable, "-c", "import sys; from hub.cli import main; sys.exit(main())", *command],
            env={**os.environ, "TELLONCE_HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.stdout + told.stderr
        assert marks_in(told.stdout + told.stderr) == [], told.stderr


# ---- the rules


def test_keys_beyond_the_list_are_dropped(written: io.StringIO) -> None:
    structlog.get_logger().info("row_read", count=3, name=NAME, nhs_number=NHS_NUMBER, payload=PAYLOAD)
    (line,) = lines(written)
    assert {key: line[key] for key in line if key != "timestamp"} == {"event": "row_read", "level": "info", "count": 3}


def test_a_sentence_is_no_name_of_an_event(written: io.StringIO) -> None:
    structlog.get_logger().warning(f"cannot read {NAME}", count=1)
    assert [line["event"] for line in lines(written)] == ["unnamed"]
    assert marks_in(written.getvalue()) == []


def test_bound_keys_are_held_to_the_list_too(written: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r1", patient=NAME):
        structlog.get_logger().info("row_read")
    assert lines(written)[0]["request_id"] == "r1"
    assert marks_in(written.getvalue()) == []


def test_an_exception_is_told_by_kind_and_place(written: io.StringIO) -> None:
    log = structlog.get_logger()
    try:
        raise KeyError(NAME)
    except KeyError as error:
        log.exception("row_failed")
        log.error("row_failed", exc_info=error)
        log.error("row_failed", exc_info=(KeyError, error, error.__traceback__))
    for line in lines(written):
        assert line["error"] == "KeyError"
        assert line["trace"][-1].startswith("tests/hub/test_logs.py:")
    assert marks_in(written.getvalue()) == []


def test_libraries_say_that_they_spoke_and_not_what(written: io.StringIO) -> None:
    log = logging.getLogger("some.library")
    log.warning("connection of %s lost", NAME)
    try:
        raise ValueError(NAME)
    except ValueError:
        log.exception("row %s", PAYLOAD)
    told = [{key: line.get(key) for key in ("event", "library", "level", "error")} for line in lines(written)]
    assert told == [
        {"event": "library_logged", "library": "some.library", "level": "warning", "error": None},
        {"event": "library_logged", "library": "some.library", "level": "error", "error": "ValueError"},
    ]
    assert marks_in(written.getvalue()) == []


def test_values_that_are_no_json_are_told_by_their_kind(written: io.StringIO) -> None:
    structlog.get_logger().info("row_read", code=object(), at=b"\xff")
    assert (lines(written)[0]["code"], lines(written)[0]["at"]) == ("object", "bytes")


def test_on_a_terminal_lines_are_for_reading() -> None:
    stream = io.StringIO()
    stream.isatty = lambda: True  # type: ignore[method-assign]
    configure_logs(stream=stream)
    structlog.get_logger().info("row_read", count=3, name=NAME)
    configure_logs(level="error", stream=io.StringIO())
    assert "row_read" in stream.getvalue()
    assert "{" not in stream.getvalue()
    assert marks_in(stream.getvalue()) == []


def test_a_level_keeps_what_is_below_it_quiet(written: io.StringIO) -> None:
    configure_logs(level="warning", stream=written, as_json=True)
    structlog.get_logger().info("row_read")
    structlog.get_logger().warning("row_odd")
    assert [line["event"] for line in lines(written)] == ["row_odd"]


def test_threads_write_whole_lines(written: io.StringIO) -> None:
    log = structlog.get_logger()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: log.info("row_read", count=n), range(400)))
    assert sorted(line["count"] for line in lines(written)) == list(range(400))
