"""What the hub knows of messages and sources, as it is told: parsed JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.sdk.outcome import SUMS, Counts, MessageOutcome, Report
from events.clock import us_text
from hub.receipts.queries import QuarantineEntry, ReceiptStatus
from projections.sources import queries as sources


def report_told(report: Report) -> dict[str, Any]:
    return {
        "receipt": report.receipt,
        **sums_told(report.counts),
        "position": report.position,
        "outcomes": [outcome_told(outcome) for outcome in report.outcomes],
    }


def outcome_told(outcome: MessageOutcome) -> dict[str, Any]:
    return {
        "place": outcome.place,
        "state": outcome.state,
        "sender_id": outcome.sender_id,
        "reason": outcome.reason,
        "findings": [{"code": each.code, "where": each.where, "detail": each.detail} for each in outcome.findings],
        "events": [
            {"id": each.id, "position": each.position, "is_duplicate": each.is_duplicate} for each in outcome.events
        ],
    }


def sums_told(counts: Counts) -> dict[str, int]:
    """Every sum by its name; `asdict` takes ten times as long, and this is in the answer to every message."""
    return {name: getattr(counts, name) for name in SUMS}


def receipt_told(status: ReceiptStatus) -> dict[str, Any]:
    receipt = status.receipt
    return {
        "receipt": receipt.id,
        "status": status.status,
        "agency": receipt.arrival.agency,
        "system": receipt.arrival.system,
        "adapter": receipt.arrival.adapter,
        "file_name": receipt.arrival.file_name,
        "received": us_text(receipt.received_us),
        "size_bytes": receipt.size_bytes,
        **sums_told(status.counts),
    }


def quarantine_told(entry: QuarantineEntry) -> dict[str, Any]:
    told = entry._asdict()
    told["number"] = entry.name
    told["noted"] = us_text(told.pop("noted_us"))
    told["kept_until"] = us_text(told.pop("gone_at_us"))
    return told


def source_told(
    name: str,
    state: sources.SourceState | None,
    by_day: Mapping[str, list[dict[str, Any]]],
    last_received: Mapping[str, int],
    now_us: int,
) -> dict[str, Any]:
    last_us = last_received.get(name)
    days = by_day.get(name, [])
    return {
        "source": name.removeprefix("urn:tellonce:source:").replace(":", "/"),
        "last_received": us_text(last_us) if last_us else None,
        "silent_hours": (now_us - last_us) // 3_600_000_000 if last_us else None,
        "accepted": sum(day["accepted"] for day in days),
        "not_mapped": sum(day["not_mapped"] for day in days),
        "quarantined": sum(day["quarantined"] for day in days),
        "events": state.events if state else 0,
        "findings": state.findings if state else 0,
        "shared_message_ids": state.shared_sender_ids if state else 0,
        "missing_in_sequence": [list(gap) for gap in state.missing] if state else [],
        "days": days[-31:],  # the newest
    }
