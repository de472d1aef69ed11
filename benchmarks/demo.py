"""What the demo takes, stage by stage, beside what it said at the start that it would.

CPU seconds are those of facekit and of its processes; those of the browsers are not in them. Wall time on a machine
with other work beside it says little by itself: the forecast, from steps measured in the same minute, is beside it.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from facekit.base.contract import Report
from facekit.cli import demo as demos
from facekit.cli.console import Console
from facekit.options.demo import Demo


class Timed(demos.Clock):
    """The demo's clock, which also notes what each stage took."""

    rows: list[tuple[str, float, float, float, str]] = []  # noqa: RUF012 - one run, one list
    last = (0.0, 0.0)
    start = 0.0

    def forecast(self) -> str:
        """Start the clocks behind the measuring of the pace, and say what the demo says."""
        Timed.last = cpu(), time.monotonic()
        said = super().forecast()
        print(f"said after {time.monotonic() - Timed.start:.0f} s: {said}", flush=True)
        return said

    def tick(self, report: Report) -> None:
        """Note a stage."""
        seconds, now = cpu(), time.monotonic()
        expected = self._seconds[self._done]
        score = report.details.get("accuracy") if report.stage == "evaluate" else None
        self.rows.append((report.stage, seconds - self.last[0], now - self.last[1], expected, f"{score or ''}"))
        Timed.last = seconds, now
        super().tick(report)


def cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    demos.Clock = Timed  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder, Console() as console:
        Timed.start = time.monotonic()
        report = demos.demo(Demo(output=given.output or Path(folder) / "demo"), console.track)
        console.stop()
    print("| stage | CPU seconds | wall seconds | forecast | accuracy |\n|---|---|---|---|---|")
    for stage, used, took, expected, score in Timed.rows:
        print(f"| {stage} | {used:.0f} | {took:.0f} | {expected:.0f} | {score} |")
    total = cpu()
    print(f"| all, with measuring | {total:.0f} | {time.monotonic() - Timed.start:.0f} | | |")
    assert report.stages


if __name__ == "__main__":
    main()
