"""What a stranger may do to a folder before somebody else gets it: one change, drawn by a seed.

Text files are changed by their structure: a field of a JSON value to another type, an extreme, a path or an escape
sequence; a line to another; or the bytes themselves. Files become links, folders, pipes or devices. Weights keep
their layout and lie about shapes and numbers.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Changed = str
"""What was changed, in words that make the case again easy to understand."""

DEEP = 20_000
LONG = 24 << 20
HUGE = 1 << 31
"""Bytes of a file that is too large for anything; it has holes, and takes no place on the disk."""

TEXTS = (".json", ".jsonl", ".csv", ".toml", ".txt", ".md")
ARRAYS = (".npz", ".h5")


def tamper(folder: Path, outside: Path, rng: random.Random, times: int = 1) -> list[Changed]:
    """Change a folder so many times; return what was changed."""
    return [_one(folder, outside, rng) for _ in range(times)]


def garble(file: Path, valid: bytes, rng: random.Random) -> bytes:
    """Return the bytes of a valid file changed once or twice, 4 MB at most; the file is written on the way."""
    file.write_bytes(valid)
    for _ in range(rng.choice((1, 1, 2))):
        (_in_text if file.suffix in TEXTS else _in_bytes)(file, file.parent / "outside", rng)
    return file.read_bytes()[: 4 << 20]


def _one(folder: Path, outside: Path, rng: random.Random) -> Changed:
    if folder.is_file():
        return _in_text(folder, outside, rng)
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    groups: list[tuple[float, Callable[[Path, Path, random.Random], Changed], list[Path]]] = [
        (6, _in_text, [file for file in files if file.suffix in TEXTS and file.stat().st_size]),
        (2, _in_array, [file for file in files if file.suffix in ARRAYS]),
        (1, _in_bytes, files),
        (2, _instead, files),
        (
            1,
            _instead_of_a_folder,
            sorted(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink()),
        ),
    ]
    groups = [group for group in groups if group[2]]
    _, how, places = rng.choices(groups, [weight for weight, *_ in groups])[0]
    # By kind first: a tree has many pictures and one manifest.
    suffix = rng.choice(sorted({place.suffix for place in places}))
    place = rng.choice([place for place in places if place.suffix == suffix])
    return f"{place.relative_to(folder.parent)}: {how(place, outside, rng)}"


# Text


def _in_text(file: Path, outside: Path, rng: random.Random) -> Changed:
    how = {".json": _in_json, ".jsonl": _in_line, ".csv": _in_cell, ".toml": _in_toml}.get(file.suffix, _in_bytes)
    try:
        return (how if rng.random() < 0.8 else _in_bytes)(file, outside, rng)
    except (ValueError, IndexError, RecursionError, csv.Error):  # an earlier change has left no structure to change
        return _in_bytes(file, outside, rng)


def _in_json(file: Path, outside: Path, rng: random.Random) -> Changed:
    if rng.random() < 0.1:
        file.write_text(deep(rng))
        return "nested deep"
    text, what = _changed(json.loads(file.read_text()), file, outside, rng)
    file.write_text(text, errors="surrogatepass")
    return what


def _in_line(file: Path, outside: Path, rng: random.Random) -> Changed:
    lines = file.read_text().splitlines()
    number = rng.randrange(len(lines))
    where = f"line {number + 1}"
    match rng.randrange(10):
        case 0:
            lines[number] = deep(rng)
            what = "nested deep"
        case 1:
            lines[number] = rng.choice(("", "null", "[]", "3", '"text"', "{}", "{", "x" * 2_000_000))
            what = f"is {lines[number][:10]!r}"
        case 2:
            lines.insert(number, rng.choice(lines))
            what = "another one again"
        case _:
            lines[number], what = _changed(json.loads(lines[number]), file, outside, rng)
    file.write_bytes("\n".join([*lines, ""]).encode("utf-8", "surrogatepass"))
    return f"{where}: {what}"


def _changed(value: Any, file: Path, outside: Path, rng: random.Random) -> tuple[str, Changed]:
    """Return the JSON of a value of which one field is another, or gone, and what was done."""
    places = list(_places(value))
    if not places:
        return json.dumps(_instead_of(value, file, outside, rng)), "another value"
    holder, key = rng.choice(places)
    if rng.random() < 0.15:
        del holder[key]
        return json.dumps(value), f"{key} is gone"
    new = _instead_of(holder[key], file, outside, rng)
    holder[key] = new
    return json.dumps(value), f"{key} = {str(new)[:60]!r}"


def _places(value: Any) -> Any:
    """Yield holder and key of every field, at any depth."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in list(inner):
        yield value, key
        yield from _places(held)


def _instead_of(value: Any, file: Path, outside: Path, rng: random.Random) -> Any:
    if isinstance(value, str) and rng.random() < 0.6:
        return rng.choice((*_paths(file, outside), *_texts(value)))
    if isinstance(value, int | float) and rng.random() < 0.6:
        return rng.choice(
            (0, -1, 1, 2, 0.5, 20_000, 10**9, 2**31, 2**63, 2**64, 10**400, 1e308, float("nan"), float("inf"))
        )
    return rng.choice(
        (None, True, False, 0, -1, 1.5, "", "x", [], {}, [[]], ["x"], {"x": 1}, [None], list(range(100_000)))
    )


def _paths(file: Path, outside: Path) -> list[str]:
    """Paths from a file in a folder to what is outside, and ones that are no paths."""
    from_root = os.path.relpath(outside, _root(file))
    found = [
        f"{base}/{name}"
        for base in (from_root, str(outside))
        for name in ("secret.jpg", "secret.txt", "victims", "run.sh")
    ]
    found += [
        from_root,
        str(outside),
        f"{from_root}/victims/{0:016x}.jpg",
        f"x/../{from_root}/victims",
        f"{from_root}/new",
    ]
    return [*found, ".", "..", "/", "//", "../..", "~", "/dev/zero", "/dev/stdin", "/proc/self/mem", "a/b/c/d"]


def _root(file: Path) -> Path:
    """The folder that paths in a file are relative to: the one that lies in `home`."""
    home = next((place for place in file.parents if place.name == "home"), file.parent)
    return home / file.relative_to(home).parts[0]


def _texts(value: str) -> list[str]:
    controls = [
        "\x1b]0;title\x07",
        "\x1b[2J",
        "a\nb",
        "a\rb",
        "a\0b",
        "\u202eb",
        "\u200f",
        "\x9b2J",
        "\ud800",
        "\udcff",
        "[bold]x[/]",
        "[/]",
    ]
    markup = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "]]>", "{{7*7}}", "%s%n", "$(id)", "; id"]
    cells = ["=1+1", "+1", "-1", "@x", "=HYPERLINK(1)"]
    long = ["x" * 255, "x" * 5000, "ä" * 200, "y" * 1_500_000]
    return [
        *controls,
        *(value + control for control in controls[:6]),
        *markup,
        *cells,
        *long,
        "",
        " ",
        "CON",
        value.upper(),
        value[:-1],
    ]


def deep(rng: random.Random) -> str:
    """Return JSON that is nested deeper than any reader's stack."""
    opens, closes = rng.choice((("[", "]"), ('{"a":', "}")))
    whole = rng.random() < 0.5
    return opens * DEEP + ("1" if whole else "") + (closes * DEEP if whole else "")


def _in_cell(file: Path, outside: Path, rng: random.Random) -> Changed:
    rows = list(csv.reader(io.StringIO(file.read_text(), newline="")))
    row = rng.choice(rows)
    column = rng.randrange(len(row))
    new = str(_instead_of(row[column], file, outside, rng))
    row[column] = new.encode("utf-8", "replace").decode()
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    file.write_text(text.getvalue())
    return f"a cell = {new[:60]!r}"


def _in_toml(file: Path, outside: Path, rng: random.Random) -> Changed:
    lines = file.read_text().splitlines()
    places = [number for number, line in enumerate(lines) if " = " in line]
    number = rng.choice(places)
    key = lines[number].partition(" = ")[0]
    new = rng.choice(
        [
            "true",
            "-1",
            "0",
            "nan",
            "inf",
            "1e400",
            "[]",
            "{}",
            "[[]]",
            '""',
            "1979-05-27",
            "99999999999999999999",
            "[" * 5000,
        ]
        + [json.dumps(text) for text in (*_paths(file, outside), "crop", "run", "review", "demo", "\u202e", "\x1b[2J")]
    )
    lines[number] = f"{key} = {new}"
    file.write_text("\n".join(lines))
    return f"{key} = {new[:60]}"


# Bytes


def _in_bytes(file: Path, outside: Path, rng: random.Random) -> Changed:
    data = file.read_bytes()
    if rng.random() < 0.1:
        # Long enough to tell what is read line by line, or whole, or not at all.
        kind = rng.choice((b"\n", b"x", b"[", b"\0"))
        file.write_bytes(kind * LONG)
        return f"{LONG >> 20} MB of {kind!r}"
    place = rng.randrange(len(data) + 1)
    made = {
        f"cut to {place} bytes": data[:place],
        "bytes changed": _with_other_bytes(data, rng),
        "bytes between": data[:place] + rng.randbytes(rng.choice((1, 100))) + data[place:],
        "empty": b"",
        "another beginning": rng.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\0" * 100)) + data,
        "noise": rng.randbytes(5000),
    }
    what = rng.choice(list(made))
    file.write_bytes(made[what])
    return what


def _with_other_bytes(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 20) if data else 0):
        changed[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(changed)


# Places


def _instead(file: Path, outside: Path, rng: random.Random) -> Changed:
    """Put something in a file's place that is no file of this folder."""
    suffix = file.suffix
    file.unlink()
    match rng.randrange(8):
        case 0 | 1:
            target = outside / ("secret.jpg" if suffix == ".jpg" else "secret.txt")
            file.symlink_to(rng.choice((target, Path(os.path.relpath(target, file.parent)))))
            return f"a link to {target.name} outside"
        case 2:
            file.symlink_to(outside / "new")
            return "a link to what is not there"
        case 3:
            file.mkdir()
            (file / "x").write_text("x")
            return "a folder"
        case 4:
            os.mkfifo(file)
            return "a pipe"
        case 5:
            file.symlink_to("/dev/zero")
            return "a link to /dev/zero"
        case 6:
            file.touch()
            os.truncate(file, HUGE)
            return "2 GB of zeros"
        case _:
            file.symlink_to(file.name)
            return "a link to itself"


def _instead_of_a_folder(folder: Path, outside: Path, rng: random.Random) -> Changed:
    match rng.randrange(5):
        case 0 | 1:
            shutil.rmtree(folder)
            folder.symlink_to(outside / "victims")
            return "a link to a folder outside"
        case 2:
            shutil.rmtree(folder)
            os.mkfifo(folder)
            return "a pipe"
        case 3:
            shutil.rmtree(folder)
            folder.symlink_to("/proc/self")
            return "a link to /proc/self"
        case _:
            (folder / "again").symlink_to(".")
            return "a link to itself in it"


# Arrays


def _in_array(file: Path, outside: Path, rng: random.Random) -> Changed:
    try:
        return _in_npz(file, rng) if file.suffix == ".npz" else _in_h5(file, rng)
    except (OSError, ValueError, zipfile.BadZipFile):  # an earlier change has left no arrays to change
        return _in_bytes(file, outside, rng)


def _in_npz(file: Path, rng: random.Random) -> Changed:
    with np.load(file) as held:
        arrays = {name: held[name] for name in held.files}
    name = rng.choice(sorted(arrays))
    one = arrays[name]
    match rng.randrange(8):
        case 0:
            arrays[name] = np.full_like(one, rng.choice((np.nan, np.inf, -np.inf, 1e38)))
            what = "no numbers"
        case 1:
            arrays[name] = rng.choice((one[:0], one[:1], one.T.copy(), np.zeros(3), np.float32(1)))
            what = f"shape {np.shape(arrays[name])}"
        case 2:
            arrays[name] = one.astype(rng.choice(("float64", "int8", "complex64", "U10")))
            what = f"of {arrays[name].dtype}"
        case 3:
            del arrays[name]
            what = "gone"
        case 4:
            arrays[name] = np.array([{"a": 1}], dtype=object)
            what = "a pickle"
        case 5:
            _bomb(file, name)
            return f"{name}: 1.6 GB in a few"
        case 6:
            _lie(file, name)
            return f"{name}: a header that promises terabytes"
        case _:
            arrays["more"] = np.zeros(10)
            what = "another one beside it"
    np.savez(file, **arrays)
    return f"{name}: {what}"


def _bomb(file: Path, name: str) -> None:
    """Write an array of zeros that is a thousandth of its size on the disk."""
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out,
        out.open(f"{name}.npy", "w", force_zip64=True) as to,
    ):
        np.lib.format.write_array_header_1_0(to, {"descr": "<f4", "fortran_order": False, "shape": (4 * 10**8,)})
        zeros = bytes(1 << 24)
        for _ in range(100):
            to.write(zeros)


def _lie(file: Path, name: str) -> None:
    with zipfile.ZipFile(file, "w") as out, out.open(f"{name}.npy", "w") as to:
        np.lib.format.write_array_header_1_0(to, {"descr": "<f4", "fortran_order": False, "shape": (10**7, 10**6)})
        to.write(b"\0" * 100)


def _in_h5(file: Path, rng: random.Random) -> Changed:
    with h5py.File(file, "r+") as held:
        names: list[str] = []
        held.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        name = rng.choice(names)
        values = held[name][()]
        del held[name]
        match rng.randrange(7):
            case 0:
                held[name] = np.full(np.shape(values), rng.choice((np.nan, np.inf, 1e38)), np.float32)
                what = "no numbers"
            case 1:
                held[name] = np.zeros(rng.choice(((0,), (3,), (7, 7), ())), np.float32)
                what = "another shape"
            case 2:
                held.create_dataset(name, (10**9,), np.float32, chunks=(10**6,), compression="gzip")
                what = "4 GB of nothing"
            case 3:
                what = "gone"
            case 4:
                held[name] = "text"
                what = "a text"
            case 5:
                held[name] = h5py.ExternalLink(str(file.with_name("other.h5")), "/x")
                what = "a link to another file"
            case _:
                held[name] = h5py.SoftLink(f"/{name}")
                what = "a link to itself"
    return f"{name}: {what}"
