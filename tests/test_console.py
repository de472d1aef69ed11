"""What strangers call things does nothing to the terminal: it is shown, on a real one, with every character visible."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from conftest import plain_tree
from terminal import on_terminal

from facekit.base import plugins
from facekit.base.contract import Board, FacekitError, Report
from facekit.cli.bars import Bars
from facekit.cli.console import Console

TITLE, CLEAR, FORGED, MARKUP, OVERRIDE = (
    "Ada\x1b]0;owned\x07",
    "Bob\x1b[2J\x1b[H",
    "Cy\nerror: forged\r",
    "[red]Di[bold]:skull:[link=evil.example]",
    "Eve\u202egnp\u2066\u2028\x9b2J\x85",
)
NAMES = (TITLE, CLEAR, FORGED, MARKUP, OVERRIDE)

OWN = re.compile(r"\x1b\[(\d+(;\d+)*)?m|\x1b\[\d*[AK]|\x1b\[2K|\x1b\[\?25[lh]|\r\n|\r")
"""What Rich writes itself: colours, cursor up, erase line, hide and show the cursor."""

HIDDEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def terminal(*arguments: object, cwd: Path, code: str = "", width: int = 160) -> tuple[int, str]:
    """Run facekit, or some code, on a pseudo-terminal; return exit code and everything that came to the screen."""
    command = [sys.executable, "-c", code or "from facekit.cli import main; main()", *map(str, arguments)]
    return on_terminal(command, cwd, width, {"PYTHONIOENCODING": "utf-8"})


def harmless(screen: str) -> str:
    """Assert that nothing but Rich's own sequences acts on the terminal; return the text that is left.

    A line that was erased begins again.
    """
    text = OWN.sub(lambda match: "\n" if "\n" in match[0] or match[0] == "\x1b[2K" else "", screen)
    assert not HIDDEN.search(text), ascii(text[max(0, HIDDEN.search(text).start() - 60) :][:200])  # type: ignore[union-attr]
    assert not re.search(r"^(error|warning): forged", text, re.MULTILINE)
    return text


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A tree whose names, and names of files, are made to act on a terminal."""
    plain_tree(tmp_path / "tree", dict.fromkeys(NAMES, 2))
    for number, name in enumerate(NAMES):
        (tmp_path / "tree" / name / f"no picture {name}.txt").write_text("x")
        (tmp_path / "tree" / f"loose {number} {name}.jpg").write_bytes(b"x")
    return tmp_path / "tree"


def test_names_do_nothing_to_the_terminal_while_a_stage_runs(hostile: Path) -> None:
    code, screen = terminal("crop", hostile, "-o", "out\x1b[2J", "--no-detect", "--size", 24, cwd=hostile.parent)
    assert code == 0
    text = harmless(screen)
    assert "warning: " in text
    assert r"out\x1b[2J" in text
    assert re.search(r"^crop +10 +10 ", text, re.MULTILINE)


@pytest.mark.parametrize(
    "arguments",
    [
        ("balance", "tree", "-o", "even"),
        ("clean", "tree", "-o", "good", "--min-images", 50),
        ("crop", TITLE, "-o", "out"),
        ("crop", "tree", "-o", "out", "--cascade", FORGED),
        ("crop", "tree", "-o", "out", f"--{OVERRIDE}"),
        (TITLE,),
        ("evaluate", f"model {MARKUP} {CLEAR}"),
    ],
    ids=str,
)
def test_an_error_line_shows_the_names_in_it(hostile: Path, arguments: tuple[object, ...]) -> None:
    code, screen = terminal(*arguments, cwd=hostile.parent)
    text = harmless(screen)
    assert code == 2, text
    assert len([line for line in text.split("\n") if line.startswith("error: ")]) == 1, text


def test_a_line_is_no_longer_than_a_person_reads(tmp_path: Path) -> None:
    code, screen = terminal("crop", "a", "-o", "b", "--log-file", "z" * 100_000, cwd=tmp_path)
    assert code == 2
    assert len(screen) < 10_000
    assert "characters left out" in screen
    assert screen.rstrip().endswith("choose a file that can be written")


def test_markup_in_a_name_is_shown_as_it_is(hostile: Path) -> None:
    closing = f"{MARKUP}[/bold][/x][/]"
    code, screen = terminal("crop", closing, "-o", "out", cwd=hostile.parent)
    assert code == 2
    assert f"no such file or folder: {closing}; give" in harmless(screen)


def test_a_recipe_shows_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('[[stage]]\ncommand = "x\\u001b[2J"\n"opt\\u001b[2J" = 1\n')
    code, screen = terminal("run", "recipe.toml", cwd=tmp_path)
    assert code == 2
    assert r"(x\x1b[2J)" in harmless(screen)
    (tmp_path / "recipe.toml").write_text('[[stage]]\ncommand = "crop"\n"opt\\u001b[2J" = 1\n')
    code, screen = terminal("run", "recipe.toml", cwd=tmp_path)
    assert code == 2
    assert r"opt\x1b[2J" in harmless(screen)


SHOW = """
import logging, sys, time, warnings
from facekit.base import plugins
from facekit.base.contract import Board, FacekitError, Report
from facekit.cli.console import Console
from collections import Counter
names = NAMES
board = Board(("#", "name" + names[0], "state", "kept" + names[1]), [(str(k), name, name, name) for k, name in
    enumerate(names)], ("", names[2], names[3], names[4]), names[2])
with Console() as console:
    for name in console.track(names, "title " + names[1] + names[2] + names[3], board=lambda: board):
        time.sleep(0.2)
    logging.getLogger("facekit.x").warning("%s", names)
    logging.getLogger("somebody.else").warning("from outside %s", names[0] + names[2])
    for name in names:
        console.say(name)
    report = Report(name, name, 1, 1, Counter({name: 1 for name in names}), 0.1, {
        names[0]: names[1], "counts": {name: 1 for name in names}, names[2]: 0.5, f"{names[2]}_interval": [0.1, 0.9],
        "shortfalls": [{"name" + names[0]: name, "why": name, "short": 3} for name in names]})
    console.table([report, report])
    console.error(" ".join(names))
raise ValueError("a bug with " + " ".join(names))
"""


def test_titles_boards_tables_logs_and_tracebacks_are_shown(tmp_path: Path) -> None:
    hook = "import sys; from facekit.cli.logs import show_traceback; sys.excepthook = show_traceback\n"
    code, screen = terminal(cwd=tmp_path, code=hook + SHOW.replace("NAMES", ascii(NAMES)))
    text = harmless(screen)
    assert code == 1
    assert r"title Bob\x1b[2J\x1b[HCy\nerror: forged\r[red]Di[bold]:skull:" in text
    assert r"warning: from outside Ada\x1b]0;owned\x07Cy\nerror: forged\r" in text
    assert r"ValueError: a bug with Ada\x1b]0;owned\x07 Bob" in text
    assert "\n    error: forged" in text, "a message's further lines are indented"
    assert "[red]Di[bold]:skull:[link=evil.example]" in text
    assert r"Eve\u202egnp\u2066\u2028\x9b2J\x85" in text
    assert "… " in text or r"Cy\nerror: forged\r" in text


def test_a_board_is_drawn_with_its_names_escaped(tmp_path: Path) -> None:
    with (tmp_path / "screen").open("w") as file:
        from rich.console import Console as Screen

        bars = Bars.on(Screen(file=file, force_terminal=True, width=150, height=30))
        row = ("1", CLEAR, FORGED, TITLE)
        bars.board = lambda: Board(("#", "name", "state", "kept"), [row], row, "")
        bars.console.print(*bars.get_renderables())
    text = harmless((tmp_path / "screen").read_text())
    assert r"Bob\x1b[2J\x1b[H" in text
    assert text.count("\n") <= 6


@pytest.mark.parametrize("width", [80, 130])
def test_a_listing_fits_the_terminal_and_cuts_no_name(tmp_path: Path, width: int) -> None:
    code, screen = terminal("models", cwd=tmp_path, width=width)
    text = harmless(screen)
    assert code == 0
    for name in (*plugins.names("network"), *plugins.names("embedder")):
        assert name in text
    assert max(len(line) for line in text.split("\n") if "━" not in line) <= width


def test_a_listing_breaks_no_word(tmp_path: Path) -> None:
    """A table whose longest word has no room in its column is shown in two columns."""
    word = "face_recognition_sface_2021dec_int8bq.onnx:"
    code = f"""
from facekit.base.contract import Listing
from facekit.cli.console import Console
with Console() as console:
    console.listing(Listing(("", "what", "found"), (("ok", "a_package_of_that_name", "{word} a package, MIT"),)))
"""
    _, screen = terminal(code=code, cwd=tmp_path, width=80)
    assert word in harmless(screen).split()


def test_answers_that_another_program_prints_meet_no_bar(tmp_path: Path) -> None:
    """With `| head`, what it prints would land in the middle of the bar."""
    (tmp_path / "saying.py").write_text("""
from facekit.base.contract import Report
from facekit.cli.running import Shared, run
from facekit.options.base import Options
from facekit.options.registry import Command

class Say(Options):
    answers = True

def say(options, track):
    for number in track(range(3), "say"):
        yield Report("say", str(number))

if __name__ == "__main__":
    run(Command("say", Say, "saying:say"), {}, Shared(json=False, quiet=False, log_file=None, max_megapixels=None))
""")
    _, screen = on_terminal(["sh", "-c", f"{sys.executable} saying.py | cat"], tmp_path, 160)
    lines = screen.replace("\r\n", "\n").split("\n")
    assert [json.loads(line)["folder"] for line in lines if line.startswith("{")] == ["0", "1", "2"]
    assert [line for line in lines if line.startswith("say: 3/3")]
    assert "━" not in screen


def test_the_log_file_has_a_line_a_record(tmp_path: Path) -> None:
    log = logging.getLogger("facekit.test")
    with Console(quiet=True, log_file=tmp_path / "log"):
        for name in (*NAMES, "not utf-8 \udcff"):
            log.info("a picture of %s", name)
        try:
            raise ValueError(f"{CLEAR}\n2026-01-01 00:00:00,000 ERROR facekit: forged")
        except ValueError:
            log.exception("a bug")
    lines = (tmp_path / "log").read_text(encoding="utf-8").split("\n")
    assert not HIDDEN.search("".join(lines))
    stamped = [line for line in lines if re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d+ [A-Z]+ facekit", line)]
    assert len(stamped) == len(NAMES) + 2
    assert not [line for line in lines if line.startswith(("forged", "2026-01-01 00:00:00,000 ERROR"))]
    assert r"a picture of Cy\nerror: forged\r" in stamped[2]
    assert "ValueError: Bob" in "".join(lines)


def test_other_loggers_are_as_they_were_afterwards() -> None:
    before = list(logging.getLogger().handlers)
    with Console(quiet=True):
        assert logging.getLogger().handlers != before
    assert logging.getLogger().handlers == before


def test_json_on_stdout_is_json_and_does_nothing_to_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from facekit.cli.answers import show

    report = Report("x", OVERRIDE, left=Counter(dict.fromkeys(NAMES, 1)))
    report.details = {"nan": float("nan"), "inf": [float("inf")], "name": TITLE, "astral": "\U000e0041x😀é"}
    show(report, Console(quiet=True), as_json=True)
    show(iter([{"confidence": float("nan"), "label": OVERRIDE}]), Console(quiet=True), as_json=True)
    out = capsys.readouterr().out
    assert not HIDDEN.search(out)
    first, second = out.splitlines()

    def refuse(text: str) -> None:
        raise AssertionError(f"{text} is not JSON")

    read = json.loads(first, parse_constant=refuse)
    assert (read["folder"], read["left"], read["details"]["name"]) == (OVERRIDE, report.left, TITLE)
    assert (read["details"]["nan"], read["details"]["inf"], read["details"]["astral"]) == (
        None,
        [None],
        "\U000e0041x😀é",
    )
    assert "😀é" in first, "what every terminal shows stays readable"
    assert json.loads(second, parse_constant=refuse) == {"confidence": None, "label": OVERRIDE}


def test_a_folder_whose_name_is_not_utf8_goes_through_a_pipe(tmp_path: Path) -> None:
    plain_tree(tmp_path / "tree", {"Ada": 2, "Bob": 2})
    script = (
        "out=$(printf 'fa\\377ces'); facekit crop tree -o \"$out\" --no-detect --size 24 -q"
        " | facekit crop - -o again --no-detect --size 16 -q --json"
    )
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["kept"] == 4
    assert done.stderr == b""


def test_endless_stdin_is_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "facekit", "crop", "-", "-o", "out"]
    with Path("/dev/zero").open("rb") as endless:
        done = subprocess.run(command, cwd=tmp_path, stdin=endless, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr.startswith("error: stdin holds more than 16 MB")


def test_a_fifo_as_log_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(FacekitError, match="choose a file that can be written"), Console(log_file=tmp_path / "log"):
        pass


def test_a_log_file_that_is_a_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "log").symlink_to("mine")
    with pytest.raises(FacekitError, match="it is a symbolic link; choose"), Console(log_file=tmp_path / "log"):
        pass
    os.link(tmp_path / "mine", tmp_path / "other")
    with Console(quiet=True, log_file=tmp_path / "other"):
        logging.getLogger("facekit").info("a line")
    assert (tmp_path / "mine").read_text() == "mine"
    assert (tmp_path / "other").read_text().endswith(": a line\n")
