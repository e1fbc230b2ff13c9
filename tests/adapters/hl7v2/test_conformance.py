"""The HL7 adapter keeps what every adapter promises."""

from pathlib import Path

import adapters.hl7v2
from adapters.hl7v2.adapter import Hl7v2Adapter
from adapters.sdk.testing import AdapterConformance


class TestHl7v2(AdapterConformance):
    adapter = Hl7v2Adapter()
    samples = Path(adapters.hl7v2.__file__).with_name("samples")
