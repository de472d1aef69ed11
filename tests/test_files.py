"""Files of strangers are read up to a bound or refused in one line, and nothing is written through a link."""

import contextlib
import hashlib
import json
import math
import os
import resource
import socket
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from facekit.base import files, plain
from facekit.base.contract import Box, FacekitError, Record, replace
from facekit.base.files import replace_lines
from facekit.base.opening import guarded, kind_of, no_folder, open_append, open_new, open_regular
from facekit.dataset.records import read_records
from facekit.dataset.store import Store


class Place(NamedTuple):
    x: int
    y: int


@dataclass(frozen=True)
class Value:
    name: str
    size: int = 3
    at: Place | None = None
    share: float | None = None


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def folder(path: Path) -> None:
    path.mkdir()


STRANGE = pytest.mark.parametrize("make", [fifo, device, folder])


# Reading


@STRANGE
def test_only_regular_files_are_read(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "strange"
    make(path)
    for read in (
        lambda: files.read_bytes(path, 100),
        lambda: files.read_json(path, Value),
        lambda: files.read_toml(path, dict[str, object]),
        lambda: files.read_lines(path, Value),
    ):
        with pytest.raises(
            FacekitError, match="strange is (not a regular file; replace it with one|a folder; give a file)$"
        ):
            read()


@STRANGE
def test_only_regular_files_are_written(tmp_path: Path, make) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "strange"
    make(path)
    with pytest.raises(FacekitError, match=r"strange (cannot be written|is a symbolic link)"):
        files.append_line(path, "{}")
    with pytest.raises(FacekitError, match=r"strange is (not a regular file|a symbolic link|a folder)"):
        files.drop_torn_line(path)


@pytest.mark.parametrize("alone", [False, True])
def test_a_file_with_other_names_gets_a_copy_of_its_own(tmp_path: Path, alone: bool) -> None:
    """An archive can hold a hard link, and with it name a file of whoever unpacks it."""
    mine, path = tmp_path / "mine", tmp_path / "lines.jsonl"
    mine.write_text("1\n2\ntorn")
    os.link(mine, path)
    files.append_line(path, "3", alone=alone)
    assert mine.read_text() == "1\n2\ntorn"
    assert path.read_text() == ("1\n2\n3\n" if alone else "1\n2\ntorn3\n")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["lines.jsonl", "mine"]
    path.unlink()
    os.link(mine, path)
    files.drop_torn_line(path)
    assert (mine.read_text(), path.read_text()) == ("1\n2\ntorn", "1\n2\n")


def test_a_file_that_was_replaced_since_it_was_opened_is_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, path, place = tmp_path / "mine", tmp_path / "lines.jsonl", "facekit.base.appending.open_append"
    mine.write_text("1\n")
    os.link(mine, path)
    first = open_append(path)

    def at_first_the_old(_: Path) -> FileIO:
        monkeypatch.setattr(place, open_append)
        files.append_line(path, "2")  # another process: from here on, one name leads to the first file
        return first

    monkeypatch.setattr(place, at_first_the_old)
    files.append_line(path, "3")
    assert (mine.read_text(), path.read_text()) == ("1\n", "1\n2\n3\n")


def test_processes_that_append_to_a_hard_link_lose_no_line(tmp_path: Path) -> None:
    mine, path = tmp_path / "mine", tmp_path / "lines.jsonl"
    mine.write_text("")
    os.link(mine, path)
    code = (
        "import sys; from pathlib import Path; from facekit.base.files import append_line\n"
        f"for n in range(100): append_line(Path({str(path)!r}), sys.argv[1] * 300, alone=True)"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, mark]) for mark in "abc"]
    assert [process.wait() for process in processes] == [0, 0, 0]
    lines = path.read_text().splitlines()
    assert sorted(lines) == sorted(mark * 300 for mark in "abc" for _ in range(100))
    assert mine.read_text() == ""


def test_a_death_leaves_half_a_line(tmp_path: Path, dying) -> None:  # type: ignore[no-untyped-def]
    """The kill tests stand on it: what dies while it writes has written a part."""
    path = tmp_path / "lines.jsonl"
    files.append_line(path, "first")
    assert dying(1, lambda: files.append_line(path, "second"))
    assert path.read_text() == "first\nsec"
    assert dying(1, lambda: files.replace_file(tmp_path / "new", b"12345678"))
    assert {entry.name: entry.read_bytes() for entry in tmp_path.glob(".*")} == {".new.part": b"1234"}
    with Store(tmp_path) as store:
        assert dying(2, lambda: store.write("Ada/x.jpg", b"12345678"))
    assert [entry.read_bytes() for entry in (tmp_path / "Ada").iterdir()] == [b"1234"]


def test_what_does_not_exist_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "none", tmp_path / "file" / "below"):
        assert files.read_lines(path, Value) == []
        files.drop_torn_line(path)
        with pytest.raises((FileNotFoundError, NotADirectoryError)):
            files.read_json(path, Value)


def test_a_file_is_measured_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "big"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # more than memory holds
    for read in (lambda: files.read_bytes(path, 1000), lambda: files.read_json(path, Value)):
        with pytest.raises(FacekitError, match=r"big has 1099511627776 bytes, more than the limit of \d+;"):
            read()
    with pytest.raises(FacekitError, match="line 1 has more than 1048576 bytes; fix or delete that line"):
        files.read_lines(path, Value)
    path.write_bytes(b"x" * 1000)
    assert files.read_bytes(path, 1000) == b"x" * 1000


def test_links_are_followed_only_where_they_may_be(tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"x")
    (tmp_path / "link").symlink_to("there")
    assert files.read_bytes(tmp_path / "link", 9) == b"x"
    with pytest.raises(FacekitError, match="link is a symbolic link; replace it with the file itself"):
        files.read_bytes(tmp_path / "link", 9, follow=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0)
    with pytest.raises(FacekitError, match=r"secret cannot be read \(Permission denied\); check its permissions"):
        files.read_bytes(tmp_path / "secret", 9)


# Values


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name"),
        ("[1]", "Expected `object`, got `array`"),
        ("{}", "missing required field `name`"),
        ('{"name": 3}', r"Expected `str`, got `int` - at `\$.name`"),
        ('{"name": "a", "size": "3"}', r"Expected `int`, got `str` - at `\$.size`"),
        ('{"name": "a", "at": [1]}', r"\$.at"),
        ('{"name": "a", "at": [1, null]}', r"Expected `int`, got `null` - at `\$.at\[1\]`"),
        ('{"name": "a", "size": NaN}', r"Expected `int`, got `null` - at `\$.size`"),
        ('{"name": "a", "share": 1' + "0" * 400 + "}", "Number out of range"),
        ('{"name": "a", "size": 1' + "0" * 5000 + "}", "a number with thousands of digits"),
        ('{"name": "a", "x": ' + "[" * 40 + "]" * 40 + "}", "nested more than 32 levels deep"),
        ("[" * 100_000 + "]" * 100_000, "nested more than 32 levels deep"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested more than 32 levels deep"),
        ("\xff", "can't decode byte 0xff"),
    ],
)
def test_what_is_wrong_with_a_value_is_said_in_one_line(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "value.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(
        FacekitError, match=rf"value\.json is not in facekit's format \(.*{why}.*\); fix it, or make"
    ) as raised:
        files.read_json(path, Value)
    assert "\n" not in str(raised.value)
    path.write_bytes(b'{"name": "a"}\n' + text.encode("latin-1") + b"\n")
    with pytest.raises(
        FacekitError, match=rf"value\.json, line 2 is not in facekit's format \(.*{why}.*\); fix or delete"
    ):
        files.read_lines(path, Value)


def test_numbers_that_json_does_not_have_are_null(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    files.write_json(
        path, {"nan": math.nan, "inf": [-math.inf, np.float32("nan"), np.array([1, math.inf])], "one": 1.5}
    )
    assert json.loads(path.read_text()) == {"nan": None, "inf": [None, None, [1.0, None]], "one": 1.5}
    for number in ("NaN", "-Infinity", "1e999"):
        assert plain.parse(f'{{"name": "a", "share": {number}}}', Value) == Value("a")


def test_a_value_is_read_as_it_was_written(tmp_path: Path) -> None:
    values = [Value("ü\udcff", 4, Place(1, -2), 0.1), Value("line\u2028\nbreak", at=None)]
    files.write_json(tmp_path / "x.json", values)
    assert files.read_json(tmp_path / "x.json", list[Value]) == values
    files.replace_lines(tmp_path / "x.jsonl", map(plain.dump_line, values))
    assert files.read_lines(tmp_path / "x.jsonl", Value) == values


@pytest.mark.parametrize("text", ["a = ", "a = " + "[" * 5000 + "]" * 5000, "\xff", "a = 1\na = 2"])
def test_what_is_wrong_with_toml_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(FacekitError, match=r"x\.toml is not valid TOML \(.+\); fix it$"):
        files.read_toml(tmp_path / "x.toml", dict[str, object])


def test_empty_lists_by_the_million_are_refused_before_they_are_made(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"name": "a", "x": [' + "[]," * 600_000 + "[]]}")
    tracemalloc.start()
    try:
        with pytest.raises(FacekitError, match=r"x\.json is not .*\(more values than facekit writes\)"):
            files.read_json(tmp_path / "x.json", Value)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


def test_a_long_text_may_have_many_values() -> None:
    names = [f"{number:064x}" for number in range(plain.MOST_VALUES // 5)]
    pictures = [["Ada", "0.jpg", name, "test", None, None] for name in names]
    assert plain.parse(plain.dump({"pictures": pictures}), dict[str, list[list[str | None]]])["pictures"] == pictures


@pytest.mark.parametrize("read", [files.read_json, files.read_toml])
def test_nobody_is_told_how_to_program_python(tmp_path: Path, read: Callable[[Path, type], object]) -> None:
    (tmp_path / "x").write_text(f'{{"a": {"9" * 5000}}}' if read is files.read_json else f"a = {'9' * 5000}")
    with pytest.raises(FacekitError, match=r"\(a number with thousands of digits\)"):
        read(tmp_path / "x", dict)


def test_toml_has_a_type(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('name = "a"\nat = [1, 2]\n')
    assert files.read_toml(tmp_path / "x.toml", Value) == Value("a", at=Place(1, 2))


# Lines


def test_blank_lines_cost_no_memory_and_no_time(tmp_path: Path) -> None:
    path = tmp_path / "blank.jsonl"
    path.write_bytes(b'{"name": "a"}\n\n  \n{"name": "b"}\n' + b"\n" * 100)
    assert [value.name for value in files.read_lines(path, Value)] == ["a", "b"]
    with path.open("wb") as file:
        for _ in range(30):
            file.write(b"\n" * 1_000_000)
    code = (
        "import sys, resource; from pathlib import Path; from facekit.base.files import *\n"
        "from facekit.base.contract import FacekitError, Record\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"try: read_lines(Path({str(path)!r}), Record)\n"
        "except FacekitError as error: print(error)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    message, megabytes = run.stdout.splitlines()
    assert message.endswith("blank.jsonl holds more than 10000 blank lines; delete them")
    assert int(megabytes) < 50


def test_a_long_last_line_is_torn_only_up_to_a_bound(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"name": "a"}\n{"name": "' + b"x" * 1000)
    assert files.read_lines(path, Value) == [Value("a")]
    path.write_bytes(b'{"name": "a"}\n{"name": "' + b"x" * files.MAX_LINE)
    with pytest.raises(FacekitError, match="line 2 has more than"):
        files.read_lines(path, Value)


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 200_000])
def test_a_torn_line_is_cut_off(tmp_path: Path, size: int) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"whole\n" + b"x" * size)
    files.drop_torn_line(path)
    assert path.read_bytes() == b"whole\n"
    path.write_bytes(b"x" * size)
    files.drop_torn_line(path)
    assert path.read_bytes() == b""


def test_several_processes_append_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"torn")
    code = (
        "import sys; from pathlib import Path; from facekit.base.files import append_line\n"
        f"for n in range(200): append_line(Path({str(path)!r}), sys.argv[1] * 300, alone=True)"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, letter]) for letter in "ab"]
    assert [process.wait() for process in running] == [0, 0]
    assert Counter(path.read_text().splitlines()) == {"a" * 300: 200, "b" * 300: 200}


# Writing


@pytest.mark.parametrize("where", ["outside", "gone"])
def test_nothing_is_written_through_a_link(tmp_path: Path, where: str) -> None:
    (tmp_path / "outside").write_text("mine")
    link = tmp_path / "x.jsonl"
    link.symlink_to(where)
    with pytest.raises(FacekitError, match="is a symbolic link, and facekit does not write through links; delete it"):
        files.append_line(link, "{}")
    files.replace_file(link, b"mine")
    assert not link.is_symlink()
    for planted in (tmp_path / ".y.part", tmp_path / "y"):
        planted.symlink_to(where)
    files.replace_file(tmp_path / "y", b"new")
    assert (tmp_path / "y").read_bytes() == b"new"
    assert (tmp_path / "outside").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "x.jsonl", "y"]


def test_a_file_that_holds_the_same_already_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x"
    files.replace_file(path, b"same")
    before = path.stat()
    files.replace_file(path, b"same")
    files.replace_lines(path.with_name("lines"), ["a"])
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    files.replace_file(path, b"other")
    assert path.read_bytes() == b"other"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines", "x"]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"before")

    def lines():  # type: ignore[no-untyped-def]
        yield "one"
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        files.replace_lines(path, lines())
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(FacekitError, match="no space left to write"):
            files.write_csv(path, ["a"], [["x" * 100]])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("size", range(1, 400, 37))
def test_a_line_that_does_not_fit_is_taken_back_on_the_next_run(tmp_path: Path, size: int) -> None:
    """The system writes the part of a line that fits and says nothing: the rest must not be lost in silence."""
    path = tmp_path / "manifest.jsonl"
    code = (
        "import resource, sys; from pathlib import Path; from facekit.base.files import append_line; "
        "from facekit.base.contract import FacekitError\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))\n"
        "try:\n"
        f"    [append_line(Path({str(path)!r}), 'x' * 70) for _ in range(9)]\n"
        "except FacekitError as error:\n"
        "    sys.exit('no space left' not in str(error))\n"
        "sys.exit('nothing was refused')"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert path.stat().st_size == size
    files.drop_torn_line(path)
    assert path.read_text() == ("x" * 70 + "\n") * (size // 71)


def test_a_file_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"as it was")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    for name in ("kept", "new"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
        try:
            with pytest.raises(FacekitError, match=f"no space left to write .*{name}; free some"):
                files.replace_file(tmp_path / name, b"x" * 100)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_bytes() == b"as it was"


def test_refusals_of_the_system_are_one_line(tmp_path: Path) -> None:
    for error, message in (
        (
            OSError(28, "No space left on device"),
            "no space left to write .*; free some space and run the same command again",
        ),
        (OSError(30, "Read-only file system"), r"cannot be written \(Read-only file system\); choose another folder"),
        (OSError(5, "Input/output error"), r"cannot be written \(Input/output error\); choose another folder"),
    ):
        with pytest.raises(FacekitError, match=message), guarded(tmp_path):
            raise error
    with pytest.raises(ValueError, match="not the system's"), guarded(tmp_path):
        raise ValueError("not the system's")


def test_opened_files_are_what_they_were_opened_for(tmp_path: Path) -> None:
    with open_new(tmp_path / "x") as file:
        file.write(b"abc")
    with open_regular(tmp_path / "x") as file:
        assert file.read() == b"abc"


# Folders


def test_what_is_in_the_place_of_a_folder_is_called_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server, contextlib.chdir(tmp_path):  # a whole path may be too long
        server.bind("socket")
    kinds = {"file": "a file", "pipe": "a FIFO", "link": "a FIFO", "socket": "a socket", ".": "a folder"}
    assert {name: kind_of(tmp_path / name) for name in kinds} == kinds
    assert kind_of(Path("/dev/zero")) == "a device"
    assert no_folder(tmp_path / "pipe") == f"{tmp_path / 'pipe'} is a FIFO"
    for nothing in ("none", "x" * 5000, "x\0y", "file/below"):
        assert kind_of(tmp_path / nothing) is None
        assert no_folder(tmp_path / nothing) == f"no such folder: {tmp_path / nothing}"


def test_a_folder_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    with files.locked(tmp_path):
        with (
            pytest.raises(FacekitError, match="another facekit process is writing .*; wait for it to end, or choose"),
            files.locked(tmp_path),
        ):
            raise AssertionError
        with pytest.raises(BlockingIOError, match="of the body"), files.locked(tmp_path.parent):
            raise BlockingIOError("of the body")
    with (
        files.locked(tmp_path),
        pytest.raises(FacekitError, match="cannot be written"),
        files.locked(tmp_path / "none"),
    ):
        raise AssertionError


def test_a_lock_can_be_waited_for(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from facekit.base.files import locked\n"
        f"with locked(Path({str(tmp_path)!r}), wait=True): print('locked', flush=True)"
    )
    with files.locked(tmp_path):
        waiting = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
    assert waiting.communicate(timeout=30)[0] == "locked\n"


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    files.check_ours(ours, "train", False)
    ours.mkdir()
    (ours / ".DS_Store").touch()
    files.check_ours(ours, "train", False)
    (ours / "letter.txt").touch()
    files.check_ours(ours, "train", True)
    with pytest.raises(FacekitError, match="ours is not empty and was not made by `train`; choose another folder$"):
        files.check_ours(ours, "train", False)
    with pytest.raises(FacekitError, match="was not made by `train`; go away$"):
        files.check_ours(ours, "train", False, hint="go away")


# Paths


def test_paths_inside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "Ada").mkdir(parents=True)
    (root / "link").symlink_to("Ada")
    (tmp_path / "short").symlink_to(root)
    for base in (root, tmp_path / "short"):
        for path in ("Ada/1.jpg", "Ada", "new/2.jpg", "Ada/../Ada/1.jpg", "link/1.jpg", "..a/x", "a\nb"):
            assert files.inside(base, path) == base / path


@pytest.mark.parametrize(
    "path",
    ["../x", "Ada/../../x", "/etc/passwd", "/", "out/x", "out", "a\0b", "..", "../root2/x"],
)
def test_paths_that_lead_out_are_refused(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    (root / "Ada").mkdir(parents=True)
    (tmp_path / "root2").mkdir()
    (root / "out").symlink_to(tmp_path / "root2")
    with pytest.raises(FacekitError, match="points outside .*root; delete the entry that names it") as raised:
        files.inside(root, path)
    assert raised.value.args[0].isprintable()


def test_an_absolute_path_into_the_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match="points outside"):
        files.inside(tmp_path, str(tmp_path / "x"))


@pytest.mark.slow
def test_a_million_lines_of_a_manifest_are_read_in_a_minute_of_the_processor(tmp_path: Path) -> None:
    record = Record(
        "a" * 64, "b" * 64, "Ada/aaaaaaaaaaaaaaaa.jpg", "Ada", "Ada", "c" * 64, "c" * 64, quality={"blur": 0.5}
    )
    path = tmp_path / "manifest.jsonl"
    files.replace_lines(path, (record.to_json() for _ in range(1_000_000)))
    code = (
        "from pathlib import Path; from facekit.base.files import *; from facekit.base.contract import Record\n"
        f"import time; print(sum(1 for _ in iterate_lines(Path({str(path)!r}), Record)), time.process_time())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines, seconds = run.stdout.split()
    assert int(lines) == 1_000_000
    assert float(seconds) < 60


def test_text_of_people(tmp_path: Path) -> None:
    (tmp_path / "bom.txt").write_bytes(b"\xef\xbb\xbfAda\n")
    assert files.read_text(tmp_path / "bom.txt") == "Ada\n"
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    with pytest.raises(FacekitError, match=r"latin\.txt is not UTF-8 text; save it as UTF-8$"):
        files.read_text(tmp_path / "latin.txt")
    with pytest.raises(FacekitError, match="more than the limit of 2; give another file"):
        files.read_text(tmp_path / "bom.txt", limit=2)


def test_a_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")
    assert files.sha256_of(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(FacekitError, match="not a regular file"):
        files.sha256_of(tmp_path / "fifo")


_REST = '"sha256": "b", "path": "l/c", "label": "l"'

ODD = (
    f'{{"id": "a", {_REST}, "name": "L", "origin": "a", "score": 0.5, "box": [1, 2, 3, 4]}}',
    f'{{"id": "a", {_REST}, "name": "L", "origin": "a", "score": NaN, "more": {{"x": [1]}}}}',
    f'{{"id": "a", {_REST}, "name": "\\ud800", "origin": "a", "score": 1e999}}',
    f'{{"id": "a", {_REST}, "name": "é\u2028", "origin": "a", "quality": {{"a": 1}}, "id": "z"}}',
    f'{{"id": "a", {_REST}, "name": "L", "origin": 1}}',
    f'{{"id": "a", {_REST}, "name": "a\tb", "origin": "a"}}',
    f'{{"id": "a", {_REST}, "name": "a", "origin": "a", "box": [1, 2, 3, 99999999999]}}',
    '{"id": "a", "more": ' + "[" * 40 + "]" * 40 + "}",
    '{"id": "a"',
    "[]",
    "",
)


@pytest.mark.parametrize("text", ODD)
def test_a_line_is_read_the_fast_way_as_the_slow_one_reads_it(text: str) -> None:
    def read(parse: Callable[[], Record]) -> Record | str:
        try:
            return parse()
        except ValueError as error:
            return str(error)

    fast = read(lambda: plain.parse_line(text.encode() + b"\n", Record))
    assert fast == read(lambda: plain.parse(text + "\n", Record))


def test_a_line_is_written_as_json_writes_it() -> None:
    record = Record(
        "a", "b", 'l/"c', "é\u2028", "L\x07", "a", box=Box(1, -2, 3, 4), score=1e-7, quality={"b": 1, "c": 0.1}
    )
    values = {name: held for name in Record.__slots__ if (held := getattr(record, name)) is not None}
    assert record.to_json() == json.dumps(values, ensure_ascii=False)
    assert json.loads(replace(record, score=float("nan")).to_json())["score"] is None
    assert replace(record, name="\udcff").to_json() == json.dumps({**values, "name": "\udcff"})
    assert record.in_part("test") == replace(record, split="test") and record.split is None


def test_texts_of_many_records_are_kept_once(tmp_path: Path) -> None:
    def line(number: int) -> str:
        one, two = (hashlib.sha256(f"{what}{number}".encode()).hexdigest() for what in "ab")
        return Record(
            one, two, f"ada/{one[:16]}.jpg", "ada", "Ada", one, one, one, "crop", quality={"faces": 1.0}
        ).to_json()

    replace_lines(tmp_path / "manifest.jsonl", map(line, range(3)))
    first, second, _ = read_records(tmp_path / "manifest.jsonl")
    assert first.label is second.label and first.name is second.name and first.quality is second.quality
    assert first.id is first.origin is first.group is first.parent and first.id != second.id
