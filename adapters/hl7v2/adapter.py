"""The adapter of HL7 v2: hospital messages, in files or over MLLP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from adapters.hl7v2.cutting import cut
from adapters.hl7v2.translate import translate
from adapters.sdk.adapter import Message, Option, Setting, Translation
from events.errors import RejectedMessage


class Hl7v2Adapter:
    """HL7 v2.3 to v2.8: ADT, SIU, ORU, MDM and VXU (docs/adapters/hl7v2.md)."""

    name = "hl7v2"
    version = "1"
    title = "HL7 v2 messages (ADT, SIU, ORU, MDM, VXU) in files, batches or over MLLP"
    options: tuple[Option, ...] = ()

    def split(self, raw: BinaryIO, setting: Setting) -> Iterator[Message]:
        """Messages of a file or frame, however they are enveloped; parts that are none carry a fault.

        Raises RejectedMessage `empty` where there is nothing at all.
        """
        number = 0
        for number, message in enumerate(cut(raw), start=1):  # noqa: B007 - tells whether there was any
            yield message
        if number == 0:
            raise RejectedMessage(
                "empty",
                "there is nothing in it",
                where=setting.file_name or "message",
                next_step="Send HL7 v2 messages, each beginning with an MSH segment.",
            )

    def translate(self, message: Message, setting: Setting) -> Translation:
        """Facts of one message; a fault of its cutting stays its fault."""
        if message.fault is not None:
            return Translation(quarantined=message.fault)
        return translate(message, setting)
