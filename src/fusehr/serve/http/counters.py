"""What Prometheus is told of the service."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Counters:
    """Of one service. waiting: number of cases in the queue, asked when metrics are read."""

    def __init__(self, model: str, task: str, waiting: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        of = self._registry
        self._requests = Counter(
            "fusehr_requests", "Requests answered", ["route", "status"], registry=of
        )
        self._seconds = Histogram(
            "fusehr_request_seconds",
            "Time to the whole answer",
            ["route"],
            buckets=SECONDS,
            registry=of,
        )
        self._sizes = Histogram(
            "fusehr_batch_cases", "Cases predicted together", buckets=SIZES, registry=of
        )
        Gauge("fusehr_waiting_cases", "Cases in the queue", registry=of).set_function(waiting)
        served = Gauge("fusehr_model", "The model that is served", ["model", "task"], registry=of)
        served.labels(model, task).set(1)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def predicted(self, size: int) -> None:
        """Count a batch."""
        self._sizes.observe(size)

    def text(self) -> bytes:
        """In Prometheus's format."""
        return generate_latest(self._registry)
