"""What `monitor` says, as numbers for Prometheus."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from facekit.serving.monitor import findings
from facekit.serving.monitor.days import Days, Reference
from facekit.serving.monitor.findings import Against

AGAINST: tuple[Against, ...] = ("enrolled", "first")

_LABELS = ["measure", "topic", "against"]


def rendered(days: Days, references: Mapping[str, Reference]) -> bytes:
    """Return the findings of the last day and week as Prometheus reads them; all processes say the same."""
    registry = CollectorRegistry()
    psi = Gauge("facekit_drift_psi", "Population stability index of the last week.", _LABELS, registry=registry)
    low = Gauge("facekit_drift_psi_low", "Lower end of its 95% interval.", _LABELS, registry=registry)
    changed = Gauge("facekit_drift_changed", "1 where a measure has changed for certain.", _LABELS, registry=registry)
    now = Gauge("facekit_answers_typical", "Median, or share, of the last week.", ["measure"], registry=registry)
    for against in AGAINST:
        for one in findings.find(days, references, against, shown=1).verdicts:
            if one.now is not None:
                now.labels(one.measure.name).set(one.now)
            if one.against != against or one.last is None:
                continue
            labels = (one.measure.name, one.measure.topic, against)
            psi.labels(*labels).set(one.last.shift.psi)
            low.labels(*labels).set(one.last.shift.low)
            changed.labels(*labels).set(int(one.changed))
    return bytes(generate_latest(registry))
