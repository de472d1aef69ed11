"""The one error for a user's mistake, and the one for a picture that cannot be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facekit.base.reporting import Report


class FacekitError(Exception):
    """A fault of the input, the options or the machine; the message is one line that says how to fix it.

    `report` is what was done all the same.
    """

    def __init__(self, message: str, report: Report | None = None) -> None:
        super().__init__(message)
        self.report = report


class StaleError(FacekitError):
    """What a command made before comes from other data, and cannot be extended.

    `what` says what has changed, and `command` is what to type to make it again.
    """

    def __init__(self, what: str, command: str, otherwise: str = "choose another folder") -> None:
        super().__init__(f"{what}; make it again with `{command}`, or {otherwise}")
        self.what, self.command = what, command


class BadImage(Exception):
    """A picture that cannot be used. `reason` is counted in reports; `value` is the number that decided."""

    def __init__(self, reason: str, value: float | str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.value = value
