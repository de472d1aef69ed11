"""What a file's hash is: known without reading it again, as long as nobody has touched it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from facekit.base import digests
from facekit.base.contract import BadImage


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "FRESH", float("-inf"))
    file = tmp_path / "face.jpg"
    file.write_bytes(b"one")
    os.utime(file, ns=(0, 1))
    assert digests.known(file) is None
    assert digests.load(file) == (b"one", hashlib.sha256(b"one").hexdigest())
    assert digests.known(file) == digests.of(file) == hashlib.sha256(b"one").hexdigest()
    file.write_bytes(b"two")
    os.utime(file, ns=(0, 2))  # as a clock would have it that ticks between the two
    assert digests.known(file) is None
    assert digests.of(file) == hashlib.sha256(b"two").hexdigest()
    file.unlink()
    assert digests.known(file) is None
    with pytest.raises(BadImage):
        digests.of(file)


def test_of_a_file_that_was_written_just_now_nothing_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "face.jpg"
    file.write_bytes(b"one")
    digests.load(file)
    assert digests.known(file) is None
