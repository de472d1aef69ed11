"""What is added to the report of a command: whether its numbers of pictures mean something, and what comes next."""

from __future__ import annotations

from facekit.base.contract import Report
from facekit.options.base import Options
from facekit.options.typed import typed


def finish(report: Report, options: Options) -> Report:
    """Return the report of a command with what its options class says of it."""
    report.counts = type(options).counts
    again = typed(options, dry_run=False)
    report.next = again if options.dry_run else options.next_command(report) or report.next
    return report
