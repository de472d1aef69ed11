"""Every command that reads a folder or a file, on small valid ones: what the fuzzer tampers with and runs."""

from __future__ import annotations

import asyncio
import csv
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fuzzing import SECRET, Command, shows_canary
from older import MADE_IN, unpack
from plainengine import ENGINES
from plainweb import Plain, many

CONTENDERS = """\
[defaults]
epochs = 1

[[contender]]
name = "dlib"
backbone = "dlib"

[[contender]]
network = "cnn3"
size = 32
color = "gray"
"""


def prepare(root: Path) -> Path:
    """Make the valid folders: what 0.1.0 made, and beside it what that could not make, a plain tree, and tables."""
    from facekit.commands.clean import clean
    from facekit.commands.cross_validate import cross_validate
    from facekit.dataset import Dataset
    from facekit.options.clean import Clean
    from facekit.options.cross_validate import CrossValidate

    unpack(root)
    clean(Clean(input=root / "faces", output=root / "sorted", min_images=3, embedder="none"))
    shutil.copy(root / "clean" / "decisions.jsonl", root / "sorted")
    for name in ("raw", "faces", "clean", "balanced", "augmented"):
        _group_two(root / name)
    shutil.copytree(root / "clean", root / "plain", ignore=shutil.ignore_patterns("*.json*"))
    by_label = Dataset.open(root / "balanced").by_label()
    one, other = ([record.path for record in records[:4]] for records in by_label.values())
    pairs = [(one[0], one[1], 1), (other[0], other[1], 1), (one[0], other[0], 0), (one[1], other[1], 0)]
    _table(root / "pairs.csv", ("first", "second", "same"), pairs)
    _table(root / "table.csv", ("label", "who"), [(label, label[0]) for label in by_label])
    pictures = [(f"balanced/{record.path}", label) for label, records in by_label.items() for record in records]
    _table(root / "data.csv", ("image", "label"), pictures)
    files = sorted(path.relative_to(root / "plain") for path in (root / "plain").glob("*/*"))
    _table(root / "people.csv", ("image", "person"), [(path, f"p{number}") for number, path in enumerate(files)])
    (root / "contenders.toml").write_text(CONTENDERS)
    # Folds that 0.1.0 drew know nothing of the burst, so none would go on with them.
    folds = CrossValidate(run=root / "head", folds=2, data=root / "balanced", rounds=10, jobs=1, overwrite=True)
    cross_validate(folds)
    _compared(root / "comparison")
    _scrape([str(root / "scraped"), "Ada"])
    _people(root)
    return root


def _compared(folder: Path) -> None:
    """Let a comparison have a row of a run that is not trained again: it is shown as the folder has it."""
    state = json.loads((folder / "compare.json").read_text())
    row = {**state["rows"]["dlib"], "name": "other", "scores": []}
    (folder / "runs" / "other").mkdir()
    (folder / "compare.json").write_text(json.dumps({**state, "rows": {"other": row, **state["rows"]}}))


def _people(root: Path) -> None:
    """Make a model that knows strangers, and a folder of these."""
    from facekit.commands.train import train
    from facekit.options.train import Train

    train(Train(input=root / "balanced", output=root / "people", backbone="dlib", jobs=1))
    info = root / "people" / "model.json"
    info.write_text(info.read_text().replace(str(root), MADE_IN))
    shutil.copytree(root / "clean", root / "others")
    for name, other in (("Marlow Alder", "Eve Stone"), ("Quinn Ibarra", "Zoe Reed")):
        (root / "others" / name).rename(root / "others" / other)
        for file in (root / "others").glob("*.json*"):
            file.write_text(file.read_text().replace(name, other))


def _group_two(folder: Path) -> None:
    """Say that two photos of a folder are a burst, which version 0.1.0 did not look for."""
    from facekit.base.contract import Link
    from facekit.dataset import GROUPS, Dataset

    first, second = sorted({record.origin for record in Dataset.open(folder).records})[:2]
    (folder / GROUPS).write_text(Link(first, second, "burst", "crop", "by hand").to_json() + "\n")


def _table(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with file.open("w", newline="") as to:
        csv.writer(to).writerows([header, *rows])


def review(arguments: Sequence[str]) -> int:
    """Open the review of a folder and ask for what its page asks for."""
    from facekit.base.contract import FacekitError
    from facekit.commands.review.app import build
    from facekit.commands.review.session import Session

    try:
        app = build(Session(Path(arguments[0])))
    except FacekitError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    with asyncio.Runner() as runner:  # a loop for each request would take longer than the answer
        _look_round(partial(_ask, runner, app))
    return 0


def _look_round(ask: Callable[..., bytes]) -> None:
    for name in json.loads(ask("/api/names")).get("names", [])[:3]:
        cards = json.loads(ask("/api/faces", label=name["label"]))
        for card in cards[:5] if isinstance(cards, list) else []:
            for path in ("/api/faces/{}", "/pictures/{}", "/photos/{}", "/photos/{}/box"):
                data = ask(path.format(card["id"]))
                # Of one that is damaged a few pixels may have any colour; nothing else is in the picture here.
                assert not shows_canary(data, 0.3), f"{path} shows a picture from outside"
                assert SECRET.encode() not in data, f"{path} holds a text from outside"


@cache
def _web() -> Any:
    """A small web that serves until the process ends: folders that were scraped from it name its port."""
    from facekit.world.web import Web

    names = {"more Ada": many("ada", 8, {0: "500", 2: "404", 5: "truncated"}), "more Bob": many("bob", 8)}
    web = Web(Plain(names), 0)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    return web


@contextmanager
def _plain_engines() -> Iterator[None]:
    from facekit.base import plugins

    before = plugins.PARTS["engine"]
    plugins.PARTS["engine"] = {**before, **ENGINES}
    try:
        yield
    finally:
        plugins.PARTS["engine"] = before


def _scrape(arguments: Sequence[str]) -> int:
    """Scrape into a folder, or go on with one."""
    from facekit.base.contract import FacekitError
    from facekit.commands.scrape import scrape
    from facekit.options.scrape import Scrape

    output, *names = arguments
    try:
        with _plain_engines():
            base = _web().base_url
            scrape(Scrape(names=names, output=Path(output), per_name=6, engine="plain", base_url=base, jobs=1))
    except FacekitError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _ask(runner: asyncio.Runner, app: Any, path: str, **query: str) -> bytes:
    """Return the body of an application's answer to a GET."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    text = urlencode(query, errors="surrogatepass").encode()
    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http"}
    scope |= {"path": path, "raw_path": quote(path, errors="surrogatepass").encode(), "query_string": text}
    scope |= {"root_path": "", "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2)}
    runner.run(app(scope, receive, send))
    return b"".join(message.get("body", b"") for message in sent)


def _of(name: str, line: str, tampered: str, *needs: str, **more: Any) -> Command:
    return Command(name, tuple(line.split()), tampered, needs, **more)


_TO_CLEAN = "--min-images 3 --embedder none -j 1"
_CNN3 = "--network cnn3 --size 32"

TREES = [
    _of("scrape again", "scraped Ada Bob", "scraped", run=_scrape),
    _of("crop", "crop raw -o new --no-detect --size 24 -j 1", "raw"),
    _of("crop again", "crop raw -o faces --faces all --size 64 -j 1", "faces", "raw"),
    _of("crop on", "crop raw -o faces-interrupted --faces all --size 64 -j 1", "faces-interrupted", "raw"),
    _of("crop over", "crop raw -o faces --no-detect --size 24 --overwrite -j 1", "faces", "raw"),
    _of("clean", f"clean faces -o new {_TO_CLEAN} --report new.html", "faces", "raw"),
    _of("clean again", f"clean faces -o sorted {_TO_CLEAN} --apply", "sorted", "faces"),
    _of("clean over", f"clean faces -o sorted {_TO_CLEAN} --overwrite", "sorted", "faces"),
    _of("review", "clean", "clean", "faces", "raw", run=review),
    _of("review photos", "clean", "faces", "clean", "raw", run=review),
    _of("balance", "balance clean -o new -n 8 -j 1", "clean", "faces"),
    _of("balance again", "balance clean -o balanced -n 8 -j 1", "balanced", "clean"),
    _of("balance over", "balance clean -o balanced -n 6 --overwrite -j 1", "balanced", "clean"),
    _of("augment", "augment clean -o new -n 10 -j 1", "clean"),
    _of("augment again", "augment clean -o augmented -n 10 -j 1", "augmented", "clean"),
    _of("audit", "audit balanced -o new --without new2", "balanced", "clean", "faces", "raw"),
]

HEADS = [
    _of("train head", "train balanced -o new --backbone dlib -j 1", "balanced"),
    _of("audit run", "audit head -o new", "head", "balanced"),
    _of("evaluate head", "evaluate head --rounds 10 -j 1", "head", "balanced"),
    _of("evaluate data", "evaluate head --data clean -o new --rounds 10 -j 1", "clean", "head", "balanced"),
    _of("cross-validate", "cross-validate head --folds 2 --rounds 10 -j 1", "head", "balanced"),
    _of("predict", "predict head balanced --no-detect --grid grid.png", "head", "balanced"),
    _of("predict pictures", "predict head balanced --no-detect", "balanced", "head"),
    _of("judge", "predict people balanced --no-detect", "people", "balanced"),
    _of("strangers", "evaluate people --strangers others -o new --rounds 10 -j 1", "others", "people", "balanced"),
    _of("compare", "compare balanced -o comparison --networks dlib -j 1", "comparison", "balanced"),
    _of(
        "compare data", "compare balanced -o comparison --networks dlib --test clean", "clean", "comparison", "balanced"
    ),
]

NETWORKS = [
    _of("evaluate run", "evaluate run --rounds 10 -j 1", "run", "augmented"),
    _of("predict run", "predict run balanced --no-detect", "run", "balanced"),
    _of("inspect", "inspect run --count 1", "run", "augmented"),
    _of("clean by run", "clean faces -o new --min-images 3 --embedder run -j 1", "run", "faces"),
    _of("train from", f"train balanced -o new {_CNN3} --epochs 1 --weights run", "run", "balanced"),
    _of("train over", f"train balanced -o run {_CNN3} --epochs 1 --overwrite", "run", "balanced"),
    _of(
        "train on",
        f"train balanced -o run-interrupted {_CNN3} --epochs 3 --stop-at 1.01 --resume",
        "run-interrupted",
        "balanced",
    ),
]

TABLES = [
    _of("recipe", "run recipe.toml -o new", "recipe.toml", "raw", trusted=True),
    _of(
        "contenders",
        "compare balanced -o new --contenders contenders.toml --dry-run",
        "contenders.toml",
        "balanced",
        trusted=True,
    ),
    _of(
        "pairs",
        "evaluate-pairs dlib pairs.csv --data balanced --no-detect -o new",
        "pairs.csv",
        "balanced",
        trusted=True,
    ),
    _of(
        "table",
        "evaluate head --by who --table table.csv --rounds 10",
        "table.csv",
        *("head", "balanced"),
        trusted=True,
    ),
    _of("csv", "evaluate head --data data.csv --rounds 10 -o new", "data.csv", "head", "balanced", trusted=True),
    _of(
        "people",
        "balance plain -o new -n 6 --split-by person --people-from people.csv",
        "people.csv",
        "plain",
        trusted=True,
    ),
]

COMMANDS = [*TREES, *HEADS, *TABLES, *NETWORKS]
"""The last take seconds each: they load TensorFlow."""
