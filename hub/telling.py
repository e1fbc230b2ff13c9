"""What the hub knows of messages, as it is told: parsed JSON."""

from __future__ import annotations

from typing import Any

from adapters.sdk.outcome import SUMS, Counts, MessageOutcome, Report
from events.clock import us_text
from hub.receipts.queries import QuarantineEntry, ReceiptStatus


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
