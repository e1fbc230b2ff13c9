"""The certificate of an erasure: a JWS (RFC 7515) in compact form, signed with Ed25519 (RFC 8037).

Any library reads it, with no part of this program. Its digest stands in the log, in `hub.erasure-completed`, so that a
certificate made up later by whoever gets hold of the key does not fit.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from events.canonical import canonical
from events.clock import from_us, us_text
from events.sealing import SecretName
from hub.durable import make_folder, sync_folder
from hub.erasure.bench import Bench
from hub.erasure.runs import Run
from hub.erasurelist import Line
from projections.custody.queries import Erased

FOLDER = "certificates"
KEY = "certificates"  # what the Kms calls the key that signs them
BACKUPS_EXPIRE_DAYS = 30
_TYPE = "tellonce-erasure+jws"
_FINAL = "the list of erasures stands in a second place: no backup that is restored with it brings a key back"
_NOT_FINAL = "not final before the last key backup expires: the list of erasures stands in the home alone"
_LEASES = (
    "the hub dropped its keys at once, no rebuild was left that held one, and whoever else opens rows with this hub's "
    "keys (`tellonce log verify`) looks at each use whether they are there still"
)
_REMAINS = (
    "the agency's name",
    "a random number",
    "how many events there were and when each became known",
    "lengths of sealed bodies, in steps of 256 bytes",
    "a suppression token, which only this hub's key makes of a record",
)
_KEY_GONE = "the agency's own key is destroyed: nothing that was ever wrapped with it opens, in no backup either"
_KEY_KEPT = "not finished: a legal hold keeps records, and with them the agency's own key; lift it and erase again"
_ATTESTS = "This says what this hub did. It cannot prove that no copy exists elsewhere."


class Signs(Protocol):
    """As much of a Kms as signs."""

    def sign(self, name: str, message: bytes) -> bytes: ...

    def public_key(self, name: str) -> bytes: ...


def payload(
    *,
    run: Run,
    erased: Erased,
    events: int,
    listed: Line,
    destroyed: Sequence[SecretName],
    proof: Mapping[str, Any],
    bench: Bench,
) -> dict[str, Any]:
    """What a certificate says (docs/erasure.md)."""
    now_us = bench.clock()
    return {
        "format": "tellonce-erasure/1",
        "log": bench.log.origin,
        "agency": run.agency,
        "subject": run.subject,
        "ground": run.ground,
        "reference": run.reference,
        "begun": us_text(run.begun_us),
        "erased": us_text(erased.known_us),
        "certified": us_text(now_us),
        "events": events,
        "rules_ended": run.rules_ended,
        "keys": [{"holder": each.agency, "retention": each.retention, "key": each.key_id.hex()} for each in destroyed],
        "proof": dict(proof),
        "steps": _steps(erased, listed, bench),
        "leases": _LEASES,
        "backups": backups(bench, erased.known_us),
        "unread": _unread(bench, run.agency),
        "exports": "this hub makes no exports that it could recall: tell whoever was given pages or files",
        "remains": list(_REMAINS),
        "attests": _ATTESTS,
    }


def of_agency(run: Run, records: int, kept: int, *, is_key_gone: bool, bench: Bench) -> dict[str, Any]:
    """What the certificate of a whole agency's erasure holds (docs/erasure.md)."""
    now_us = bench.clock()
    return {
        "format": "tellonce-erasure-agency/1",
        "log": bench.log.origin,
        "agency": run.agency,
        "ground": run.ground,
        "reference": run.reference,
        "begun": us_text(run.begun_us),
        "certified": us_text(now_us),
        "records": records,
        "kept": kept,
        "key_destroyed": is_key_gone,
        "says": _KEY_GONE if is_key_gone else _KEY_KEPT,
        "backups": backups(bench, now_us),
        "unread": _unread(bench, run.agency),
        "remains": list(_REMAINS),
        "attests": _ATTESTS,
    }


def _steps(erased: Erased, listed: Line, bench: Bench) -> list[str]:
    return [
        f"1 list of erasures: line {listed.number} of {len(bench.lists)} place(s); the record is suppressed",
        f"2 log: position {erased.at}, known {us_text(erased.known_us)}",
        "3 keys destroyed, raw parts of what was received overwritten",
        "4 views folded the erasure and were written anew",
        "5 no process opens anything with its keys any more",
        "6 this certificate; its digest follows in the log",
    ]


def backups(bench: Bench, erased_us: int) -> dict[str, Any]:
    """When no backup can bring a key back any more."""
    expired = from_us(erased_us) + timedelta(days=BACKUPS_EXPIRE_DAYS)
    return {
        "is_final": bench.has_second,
        "says": _FINAL if bench.has_second else _NOT_FINAL,
        "key_backups_expire": expired.date().isoformat(),
    }


def _unread(bench: Bench, agency: str) -> dict[str, Any]:
    """What the agency sent and nobody could read may be about anybody: it dies by itself."""
    until_us = bench.waiting_until(agency)
    return {"agency": agency, "gone_by": us_text(until_us) if until_us is not None else None}


def signed(payload: Mapping[str, Any], kms: Signs) -> str:
    """The certificate as a compact JWS; its header carries the public key and that key's thumbprint (RFC 7638)."""
    key = {"crv": "Ed25519", "kty": "OKP", "x": _base64(kms.public_key(KEY))}
    header = {"alg": "EdDSA", "jwk": key, "kid": _base64(hashlib.sha256(canonical(key)).digest()), "typ": _TYPE}
    text = f"{_base64(canonical(header))}.{_base64(canonical(dict(payload)))}"
    return f"{text}.{_base64(kms.sign(KEY, text.encode()))}"


def digest_of(certificate: str) -> str:
    return hashlib.sha256(certificate.encode()).hexdigest()


def keep(home: Path, name: str, certificate: str) -> Path:
    """Writes a certificate into the home; durable when it returns."""
    folder = home / FOLDER
    make_folder(folder)
    path = folder / f"{name}.jws"
    draft = path.with_suffix(".draft")
    descriptor = os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(certificate + "\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(folder)
    return path


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
