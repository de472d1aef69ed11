"""Training on several hosts: two processes are one, and what ends one of them ends the others, and loses nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from patches import tree

from facekit.base.contract import FacekitError, Record
from facekit.options.hosts import Host, hosts_of
from facekit.options.train import Train
from facekit.runs import HISTORY
from facekit.runs.history import read_history

TREE, OUT = Path("faces"), Path("run")


def test_hosts_are_read_as_they_are_typed() -> None:
    assert hosts_of("one.lan:7000, [::1]:7001") == (Host("one.lan", 7000), Host("::1", 7001))
    assert [str(host) for host in hosts_of("one.lan:7000,[::1]:7001")] == ["one.lan:7000", "[::1]:7001"]
    assert hosts_of("auto") == ()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"hosts": "one:7000"}, "which is one host"),
        ({"hosts": "one:7000,two"}, "'two' is not HOST:PORT"),
        ({"hosts": "one:7000,:80"}, "':80' is not HOST:PORT"),
        ({"hosts": "one:7000,two:70000"}, "'two:70000' is not HOST:PORT"),
        ({"hosts": "one:7000,one:7000"}, "names one twice"),
        ({"hosts": "one:7000,two:7000", "host_number": 2}, "--host-number is 2, and --hosts has 2 of them"),
        ({"hosts": "auto", "host_number": 1}, "--host-number is 1, and --hosts is auto"),
        ({"host_number": 1}, "give --hosts as well"),
        ({"hosts": "one:7000,two:7000", "backbone": "dlib"}, "remove --hosts"),
        ({"hosts": "one:7000,two:7000", "objective": "arcface"}, "remove --hosts"),
    ],
)
def test_hosts_that_cannot_be_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(FacekitError, match=said):
        Train(input=TREE, output=OUT, **values)  # type: ignore[arg-type]


def test_another_engine_is_told_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    from facekit.commands.train.supervising import check_engine

    options = Train(input=TREE, output=OUT, hosts="one:7000,two:7000")
    for engine in ("tensorflow", None):
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
        if engine:
            monkeypatch.setenv("KERAS_BACKEND", engine)
        with pytest.raises(FacekitError) as refused:
            check_engine(options)
        typed = "type `KERAS_BACKEND=jax facekit train faces -o run --hosts one:7000,two:7000`"
        assert typed in str(refused.value)
        assert ("pip install 'facekit-cli[jax]'" in str(refused.value)) == (find_spec("jax") is None)


def test_the_shares_of_a_batch_are_the_batch() -> None:
    pytest.importorskip("keras")
    from facekit.training.feed import Feed, Share
    from facekit.training.labels import NO_LABEL
    from facekit.training.pack import Pack

    pixels = np.arange(11, dtype=np.uint8).reshape(11, 1, 1, 1)
    pack = Pack(pixels, [Record(str(n), "", f"{n}.png", "a", "A", str(n)) for n in range(11)])
    rows, classes = list(range(11)), np.arange(11).reshape(-1, 1)
    parts = [Feed(pack, rows, classes, 4, 7, None, Share(number, 2, 2)) for number in range(2)]
    whole = Feed(pack, rows, classes, 4, 7)
    for epoch in range(3):
        for feed in (*parts, whole):
            feed.shuffle(epoch)
        seen = [[np.concatenate(held) for held in zip(*(part[n] for part in parts), strict=True)] for n in range(3)]
        assert [len(batch) for batch, _ in seen] == [4, 4, 2], "one picture is left out"
        for n in range(2):
            assert all((ours == theirs).all() for ours, theirs in zip(seen[n], whole[n], strict=True))
    held_out = [Feed(pack, rows, classes, 4, None, None, Share(number, 2, 2)) for number in range(2)]
    batches = [[np.concatenate(held) for held in zip(*(part[n] for part in held_out), strict=True)] for n in range(3)]
    numbers, weights = (np.concatenate([batch[place] for batch in batches])[:, 0] for place in (1, 2))
    assert sorted(numbers) == [NO_LABEL, *range(11)] and weights[numbers == NO_LABEL] == [0]
    assert np.allclose(weights[numbers != NO_LABEL], 12 / 11), "so that the mean over 12 is that over 11"
    with pytest.raises(FacekitError, match="train on fewer hosts"):
        Feed(pack, rows[:2], classes[:2], 4, 7, None, Share(0, 3, 3))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


JAX = {**os.environ, "KERAS_BACKEND": "jax"}
STEPS = {"epochs": 20, "batch": 24, "dropout": 0.2}
"""Of the 24 training pictures: each epoch is a step, and its loss that of the step."""


def train(faces: Path, output: Path, **options: object) -> list[str]:
    values = {"network": "cnn3", "size": 32, "stop_at": 1.01, "labels": "classes", **options}
    flags = [text for name, value in values.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    return [sys.executable, "-m", "facekit", "train", str(faces), "-o", str(output), "--light-augment", *flags]


class Pair:
    """`facekit train` on two hosts, both of which are this one."""

    def __init__(self, faces: list[Path], output: Path, *options: dict[str, object]) -> None:
        port = free_port()
        hosts = f"127.0.0.1:{port},127.0.0.1:{port + 1}"
        self.logs = [output.with_suffix(f".{number}.txt") for number in range(2)]
        self.processes = []
        for number, log in enumerate(self.logs):
            command = train(faces[number], output, **options[number], hosts=hosts, host_number=number)
            with log.open("w") as out:
                self.processes.append(subprocess.Popen(command, stdout=out, stderr=out, env=JAX))

    def codes(self, seconds: float = 900) -> list[int]:
        return [process.wait(seconds) for process in self.processes]

    def last(self, number: int) -> str:
        return self.logs[number].read_text().splitlines()[-1]

    def wait_for(self, number: int, text: str) -> None:
        until = time.monotonic() + 600
        while text not in self.logs[number].read_text():
            assert time.monotonic() < until and self.processes[number].poll() is None, self.logs[number].read_text()
            time.sleep(0.2)

    def worker(self, number: int) -> int:
        """The process that trains, which the command has started."""
        listing = ["ps", "-o", "pid=", "--ppid", str(self.processes[number].pid)]
        return int(subprocess.run(listing, capture_output=True, check=True).stdout.split()[0])


def losses(run: Path) -> list[tuple[float, float | None]]:
    return [(row.loss, row.val_loss) for row in read_history(run / HISTORY)]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    return tree(tmp_path_factory.mktemp("hosts") / "faces")


@pytest.fixture(scope="module")
def alone(faces: Path) -> list[tuple[float, float | None]]:
    """What one process with the whole batch has for losses."""
    subprocess.run(train(faces, faces.parent / "alone", **STEPS), env=JAX, capture_output=True, check=True)
    return losses(faces.parent / "alone")


@pytest.mark.slow
def test_two_processes_are_one_with_the_summed_batch(
    faces: Path, alone: list[tuple[float, float | None]], tmp_path: Path
) -> None:
    pair = Pair([faces, faces], tmp_path / "run", STEPS, STEPS)
    assert pair.codes() == [0, 0], pair.logs[0].read_text() + pair.logs[1].read_text()
    ours = losses(tmp_path / "run")
    assert len(ours) == 20 and len({loss for loss, _ in ours}) == 20
    assert np.abs(np.array(ours) - np.array(alone)).max() < 1e-4
    assert {entry.name for entry in tmp_path.iterdir()} == {"run", "run.0.txt", "run.1.txt"}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "signum"), [(1, signal.SIGKILL), (0, signal.SIGKILL), (1, signal.SIGSTOP)])
def test_a_host_that_is_gone_ends_the_others_and_both_go_on(
    faces: Path, alone: list[tuple[float, float | None]], tmp_path: Path, number: int, signum: signal.Signals
) -> None:
    pair = Pair([faces, faces], tmp_path / "run", STEPS, STEPS)
    pair.wait_for(0, " 3/20")
    worker = pair.worker(number)
    os.kill(worker, signum)
    began = time.monotonic()
    other = pair.processes[1 - number].wait(60)
    assert time.monotonic() - began < 60
    if signum == signal.SIGSTOP:
        os.kill(worker, signal.SIGKILL)
    assert [other, pair.processes[number].wait(60)] == [2, 2]
    assert pair.last(1 - number).startswith("error: another host is gone or cannot be reached; type the same command")
    again = Pair([faces, faces], tmp_path / "run", STEPS, STEPS)
    assert again.codes() == [0, 0], again.logs[0].read_text() + again.logs[1].read_text()
    assert "continuing the interrupted training" in again.logs[0].read_text()
    assert np.abs(np.array(losses(tmp_path / "run")) - np.array(alone)).max() < 1e-4


@pytest.mark.slow
def test_hosts_that_do_not_agree_are_refused_on_all_of_them(faces: Path, tmp_path: Path) -> None:
    pair = Pair([faces, faces], tmp_path / "run", STEPS, {**STEPS, "learning_rate": 0.01})
    assert pair.codes() == [2, 2]
    for number in range(2):
        assert "the hosts do not agree: learning_rate is 0.001 on 127.0.0.1:" in pair.last(number)
        assert pair.last(number).endswith("; type the same command")
    others = tree(tmp_path / "others", photos=12, split=None)
    pair = Pair([faces, others], tmp_path / "run", STEPS, STEPS)
    assert pair.codes() == [2, 2]
    assert all(f"{place}: the pictures on" in pair.last(n) for n, place in enumerate((faces, others)))
    pair = Pair([faces, tmp_path / "none"], tmp_path / "run", STEPS, STEPS)
    assert pair.codes() == [2, 2]
    assert str(tmp_path / "none") in pair.last(0) and str(tmp_path / "none") in pair.last(1)
    assert not (tmp_path / "run").exists()


WAITING = """
import sys
from pathlib import Path
from facekit.base.contract import quiet
from facekit.commands.train.supervising import supervised
from facekit.options.train import Train
faces, output, hosts, number = sys.argv[1:]
supervised(Train(input=Path(faces), output=Path(output), hosts=hosts, host_number=int(number)), quiet, 15)
"""


@pytest.mark.slow
def test_a_host_that_does_not_come_is_not_waited_for(faces: Path, tmp_path: Path) -> None:
    hosts = f"127.0.0.1:{free_port()},127.0.0.1:{free_port()}"
    for number in range(2):
        command = [sys.executable, "-c", WAITING, str(faces), str(tmp_path / "run"), hosts, str(number)]
        done = subprocess.run(command, env=JAX, capture_output=True, text=True, timeout=200, check=False)
        assert "FacekitError: not all hosts of --hosts were there within 15 seconds" in done.stderr
