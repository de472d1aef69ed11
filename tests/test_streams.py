"""stdout belongs to the user: on a terminal and elsewhere, every answer arrives, or one line says why not."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from conftest import ROOT, plain_tree
from older import move, unpack
from terminal import Ended, on_terminal

from facekit.commands.enroll import enroll
from facekit.commands.identify import identify
from facekit.options import registry
from facekit.options.enroll import Enroll
from facekit.options.identify import Identify

MADE = ROOT / "tests" / "data" / "v0_1_0"
PREDICT = ("predict", str(MADE / "head"), "photos", "--min-confidence", "0")
CROP = ("crop", "tree", "-o", "out", "--no-detect", "--size", "24", "--overwrite")
MODELS = ("models",)
REJECTED = ("rejected", str(MADE / "faces"))


def typed(command: tuple[str, ...], cwd: Path, redirect: str = "", width: int = 200) -> Ended:
    """Run facekit in a shell on a pseudo-terminal, with redirections as they are typed; return the screen as text."""
    line = f"{shlex.quote(sys.executable)} -m facekit {shlex.join(command)} {redirect}"
    ended = on_terminal(["bash", "-o", "pipefail", "-c", line], cwd, width)
    return Ended(ended.code, ended.text)


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
    rows = [line for line in lines[head + 2 :] if line.strip()]
    assert rows[-1].startswith("2 faces in 2 photos: "), "below the answers, how many there are of each kind"
    assert {line.split()[0] for line in rows[:-1]} == {"0.jpg", "1.jpg"}
    assert lines[head - 1 - (not lines[head - 1].strip())].strip() == "photos below photos/"
    assert max(map(len, lines[head:])) <= 80


def test_what_was_left_out_is_a_table_on_a_terminal(place: Path) -> None:
    ended = typed(REJECTED, place, width=80)
    assert (ended.code, errors(ended.screen)) == (0, [])
    lines = ended.screen.split("\n")
    # URLs and values do not fit beside each other in 80 columns: a line for each picture, and one for its reason.
    urls = [number for number, line in enumerate(lines) if line.startswith("http://")]
    assert [lines[number + 1].split()[:2] for number in urls] == [
        ["scrape", "http"],
        ["scrape", "near"],
        ["scrape", "near"],
    ]
    assert max(map(len, lines[urls[0] :])) <= 80


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


# Every command, in one process a way: what stdout is differs, the terminal is real.

EVERY = {
    "audit": "audit balanced -o a -j 1 --dry-run",
    "augment": "augment balanced -o g -n 10 -j 1 --dry-run",
    "balance": "balance balanced -o b -n 8 -j 1",
    "cache": "cache",
    "card": "card balanced --dry-run",
    "clean": "clean faces -o c --min-images 3 --embedder none -j 1 --dry-run",
    "compare": "compare balanced -o comparison --networks dlib --dry-run",
    "crop": "crop tiny -o f --no-detect --size 24 -j 1",
    "cross-validate": "cross-validate head --folds 2 --dry-run",
    "demo": "demo -o d --dry-run",
    "doctor": "doctor",
    "draw": "draw -o w --people 2 --photos 2 --dry-run",
    "enroll": "enroll tiny -o g --no-detect --dry-run",
    "evaluate": "evaluate head --data balanced -o e --include-training --dry-run",
    "evaluate-pairs": "evaluate-pairs dlib pairs.csv --data balanced -o p --dry-run",
    "export": "export head -o exported --dry-run",
    "gallery": "gallery list enrolled",
    "identify": "identify enrolled tiny --no-detect",
    "ingest": "ingest utkface published -o i --dry-run",
    "inspect": "inspect head --method occlusion --dry-run",
    "keys": "keys list enrolled",
    "label": "label balanced --table table.csv --dry-run",
    "models": "models",
    "monitor": "monitor enrolled",
    "predict": "predict head tiny --no-detect",
    "expire": "expire enrolled --older-than 0m --dry-run",
    "forget": "forget Ada --in enrolled --dry-run",
    "rejected": "rejected faces",
    "review": "review clean --dry-run",
    "run": "run short.toml -o made --dry-run",
    "scrape": "scrape Ada -o s --engine openverse --dry-run",
    "serve": "serve enrolled --dry-run",
    "stats": "stats balanced",
    "train": "train balanced -o t --backbone dlib --dry-run",
    "tune": "tune balanced -o study --backbone dlib --dry-run",
    "verify": "verify --pairs pairs.csv --no-detect",
}
"""A command line for each command, on folders that 0.1.0 made; a dry run where it would take long."""

WAYS = ("file", "json", "closed", "full")
WHY = {"closed": "stdout is closed", "full": "stdout cannot be written (No space left on device)"}

DRIVER = """
import json, os, shlex, sys
import cv2, numpy
from facekit import cli  # before ONNX Runtime, whose telemetry would start threads
import onnxruntime
from facekit.commands.enroll import enroll
from facekit.options import registry
from facekit.options.enroll import Enroll
cases = json.loads(sys.argv[1])
for name in registry.names():
    registry.own(name).load()

def run(line, way, file):
    os.close(0) if way != "json" else None
    if way == "closed":
        os.close(1)
        sys.stdout = None
    else:
        os.dup2(os.open("/dev/full" if way == "full" else file, os.O_WRONLY | os.O_CREAT, 0o600), 1)
        sys.stdout = open(1, "w", closefd=False)
    sys.stdin = None if way != "json" else sys.stdin
    sys.argv = ["facekit", *shlex.split(line), *(["--json"] if way == "json" else [])]
    cli.main()

for way, name, line in cases:
    sys.stderr.write(f"=== {way} {name}\\n")
    child = os.fork()
    if not child:
        try:
            run(line, way, f"said-{way}-{name}")
        except SystemExit as left:
            os._exit(left.code or 0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    sys.stderr.write(f"=== exit {code}\\n")
"""


Outcomes = dict[tuple[str, str], Ended]


def every(root: Path, cases: Sequence[tuple[str, str]]) -> Outcomes:
    """Run commands in a folder, each in a way, in processes that share what is loaded; return how each ended."""
    pytest.importorskip("onnxruntime")
    unpack(root)
    move(root)
    one, two, *_ = sorted((root / "balanced").glob("*/*.jpg"))
    (root / "pairs.csv").write_text(f"first,second,same\n{_below(one)},{_below(two)},1\n{_below(one)},x.jpg,0\n")
    (root / "table.csv").write_text(f"image,expression\n{_below(one)},calm\n")
    (root / "published").mkdir()
    shutil.copyfile(one, root / "published" / "26_1_2_20170116174525125.jpg")
    (root / "short.toml").write_text('[[stage]]\ncommand = "crop"\ninput = "tiny"\ndetect = false\nsize = 24\n')
    plain_tree(root / "tiny", {"Ada": 2, "Bob": 2})
    enroll(Enroll(input=root / "tiny", output=root / "enrolled", detect=False, jobs=1))
    list(identify(Identify(gallery=str(root / "enrolled"), pictures=[str(root / "tiny")], detect=False, monitor=True)))
    whole = [(way, name, EVERY[name]) for way, name in cases]
    screen = on_terminal([sys.executable, "-c", DRIVER, json.dumps(whole)], root, 200, {"PYTHONPATH": str(ROOT)}).text
    found = re.findall(r"^=== (\w+) ([\w-]+)\n(.*?)^=== exit (-?\d+)$", screen, re.MULTILINE | re.DOTALL)
    return {(way, name): Ended(int(code), said) for way, name, said, code in found}


def _below(picture: Path) -> str:
    return f"{picture.parent.name}/{picture.name}"


def test_no_command_is_forgotten() -> None:
    assert EVERY.keys() == set(registry.names())


@pytest.mark.parametrize("share", [0, pytest.param(1, marks=pytest.mark.slow)], ids=["half", "the other half"])
def test_every_answer_arrives_or_one_line_says_why_not(tmp_path: Path, share: int) -> None:
    """With stdin closed too. Each command is asked in one way that can work and in one that cannot."""
    names = [name for name in EVERY if share or name != "doctor"]  # which loads TensorFlow to look at it
    cases = [(way, name) for place, name in enumerate(names) for way in WAYS[(place + share) % 2 :: 2]]
    ended = every(tmp_path / "old", cases)
    assert ended.keys() == set(cases)
    for (way, name), (code, screen) in ended.items():
        why = WHY.get(way)
        assert code == (2 if why else 0), screen
        assert [line.partition(why or "")[1] for line in errors(screen)] == ([why] if why else []), screen
        if why is None:
            said = (tmp_path / "old" / f"said-{way}-{name}").read_text()
            assert said.strip(), name
            assert way == "file" or all(isinstance(json.loads(line), dict) for line in said.splitlines()), name


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
