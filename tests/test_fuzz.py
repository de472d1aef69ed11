"""What a stranger has tampered with: each command answers with a line, in time, and touches its own folders alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fuzzcommands import COMMANDS, NETWORKS
from fuzzing import Box, Command
from fuzzparsers import READERS, Reader
from tampering import garble, tamper

CASES = 2
"""Cases of each command; `benchmarks/fuzz.py` runs them by the hour."""

INPUTS = 60
"""Inputs of each reader; `benchmarks/fuzz_readers.py` makes better ones."""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_command_holds(made: Path, tmp_path: Path, command: Command) -> None:
    box = Box(tmp_path / "box")
    box.fill(made, command.inputs)
    honest = box.hold(command, limited=False)
    assert (honest.code, honest.faults) == (0, []), honest.err
    for seed in range(1 if command in NETWORKS else CASES):  # those take seconds each
        rng = random.Random(f"{command.name} {seed}")
        box.fill(made, command.inputs)
        changed = tamper(box.home / command.tampered, box.outside, rng, rng.choice((1, 1, 2, 3)))
        outcome = box.hold(command)
        assert outcome.faults == [], f"{command.name}, seed {seed}: {changed}\n{outcome.err}"


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_a_reader_holds(tmp_path: Path, reader: Reader) -> None:
    seed = reader.start(tmp_path)
    (tmp_path / reader.file).write_bytes(seed)
    reader.read(tmp_path)
    for number in range(INPUTS):
        data = garble(tmp_path / reader.file, seed, random.Random(f"{reader.name} {number}"))
        try:
            reader.holds(tmp_path, data)
        except BaseException as error:
            error.add_note(f"{reader.name}, input {number}: {data[:2000]!r}")
            raise
