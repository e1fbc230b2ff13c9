"""How the work grows with what is sent: hostile bytes may cost as much as others, not their square."""

import time
from collections.abc import Callable

_TIMES = 4  # so many times as much is sent; a square would cost 16 times the work
_AT_MOST = 9
_NOISE_S = 0.05
_TRIES = 3


def grows_with_the_bytes(work: Callable[[int], object], size: int) -> bool:
    """Whether four times the size costs about four times the work, by the processor's time; tried again in doubt."""
    return any(_spent(work, size * _TIMES) <= _AT_MOST * _spent(work, size) + _NOISE_S for _ in range(_TRIES))


def _spent(work: Callable[[int], object], size: int) -> float:
    begun = time.thread_time()
    work(size)
    return time.thread_time() - begun
