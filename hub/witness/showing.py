"""What a witness knows, for the person who runs it: each log's epochs, what a restore lost, and the evidence kept."""

from __future__ import annotations

from typing import Any

from events.checkpoints import ED25519, VerifierKey
from events.clock import us_text
from hub.witness.store import Branch, Evidence, WitnessStore


def knowledge(store: WitnessStore) -> list[dict[str, Any]]:
    """Every log with its keys, epochs and evidence; nothing that was ever lost is left out."""
    return [
        {
            "log": name,
            "keys": [str(VerifierKey(name, ED25519, key)) for key in store.keys(name)],
            "epochs": [epoch_told(store, branch) for branch in store.branches(name)],
            "evidence": [_evidence(each) for each in store.evidence(name)],
        }
        for name in store.logs()
    ]


def epoch_told(store: WitnessStore, branch: Branch) -> dict[str, Any]:
    """An epoch; `lost` are the positions that were cosigned before a restore and are gone, both included."""
    parent = store.branch(branch.parent) if branch.parent else None
    restored = branch.restored_size
    return {
        "origin": branch.origin,
        "state": branch.state,
        "size": branch.size,
        "root": branch.root.hex(),
        "since": us_text(branch.since_us),
        "newest": us_text(branch.newest_us),
        "goes_on_from": branch.parent,
        "restored_size": restored,
        "lost": [restored, parent.size - 1] if parent and restored is not None and parent.size > restored else None,
        "compared_up_to": branch.compared_size,
        "accepted": us_text(branch.accepted_us) if branch.accepted_us else None,
        "accepted_by": branch.accepted_by,
        "checkpoint": branch.note,
        "declaration": branch.declaration,
    }


def _evidence(each: Evidence) -> dict[str, Any]:
    return {
        "number": each.number,
        "at": us_text(each.at_us),
        "origin": each.origin,
        "kind": each.kind,
        "known": each.known,
        "shown": each.shown,
    }
