"""Trees as real disks hold them, drawn by a seed: odd names, links, rights, formats, tables and manifests of others.

`grow` makes one; `COMMANDS` are all that read one. Each must answer with a line, and leave the tree as it is.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from fuzzcommands import review
from fuzzing import Box, Command, command_line
from PIL import Image as Pillow
from rights import rights_hold
from tampering import tamper

from facekit.options import registry

TREE = "tree"

NAMES: Sequence[bytes] = [
    *(name.encode() for name in ("Ada", "ada", " Ada ", "Bob", "Zoë", unicodedata.normalize("NFD", "Zoë"), "ZOË")),
    *(b"Zo\xeb", b"J\xf6rg", b"\xff\xfe", b"[bold]x[", b"[bold", b"=1+1", b"-o", b"--help", b"@x", b"unknown", b"..."),
    *(
        name.encode()
        for name in (
            "x\x1b[2J",
            "a\nb",
            "c\rd",
            "\u202eevil",
            "👩🏽‍🚀",
            "名前",
            "a\\b",
            "%EB",
            "n" * 240,
            "CON",
            "~",
            "$HOME",
        )
    ),
    *(
        name.encode()
        for name in ("train", "Test", "val", "lost+found", "@eaDir", ".hidden", "__MACOSX", "x.jpg", "None")
    ),
]

KNOWN = (b"Marlow Alder", b"Quinn Ibarra")
"""The names that the model knows."""

FILES: Sequence[bytes] = [
    *(
        b"1.jpg",
        b"2.JPG",
        b"3.jpeg",
        b"4",
        b"5.jfif",
        b"6.png",
        b"7.jpg?w=600",
        b"8.jpg.1",
        b"M\xfcller.png",
        b"[x].jpg",
    ),
    *("é.jpg".encode(), "e\u0301.jpg".encode(), b"=1.png", b" .jpg", b"a\nb.png", b"n" * 250, b".DS_Store"),
    *(b"Thumbs.db", b"metadata.txt", b"manifest.jsonl", b"dataset.json", b"9.gif", b"10.webp", b"11.tif", b"12.avif"),
]


def grow(root: Path, rng: random.Random) -> list[str]:
    """Make a tree, and return what is odd about it."""
    root.mkdir()
    known = [rng.choice((name, name.upper(), name + b" ")) for name in KNOWN]
    names = known if rng.random() < 0.3 else rng.sample(NAMES, rng.randint(2, 4))
    whats = [_label(root, name, rng) for name in names]
    odd = rng.sample(ODDITIES, rng.choice((0, 1, 1, 2, 3)))
    for change in odd:
        with suppress(
            OSError, IndexError
        ):  # an earlier one may have left nothing to change, or a name is too long here
            change(root, rng)
    return [*whats, *(change.__name__.strip("_") for change in odd)]


def _label(root: Path, name: bytes, rng: random.Random) -> str:
    folder = root / os.fsdecode(name)
    folder.mkdir(exist_ok=True)
    for file in rng.sample(FILES, rng.choice((1, 3, 4, 5))):
        (folder / os.fsdecode(file)).write_bytes(_content(rng))
    return ascii(folder.name)[:40]


def _content(rng: random.Random) -> bytes:
    """Return the bytes of a file: a picture of some format mostly."""
    good = _encoded(
        rng, ".jpg" if rng.random() < 0.5 else rng.choice((".png", ".webp", ".gif", ".tiff", ".avif", ".bmp"))
    )
    match rng.randrange(14):
        case 0:
            return good[: rng.randrange(len(good))]
        case 1:
            return b""
        case 2:
            return rng.randbytes(300)
        case 3:
            return b"\xff\xd8\xff\xe0" + rng.randbytes(300)
        case 4:
            middle = len(good) // 2
            return good[:middle] + bytes(20) + good[middle + 20 :]
        case 5:
            return good + b"\0" * 1000
        case 6:
            return b"<html>Not found</html>"
        case _:
            return good


def _encoded(rng: random.Random, suffix: str) -> bytes:
    side = rng.choice((1, 7, 48, 48, 64, 64))
    pixels = np.random.default_rng(rng.randrange(40)).integers(0, 200, (8, 8, 3), np.uint8)  # none like the canaries
    image = cv2.resize(pixels, (side, rng.choice((side, 60))), interpolation=cv2.INTER_NEAREST)
    if suffix in (".webp", ".avif", ".gif"):
        file = io.BytesIO()
        Pillow.fromarray(image).save(file, suffix[1:].upper())
        return file.getvalue()
    if rng.random() < 0.1 and suffix in (".png", ".tiff"):
        image = image.astype(np.uint16) * 257
    return cv2.imencode(suffix, image)[1].tobytes()


# What is odd about a tree


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink())


def _pictures(root: Path) -> list[Path]:
    return sorted(path for folder in _folders(root) for path in folder.iterdir() if path.is_file())


def _write(file: Path, data: bytes) -> None:
    """Write a file; a pipe that another oddity has put there stays, because nobody would read from it."""
    if not os.path.lexists(file) or file.is_file():
        file.write_bytes(data)


def looping_link(root: Path, rng: random.Random) -> None:
    place = rng.choice((root, *_folders(root)))
    (place / "loop.jpg").symlink_to("loop.jpg")
    (place / "round").symlink_to(rng.choice((".", "..", "round")))


def dead_link(root: Path, rng: random.Random) -> None:
    (rng.choice((root, *_folders(root))) / "dead.jpg").symlink_to("nowhere/at all.jpg")


def link_to_a_picture(root: Path, rng: random.Random) -> None:
    target = rng.choice(_pictures(root))
    (rng.choice(_folders(root)) / "link.jpg").symlink_to(
        rng.choice((target.resolve(), Path("..", target.relative_to(root))))
    )
    os.link(target, rng.choice(_folders(root)) / "hard.jpg")


def link_to_a_folder(root: Path, rng: random.Random) -> None:
    (root / "linked").symlink_to(rng.choice(_folders(root)).name)


def link_to_a_device(root: Path, rng: random.Random) -> None:
    (rng.choice(_folders(root)) / "zero.jpg").symlink_to(rng.choice(("/dev/zero", "/dev/null", "/proc/self/mem")))


def pipe(root: Path, rng: random.Random) -> None:
    os.mkfifo(rng.choice((root, *_folders(root))) / rng.choice(("pipe.jpg", "manifest.jsonl", "metadata.csv")))


def closed_file(root: Path, rng: random.Random) -> None:
    rng.choice(_pictures(root)).chmod(0)


def closed_folder(root: Path, rng: random.Random) -> None:
    rng.choice(_folders(root)).chmod(rng.choice((0, 0o444, 0o111)))


def closed_beside(root: Path, rng: random.Random) -> None:
    name = rng.choice(("manifest.jsonl", "dataset.json", "metadata.csv", "metadata.jsonl", "groups.jsonl"))
    _write(root / name, b"{}\n")
    (root / name).chmod(0)


def read_only(root: Path, rng: random.Random) -> None:
    for folder in (root, *_folders(root)):
        folder.chmod(0o555)


def loose_pictures(root: Path, rng: random.Random) -> None:
    for number in range(rng.choice((1, 3))):
        (root / f"loose {number}.jpg").write_bytes(_encoded(rng, ".jpg"))


def no_folders(root: Path, rng: random.Random) -> None:
    for number, picture in enumerate(_pictures(root)):
        picture.rename(root / f"{number}{picture.name[-9:]}")
    for folder in _folders(root):
        if not any(folder.iterdir()):
            folder.rmdir()


def parts(root: Path, rng: random.Random) -> None:
    held = _folders(root)
    for name in rng.sample(("train", "val", "test", "Validation", "other"), 2):
        (root / name).mkdir(exist_ok=True)
        for folder in held:
            if folder.exists() and rng.random() < 0.7 and folder.parent == root and folder.name != name:
                folder.rename(root / name / folder.name)


def nested(root: Path, rng: random.Random) -> None:
    place = rng.choice(_folders(root))
    for _ in range(rng.choice((1, 2, 70))):
        place = place / "d"
        place.mkdir()
    (place / "deep.jpg").write_bytes(_encoded(rng, ".jpg"))


def empty(root: Path, rng: random.Random) -> None:
    for picture in rng.choice((_pictures(root), list(rng.choice(_folders(root)).iterdir()))):
        picture.unlink()


def others_manifest(root: Path, rng: random.Random) -> None:
    lines = rng.choice(
        (
            '{"audio_filepath": "a.wav", "duration": 3}\n',
            '{"file": "x.jpg", "label": 3}\n[]\n',
            "not JSON\n",
            "",
            '{"path": "Ada/1.jpg", "label": "Ada"}',
        )
    )
    _write(root / rng.choice(("manifest.jsonl", "dataset.json", "sources.jsonl", "rejected.jsonl")), lines.encode())


def metadata(root: Path, rng: random.Random) -> None:
    paths = [str(path.relative_to(root)) for path in _pictures(root)]
    rows = [
        (rng.choice((path, path.replace("/", "\\"), "gone.jpg", f"../{path}")), rng.choice(("Ada", "", "x\n")))
        for path in paths
    ]
    mark = rng.choice(",;\t")
    head = rng.choice(("file_name,label", "file_name", "image,label", "file_name,label,label", "\ufefffile_name,label"))
    lines = [head.replace(",", mark), *rng.choice(([], [""])), *(f"{path}{mark}{label}" for path, label in rows)]
    if rng.random() < 0.5:
        lines = [json.dumps({"file_name": path, "label": rng.choice((label, 3, None))}) for path, label in rows]
    name = "metadata.jsonl" if lines[0].startswith("{") else "metadata.csv"
    whole = "\n".join(lines).encode(*rng.choice((("utf-8", "surrogateescape"), ("utf-16", "replace"))))
    _write(root / name, whole[: rng.choice((40, 9999))])


def half_written(root: Path, rng: random.Random) -> None:
    """Let facekit make the tree, and a kill or a stranger change it."""
    from facekit.base.contract import FacekitError
    from facekit.commands.crop import crop
    from facekit.options.crop import Crop

    made = root.with_name("made")
    with suppress(FacekitError):
        crop(Crop(input=root, output=made, detect=False, size=24, jobs=1))
    if not (made / "manifest.jsonl").exists():
        return
    root.rename(root.with_name("before"))
    made.rename(root)
    if rng.random() < 0.3:
        (root / "dataset.json").unlink()
    lines = (root / "manifest.jsonl").read_bytes()
    if rng.random() < 0.4:
        (root / "manifest.jsonl").write_bytes(lines[: rng.randrange(len(lines) + 1)])
    if rng.random() < 0.5:
        with suppress(ValueError, IndexError):
            tamper(root, root.parent / "outside", rng)


ODDITIES: Sequence[Callable[[Path, random.Random], None]] = [
    *(looping_link, dead_link, link_to_a_picture, link_to_a_folder, link_to_a_device, pipe, closed_file, closed_folder),
    *(closed_beside, read_only, loose_pictures, no_folders, parts, nested, empty, others_manifest, metadata),
    *(half_written, half_written),
]


# The commands


def _of(name: str, line: str, *needs: str, **more: object) -> Command:
    return Command(name, tuple(line.split()), TREE, needs, trusted=True, **more)  # type: ignore[arg-type]


STAGES = [
    _of("crop", "crop tree -o out/crop --no-detect --size 24 -j 1"),
    _of("crop faces", "crop tree -o out/faces --size 24 -j 1 --faces all"),
    _of("clean", "clean tree -o out/clean --min-images 1 --embedder none -j 1 --report out/clean.html"),
    _of("review", "out/clean", run=review),
    _of("balance", "balance tree -o out/balance -n 6 -j 1"),
    _of("augment", "augment tree -o out/augment -n 6 -j 1"),
    _of("audit", "audit tree -o out/audit -j 1"),
    _of("label", "label tree --table tree/metadata.csv --dry-run"),
    _of("stats", "stats tree"),
    _of("rejected", "rejected tree --sheet out/sheet.png"),
]
"""The commands that make something of a tree, or show it: they take a fifth of a second each at most."""

LONG = [_of("inspect", "inspect head tree -o out/inspection", "head")]
"""What takes more than ten seconds of the processor by rights: hundreds of embeddings for each picture."""

_GALLERIES = [
    _of("enroll", "enroll tree -o out/gallery --embedder dlib --no-detect -j 1"),
    _of("identify", "identify out/gallery tree --no-detect -j 1"),
    _of("gallery", "gallery list out/gallery"),
    _of("verify", "verify --pairs pairs.csv --no-detect"),
]

MODELS = [
    _of("audit without", "audit balanced --without out/without tree -j 1", "balanced"),
    _of("predict", "predict head tree --no-detect --grid out/grid.png", "head"),
    _of("predict faces", "predict head tree", "head"),
    _of("evaluate", "evaluate head --data tree -o out/evaluation --rounds 5 -j 1", "head"),
    _of("evaluate table", "evaluate head --data tree/metadata.csv -o out/table --rounds 5 -j 1", "head"),
    _of(
        "evaluate strangers", "evaluate people --strangers tree -o out/strangers --rounds 5 -j 1", "people", "balanced"
    ),
    _of("evaluate-pairs", "evaluate-pairs dlib pairs.csv --data tree --no-detect -o out/pairs --rounds 5 -j 1"),
    *LONG,
    _of("clean people", "clean tree -o out/people --min-images 1 --embedder dlib -j 1"),
    _of(
        "clean by reference",
        "clean faces -o out/reference --min-images 1 --embedder dlib --reference tree -j 1",
        "faces",
    ),
    _of("balance people", "balance tree -o out/by-person -n 6 --split-by person --people-from tree/metadata.csv -j 1"),
    _of("run", "run recipe.toml --input tree -o out/recipe"),
    *(one for one in _GALLERIES if one.arguments[0] in registry.names()),
]
"""What asks a model about a tree, or compares it with another: a second or two each."""

TRAINERS = [
    _of("train head", "train tree -o out/head --backbone dlib -j 1"),
    _of("cross-validate", "cross-validate out/head --folds 2 -o out/folds --rounds 5 -j 1"),
    _of("train network", "train tree -o out/run --network cnn3 --size 32 --epochs 1 -j 1"),
    _of("compare", "compare tree -o out/compare --networks dlib -j 1"),
    _of("compare test", "compare balanced -o out/other --networks dlib --test tree -j 1", "balanced"),
]
"""What learns from a tree: seconds each."""


NO_TREE = {
    *("cache", "card", "demo", "doctor", "draw", "expire", "export", "forget", "ingest", "keys", "models", "monitor"),
    *("scrape", "serve", "tune"),
}
"""The commands that read no tree of pictures.

`ingest` reads what others published, in layouts of its own; `tune` reads a tree as `train` does; `card`, `expire` and
`forget` read what facekit wrote alone.
"""

RECIPE = """\
output = "out"
[[stage]]
command = "crop"
detect = false
size = 24
[[stage]]
command = "clean"
min_images = 1
embedder = "none"
[[stage]]
command = "balance"
count = 6
"""


def write_beside(home: Path, rng: random.Random) -> None:
    """Write what some commands read beside the tree: a recipe, and a list of pairs of the tree's files."""
    (home / "recipe.toml").write_text(RECIPE)
    files = [str(path.relative_to(home / TREE)) for path in _below(home / TREE)] or ["gone.jpg"]
    rows = [(rng.choice(files), rng.choice(files), rng.randrange(2)) for _ in range(8)]
    with (home / "pairs.csv").open("w", newline="", errors="surrogateescape") as file:
        csv.writer(file).writerows([("first", "second", "same"), *rows])


def check(
    box: Box, made: Path, seed: int, commands: Sequence[Command], ended: Counter[int | None] | None = None
) -> Iterator[str]:
    """Run commands on the tree of a seed; yield what is wrong with each, and whatever changed in the tree.

    `ended` counts the exit codes.
    """
    needs = sorted({name for command in commands for name in command.needs})
    box.fill(made, needs)
    root = box.home / TREE
    what = grow(root, random.Random(f"tree {seed}"))
    write_beside(box.home, random.Random(f"beside {seed}"))
    (box.home / "out").mkdir()
    before = snapshot(root)
    for command in commands:
        held = replace(command, run=partial(_call, command.run or command_line))
        outcome = box.hold(held, limited=command not in (*TRAINERS, *LONG))
        if ended is not None:
            ended[outcome.code] += 1
        for fault in outcome.faults:
            yield f"{command.name}, seed {seed} ({', '.join(what)}): {fault}"
        if (now := snapshot(root)) != before:
            changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
            yield f"{command.name}, seed {seed} ({', '.join(what)}): changed the source: {changed[:3]}"
            before = now
    for folder, _, _ in os.walk(box.root):
        Path(folder).chmod(0o755)


def _call(run: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    with rights_hold():
        return run(arguments)


def snapshot(root: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return kind, rights, size and time of all that is below a folder, links as they are."""
    held = [root, *_below(root)]
    return {os.fsdecode(path): _seen(path.lstat()) for path in held}


def _below(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        yield path
        if stat.S_ISDIR(path.lstat().st_mode):
            yield from _below(path)


def _seen(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_mode, found.st_ino, found.st_size if stat.S_ISREG(found.st_mode) else 0, found.st_mtime_ns
