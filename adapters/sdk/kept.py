"""What a sender is told whose bytes are safe in a receipt, although not all that they say could be taken in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from events.errors import TryAgainLater


@contextmanager
def kept(receipt_id: str) -> Iterator[None]:
    """A passing fault within says that the receipt is kept, where it would say that nothing was stored."""
    try:
        yield
    except TryAgainLater as error:
        raise as_kept(error, receipt_id) from error


def as_kept(error: TryAgainLater, receipt_id: str) -> TryAgainLater:
    """The same fault, with what became of the bytes."""
    fault, _, _ = error.what.partition(";")
    return TryAgainLater(
        error.code,
        f"{fault}; receipt {receipt_id} is kept, and what is missing of it is taken in when the hub starts next",
        where=error.where,
        next_step=f"{error.next_step} What is sent again is not taken in twice.".lstrip(),
    )
