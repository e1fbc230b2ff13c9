"""The certificate of an erasure: what it says, and that it is checked without the hub."""

from __future__ import annotations

import hashlib
import json
import runpy
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.sdk.receipts import Arrival
from events.clock import us_text
from hub.assembly import Hub
from hub.settings import read_settings
from tests.hub.erasure.test_eraser import ANN, BOB, events_of, fill, hope, hub
from tests.hub.homes import open_home

__all__ = ["hub"]
ROOT = Path(__file__).resolve().parents[3]


def test_the_certificate_is_checked_without_the_hub(hub: Hub) -> None:
    told = hub.eraser.erase(ANN, ground="request", reference="DSR-7")
    header, body, signature = told["certificate"].split(".")
    key = Ed25519PublicKey.from_public_bytes(_unpacked(json.loads(_unpacked(header))["jwk"]["x"]))
    key.verify(_unpacked(signature), f"{header}.{body}".encode())
    said = json.loads(_unpacked(body))
    assert said["proof"]["index"] == told["proof"]["index"]
    checker = runpy.run_path(str(ROOT / "docs" / "check_proof.py"))
    assert "is one of the" in checker["check"](said["proof"], str(hub.log.key))
    (completed,) = [each.event.payload for each in events_of(hub) if each.event.type == "hub.erasure-completed"]
    assert completed["certificate"] == hashlib.sha256(told["certificate"].encode()).hexdigest()
    assert (hub.home / told["file"]).read_text() == told["certificate"] + "\n"
    assert said["backups"]["is_final"] is False
    assert "tenant/1" not in json.dumps(said)


def test_the_certificate_says_until_when_a_message_that_nobody_could_read_may_be_about_her(hub: Hub) -> None:
    """As long as something of her agency waits in quarantine, and no longer; another agency's says nothing of hers."""

    def send_unreadable(agency: str, message_id: str) -> int:
        spoilt = {**hope(message_id, "tenant/1", agency=agency), "specversion": "0.3"}
        report = hub.intake.receive(Arrival(agency, "crm", "cloudevents"), orjson.dumps(spoilt))
        assert report.counts.quarantined == 1
        return max(each.gone_at_us for each in hub.receipts.quarantined())

    def said(record: str) -> Any:
        return json.loads(_unpacked(hub.eraser.erase(record, ground="request")["certificate"].split(".")[1]))["unread"]

    send_unreadable("hospital", "20")
    assert said(BOB) == {"agency": "housing", "gone_by": None}
    gone_by = us_text(send_unreadable("housing", "21"))
    assert said(ANN) == {"agency": "housing", "gone_by": gone_by}
    agency = hub.eraser.erase_agency("housing", ground="contract-ended")["certificate"]
    assert json.loads(_unpacked(agency.split(".")[1]))["unread"] == {"agency": "housing", "gone_by": gone_by}


def test_with_a_second_place_of_the_list_the_certificate_is_final(tmp_path: Path) -> None:
    home, second = tmp_path / "home", tmp_path / "second"
    second.mkdir()
    open_home(home).close()
    with Hub(read_settings(home, {"TELLONCE_ERASURES": str(second)})) as hub:
        fill(hub)
        told = hub.eraser.erase(ANN, ground="request")
        assert told["backups"]["is_final"] is True
        assert (second / "erasures.jsonl").read_bytes() == (home / "erasures.jsonl").read_bytes()


def _unpacked(text: str) -> bytes:
    import base64

    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
