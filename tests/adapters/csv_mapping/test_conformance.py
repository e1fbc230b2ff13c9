"""CSV by mapping proves what every adapter proves."""

from pathlib import Path

import adapters.csv_mapping
from adapters.csv_mapping.adapter import CsvMappingAdapter
from adapters.sdk.testing import AdapterConformance


class TestCsvMapping(AdapterConformance):
    adapter = CsvMappingAdapter()
    samples = Path(adapters.csv_mapping.__file__).parent / "samples"
