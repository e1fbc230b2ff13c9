"""Which subject a look-up leads to, bound by a key of the hub: whoever writes in the file leads nobody elsewhere."""

from __future__ import annotations

import hmac

from events.identity import derive, mac

_LABEL = b"subjects/1"
MAC_BYTES = 16


class Binding:
    """Makes and checks the rows of the table `subjects`."""

    def __init__(self, look_up_key: bytes) -> None:
        (self._key,) = derive(look_up_key, _LABEL)

    def row(self, lookup: bytes, subject: bytes) -> tuple[bytes, bytes, bytes]:
        return lookup, subject, self._mac(lookup, subject)

    def holds(self, lookup: bytes, subject: bytes, told: bytes | None) -> bool:
        """Whether a stored row is one that the hub wrote."""
        return hmac.compare_digest(self._mac(lookup, subject), told or b"")

    def _mac(self, lookup: bytes, subject: bytes) -> bytes:
        return mac(self._key, lookup + subject)[:MAC_BYTES]
