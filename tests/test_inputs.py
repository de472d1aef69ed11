"""What people have: a single photo, a flat folder, a zip or a tar. None of them leads elsewhere or fills the disk."""

from __future__ import annotations

import binascii
import bz2
import gzip
import io
import json
import lzma
import os
import random
import signal
import stat
import subprocess
import sys
import tarfile
import time
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import picture, plain_tree, read_tree

from facekit.base import images, scratch, weights
from facekit.base.contract import FacekitError
from facekit.commands.audit import audit
from facekit.commands.crop import crop
from facekit.commands.predict import predict
from facekit.dataset import Dataset
from facekit.dataset.archives import Bounds, is_archive, unpack
from facekit.dataset.forward import _MEMORY
from facekit.dataset.inputs import open_tree
from facekit.options.audit import Audit
from facekit.options.crop import Crop
from facekit.options.predict import Predict

MADE = Path(__file__).parent / "data" / "v0_1_0"
PNG = images.encode_png(picture(1))

Members = list[tuple[str, bytes]]


def zipped(file: Path, members: Members, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(file, "w", method) as out, warnings.catch_warnings(action="ignore"):  # of two of a name
        for name, data in members:
            out.writestr(name, data)
    return file


def tarred(file: Path, members: Members, mode: str = "w") -> Path:
    with tarfile.open(file, mode) as out:  # type: ignore[call-overload]
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
    return file


def tree_members() -> Members:
    return [(f"photos/{name}/{number}.png", images.encode_png(picture(seed)))
            for seed, (name, number) in enumerate([("Ada", 1), ("Ada", 2), ("Bob", 1)])]  # fmt: skip


ARCHIVES: dict[str, Callable[[Path, Members], Path]] = {
    "photos.zip": zipped,
    "photos.tar": tarred,
    "photos.tar.gz": lambda file, members: tarred(file, members, "w:gz"),
    "photos.tar.xz": lambda file, members: tarred(file, members, "w:xz"),
    "photos.tar.bz2": lambda file, members: tarred(file, members, "w:bz2"),
}


def left(archive: Path, folder: Path, bounds: Bounds | None = None) -> dict[str, int]:
    folder.mkdir(exist_ok=True)
    return dict(unpack(archive, folder, *([bounds] if bounds else [])).left)


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_is_cropped_as_its_tree_is(tmp_path: Path, name: str) -> None:
    archive = ARCHIVES[name](tmp_path / name, tree_members())
    report = crop(Crop(input=archive, output=tmp_path / "faces", detect=False, size=32, jobs=1))
    assert report.kept == 3
    faces = Dataset.open(tmp_path / "faces")
    assert faces.labels == ["Ada", "Bob"]
    assert {source.url for source in faces.sources.values()} == {f"{archive}!{member}" for member, _ in tree_members()}
    assert {source.engine for source in faces.sources.values()} == {"archive"}
    again = crop(Crop(input=archive, output=tmp_path / "faces", detect=False, size=32, jobs=1))
    assert (again.made, again.kept) == (0, 3)
    assert list((weights.cache() / scratch.UNPACKED).iterdir()) == []


def test_what_is_unpacked_is_for_its_owner_alone(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", tree_members())
    before = os.umask(0)
    try:
        with open_tree(archive) as tree:
            root = tree.root
            modes = {stat.S_IMODE(path.stat().st_mode) for path in [root, *root.parents[:2], *root.rglob("*")]}
    finally:
        os.umask(before)
    assert modes == {0o700, 0o600}
    assert not root.exists()


def test_a_flat_archive_is_one_label(tmp_path: Path) -> None:
    members = [(f"./{n}.png", images.encode_png(picture(n))) for n in range(2)]
    archive = tarred(tmp_path / "Ada Lovelace.tar.gz", members, "w:gz")
    with open_tree(archive) as tree:
        assert [(record.label, record.path) for record in tree.records] == [
            ("Ada Lovelace", "0.png"),
            ("Ada Lovelace", "1.png"),
        ]


def test_an_archive_may_hold_a_given_split_or_metadata(tmp_path: Path) -> None:
    split = [(f"data/{part}/{name}/{n}.png", images.encode_png(picture(n))) for part in ("train", "test")
             for name in ("Ada", "Bob") for n in range(2)]  # fmt: skip
    with open_tree(zipped(tmp_path / "split.zip", split)) as tree:
        assert (tree.info.split_given, tree.labels) == (True, ["Ada", "Bob"])
    rows = "".join(json.dumps({"file_name": f"{n}.png", "label": "Ada"}) + "\n" for n in range(2))
    named = [*((f"{n}.png", images.encode_png(picture(n))) for n in range(2)), ("metadata.jsonl", rows.encode())]
    with open_tree(zipped(tmp_path / "named.zip", named)) as tree:
        assert tree.labels == ["Ada"]


def test_a_single_photo_is_a_label_of_its_own(tmp_path: Path) -> None:
    photo = tmp_path / "photos" / "Ada.png"
    photo.parent.mkdir()
    photo.write_bytes(PNG)
    # The output may lie beside the photo, and even around it.
    crop(Crop(input=photo, output=tmp_path / "photos" / "faces", detect=False, size=32, jobs=1))
    faces = Dataset.open(tmp_path / "photos" / "faces")
    (record,) = faces.records
    assert record.label == "Ada"
    assert faces.sources[record.origin].url == "Ada.png"
    assert faces.info.made_from == ".."


def test_audit_takes_a_photo_and_an_archive(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "photos.zip", tree_members())
    photo = tmp_path / "one.png"
    photo.write_bytes(images.encode_png(picture(1)))
    (crossing,) = audit(Audit(folder=archive, other=photo, jobs=1)).details["crossings"]
    assert (crossing["pictures"], crossing["same_bytes"]) == (1, 1)
    assert audit(Audit(folder=archive, jobs=1)).kept == 3


def test_predict_names_the_members_of_an_archive(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    photos = sorted((MADE / "raw").glob("*/*.jpg"))[:2]
    archive = zipped(tmp_path / "new.zip", [(f"in/{n}.jpg", photo.read_bytes()) for n, photo in enumerate(photos)])
    options = Predict(run=MADE / "head", pictures=[archive, photos[0]], jobs=1)
    said = [answer.picture for answer in predict(options)]
    assert said == [f"{archive}!in/0.jpg", f"{archive}!in/1.jpg", str(photos[0])]
    assert list((weights.cache() / scratch.UNPACKED).iterdir()) == []


# What is left out

PLACES: Members = [("../out.png", PNG), ("a/../../out.png", PNG), ("/abs.png", PNG), ("a//b.png", PNG)]


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar", "photos.tar.xz"])
def test_no_member_leaves_its_folder(tmp_path: Path, name: str) -> None:
    kept = ("Ada/1.png", PNG)
    others = [("Ada/1.png", b"other"), ("Ada/notes.txt", b"notes"), (".hidden/1.png", PNG), ("__MACOSX/1.png", PNG)]
    (tmp_path / "box").mkdir()
    archive = ARCHIVES[name](tmp_path / "box" / name, [*PLACES, kept, *others])
    before = read_tree(tmp_path)
    assert left(archive, tmp_path / "box" / "in") == {
        "path that leads out of the archive": 4,
        "duplicate file name": 1,
        "not a picture": 1,
        "hidden": 1,
        "system files or folders": 1,
    }
    after = read_tree(tmp_path)
    assert set(after) - set(before) == {"box/in/", "box/in/Ada/", "box/in/Ada/1.png"}
    assert after["box/in/Ada/1.png"] == PNG


def test_links_and_devices_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE)
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        for number, kind in enumerate(kinds):
            info = tarfile.TarInfo(f"Ada/{number}.png")
            info.type, info.linkname = kind, "../../home"
            out.addfile(info)
        info = tarfile.TarInfo("Ada/0.png/through.png")  # what a link would have led to
        info.size = len(PNG)
        out.addfile(info, io.BytesIO(PNG))
    found = left(tmp_path / "a.tar", tmp_path / "in")
    assert found.pop("link or device") >= 5  # a contiguous file is one of long ago, and empty here
    assert list((tmp_path / "home").iterdir()) == []
    link = zipfile.ZipInfo("Ada/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as held:
        held.writestr(link, "/etc/passwd")
        held.writestr("Ada\\1.png", PNG)  # as some programs of Windows write it
    assert left(tmp_path / "a.zip", tmp_path / "zip") == {"link or device": 1}
    assert (tmp_path / "zip" / "Ada" / "1.png").read_bytes() == PNG


def test_a_member_that_is_damaged_or_encrypted_costs_no_other(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [(f"Ada/{n}.png", PNG) for n in range(3)], zipfile.ZIP_STORED)
    data = bytearray(archive.read_bytes())
    data[data.index(PNG) + 40] ^= 0xFF  # of the first member
    place = data.rindex(b"PK\x01\x02")  # its flags in the directory
    data[place + 8] |= 1
    archive.write_bytes(data)
    assert left(archive, tmp_path / "in") == {"damaged in the archive": 1, "encrypted": 1}
    assert [file.name for file in (tmp_path / "in" / "Ada").iterdir()] == ["1.png"]


# Bombs


def zeros(size: int) -> bytes:
    return PNG[:16] + bytes(size)


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar.gz", "photos.tar.xz", "photos.tar.bz2"])
def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, name: str) -> None:
    archive = ARCHIVES[name](tmp_path / name, [(f"Ada/{n}.png", zeros(2 << 20)) for n in range(4)])
    with pytest.raises(
        FacekitError, match=r"unpacks to more than \d+ MB, which no archive of photos does; if you trust"
    ):
        left(archive, tmp_path / "in", Bounds(free=3 << 20))
    written = sum(file.stat().st_size for file in (tmp_path / "in").rglob("*.png"))
    assert written <= 3 << 20
    assert left(archive, tmp_path / "whole", Bounds(free=16 << 20)) == {}


def test_members_that_nobody_wants_are_not_read_without_end(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar.gz", [("zeros.bin", bytes(8 << 20)), ("Ada/1.png", PNG)], "w:gz")
    with pytest.raises(FacekitError, match="unpacks to more than"):
        left(archive, tmp_path / "in", Bounds(free=4 << 20))


@pytest.mark.parametrize("name", ["photos.zip", "photos.tar"])
def test_too_many_members_are_refused(tmp_path: Path, name: str) -> None:
    archive = ARCHIVES[name](tmp_path / name, [(f"{n}.txt", b"") for n in range(20)])
    with pytest.raises(FacekitError, match="holds more than 10 members"):
        left(archive, tmp_path / "in", Bounds(members=10))


def test_a_header_without_end_fills_no_memory(tmp_path: Path) -> None:
    """Names and attributes of a tar are read as a whole by `tarfile`, whatever size their header says."""
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 1 << 40
    data = info.tobuf(tarfile.USTAR_FORMAT if info.size < 8 << 30 else tarfile.GNU_FORMAT) + bytes(4 << 20)
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(data))
    with pytest.raises(FacekitError, match=r"has a header of 1,099,512 MB"):
        left(tmp_path / "a.tar.gz", tmp_path / "in")


def test_xz_that_needs_much_memory_is_refused(tmp_path: Path) -> None:
    # With so large a dictionary the encoder itself would need gigabytes: only the header says so.
    large = bytearray(lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]))
    large[large.index(b"\x21\x01") + 2] = 34
    assert 2 << (34 // 2 + 11) == 1 << 29 > _MEMORY  # how the format writes a size
    end = 12 + 4 * large[12]
    large[end : end + 4] = binascii.crc32(bytes(large[12:end])).to_bytes(4, "little")
    (tmp_path / "a.tar.xz").write_bytes(large)
    with pytest.raises(FacekitError, match=r"a\.tar\.xz is damaged \(.*[Mm]emory.*\)"):
        left(tmp_path / "a.tar.xz", tmp_path / "in")


# What is no archive


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.zip", b"PK\x03\x04" + bytes(60)),
        ("a.tar.gz", gzip.compress(b"no tar" * 200)),
        ("a.tar.gz", gzip.compress(PNG)[:-12]),
        ("a.tar.xz", lzma.compress(bytes(512))[:-20]),
        ("a.tar.bz2", bz2.compress(b"text" * 500)[:-8]),
    ],
    ids=["header alone", "no tar", "cut gzip", "cut xz", "cut bzip2"],  # gzip writes the time, and so would the id
)
def test_damaged_archives_are_one_line(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FacekitError, match=r"is damaged|has no pictures") as raised, open_tree(tmp_path / name):
        pass
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ARCHIVES)
def test_an_archive_that_is_damaged_anywhere_ends_in_pictures_or_one_line(tmp_path: Path, name: str) -> None:
    data = ARCHIVES[name](tmp_path / name, [*tree_members(), *PLACES]).read_bytes()
    chance = random.Random(7)
    for number in range(40):
        damaged = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            place = chance.choice(
                [chance.randrange(len(data)), chance.randrange(300), len(data) - 1 - chance.randrange(300)]
            )
            damaged[place] = chance.choice([0, 255, chance.randrange(256)])
        (tmp_path / name).write_bytes(damaged)
        try:
            left(tmp_path / name, tmp_path / str(number), Bounds(free=8 << 20))
        except FacekitError as error:
            assert "\n" not in str(error)
    assert {entry.name for entry in tmp_path.iterdir()} <= {name, *map(str, range(40))}


def test_a_member_without_a_name_is_left_out(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", [("A", PNG), ("Ada/1.png", PNG)])
    data = archive.read_bytes()
    place = data.index(b"PK\x01\x02")  # the entry of the first in the directory, whose name has one byte
    data = data[: place + 28] + bytes(2) + data[place + 30 : place + 46] + data[place + 47 :]
    end = data.index(b"PK\x05\x06") + 12  # the directory's size
    shorter = int.from_bytes(data[end : end + 4], "little") - 1
    archive.write_bytes(data[:end] + shorter.to_bytes(4, "little") + data[end + 4 :])
    assert left(archive, tmp_path / "in") == {"path that leads out of the archive": 1}


def test_a_tar_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar.gz", [("Ada/1.png", os.urandom(100_000)), ("Ada/2.png", PNG)], "w:gz")
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(FacekitError, match="is damaged"):
        left(archive, tmp_path / "in")


def test_files_that_are_neither_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("notes")
    assert not is_archive(tmp_path / "notes.txt")
    with pytest.raises(FacekitError, match=r"notes\.txt is neither a picture nor a zip or tar"):
        crop(Crop(input=tmp_path / "notes.txt", output=tmp_path / "out"))
    archive = zipped(tmp_path / "a.zip", [("notes.txt", b"notes")])
    with pytest.raises(FacekitError, match=r"a\.zip has no pictures \(left out: 1 not a picture\)"):
        crop(Crop(input=archive, output=tmp_path / "out"))
    with pytest.raises(FacekitError, match="no such file or folder: nowhere"):
        crop(Crop(input=Path("nowhere"), output=tmp_path / "out"))


# Kills

HOLD = """
import sys, time
from facekit.base.scratch import private_folder
with private_folder() as folder:
    (folder / "Ada.png").write_bytes(b"x")
    print(folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_is_unpacked_is_gone_after_a_kill(how: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        assert (folder / "Ada.png").exists()
        run.send_signal(how)
        run.wait(timeout=60)
    while folder.exists():  # the test's own limit ends it
        time.sleep(0.02)


def test_a_folder_that_no_living_facekit_holds_is_swept(plain: Path) -> None:
    place = weights.cache() / scratch.UNPACKED
    place.mkdir(exist_ok=True)
    plain_tree(place / "facekit-left", {"Ada": 1})
    with scratch.private_folder() as mine:
        assert [entry.name for entry in place.iterdir()] == [mine.name]
        with scratch.private_folder() as other:
            assert mine.exists()
            assert other.exists()
