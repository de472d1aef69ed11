"""The command line: data on stdout, talk on stderr, one line for the user's faults."""

import json
import logging
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import get_args

import pytest
from conftest import Done, Facekit, picture, plain_tree, read_tree

from facekit.base import images
from facekit.cli import app as cli
from facekit.options import registry
from facekit.options.base import describe
from facekit.options.fields import Field

HEAVY = (
    "numpy",
    "tensorflow",
    "keras",
    "cv2",
    "sklearn",
    "albumentations",
    "selenium",
    "scipy",
    "PIL",
    "requests",
    "matplotlib",
    "fastapi",
    "onnxruntime",
)


def crop(source: Path, output: Path, *more: object) -> tuple[object, ...]:
    return ("crop", source, "-o", output, "--no-detect", "--size", 24, "-j", 1, *more)


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    bin = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


# Help


def modules(*arguments: str, **environment: str) -> tuple[str, set[str]]:
    """What facekit prints when it is called so, and the modules that it has imported by its end."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('modules:', *sys.modules, file=sys.stderr))\n"
        f"sys.argv = {['facekit', *arguments]}\n"
        "from facekit.cli import main\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    said, _, loaded = done.stderr.partition("modules: ")
    assert said == ""
    return done.stdout, set(loaded.split())


BASH, ZSH = {"_FACEKIT_COMPLETE": "complete_bash"}, {"_FACEKIT_COMPLETE": "complete_zsh"}


@pytest.mark.parametrize(
    ("arguments", "environment", "prints", "of_commands"),
    [
        (["--version"], {}, "0.", set()),
        (["--help"], {}, "\n  scrape  ", set()),
        ([], {**BASH, "COMP_WORDS": "facekit ", "COMP_CWORD": "1"}, "\ncrop\n", set()),
        ([], {**ZSH, "_TYPER_COMPLETE_ARGS": "facekit "}, '"crop":"Find the face in each photo', set()),
        (["crop", "--help"], {}, "--margin", {"crop"}),
        ([], {**BASH, "COMP_WORDS": "facekit crop --m", "COMP_CWORD": "2"}, "--margin", {"crop"}),
        ([], {**ZSH, "_TYPER_COMPLETE_ARGS": "facekit crop --m"}, '"--margin":"Margin around', {"crop"}),
    ],
)
def test_help_and_completion_load_nothing_heavy(
    arguments: list[str], environment: dict[str, str], prints: str, of_commands: set[str]
) -> None:
    """A person waits for each of them, for completion at every press of Tab."""
    said, loaded = modules(*arguments, **environment)
    assert prints in said
    assert "typer" in loaded
    assert {name.partition(".")[0] for name in loaded}.isdisjoint(HEAVY)
    assert not [name for name in loaded if name.startswith(("rich.", "typer.rich_utils", "pydantic", "msgspec"))]
    options = {name.removeprefix("facekit.options.") for name in loaded if name.startswith("facekit.options.")}
    named = {name.replace("_", "-") for name in options}
    assert named & set(registry.names()) == of_commands, "only the options of the command that is asked for"


def test_no_commands_help_loads_anything_heavy() -> None:
    code = (
        "import sys\nfrom facekit.cli.parameters import made\nfrom facekit.options import registry\n"
        "for name in registry.names():\n"
        "    made(registry.own(name))(['--help'], standalone_mode=False)\n"
        "print(' '.join(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {name.partition(".")[0] for name in done.stderr.split()}.isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("words", "expected"),
    [("facekit au", {"audit", "augment"}), ("facekit crop x --align ", {"none", "eyes"}), ("facekit nothing x", set())],
)
def test_completion_knows_commands_and_choices(words: str, expected: set[str]) -> None:
    said, _ = modules(**BASH, COMP_WORDS=words, COMP_CWORD=str(words.count(" ")))
    assert set(said.split()) == expected


@pytest.mark.parametrize("name", registry.names())
def test_every_command_has_help(facekit: Facekit, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    done = facekit(name, "--help")
    assert (done.code, done.err) == (0, "")
    for field in describe(registry.own(name).options):
        assert field.help, f"{name} {field.name} has no help"
        assert field.positional or field.flag in done.out
    for common in ("--json", "--quiet", "--log-file", "--jobs", "--seed", "--overwrite", "--dry-run"):
        assert common in done.out


def test_every_command_is_documented(facekit: Facekit) -> None:
    done = facekit("--help")
    for name in registry.names():
        assert registry.own(name).options.__doc__
        assert name in done.out


def test_version(facekit: Facekit) -> None:
    from facekit import __version__

    assert facekit("--version") == Done(0, __version__ + "\n", "")


@pytest.mark.parametrize("arguments", [(), ("crop",)])
def test_no_arguments_show_the_help(facekit: Facekit, arguments: tuple[str, ...]) -> None:
    done = facekit(*arguments)
    assert done.code == 2
    assert "Usage:" in done.out
    assert "error" not in done.err


# What goes where


def test_stdout_is_the_folder(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    done = facekit(*crop(plain, tmp_path / "out"))
    assert (done.code, done.out) == (0, f"{tmp_path / 'out'}\n")
    assert "16/16" in done.err
    assert "stage" in done.err


def test_json_is_one_object(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    (plain / "Ada" / "text.txt").write_text("hello")
    done = facekit(*crop(plain, tmp_path / "out", "--json"))
    report = json.loads(done.out)
    assert done.out.count("\n") == 1
    assert report.keys() >= {"stage", "folder", "made", "kept", "left", "seconds", "details"}
    assert (report["made"], report["left"], report["folder"]) == (16, {"not a picture": 1}, str(tmp_path / "out"))
    assert "{" not in done.err


def test_quiet_says_nothing(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    assert facekit(*crop(plain, tmp_path / "out", "--quiet")) == Done(0, f"{tmp_path / 'out'}\n", "")


def test_quiet_still_warns(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    (plain / "loose.jpg").write_bytes(b"")
    assert "warning: " in facekit(*crop(plain, tmp_path / "out", "--quiet")).err


def test_a_log_file(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    (plain / "loose.jpg").write_bytes(b"")
    assert facekit(*crop(plain, tmp_path / "out", "--log-file", tmp_path / "log")).code == 0
    assert "WARNING facekit.dataset.layouts: " in (tmp_path / "log").read_text()
    logger = logging.getLogger("facekit")
    assert logger.propagate
    assert str(tmp_path) not in str(logger.handlers)
    assert not [handler for handler in logger.handlers if "facekit" in type(handler).__module__]


def test_a_log_file_that_cannot_be_written(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    done = facekit(*crop(plain, tmp_path / "out", "--log-file", tmp_path / "none" / "log"))
    assert done.code == 2
    assert one_line(done.err).endswith("choose a file that can be written")
    assert not (tmp_path / "out").exists()


def test_a_dry_run_writes_nothing(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    before = read_tree(tmp_path)
    commands = {
        "crop": ("--no-detect",),
        "clean": ("--min-images", 2),
        "balance": ("-n", 5),
        "augment": ("-n", 12),
    }
    for name, more in commands.items():
        done = facekit(name, plain, "-o", tmp_path / "out", "--dry-run", "--json", *more)
        assert done.code == 0, done.err
        assert json.loads(done.out)["made"] > 0
    assert read_tree(tmp_path) == before


# Faults


def one_line(err: str) -> str:
    lines = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, err
    assert "Traceback" not in err
    return lines[0]


def refuse(done: Done) -> str:
    assert done.code == 2, done.err
    assert done.out == ""
    return one_line(done.err)


def test_no_such_folder(facekit: Facekit, tmp_path: Path) -> None:
    said = refuse(facekit(*crop(tmp_path / "none", tmp_path / "out")))
    fix = "give photos, a folder of photos, or a zip or tar of them"
    assert said == f"error: no such file or folder: {tmp_path / 'none'}; {fix}"
    assert not (tmp_path / "out").exists()


def test_an_empty_folder(facekit: Facekit, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    said = refuse(facekit(*crop(tmp_path / "in", tmp_path / "out")))
    assert said.endswith("in has no pictures; give photos, a folder of photos, or a zip or tar of them")
    said = refuse(facekit("clean", tmp_path / "in", "-o", tmp_path / "out"))
    assert said.endswith("in has no pictures; give a folder with one folder of pictures per person")


@pytest.mark.parametrize("name", ["photos.zip", "photo.jpg"])
def test_photos_where_a_folder_of_faces_is_read(facekit: Facekit, tmp_path: Path, name: str) -> None:
    """The message names the command that makes such a folder of them."""
    photos = tmp_path / "my photos" / name
    photos.parent.mkdir()
    photos.write_bytes(picture(1))
    if name.endswith(".zip"):
        with zipfile.ZipFile(photos, "w") as archive:
            archive.writestr("Ada/1.jpg", picture(1))
    for command in ("clean", "balance", "augment", "train", "compare"):
        said = refuse(facekit(command, photos, "-o", tmp_path / "out"))
        crop = f"`facekit crop '{photos}' -o faces`"
        assert said == f"error: {photos} is a file; make a folder of its faces with {crop}, and give that"


PATHS = [
    pytest.param(name, option, id=f"{name} {option.called}")
    for name in registry.names()
    for option in describe(registry.own(name).options)
    if option.path is not None
]


@pytest.mark.parametrize(("name", "option"), PATHS)
def test_an_empty_path_is_not_the_current_folder(
    facekit: Facekit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, option: Field
) -> None:
    """A shell makes one of a variable that is not set: `facekit crop "$photos" -o faces`."""
    (tmp_path / "here").mkdir()
    plain_tree(tmp_path / "here", {"Ada": 2})
    monkeypatch.chdir(tmp_path / "here")
    before = read_tree(tmp_path)
    words = []
    for other in describe(registry.own(name).options):
        if other.name == option.name:
            words += [""] if option.positional else [option.flag, ""]
        elif other.required:
            value = next(iter(get_args(other.kind)), "3d") if other.path is None else "x"
            words += [value] if other.positional else [other.flag, value]
    said = refuse(facekit(name, *words))
    assert said.startswith(f"error: {option.called} is empty; give a ")
    assert read_tree(tmp_path) == before


def test_an_empty_path_of_what_every_command_takes(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    said = refuse(facekit(*crop(plain, tmp_path / "out", "--log-file", "")))
    assert said == "error: --log-file is empty; give the path of a file"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["crop", "clean", "balance", "augment"])
def test_a_folder_of_text_files(facekit: Facekit, tmp_path: Path, command: str) -> None:
    for label in ("Ada", "Bob"):
        (tmp_path / "in" / label).mkdir(parents=True)
        for number in range(5):
            (tmp_path / "in" / label / f"{number}.txt").write_text(f"{label} {number}")
    said = refuse(facekit(command, tmp_path / "in", "-o", tmp_path / "out"))
    assert "nothing is left; left out: 10 not a picture; give other pictures" in said


@pytest.mark.parametrize("command", ["balance", "augment"])
def test_fewer_pictures_than_the_split_needs(facekit: Facekit, tmp_path: Path, command: str) -> None:
    plain_tree(tmp_path / "in", {"Ada": 5, "Bob": 2})
    assert "Bob has 2 photos that can be separated" in refuse(facekit(command, tmp_path / "in", "-o", tmp_path / "out"))


def test_one_name_is_enough_to_make_pictures_of(facekit: Facekit, tmp_path: Path) -> None:
    plain_tree(tmp_path / "in", {"Ada": 5})
    assert facekit("balance", tmp_path / "in", "-o", tmp_path / "out", "-n", 6).code == 0


def test_output_inside_the_input(facekit: Facekit, plain: Path) -> None:
    assert "overlap: one is inside the other" in refuse(facekit(*crop(plain, plain / "out")))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--size", "5"), "--size is 5; it must be 16 or more"),
        (("--margin", "nan"), "--margin is nan; it must be 0 or more"),
        (("--size", "x"), "Invalid value for '--size'"),
        (("--faces", "both"), "'both' is not one of"),
        (("--background", "red"), "No such option: --background (see `facekit crop --help`)"),
    ],
)
def test_wrong_options(facekit: Facekit, plain: Path, tmp_path: Path, arguments: tuple[str, ...], says: str) -> None:
    assert says in refuse(facekit("crop", plain, "-o", tmp_path / "out", *arguments))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("split", ["70/20", "70/20/20", "a/b/c", "0/50/50", "110/-5/-5"])
def test_a_split_that_is_none(facekit: Facekit, plain: Path, tmp_path: Path, split: str) -> None:
    said = refuse(facekit("balance", plain, "-o", tmp_path / "out", "--split", split))
    assert said.startswith(f"error: --split is '{split}'; ")


def test_no_such_command(facekit: Facekit) -> None:
    assert refuse(facekit("cropp")) == "error: No such command 'cropp'. Did you mean 'crop'? (see `facekit --help`)"


def test_a_bug_keeps_its_traceback(
    facekit: Facekit, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("facekit.commands.crop.crop", broken)
    monkeypatch.setattr(
        sys, "argv", ["facekit", *map(str, crop(plain, tmp_path / "out", "--log-file", tmp_path / "log"))]
    )
    with pytest.raises(ZeroDivisionError):
        cli.main()
    assert "ZeroDivisionError: a bug" in (tmp_path / "log").read_text()


def test_every_kind_of_bad_picture_is_counted(facekit: Facekit, tmp_path: Path) -> None:
    good = images.encode(picture(1))
    folder = plain_tree(tmp_path / "in", {"Ada": 2}) / "Ada"
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "half.jpg").write_bytes(good[:-50])
    (folder / "text.jpg").write_text("hello")
    (folder / "line\nbreak 😀.jpg").write_bytes(good)
    (tmp_path / "in" / "..x").mkdir()
    done = facekit(*crop(tmp_path / "in", tmp_path / "out", "--json"))
    report = json.loads(done.out)
    assert report["left"] == {"empty file": 1, "truncated": 1, "not a picture": 1}
    assert report["kept"] == 3


# In a shell


def test_a_pipeline(plain: Path) -> None:
    line = (
        "facekit crop plain -o faces --no-detect --size 24 | facekit clean - -o clean --min-images 3 --min-side 10"
        " | facekit balance - -o even --count 6 --json | tee even.json | facekit augment - -o full --count 9"
    )
    done = shell(line, plain.parent)
    assert (done.returncode, done.stdout) == (0, "full\n"), done.stderr
    assert json.loads((plain.parent / "even.json").read_text())["kept"] == 12
    assert len(list((plain.parent / "full").glob("*/*.jpg"))) > 0
    assert sum(1 for _ in (plain.parent / "full").glob("*/*")) == 18
    assert "augment" in done.stderr


def test_a_pipeline_that_breaks_says_so(facekit: Facekit, tmp_path: Path) -> None:
    done = shell("facekit crop none -o faces -q | facekit clean - -o clean", tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: stdin is empty: the previous command printed no folder")
    assert not (tmp_path / "clean").exists()


def test_a_folder_on_stdin(facekit: Facekit, plain: Path, tmp_path: Path) -> None:
    for number, stdin in enumerate((f"{plain}\n", json.dumps({"folder": str(plain)}), f"noise\n{plain}\n")):
        done = facekit(*crop(Path("-"), tmp_path / str(number)), stdin=stdin)
        assert done.code == 0, done.err
    for stdin in ("", "  \n", "{}", "{broken", '{"folder": ""}'):
        assert "stdin is" in refuse(facekit(*crop(Path("-"), tmp_path / "none"), stdin=stdin))


def test_two_commands_on_one_folder(plain: Path, tmp_path: Path) -> None:
    plain_tree(plain, {"Cy": 60}, first=200)
    one = shlex.join(["facekit", *map(str, crop(plain, tmp_path / "out", "-q"))])
    done = shell(f"{one} & {one}; a=$?; wait $!; echo $a $?", tmp_path)
    codes = done.stdout.splitlines()[-1]
    assert codes in ("0 2", "2 0", "0 0"), done.stderr
    assert ("another facekit process is writing" in done.stderr) == (codes != "0 0")
    assert sum(1 for _ in (tmp_path / "out").glob("*/*")) == 76


def test_a_reader_that_leaves_is_no_fault(plain: Path, tmp_path: Path) -> None:
    done = shell("facekit crop plain -o out --no-detect -q --json | true", tmp_path)
    assert "Traceback" not in done.stderr
