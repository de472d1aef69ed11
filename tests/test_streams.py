"""stdout belongs to the user: on a terminal and elsewhere, every answer arrives, or one line says why not."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT, plain_tree

MADE = ROOT / "tests" / "data" / "v0_1_0"
PREDICT = ("predict", str(MADE / "head"), "photos", "--min-confidence", "0")
CROP = ("crop", "tree", "-o", "out", "--no-detect", "--size", "24", "--overwrite")
MODELS = ("models",)
REJECTED = ("rejected", str(MADE / "faces"))


class Ended(NamedTuple):
    """How a command typed into a terminal ended, and what came to the screen."""

    code: int
    screen: str


def typed(command: tuple[str, ...], cwd: Path, redirect: str = "", width: int = 100) -> Ended:
    """Run facekit in a shell on a pseudo-terminal, with redirections as they are typed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    environment |= {"TERM": "xterm-256color"}
    line = f"{shlex.quote(sys.executable)} -m facekit {shlex.join(command)} {redirect}"
    shell = ["bash", "-o", "pipefail", "-c", line]
    process = subprocess.Popen(shell, cwd=cwd, env=environment, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    pieces: list[bytes] = []
    reader = threading.Thread(target=_read_all, args=(master, pieces))
    reader.start()
    code = process.wait(timeout=120)
    reader.join(timeout=60)
    os.close(master)
    screen = b"".join(pieces).decode(errors="replace")
    return Ended(code, re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", screen).replace("\r", ""))


def _read_all(master: int, pieces: list[bytes]) -> None:
    while True:
        try:
            piece = os.read(master, 1 << 16)
        except OSError:  # the other end is closed
            return
        if not piece:
            return
        pieces.append(piece)


def errors(screen: str) -> list[str]:
    assert "Traceback" not in screen
    assert "Exception ignored" not in screen
    return [line for line in screen.split("\n") if line.startswith("error: ")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tree of four pictures, and two photos to be named."""
    pytest.importorskip("onnxruntime")
    root = tmp_path_factory.mktemp("typed")
    plain_tree(root / "tree", {"Ada": 2, "Bob": 2})
    (root / "photos").mkdir()
    for number, photo in enumerate(sorted((MADE / "raw").glob("*/*.jpg"))[:2]):
        (root / "photos" / f"{number}.jpg").write_bytes(photo.read_bytes())
    return root


@pytest.mark.parametrize("how", ["> said", "--json | cat > said", "2> talk > said"])
def test_answers_arrive_wherever_stdout_is_sent(place: Path, how: str) -> None:
    ended = typed(PREDICT, place, how)
    assert (ended.code, errors(ended.screen)) == (0, [])
    answers = [json.loads(line) for line in (place / "said").read_text().splitlines()]
    assert {Path(answer["picture"]).name for answer in answers} == {"0.jpg", "1.jpg"}
    assert '"picture"' not in ended.screen


def test_on_a_terminal_answers_are_a_table(place: Path) -> None:
    ended = typed(PREDICT, place, width=80)
    assert (ended.code, errors(ended.screen)) == (0, [])
    assert '"picture"' not in ended.screen
    lines = ended.screen.split("\n")
    head = next(number for number, line in enumerate(lines) if line.split()[:3] == ["photo", "face", "name"])
    assert {line.split()[0] for line in lines[head + 2 :] if line.strip()} == {"photos/0.jpg", "photos/1.jpg"}
    assert max(map(len, lines[head:])) <= 80


def test_what_was_left_out_is_a_table_on_a_terminal(place: Path) -> None:
    ended = typed(REJECTED, place, width=80)
    assert (ended.code, errors(ended.screen)) == (0, [])
    lines = ended.screen.split("\n")
    head = next(number for number, line in enumerate(lines) if line.split() == ["picture", "by", "reason", "value"])
    assert [line.split()[1:3] for line in lines[head + 2 :] if "http://" in line] == [
        ["scrape", "http"],
        ["scrape", "near"],
        ["scrape", "near"],
    ]
    assert max(map(len, lines[head:])) <= 80


def test_json_on_a_terminal_is_whole_lines(place: Path) -> None:
    ended = typed((*PREDICT, "--json"), place, width=60)
    lines = [line for line in ended.screen.split("\n") if line.startswith("{")]
    assert {json.loads(line)["picture"] for line in lines} == {"photos/0.jpg", "photos/1.jpg"}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (CROP, r"^out$"),
        ((*CROP, "--json"), r'^\{"stage": "crop".*\}$'),
        (MODELS, r"cnn3 "),
        (("stats", "tree"), r"^tree: 4 pictures of 2 labels$"),
        (("cache",), r"^embeddings "),
        (REJECTED, r'^\{"picture": "http://'),
        (("--help",), r"Usage: facekit"),
        (("--version",), r"^\d+\.\d+"),
    ],
    ids=lambda value: " ".join(value[:1] + value[-1:]) if isinstance(value, tuple) else "",
)
def test_what_a_command_prints_arrives_or_a_line_says_why_not(place: Path, command: tuple[str, ...], said: str) -> None:
    ended = typed(command, place, "> said")
    assert ended.code == 0
    assert re.search(said, (place / "said").read_text(), re.MULTILINE)
    for how, why in (
        ("> /dev/full", "stdout cannot be written (No space left on device)"),
        (">&-", "stdout is closed"),
    ):
        ended = typed(command, place, how)
        assert ended.code == 2, ended.screen
        assert [line.partition(why)[1] for line in errors(ended.screen)] == [why], ended.screen
    if command == CROP:
        assert "its folder is out" in ended.screen
        assert (place / "out" / "manifest.jsonl").exists()


def test_answers_that_cannot_arrive_are_a_fault(place: Path) -> None:
    for how, why in (("> /dev/full", "No space left on device"), (">&-", "stdout is closed")):
        ended = typed(PREDICT, place, how)
        assert ended.code == 2
        assert len(errors(ended.screen)) == 1
        assert why in errors(ended.screen)[0]


def test_a_closed_or_full_stderr_changes_no_answer(place: Path) -> None:
    for how in ("> said 2>&-", "> said 2> /dev/full", "> said 2> /dev/full < /dev/null"):
        (place / "said").unlink(missing_ok=True)
        ended = typed(CROP, place, how)
        assert (ended.code, (place / "said").read_text()) == (0, "out\n")
        assert errors(ended.screen) == []


@pytest.mark.parametrize(
    ("command", "how", "why"),
    [
        (("crop", "-", "-o", "none"), "<&-", "stdin is closed"),
        (("crop", "-", "-o", "none"), "", "stdin is a terminal"),
        (("scrape", "-", "-o", "none", "--dry-run"), "<&-", "stdin is closed"),
    ],
)
def test_a_stdin_that_gives_nothing_is_a_fault(place: Path, command: tuple[str, ...], how: str, why: str) -> None:
    ended = typed(command, place, how)
    assert ended.code == 2
    assert [line for line in errors(ended.screen) if why in line] == errors(ended.screen) != []


def test_a_reader_that_leaves_ends_it_quietly(place: Path) -> None:
    for command in (CROP, ("--help",), ("--version",)):
        ended = typed(command, place, "| true")
        assert errors(ended.screen) == []
        assert ended.code == 0


def test_a_file_opened_later_receives_nothing_that_is_printed(place: Path) -> None:
    """With stdout closed, the first file that is opened would get its number."""
    code = (
        "import os, sys\nfrom facekit.cli.streams import safe_streams\n"
        "with safe_streams():\n"
        "    file = os.open('first', os.O_WRONLY | os.O_CREAT)\n"
        "    os.write(1, b'a library prints')\n"
        "    sys.exit(file <= 2)"
    )
    line = f"{shlex.quote(sys.executable)} -c {shlex.quote(code)} >&- <&- 2>&-"
    assert subprocess.run(["bash", "-c", line], cwd=place, check=False).returncode == 0
    assert (place / "first").read_bytes() == b""


def test_what_a_library_prints_is_no_data(place: Path) -> None:
    code = (
        "from facekit.cli import main\nimport facekit.commands.models as models\n"
        "real = models.models\n"
        "def talkative(options, track):\n    print('a library prints')\n    return real(options, track)\n"
        "models.models = talkative\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *MODELS, "--json", "-q"], cwd=place, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout)["stage"] == "models"
    assert done.stderr == "a library prints\n"
