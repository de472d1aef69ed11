"""Folders to review that a stranger made: nothing private is shown, nothing outside is touched, one line says why."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import read_tree
from reviewing import Drawn, faces_of, portrait, put_info, write

from facekit.base import files as lines
from facekit.base import images
from facekit.base.contract import FacekitError, Record, Rejection, Source, replace
from facekit.commands.review.answers import Face
from facekit.commands.review.session import Session
from facekit.dataset import DECISIONS, INFO, MANIFEST, REJECTED, SOURCES

SECONDS = 20


@pytest.fixture(autouse=True)
def soon() -> Iterator[None]:
    """Fail what hangs: a FIFO that nobody writes, a device without an end."""

    def late(*_: object) -> None:
        raise TimeoutError(f"not done after {SECONDS} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a stranger sends: photos, faces and the cleaned folder, beside one of the receiver's own."""
    (tmp_path / "sent").mkdir()
    return write(tmp_path / "sent", [*faces_of("Ada", [0.9, 0.3, 0.02]), Drawn("Ada", reason="blurred")])


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A picture that is nobody's business, in a folder of the receiver's."""
    (tmp_path / "home" / "Pictures").mkdir(parents=True)
    file = tmp_path / "home" / "Pictures" / "private.jpg"
    file.write_bytes(images.encode(portrait(99)))
    return file


def info(folder: Path, **changes: Any) -> None:
    put_info(folder, {**json.loads((folder / INFO).read_text()), **changes})


def rejected(folder: Path, **changes: Any) -> None:
    """Add a line of a picture that was left out."""
    line = Rejection("clean", "f" * 64, "Ada", "Ada/x.jpg", "blurred", 3.0, origin="e" * 64)
    lines.append_line(folder / REJECTED, replace(line, **changes).to_json())


def shown_files(session: Session) -> set[Path]:
    """Every file whose pixels the page can be made to show."""
    cards = session.folder.cards.values()
    files = [file for card in cards for file in (session.folder.file_of(card), session.folder.photo_of(card))]
    return {file.resolve() for file in files if file is not None and file.exists()}


def faces(session: Session) -> list[Face]:
    return [face for label in session.folder.by_label for face in session.faces(label)]


# What is shown


def by_path(folder: Path, private: Path) -> None:
    info(folder, made_from="../../home")
    rejected(folder, path="Pictures/private.jpg", label="Pictures")


def by_absolute_path(folder: Path, private: Path) -> None:
    rejected(folder, path=str(private))
    rejected(folder, id="d" * 64, path="Pictures/private.jpg", label=str(private.parent.parent))


def by_climbing(folder: Path, private: Path) -> None:
    rejected(folder, path="../../home/Pictures/private.jpg")
    rejected(folder, id="d" * 64, label="../../home/Pictures", path="../../home/Pictures/private.jpg")


def by_source(folder: Path, private: Path) -> None:
    """Where the last folder of the chain is plain, sources name the photo's path in it."""
    info(folder, made_from="../../home")
    rejected(folder)
    source = Source("e" * 64, url="Pictures/private.jpg", engine="folder")
    lines.append_line(folder / SOURCES, source.to_json())


def by_a_folder_of_folders(folder: Path, private: Path) -> None:
    info(folder.parent / "photos", made_from="../../home")
    rejected(folder)
    source = Source("e" * 64, url="Pictures/private.jpg", engine="folder")
    lines.append_line(folder / SOURCES, source.to_json())


def by_a_linked_file(folder: Path, private: Path) -> None:
    for root in (folder, folder.parent / "faces", folder.parent / "photos"):
        for file in root.glob("Ada/*"):
            file.unlink()
            file.symlink_to(private)


def by_a_linked_label(folder: Path, private: Path) -> None:
    for root in (folder, folder.parent / "faces", folder.parent / "photos"):
        for file in list(root.glob("Ada/*")):
            shutil.copy(private, private.with_name(file.name))
        shutil.rmtree(root / "Ada")
        (root / "Ada").symlink_to(private.parent)


def by_a_manifest_of_the_source(folder: Path, private: Path) -> None:
    record = lines.read_lines(folder.parent / "faces" / MANIFEST, Record)[-1]
    up = os.path.relpath(private, folder.parent / "faces")
    lines.replace_lines(folder.parent / "faces" / MANIFEST, [replace(record, path=up).to_json()])
    photo = lines.read_lines(folder.parent / "photos" / MANIFEST, Record)[-1]
    lines.replace_lines(folder.parent / "photos" / MANIFEST, [replace(photo, path=str(private)).to_json()])


@pytest.mark.parametrize(
    "attack",
    [
        by_path,
        by_absolute_path,
        by_climbing,
        by_source,
        by_a_folder_of_folders,
        by_a_linked_file,
        by_a_linked_label,
        by_a_manifest_of_the_source,
    ],
)
def test_no_private_picture_is_shown(folder: Path, private: Path, attack: Callable[[Path, Path], None]) -> None:
    attack(folder, private)
    try:
        session = Session(folder)
    except FacekitError as error:
        assert "\n" not in str(error)
        return
    shown = shown_files(session)
    assert not {file for file in shown if file.is_relative_to(private.parent.parent)}
    assert all(file.is_relative_to(folder.parent) for file in shown)


def test_what_is_proved_to_be_the_picture_is_shown(folder: Path, private: Path) -> None:
    """The same plain tree, named by the hash of its bytes: whoever knows that, knows the picture."""
    id = hashlib.sha256(private.read_bytes()).hexdigest()
    info(folder, made_from="../../home")
    rejected(folder, id=id, origin=id, path="Pictures/private.jpg", label="Pictures")
    lines.append_line(folder / SOURCES, Source(id, url="Pictures/private.jpg", engine="folder").to_json())
    session = Session(folder)
    (card,) = session.folder.by_label["Pictures"]
    assert session.folder.file_of(card) == session.folder.photo_of(card) == private


def test_a_picture_that_a_hand_moved_in_the_source_is_shown(folder: Path) -> None:
    left = next(one for one in lines.read_lines(folder / REJECTED, Rejection) if one.reason == "blurred")
    source = folder.parent / "faces"
    (source / "Bob").mkdir()
    moved = (source / left.path).rename(source / "Bob" / Path(left.path).name)
    lines.replace_lines(folder / REJECTED, [replace(left, label="Bob", path=f"Bob/{moved.name}").to_json()])
    session = Session(folder)
    (card,) = session.folder.by_label["Bob"]
    assert session.folder.file_of(card) == moved


@pytest.mark.parametrize("made_from", ["", "\0", "x" * 5000, "/dev/null", "..", ".", "../faces/Ada", "/proc/self/fd"])
def test_a_folder_made_from_nothing_is_reviewed_without_it(folder: Path, made_from: str) -> None:
    info(folder, made_from=made_from)
    session = Session(folder)
    assert len(faces(session)) == 4
    assert all(file.is_relative_to(folder.parent) for file in shown_files(session))


@pytest.mark.parametrize("what", ["fifo", "device", "folder", "huge"])
@pytest.mark.parametrize("where", ["clean", "faces", "photos"])
def test_what_is_no_picture_file_is_not_read(folder: Path, where: str, what: str) -> None:
    for file in list((folder.parent / where / "Ada").iterdir()):
        file.unlink()
        make_odd(file, what)
    try:
        session = Session(folder)
    except FacekitError as error:
        assert "is a link out of the folder" in str(error)
        return
    for card in session.folder.cards.values():
        session.detail(card)
    for file in shown_files(session):
        if file.stat().st_size < 1_000_000:
            images.read(file)


def make_odd(file: Path, what: str) -> None:
    """Put something in place of a file that no reader can get to the end of."""
    if what == "fifo":
        os.mkfifo(file)
    elif what == "device":
        file.symlink_to("/dev/zero")
    elif what == "folder":
        file.mkdir()
    elif what == "link":
        file.symlink_to(file.parent.parent / "elsewhere.jsonl")
        (file.parent.parent / "elsewhere.jsonl").write_text("")
    else:
        with file.open("wb") as held:
            held.truncate(1 << 40)


# The lines that a person's decisions are


def decision(**changes: Any) -> str:
    line = {"origin": "a" * 64, "box": [1, 2, 3, 4], "label": "Ada", "decision": "keep", "to": None, "at": None}
    return json.dumps({**line, **changes})


BROKEN = {
    "no object": "[1, 2]",
    "a number": "7",
    "not JSON": "{origin: 1}",
    "not UTF-8": "\udcff{}",
    "deep": "[" * 100_000,
    "deep inside": decision()[:-1] + ', "more": ' + "[" * 5000 + "]" * 5000 + "}",
    "long": decision(origin="a" * (2 << 20)),
    "no origin": '{"label": "Ada", "decision": "keep"}',
    "no label": '{"origin": "a", "decision": "keep"}',
    "origin": decision(origin=7),
    "label": decision(label=["Ada"]),
    "label null": decision(label=None),
    "box a number": decision(box=4),
    "box too short": decision(box=[1, 2, 3]),
    "box too long": decision(box=[1, 2, 3, 4, 5]),
    "box of text": decision(box=["1", "2", "3", "4"]),
    "box of halves": decision(box=[0.5, 1, 2, 3]),
    "box of nothing": decision(box=[None, 1, 2, 3]),
    "box beyond any picture": decision(box=[10**40, 1, 2, 3]),
    "box not a number": decision().replace("[1, 2", "[NaN, 2"),
    "decision": decision(decision="perhaps"),
    "decision a number": decision(decision=1),
    "time": decision(at=12),
    "to": decision(decision="move", to=3),
    "to nowhere": decision(decision="move"),
    "to the outside": decision(decision="move", to="../x"),
    "to a hidden folder": decision(decision="move", to=".x"),
    "to a folder in a folder": decision(decision="move", to="a/b"),
    "to nothing": decision(decision="move", to=""),
    "to with a NUL": decision(decision="move", to="a\0"),
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=list(BROKEN))
@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
def test_a_broken_line_of_decisions_is_named(folder: Path, line: str, first: bool) -> None:
    before = b"" if first else decision().encode() + b"\n"
    (folder / DECISIONS).write_bytes(before + line.encode(errors="surrogateescape") + b"\n")
    with pytest.raises(FacekitError) as error:
        Session(folder)
    assert str(error.value).startswith(f"{folder / DECISIONS}, line {1 if first else 2}")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    "at",
    ["", "yesterday", "9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00-14:00", "9999-12-31T23:59:59-12:00"],
)
def test_decisions_of_any_time_can_be_added_to(folder: Path, at: str) -> None:
    (folder / DECISIONS).write_text(decision(at=at) + "\n")
    session = Session(folder)
    id = faces(session)[0].id
    for verdict in ("keep", "reject"):
        session.decide([(id, verdict, None)])  # type: ignore[list-item]
    assert session.undo(3).depth == 2
    assert Session(folder).overview().depth == 2


@pytest.mark.parametrize("what", ["fifo", "device", "folder", "link"])
def test_decisions_that_are_no_file_are_refused(folder: Path, what: str) -> None:
    make_odd(folder / DECISIONS, what)
    with pytest.raises(FacekitError, match=f"{DECISIONS} is ") as error:
        Session(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("dangling", [True, False])
def test_a_link_that_appears_later_is_not_written_through(folder: Path, tmp_path: Path, dangling: bool) -> None:
    session = Session(folder)
    id = faces(session)[0].id
    target = tmp_path / "home.txt"
    if not dangling:
        target.write_text("mine\n")
    (folder / DECISIONS).symlink_to(target)
    with pytest.raises(FacekitError, match="is a symbolic link"):
        session.decide([(id, "keep", None)])
    assert not target.exists() if dangling else target.read_text() == "mine\n"


# What else a folder says of itself


@pytest.mark.parametrize(
    "changes",
    [
        {"stage": 7},
        {"options": []},
        {"options": {"keep_at": {"a": 1}}},
        {"made_from": ["../faces"]},
        {"people": "Ada"},
        {"people": {"nobody": "Ada", "one_person": 3}},
        {"people": {"nobody": [], "one_person": [["Ada"]]}},
        {"people": {"nobody": [], "one_person": [["Ada", 3, "near"]]}},
        {"complete": "yes"},
    ],
)
def test_a_folder_that_says_nonsense_of_itself_takes_one_line(folder: Path, changes: dict[str, Any]) -> None:
    info(folder, **changes)
    with pytest.raises(FacekitError) as error:
        Session(folder)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"keep_at": "many", "reject_at": True},
        {"keep_at": None},
        {"embedder": "\x1b]0;owned\x07", "min_images": "$(touch owned)", "reference": "`x`"},
        {"": 3, "unheard of": ["a", "b"]},
    ],
)
def test_odd_options_leave_a_folder_that_can_be_reviewed(folder: Path, options: dict[str, Any]) -> None:
    info(folder, options=options)
    session = Session(folder)
    assert len(faces(session)) == 4
    assert session.overview().keep_at >= 0
    assert "$(touch owned)" not in session.command.replace("'$(touch owned)'", "")


def test_a_value_that_is_no_probability_is_none(folder: Path) -> None:
    rejected(folder, reason="unsure", value="much")
    rejected(folder, id="d" * 64, reason="wrong person", value=None)
    assert len(faces(Session(folder))) == 6


# At once


def live(folder: Path) -> Session:
    return Session(folder, live=True)


def test_live_nothing_behind_a_link_is_written_or_deleted(folder: Path, private: Path) -> None:
    (folder / "Pictures").symlink_to(private.parent)
    before = read_tree(private.parent.parent)
    session = live(folder)
    for face in faces(session):
        for verdict, to in (("keep", None), ("move", "Pictures"), ("reject", None)):
            try:
                session.decide([(face.id, verdict, to)])  # type: ignore[list-item]
            except Exception as error:  # noqa: BLE001 - whatever it says, it must not reach outside
                assert type(error).__name__ == "NotHere"
    assert read_tree(private.parent.parent) == before


def test_live_a_picture_that_was_changed_by_hand_is_not_deleted(folder: Path) -> None:
    session = live(folder)
    (card,) = [card for card in session.folder.cards.values() if card.probability == 0.9]
    file = folder / str(card.here)
    file.unlink()  # it is one file with that of the source
    file.write_bytes(images.encode(portrait(7)))
    assert "was changed by hand" in str(session.decide([(card.id, "reject", None)]).trouble)
    assert file.exists()


def test_live_a_picture_is_named_as_one(folder: Path) -> None:
    """The suffix comes from the sender: a picture that is a shell script as well must not be called one."""
    source = folder.parent / "faces"
    left = next(one for one in lines.read_lines(folder / REJECTED, Rejection) if one.reason == "blurred")
    script = Path(left.path).with_suffix(".sh")
    (source / left.path).rename(source / script)
    known = lines.read_lines(source / MANIFEST, Record)
    changed = [replace(one, path=str(script)) if one.id == left.id else one for one in known]
    lines.replace_lines(source / MANIFEST, (one.to_json() for one in changed))
    session = live(folder)
    (card,) = [card for card in session.folder.cards.values() if card.reason == "blurred"]
    assert session.decide([(card.id, "keep", None)]).trouble is None
    assert [file.suffix for file in folder.glob(f"Ada/{left.id[:16]}.*")] == [".jpg"]
