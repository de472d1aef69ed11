"""Killed at any moment and run again, a stage ends with the tree and the manifest of an uninterrupted run."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import STRIDE, picture, plain_tree, read_tree, records

from facekit.base import images
from facekit.base.contract import FacekitError, Report
from facekit.commands.augment import MANY, augment
from facekit.commands.balance import balance
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.identity import embedders
from facekit.options.augment import Augment
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.crop import Crop

KILLING = Path(__file__).with_name("killing.py")
KILLS = int(os.environ.get("FACEKIT_KILLS", "2"))

Dying = Callable[[int, Callable[[], Any]], bool]
Stage = Callable[[Path, Path], Report]


def crop_faces(source: Path, output: Path) -> Report:
    # YuNet confirms few of the drawn faces in the back row, and there must be photos of several faces.
    return crop(Crop(input=source, output=output, faces="all", jobs=2, verify="eyes"))


def crop_whole(source: Path, output: Path) -> Report:
    return crop(Crop(input=source, output=output, detect=False, size=24, jobs=1))


def clean_up(source: Path, output: Path) -> Report:
    return clean(Clean(input=source, output=output, min_images=3, min_side=1, jobs=1))


def even_out(source: Path, output: Path) -> Report:
    return balance(Balance(input=source, output=output, count=7, jobs=1))


def even_by_image(source: Path, output: Path) -> Report:
    return balance(Balance(input=source, output=output, count=7, split_by="image", jobs=1))


def fill(source: Path, output: Path) -> Report:
    return augment(Augment(input=source, output=output, count=8, recipe="gentle", jobs=1))


COMMANDS: dict[str, tuple[Stage, list[str]]] = {
    "crop": (crop_faces, ["--faces", "all", "-j", "2", "--verify", "eyes"]),
    "clean": (clean_up, ["--min-images", "3", "--min-side", "1", "-j", "1"]),
    "balance": (even_out, ["-n", "7", "-j", "1"]),
    "augment": (fill, ["-n", "8", "--recipe", "gentle", "-j", "1"]),
}


def run(k: int, how: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(KILLING), str(k), how, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Ten photos for `crop`; eleven tiny pictures of two names for the others."""
    if request.param == "crop":
        root = Path(shutil.copytree(request.getfixturevalue("drawn_photos"), tmp_path / "photos"))
        for number, record in enumerate(records(root)):
            if number % 3:
                (root / record.path).unlink()
        return root
    return plain_tree(tmp_path / "tiny", {"Ada": 6, "Bob": 5}, side=24)


@pytest.mark.parametrize(("source", "command"), [(name, name) for name in COMMANDS], indirect=["source"])
def test_killed_after_a_line(source: Path, tmp_path: Path, command: str) -> None:
    stage, arguments = COMMANDS[command]
    stage(source, tmp_path / "whole")
    lines = len((tmp_path / "whole" / "manifest.jsonl").read_text().splitlines())
    rng, out = random.Random(command), tmp_path / "out"
    for _ in range(KILLS):  # one after another in one folder: what a kill left, the next one finds
        killed = run(
            rng.randint(1, max(1, lines // KILLS - 1)), "SIGKILL", command, str(source), "-o", str(out), *arguments
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    stage(source, out)
    assert read_tree(out) == read_tree(tmp_path / "whole")


@pytest.mark.parametrize("source", ["tiny"], indirect=True)
def test_interrupted_by_hand(source: Path, tmp_path: Path) -> None:
    even_out(source, tmp_path / "whole")
    out = tmp_path / "out"
    stopped = run(5, "SIGINT", "balance", str(source), "-o", str(out), *COMMANDS["balance"][1])
    assert stopped.returncode == 130, stopped.stderr
    assert stopped.stderr.splitlines()[-1] == "Interrupted. Run the same command again to go on."
    assert stopped.stdout == ""
    assert 0 < len(records(out)) < 14
    even_out(source, out)
    assert read_tree(out) == read_tree(tmp_path / "whole")


def change(source: Path) -> None:
    """Grow, shrink and relabel a tree of tiny pictures."""
    ada = sorted((source / "Ada").iterdir())
    ada[1].unlink()
    ada[2].rename(source / "Bob" / ada[2].name)
    for number in range(900, 903):
        (source / "Ada" / f"{number}.png").write_bytes(images.encode_png(picture(number, 24)))
    (source / "Ada" / "again.png").write_bytes(ada[0].read_bytes())
    (source / "Ada" / "broken.jpg").write_bytes(images.encode(picture(7))[:300])


def touch(output: Path) -> None:
    """Remove and relabel what a stage made."""
    ada = [output / r.path for r in records(output) if r.label == "Ada"]
    ada[1].unlink()
    ada[3].rename(output / "Bob" / ada[3].name)


def die_everywhere(dying: Dying, before: Path, work: Callable[[Path], Any]) -> int:
    """Let `work` die at one change of the disk after another, then run it again; return the last at which it died."""
    whole = before.with_name("whole")
    copy(before, whole)
    work(whole)
    for k in range(1, 500, STRIDE):
        out = before.with_name("out")
        copy(before, out)
        if not dying(k, lambda out=out: work(out)):
            assert read_tree(out) == read_tree(whole)
            return k - STRIDE
        work(out)
        assert read_tree(out) == read_tree(whole), f"died at change {k}"
        shutil.rmtree(out)
    raise AssertionError("it never ends")


def copy(before: Path, to: Path) -> None:
    if before.exists():
        shutil.copytree(before, to)


STAGES = pytest.mark.parametrize("stage", [crop_whole, clean_up, even_out, even_by_image, fill])


@STAGES
def test_dead_all_along_of_a_first_run(stage: Stage, tmp_path: Path, dying: Dying) -> None:
    source = plain_tree(tmp_path / "tiny", {"Ada": 4, "Bob": 3}, side=24)
    (source / "Ada" / "again.png").write_bytes((source / "Ada" / "0000.png").read_bytes())
    (source / "Bob" / "broken.jpg").write_bytes(b"broken")
    assert die_everywhere(dying, tmp_path / "none", lambda out: stage(source, out)) > 20


@STAGES
def test_dead_all_along_after_the_source_changed(stage: Stage, tmp_path: Path, dying: Dying) -> None:
    source = plain_tree(tmp_path / "tiny", {"Ada": 5, "Bob": 4}, side=24)
    before = tmp_path / "before"
    stage(source, before)
    change(source)
    assert die_everywhere(dying, before, lambda out: stage(source, out)) > 8


@STAGES
def test_dead_all_along_after_a_hand_changed_the_folder(stage: Stage, tmp_path: Path, dying: Dying) -> None:
    source = plain_tree(tmp_path / "tiny", {"Ada": 6, "Bob": 4}, side=24)
    before = tmp_path / "before"
    stage(source, before)
    touch(before)
    assert die_everywhere(dying, before, lambda out: stage(source, out)) > 4


def test_dead_all_along_of_overwriting(tmp_path: Path, dying: Dying) -> None:
    source = plain_tree(tmp_path / "tiny", {"Ada": 5, "Bob": 4}, side=24)
    before = tmp_path / "before"
    even_out(source, before)
    (before / "Ada" / "mine.txt").write_text("kept")

    def work(out: Path) -> None:
        balance(Balance(input=source, output=out, count=4, overwrite=True))

    assert die_everywhere(dying, before, work) > 20


def test_a_hand_in_an_unfinished_folder(tmp_path: Path, dying: Dying) -> None:
    """What a person removes or moves while a stage is interrupted stays so as well, its last picture too."""
    embedders.load("dlib")  # builds its network in the cache once, which would be changes of the disk as well
    source = plain_tree(tmp_path / "tiny", {"Ada": 6, "Bob": 4}, side=24)
    for stage in (crop_whole, clean_up, even_out, fill):
        out = tmp_path / stage.__name__
        assert dying(20, lambda stage=stage, out=out: stage(source, out))
        gone, *_, moved = [out / r.path for r in records(out)]
        gone.unlink()
        (out / "Bob").mkdir(exist_ok=True)
        there = moved.rename(out / "Bob" / moved.name)
        stage(source, out)
        assert not gone.exists()
        assert not moved.exists()
        assert there.exists()


def test_killed_between_two_faces_of_a_photo(drawn_photos: Path, tmp_path: Path, dying: Dying) -> None:
    source = tmp_path / "several"
    shutil.copytree(drawn_photos, source)
    crop_faces(source, tmp_path / "all")
    several = {r.origin for r in records(tmp_path / "all") if r.quality and r.quality["faces"] > 1}
    assert several, "the drawn world has group photos"
    for record in records(source):
        if record.id != min(several):
            (source / record.path).unlink()
    assert die_everywhere(dying, tmp_path / "none", lambda out: crop_faces(source, out)) > 8


def test_no_worker_outlives_a_killed_parent(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "tiny", {"Ada": 4, "Bob": 4}, side=24)
    arguments = ["augment", str(source), "-o", str(tmp_path / "out"), "-n", str(MANY // 2 + 10), "-j", "2"]
    command = [sys.executable, str(KILLING), "30", "SIGKILL", *arguments]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        assert child.wait(60) == -signal.SIGKILL
        deadline = time.monotonic() + 20
        while group_lives(child.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = group_lives(child.pid)
        if left:
            os.killpg(child.pid, signal.SIGKILL)
        assert not left


def group_lives(group: int) -> bool:
    """Whether any process of the group still runs, the dead that nobody has asked after apart."""
    found = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return any(int(pgid) == group and not stat.startswith("Z") for pgid, stat in map(str.split, found.splitlines()))


def test_a_refused_plan_leaves_the_folder_readable(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "tiny", {"Ada": 4, "Bob": 4}, side=24)
    even_out(source, tmp_path / "out")
    before = read_tree(tmp_path / "out")
    plain_tree(source, {"Cy": 1}, first=700, side=24)
    with pytest.raises(FacekitError, match="Cy has 1 photos"):
        even_out(source, tmp_path / "out")
    assert len(records(tmp_path / "out")) == 14
    shutil.rmtree(source / "Cy")
    even_out(source, tmp_path / "out")
    assert read_tree(tmp_path / "out") == before


def test_a_half_written_file_is_swept_up(tmp_path: Path, dying: Dying) -> None:
    """Also where the picture that was being written is not wanted any more."""
    source = plain_tree(tmp_path / "tiny", {"Ada": 4, "Bob": 4}, side=24)
    out, k = tmp_path / "out", 1
    while not list(out.glob("Ada/.*.part")):
        shutil.rmtree(out, ignore_errors=True)
        assert dying(k, lambda: crop_whole(source, out))
        k += 1
    shutil.rmtree(source / "Ada")
    crop_whole(source, out)
    assert not list(out.rglob("*.part"))
