"""Format numbers for people: rates and measures, bytes, ages, and shares as small bars."""

from __future__ import annotations

import math
import re

from facekit.base.errors import FacekitError

_UNITS = ("B", "kB", "MB", "GB", "TB")

_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "y": 365 * 86_400}

_AGE = re.compile(r"(\d{1,5})([mhdwy])")

_EIGHTHS = " ▏▎▍▌▋▊▉"


_LEAST = 1e-6


def decimal(value: float, digits: int = 4) -> str:
    """Return a number with so many digits, as people write it: `0.000074`, never `7.4e-05`; `12,346`.

    What is nearer to 0 than a millionth is `under 0.000001`: rates are measured on fewer faces than that.
    """
    if not math.isfinite(value):
        return "unknown" if math.isnan(value) else f"{value}"
    if 0 < abs(value) < _LEAST:
        return f"under {_LEAST:f}" if value > 0 else f"above -{_LEAST:f}"
    if abs(value) >= 10**digits:
        return f"{value:,.0f}"
    places = digits - 1 - math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def span(low: float, high: float, digits: int = 4) -> str:
    """Return an interval: `0.012 to 0.31`, `0.000074 to 1`.

    An end below 0.1 has as many decimals as one above, so fewer digits, but two at least.
    """
    return " to ".join(decimal(end, _digits(end, digits)) for end in (low, high))


def _digits(value: float, digits: int) -> int:
    if not math.isfinite(value) or not value:
        return digits
    return min(digits, max(2, digits + 1 + math.floor(math.log10(abs(value)))))


def size(count: float) -> str:
    """Return a number of bytes with three digits: `12.3 MB`."""
    value, unit = float(count), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    digits = 0 if unit == 0 or value >= 99.5 else 1
    return f"{value:.{digits}f} {_UNITS[unit]}"


def age(seconds: float) -> str:
    """Return an age in its largest unit: `3 days`, `2 hours`."""
    for name, unit in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= unit:
            count = int(seconds // unit)
            return f"{count:,} {name}{'' if count == 1 else 's'}"
    return "under a minute"


def seconds_of(text: str) -> int:
    """Read an age such as `30d`, `12h`, `2w` or `3y` in seconds. Raises FacekitError."""
    match = _AGE.fullmatch(text.strip().lower())
    if match is None:
        raise FacekitError(
            f"{text[:20]!r} is not an age; give a number of minutes, hours, days, weeks or years, such as 30d"
        )
    return int(match[1]) * _SECONDS[match[2]]


def bar(share: float, width: int = 20) -> str:
    """Return a share from 0 to 1 as a bar of at most `width` characters; what is above 0 is seen."""
    eighths = min(8 * width, round(share * 8 * width)) or int(share > 0)
    return "█" * (eighths // 8) + _EIGHTHS[eighths % 8].strip()
