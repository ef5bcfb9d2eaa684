"""Figures for Prometheus: what this process counts. What lies in tables is measured when it is asked for, elsewhere.

When PROMETHEUS_MULTIPROC_DIR is set, the counts of all processes that share the folder are told together.
"""

import os

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_registry = CollectorRegistry()

requests = Histogram(
    "polus_api_request_seconds",
    "API requests by operation and status: how many, and how long they took.",
    ("operation", "status"),
    buckets=(0.005, 0.02, 0.1, 0.5, 2.0),
    registry=_registry,
)
mails = Counter("polus_mails", "Incoming mails by the state they ended in.", ("state",), registry=_registry)
deliveries = Counter(
    "polus_deliveries",
    "Attempts to send a mail by outcome: sent, put off, failed.",
    ("outcome",),
    registry=_registry,
)
# From a blink to the three days after which sending is given up.
WAITS = (0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 900.0, 3600.0, 86400.0)
received = Histogram(
    "polus_channel_received_seconds",
    "From the arrival of something that is journalled first to its message, by channel.",
    ("channel",),
    buckets=WAITS,
    registry=_registry,
)
sent = Histogram(
    "polus_channel_sent_seconds",
    "From an answer's being written to its being sent, by channel.",
    ("channel",),
    buckets=WAITS,
    registry=_registry,
)
calls = Counter(
    "polus_calls",
    "Attempts to call an HTTP integration's receiver by outcome: delivered, put off, failed.",
    ("outcome",),
    registry=_registry,
)
reactions = Counter(
    "polus_reactions",
    "Reactions to events by name and outcome: done, failed.",
    ("reaction", "outcome"),
    registry=_registry,
)


def request(operation: str, status: int, seconds: float) -> None:
    """Count one answered API request; operation is empty when no operation was found."""
    requests.labels(operation or "none", str(status)).observe(seconds)


def told() -> bytes:
    """All counts in Prometheus' text form."""
    registry = _registry
    if os.environ.get(FOLDER):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def gauge(name: str, meaning: str, rows: list[tuple[dict[str, str], float]]) -> bytes:
    """One measured figure in the same form; each row is its labels and its value."""
    lines = [f"# HELP {name} {meaning}", f"# TYPE {name} gauge"]
    for labels, value in rows:
        shown = ",".join(f'{label}="{text}"' for label, text in labels.items())
        lines.append(f"{name}{{{shown}}} {value:g}" if shown else f"{name} {value:g}")
    return "\n".join(lines).encode() + b"\n"
