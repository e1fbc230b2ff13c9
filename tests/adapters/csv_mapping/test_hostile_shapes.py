"""Files made to keep the hub busy: they cost no more than their bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import MappingProxyType

import pytest

from adapters.sdk.adapter import Setting
from tests.adapters.csv_mapping.builders import ADAPTER, HEADER, mapping
from tests.growth import grows_with_the_bytes

_Shape = Callable[[int], bytes]
_MAPPING = mapping()
_ROW = b"1,2,T,01/02/2025,\n"

SHAPES = MappingProxyType[str, _Shape](
    {
        "rows": lambda n: _ROW * (n // 10),
        "delimiters": lambda n: b"," * 50 * n,
        "quotes": lambda n: b'"' * 50 * n + b"\n",
        "an odd number of quotes": lambda n: b'"' * (50 * n + 1),
        "quotes left open, a line each": lambda n: b'"a\n' * n,
        "a quote left open before many lines": lambda n: b'"' + b"a\n" * n,
        "many quotes left open before lines": lambda n: (b'"' + b"a\n" * 50) * (n // 50),
        "quotes that close wrongly": lambda n: b'"a\n"x\n' * n,
        "quotes over lines by turns": lambda n: b'"\n",' * n,
        "quotes over lines that end wrongly": lambda n: b'"\n",' * n + b'"x"y',
        "quoted cells": lambda n: b'"a",' * n,
        "cells with text behind their quotes": lambda n: b'"a"b,' * n + b'"\n',
        "cells of quotes": lambda n: b'"""",' * n + b'"\n',
        "blank lines": lambda n: b"\n" * n + _ROW,
        "a long cell": lambda n: b"x" * 50 * n,
        "long cells": lambda n: b",".join([b"1" * 50 * n] * 5),
        "a long date": lambda n: b"1,2,T," + b"0" * 50 * n + b"/02/2025,\n",
    }
)


def _read(content: bytes) -> None:
    setting = Setting("oakfield-homes", "lettings", "a.csv", options={"mapping": _MAPPING})
    for each in ADAPTER.split(io.BytesIO(HEADER.encode() + b"\n" + content), setting):
        if each.fault is None:
            ADAPTER.translate(each, setting)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_shape_sent_many_times_costs_no_more_than_its_bytes(shape: _Shape) -> None:
    assert grows_with_the_bytes(lambda size: _read(shape(size)), 4_000)
