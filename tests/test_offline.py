"""What needs no web works where there is none: every command, in a network namespace with loopback alone."""

from __future__ import annotations

import os
from pathlib import Path

import offline
import pytest


@pytest.mark.slow
def test_every_command_works_without_a_network(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if not offline.can():
        assert "FACEKIT_REQUIRE_OFFLINE" not in os.environ, "no network namespace can be made here"
        pytest.skip("no network namespace can be made here")
    assert offline.main(tmp_path / "work") == 0, capfd.readouterr().out
    log = (tmp_path / "work/offline.log").read_text()
    assert log.startswith("interfaces: lo; 1.1.1.1: Network is unreachable")
    for part in (*offline.DETECTORS, *offline.EMBEDDERS):
        assert f" {part}\n" in log
