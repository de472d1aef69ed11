"""The rights of files, for tests that root may run too: whom no right stops, unless it lays that power down."""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_VERSION = 0x20080522
_OVERRIDES = 0b110
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, by their numbers in Linux."""


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Caps(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


@contextmanager
def rights_hold() -> Iterator[None]:
    """Let the rights of files hold in this thread and in those that it starts, for root as for anybody."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None, use_errno=True)
    held = (_Caps * 2)()
    libc.capget(ctypes.byref(_Header(_VERSION, 0)), held)
    before = held[0].effective
    held[0].effective = before & ~_OVERRIDES
    libc.capset(ctypes.byref(_Header(_VERSION, 0)), held)
    try:
        yield
    finally:
        held[0].effective = before
        libc.capset(ctypes.byref(_Header(_VERSION, 0)), held)


def _do_hold() -> bool:
    """Whether they can be made to hold: not for root elsewhere than on Linux."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "closed"
        file.touch(0)
        try:
            with rights_hold(), file.open():
                return False
        except PermissionError:
            return True
        except (AttributeError, OSError):
            return False


needs_rights = pytest.mark.skipif(not _do_hold(), reason="the rights of files do not stop this user")
