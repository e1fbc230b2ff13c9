"""CloudEvents over HTTP (HTTP protocol binding 1.0.2): whatever the mode, the bytes of structured events."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

import orjson

from events.errors import RejectedMessage

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
LINES = ("application/x-ndjson", "application/jsonl", "application/jsonlines", "application/x-jsonlines")
_JSON = re.compile(r"[\w.-]+/(?:[\w.-]+\+)?json", re.IGNORECASE)
_PREFIX = "ce-"
_ATTRIBUTE = re.compile(r"[a-z0-9]+")


def from_http(headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """What `CloudEventsAdapter.split` reads: a body as it is, or an event put together from headers and body.

    Raises RejectedMessage `unsupported-content-type`, `bad-header` or `bad-json`.
    """
    named = [(name.lower(), value) for name, value in headers]
    content_type = next((value for name, value in named if name == "content-type"), "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in (STRUCTURED, BATCH, *LINES):
        return body
    attributes = _attributes(named)
    if not attributes:
        if _JSON.fullmatch(media_type or "application/json"):
            return body
        raise _unsupported()
    if body and not _JSON.fullmatch(media_type or "application/json"):
        raise _unsupported()
    if content_type:
        attributes["datacontenttype"] = content_type
    return _put_together(attributes, body)


def _attributes(headers: list[tuple[str, str]]) -> dict[str, str]:
    """Attributes of the `ce-` headers, percent-decoded (3.1.3.2)."""
    attributes: dict[str, str] = {}
    for name, value in headers:
        if not name.startswith(_PREFIX):
            continue
        attribute = name.removeprefix(_PREFIX)
        if attribute in attributes or attribute in ("data", "datacontenttype") or not _ATTRIBUTE.fullmatch(attribute):
            raise RejectedMessage(
                "bad-header", "each attribute is sent once, under a name of lower-case letters and digits", where="ce-"
            )
        try:
            attributes[attribute] = unquote_to_bytes(value.strip().strip('"')).decode("utf-8")
        except UnicodeDecodeError as error:
            raise RejectedMessage(
                "bad-header", "attribute values are percent-encoded UTF-8", where=f"ce-{attribute[:20]}"
            ) from error
    return attributes


def _put_together(attributes: dict[str, str], body: bytes) -> bytes:
    """A structured event around the body's own bytes, so that what is wrong in them stays to be seen."""
    head = orjson.dumps(attributes)
    if not body.strip():
        return head
    try:
        orjson.loads(body)  # lest a body close the object that is put around it
    except orjson.JSONDecodeError as error:
        raise RejectedMessage(
            "bad-json", "the body is not JSON (RFC 8259) in UTF-8", where="body", next_step="Check it with a validator."
        ) from error
    return head[:-1] + b',"data":' + body + b"}"


def _unsupported() -> RejectedMessage:
    return RejectedMessage(
        "unsupported-content-type",
        "payloads are JSON",
        where="content-type",
        next_step=f"Send {STRUCTURED}, {BATCH}, {LINES[0]}, or application/json with ce- headers.",
    )
