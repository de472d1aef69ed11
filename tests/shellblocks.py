"""The shell blocks of the README and of docs/, run line by line in this process, on drawn people and in small."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import published
from typer.main import get_command

from facekit import cli
from facekit.cli.parameters import made
from facekit.options import registry
from facekit.options.base import describe, make

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_BLOCK = re.compile(r"(?:<!-- test: ([\w, ]+) -->\n)?```sh\n(.*?)```", re.DOTALL)

_SMALL = {
    r"--people \d+ --photos \d+": "--people 3 --photos 8",
    r"--min-images \d+": "--min-images 4",
    r"--count \d{3}": "--count 12",
    r"--count \d\d": "--count 10",
    r"--epochs \d+": "--epochs 1",
    r"^(facekit train good -o (mine|facenet) .*)$": r"\1 --split 100/0/0 --monitor accuracy",  # of three people
    r"^facekit evaluate mine$": "facekit evaluate mine --part train",
    r"^facekit train full -o network$": "facekit train full -o network --epochs 1",  # Inception V3, which takes hours
}
"""What is made smaller, so that a test can afford it; all else is as it is written."""

_LONG = re.compile(
    r"^facekit (compare|cross-validate|inspect|evaluate-pairs|augment|enroll|identify|verify|gallery|monitor|tune|"
    r"forget|expire|train full)"
    r"|--strangers|--detector|--reference"
    r"|train good -o network|predict .*--fpir|\b(full|others)\b"
)
"""What takes long also in small. Of such lines, the usual tests only ask whether the command takes them."""

_BY_HAND = {
    *("python3 -m venv .venv", ". .venv/bin/activate"),
    "SSL_CERT_FILE=camera.pem facekit identify gallery rtsps://192.168.0.20/stream1",
    "openssl s_client -connect 192.168.0.20:322 </dev/null | openssl x509 > camera.pem",
}
"""Lines that set up a machine, as those are that the tests run on; two need a camera."""

_CODES = {"strict": {0, 2}, "doctor": {0, 2}}
"""Mark of a block -> the exit codes that its lines may have."""


@dataclass(frozen=True)
class Block:
    """A shell block of a page, and what a comment above it says of its test."""

    page: Path
    lines: tuple[str, ...]
    marks: frozenset[str]

    @property
    def long(self) -> bool:
        """Whether it is left to `make bench`: it trains a network, or has a minute's work besides."""
        return "long" in self.marks or any(_LONG.search(line) for line in self.lines)


@dataclass
class World:
    """A folder with drawn people and what the pages make of them. What a line has made is not made again."""

    folder: Path
    made_by: dict[str, str] = field(default_factory=dict)
    """Folder or file in it -> the line that made it."""

    def __post_init__(self) -> None:
        """Lay out the files that the pages name and no command makes."""
        (self.folder / "examples").symlink_to(ROOT / "examples")
        (self.folder / "ranges.toml").write_text("[ranges]\nlearning_rate = { low = 1e-4, high = 1e-2, log = true }\n")
        (self.folder / "names.txt").write_text("Ada Lovelace\nCyd Charisse\n")
        contender = '[[contender]]\nname = "tiny"\nnetwork = "cnn3"\nsize = 32\nepochs = 1\n'
        (self.folder / "contenders.toml").write_text(contender)

    def run(self, block: Block) -> None:
        """Run the lines of a block. Raises AssertionError with what a line printed where it fails."""
        for line in block.lines:
            if line.startswith("facekit "):
                self._pipeline(small(line), _CODES.get(next(iter(block.marks & _CODES.keys()), ""), {0}))
            else:
                check_setup(line)

    def _pipeline(self, line: str, codes: set[int]) -> None:
        piped = ""
        for command in line.split(" | "):
            words = shlex.split(command, comments=True)[1:]
            if _waits(words):
                check(words)
                continue
            self._make_room(words, " ".join(words))
            self._prepare(words)
            code, piped, said = run(self.folder, words, piped)
            assert code in codes, f"`{command}` left with {code}:\n{said}"

    def _prepare(self, words: list[str]) -> None:
        """Make what a line reads and no line before has made, as the pages say to make it."""
        output = words[words.index("-o") + 1] if "-o" in words else ""
        for word in words:
            if word in PREPARED and word != output:
                self.need(word)

    def need(self, name: str) -> None:
        """Make a folder or file that the pages suppose, if it is not there."""
        if not (self.folder / name).exists():
            PREPARED[name](self)

    def _make_room(self, words: list[str], line: str) -> None:
        """Delete what another line made of the same name. The same line, run again, has nothing left to do."""
        if "-o" in words and "--apply" not in words:
            output = words[words.index("-o") + 1]
            if self.made_by.setdefault(output, line) != line:
                shutil.rmtree(self.folder / output, ignore_errors=True)
                self.made_by[output] = line


def served(page: Path) -> str:
    """Return the lines of a page that ask a server, of all its blocks: `test_describing.py` runs them in a shell."""
    return "".join(text for marks, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if marks == "served")


def blocks() -> Iterator[Block]:
    """Yield every shell block of every page, but those that ask a server."""
    for page in PAGES:
        for marks, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
            if marks == "served":
                continue
            typed = re.sub(r"\s*\\\n\s*", " ", text).splitlines()  # a line may go on after a backslash
            lines = [" ".join(shlex.split(line, comments=True)) and line.strip() for line in typed]
            yield Block(page, tuple(filter(None, lines)), frozenset(filter(None, marks.replace(",", " ").split())))


def small(line: str) -> str:
    """Return a line without its comment, with numbers that a test can afford."""
    line = re.sub(r"\s+# .*", "", line).strip()
    for large, less in _SMALL.items():
        line = re.sub(large, less, line)
    return line


def run(folder: Path, words: list[str], piped: str = "") -> tuple[int, str, str]:
    """Run facekit in a folder, as a shell does. Return its exit code and what it printed to stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    typed, stdin = patch.object(sys, "argv", ["facekit", *words]), patch.object(sys, "stdin", io.StringIO(piped))
    with chdir(folder), redirect_stdout(out), redirect_stderr(err), typed, stdin:
        try:
            cli.main()
        except SystemExit as left:
            return int(left.code or 0), out.getvalue(), err.getvalue()
    raise AssertionError("it did not leave")


def _waits(words: list[str]) -> bool:
    """Whether a command waits for a person, or asks the web or a camera."""
    asks = words[0] in ("identify", "predict") and ("://" in words[2] or words[2].isdecimal())
    return words[0] in ("scrape", "serve") or asks or (words[0] == "review" and "--apply" not in words)


def check_all(block: Block) -> None:
    """Check that commands take the lines of a block as they are written."""
    for line in block.lines:
        for command in line.split(" | "):
            words = shlex.split(command, comments=True)
            if words[0] == "facekit":
                check(words[1:])
            else:
                check_setup(line)


def check(words: list[str]) -> None:
    """Check that a command takes these words, without running it."""
    command = registry.own(words[0])
    typer: Any = get_command(made(command))
    values = typer.make_context(words[0], list(words[1:])).params
    make(command.options, {option.name: values[option.name] for option in describe(command.options)})


def check_setup(line: str) -> None:
    """Check a line that is no command of facekit: a target of the Makefile, or an install with an extra."""
    words = shlex.split(line, comments=True)
    if words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), f"make has no {words[1]}"
    elif words[:2] == ["pip", "install"]:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        assert set(re.findall(r"[\w-]+", words[-1].partition("[")[2])) <= extras.keys(), line
    else:
        assert line in _BY_HAND, f"nothing runs or checks `{line}`"


def _typed(line: str) -> Callable[[World], None]:
    return lambda world: world.run(Block(ROOT, (line,), frozenset()))


def _known(world: World) -> None:
    world.need("photos")
    shutil.copytree(world.folder / "photos", world.folder / "known")


def _film(world: World) -> None:
    """Write a film in which two people walk, one of whom is in `photos`."""
    from videos import Walk, film, write

    from facekit.world.people import people

    one, other = people(2, 42)
    write(world.folder / "film.mp4", film([Walk(one, 0, 2, (0, 0.3)), Walk(other, 0.5, 3, (1, 0.7))], 3))


def _pairs(world: World) -> None:
    """Write a list of pairs of photos of two people, half of which are one person."""
    world.need("photos")
    photos = world.folder / "photos"
    found = [sorted(person.iterdir())[:4] for person in sorted(photos.iterdir()) if person.is_dir()]
    rows = [(one[i], one[j], 1) for one in found for i in range(4) for j in range(i)]
    rows += [(found[0][i], found[1][j], 0) for i in range(4) for j in range(4)]
    lines = [f"{a.relative_to(photos)},{b.relative_to(photos)},{same}" for a, b, same in rows]
    for name in ("pairs.csv", "more-pairs.csv"):
        (world.folder / name).write_text("\n".join(["first,second,same", *lines]) + "\n")


def _tables(world: World) -> None:
    """Write the tables of pictures and of people that `label` reads."""
    world.need("even")
    rows = [json.loads(line) for line in (world.folder / "even" / "manifest.jsonl").read_text().splitlines()]
    (world.folder / "expressions.csv").write_text(f"image,expression\n{rows[0]['path']},happy\n")
    people = "".join(f"{name},female,1815\n" for name in sorted({row["label"] for row in rows}))
    (world.folder / "people.csv").write_text(f"label,gender,born\n{people}")


def _lfw(world: World) -> None:
    published.lfw(world.folder / "unpacked")
    (world.folder / "unpacked" / "lfw").rename(world.folder / "lfw-deepfunneled")


PREPARED: dict[str, Callable[[World], object]] = {
    "photos": _typed("facekit draw -o photos --people 6 --photos 40"),
    "others": _typed("facekit draw -o others --people 2 --photos 20 --seed 5"),
    "faces": _typed("facekit crop photos -o faces"),
    "good": _typed("facekit clean faces -o good --min-images 20"),
    "even": _typed("facekit balance good -o even --count 30"),
    "full": _typed("facekit augment even -o full --count 150"),
    "model": _typed("facekit train good -o model --backbone sface"),
    "named": _typed("facekit train good -o named --backbone sface"),
    "network": _typed("facekit train full -o network --network cnn3 --size 48 --epochs 3"),
    "mine": _typed("facekit train good -o mine --backbone sface --objective arcface"),
    "known": _known,
    "film.mp4": _film,
    "gallery": _typed("facekit enroll photos -o gallery"),
    "pairs.csv": _pairs,
    "more-pairs.csv": _pairs,
    "expressions.csv": _tables,
    "people.csv": _tables,
    "lfw-deepfunneled": _lfw,
    "fer2013.csv": lambda world: published.fer2013(world.folder),
    "UTKFace": lambda world: published.utkface(world.folder),
    "celeba": lambda world: published.celeba(world.folder / "celeba"),
}
"""What the pages suppose that a reader has, and how it is made."""
