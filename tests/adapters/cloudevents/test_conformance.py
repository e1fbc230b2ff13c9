"""CloudEvents prove what every adapter proves."""

from pathlib import Path

import adapters.cloudevents
from adapters.cloudevents.adapter import CloudEventsAdapter
from adapters.sdk.testing import AdapterConformance


class TestCloudEvents(AdapterConformance):
    adapter = CloudEventsAdapter()
    samples = Path(adapters.cloudevents.__file__).parent / "samples"
