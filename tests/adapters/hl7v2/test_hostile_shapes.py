"""Messages and streams made to keep the hub busy: they cost no more than their bytes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import MappingProxyType

import pytest

from events.errors import RejectedMessage
from tests.adapters.hl7v2.builders import ADAPTER, SETTING, header, message, segment, split
from tests.growth import grows_with_the_bytes

_Shape = Callable[[int], bytes]
_PID = segment("PID", {3: "4471^^^RX9^MR"})
_MRG = segment("MRG", {1: "77^^^RX9^MR"})


def _pid(**fields: str) -> bytes:
    return message("ADT^A08", pid={3: "4471^^^RX9^MR"} | {int(name[1:]): value for name, value in fields.items()})


SHAPES = MappingProxyType[str, _Shape](
    {
        "messages": lambda n: message("ADT^A08") * (n // 10),
        "headers": lambda n: b"\rMSH|" * n,
        "envelopes": lambda n: b"FHS|\r" * n,
        "frames": lambda n: b"\x0b\x1c\r" * n,
        "blanks after a line's end": lambda n: b"\n" + b" " * 50 * n,
        "lines of blanks": lambda n: b"\n " * n + message("ADT^A08"),
        "byte order marks": lambda n: b"\n\xef\xbb\xbf" * n,
        "zero bytes": lambda n: b"\0" * 50 * n,
        "lines that are no segments": lambda n: message("ADT^A08") + b"x\r" * n,
        "fields": lambda n: message("ADT^A08", "PV1" + "|" * n),
        "repeats": lambda n: _pid(f3="1^^^RX9^MR~" * n),
        "empty repeats": lambda n: _pid(f3="~" * n + "1^^^RX9^MR"),
        "components": lambda n: _pid(f5="^" * n),
        "names": lambda n: _pid(f5="A^B~" * n),
        "escapes": lambda n: _pid(f5="\\F\\" * n),
        "escapes that never end": lambda n: _pid(f5="\\X" * n),
        "a long escape": lambda n: _pid(f5="\\X" + "41" * n + "\\"),
        "a long trigger": lambda n: message("ADT^" + "A" * 50 * n),
        "people": lambda n: message("ADT^A08", *[_PID] * (n // 2)),
        "people merged": lambda n: message("ADT^A40", *[_PID, _MRG] * (n // 2)),
        "people with one appointment": lambda n: message(
            "SIU^S12", segment("SCH", {1: "1", 11: "^^^20250114"}), *[_PID, "AIS|1||C", "AIP|1||P^Q"] * (n // 4)
        ),
        "relations": lambda n: message("ADT^A08", *(f"NK1|{i}|A{i}^B|MTH" for i in range(n // 4))),
        "allergies": lambda n: message("ADT^A08", *(f"AL1|{i}||P{i}^Q" for i in range(n // 4))),
        "results": lambda n: message("ORU^R01", "OBR|1|1|1|A^B", *(f"OBX|{i}|NM|C{i}^D||1" for i in range(n // 4))),
        "reports": lambda n: message("ORU^R01", *(f"OBR|{i}|{i}|{i}|A^B\rOBX|1|TX|C^D||t" for i in range(n // 4))),
        "notes": lambda n: message("ORU^R01", "OBR|1|1|1|A^B", *["NTE|1||t"] * n),
        "vaccinations": lambda n: message("VXU^V04", *(f"RXA|0|1|20200101||V{i}^W" for i in range(n // 4))),
        "character sets": lambda n: (header("ADT^A08", f18="8859/1~" * n) + "\r" + _PID + "\r").encode(),
    }
)


def _read(content: bytes) -> None:
    with suppress(RejectedMessage):  # where there is no message in it
        for each in split(content):
            if each.fault is None:
                ADAPTER.translate(each, SETTING)


@pytest.mark.long
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_shape_sent_many_times_costs_no_more_than_its_bytes(shape: _Shape) -> None:
    assert grows_with_the_bytes(lambda size: _read(shape(size)), 1_500)


@pytest.mark.parametrize(
    "content",
    [
        message("SIU^S12", segment("SCH", {1: "1", 11: "^^^20250114"}), *[_PID, "AIP|1||P^Q"] * 5_000),
        message("ADT^A08", *[_PID] * 5_000, f4="X" * 50_000),
    ],
    ids=["an appointment", "a long header"],
)
def test_a_message_cannot_tell_thousands_of_people_all_of_itself(content: bytes) -> None:
    (only,) = split(content)
    refused = ADAPTER.translate(only, SETTING).quarantined
    assert refused is not None
    assert refused.code == "message-too-large"


def test_an_appointment_of_a_group_is_told_of_everybody() -> None:
    people = [segment("PID", {3: f"{number}^^^RX9^MR", 5: "Testperson"}) for number in range(1, 41)]
    content = message("SIU^S12", segment("SCH", {1: "1", 11: "^^^20250114"}), *people, "AIP|1||P^Q", pid=None)
    (only,) = split(content)
    told = {fact.local_id for fact in ADAPTER.translate(only, SETTING).facts}
    assert len(told) == 40
