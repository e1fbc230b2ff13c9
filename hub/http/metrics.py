"""Figures for Prometheus, in a registry of their own; nothing in them names a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from events.log.sqlite import PARTITION
from hub.assembly import Hub
from hub.services import Services

MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0)
_OUTCOMES = ("accepted", "not_mapped", "quarantined")


class Metrics:
    """What was asked and answered, counted as it happens; the hub's state is looked up when somebody asks."""

    def __init__(self, hub: Hub, services: Services) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # they would be a third of the text
        self._registry = CollectorRegistry()
        self._registry.register(_State(hub, services))
        self._requests = Counter(
            "tellonce_http_requests", "Requests answered.", ("route", "method", "status"), registry=self._registry
        )
        self._request_s = Histogram(
            "tellonce_http_request_seconds",
            "From a request's first byte to its answer's last.",
            ("route",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._intake_s = Histogram(
            "tellonce_intake_seconds",
            "From the received bytes to the durable answer: receipt, translation, append.",
            ("way",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._messages = Counter(
            "tellonce_messages", "Messages received, by what became of them.", ("outcome",), registry=self._registry
        )
        self._events = Counter("tellonce_events_appended", "New events of agencies.", registry=self._registry)
        self._duplicates = Counter("tellonce_events_known", "Events that the log held.", registry=self._registry)

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(route, method, str(status)).inc()
        self._request_s.labels(route).observe(seconds)

    def taken_in(self, way: str, report: Mapping[str, Any], seconds: float) -> None:
        """`way` is how it came: http or mllp."""
        self._intake_s.labels(way).observe(seconds)
        for outcome in _OUTCOMES:
            if report[outcome]:
                self._messages.labels(outcome).inc(report[outcome])
        self._events.inc(report["events"])
        self._duplicates.inc(report["duplicates"])

    def text(self) -> bytes:
        return generate_latest(self._registry)


class _State(Collector):
    """The hub's own figures, as they are at the moment of asking."""

    def __init__(self, hub: Hub, services: Services) -> None:
        self._hub = hub
        self._services = services

    def describe(self) -> Iterator[Metric]:
        """Nothing is worked out when this is registered."""
        yield from ()

    def collect(self) -> Iterator[Metric]:
        hub = self._hub
        head = hub.log.head()[PARTITION]
        yield CounterMetricFamily("tellonce_log_events", "Events in the log, decisions included.", value=head)
        commits = SummaryMetricFamily("tellonce_log_commit_seconds", "From a group of events to its being durable.")
        commits.add_metric([], count_value=hub.log.commits, sum_value=hub.log.commit_s)
        yield commits
        yield CounterMetricFamily("tellonce_fold_batches", "Batches of events folded.", value=hub.runner.batches)
        yield from _of_verification(hub.watch.told())
        yield _gauge("tellonce_views_lag_events", "Events that the views have not taken in.", hub.runner.lag)
        undecided = head - hub.linker.settled
        yield _gauge("tellonce_linkage_lag_events", "Events that linkage has not settled.", undecided)
        yield _gauge("tellonce_views_stopped", "1 where folding has stopped.", int(hub.runner.fault is not None))
        lanes = self._services.halted()
        halted = GaugeMetricFamily("tellonce_lanes_halted", "Records whose fold stands still.", labels=["view"])
        for view in sorted(hub.runner.checkpoints):
            halted.add_metric([view], sum(lane["view"] == view for lane in lanes))
        yield halted
        refused = GaugeMetricFamily("tellonce_refused_rows", "Rows of the log that count nowhere.", labels=["code"])
        for code, many in self._services.refused_rows.items():
            refused.add_metric([code], many)
        yield refused
        refuses = int(hub.continuity.fault is not None)
        yield _gauge("tellonce_log_refuses_writes", "1 where an older state of the log was copied back.", refuses)
        yield from self._witnessed()
        yield _gauge("tellonce_quarantine_waiting", "Messages in quarantine.", self._services.quarantine_waiting)

    def _witnessed(self) -> Iterator[Metric]:
        told = self._services.witness()
        yield _gauge("tellonce_witnesses", "Witnesses that the hub asks.", len(told["witnesses"]))
        if told["without_s"] is not None:
            what = "For how long the oldest event is known that no witness has cosigned."
            yield _gauge("tellonce_without_witness_seconds", what, told["without_s"])
            contradicts = int(told["state"] == "refused")
            yield _gauge("tellonce_witness_contradicts", "1 where a witness contradicts the log.", contradicts)


def _of_verification(told: Mapping[str, Any]) -> Iterator[Metric]:
    """No age before the first pass over the log has come to its end."""
    if told["age_s"] is not None:
        yield _gauge("tellonce_log_verified_age_seconds", "Since the log was last verified to its end.", told["age_s"])
    yield _gauge("tellonce_log_verified_events", "Events that this pass found whole.", told["events"])
    yield _gauge("tellonce_log_not_verified", "1 where the stored log was changed.", int(told["fault"] is not None))


def _gauge(name: str, what: str, value: float) -> Metric:
    return GaugeMetricFamily(name, what, value=value)
