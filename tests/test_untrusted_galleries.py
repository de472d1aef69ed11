"""A gallery from a stranger: nothing in it runs, leads elsewhere, or is trusted for a size or a type."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Facekit
from galleries import DIMENSIONS, about, face, made

from facekit.base import plain
from facekit.base.contract import FacekitError
from facekit.identity.gallery import Gallery, index, opening
from facekit.identity.gallery.index import State
from facekit.identity.gallery.values import Where

Change = Callable[[sqlite3.Connection], object]

HUGE = b"\0" * ((16 << 20) + 1)


def altered(tmp_path: Path, change: Change) -> Path:
    """A gallery in whose file a stranger changed something."""
    root = tmp_path / "g"
    with made(root) as gallery:
        gallery.store.deny(gallery.person("p0").number, face("no", np.ones(DIMENSIONS)))
        gallery.promise()
    with sqlite3.connect(root / opening.FILE, isolation_level=None) as file:
        change(file)
    file.close()
    index.drop(root)  # else the embeddings are not read from the file
    return root


def use(root: Path) -> None:
    """Read everything that commands read."""
    with Gallery.open(root) as gallery:
        gallery.namer()
        list(gallery.store.faces())
        list(gallery.store.denied())
        for one in gallery.store.faces():
            gallery.store.crop(one.id)
        gallery.store.people()


def sql(*lines: str) -> Change:
    def change(file: sqlite3.Connection) -> None:
        file.execute("pragma foreign_keys = off")
        for line in lines:
            file.execute(line)

    return change


def said(key: str, **changes: object) -> Change:
    """Change fields of a JSON value in `meta`."""

    def change(file: sqlite3.Connection) -> None:
        (text,) = file.execute("select value from meta where key = ?", (key,)).fetchone()
        values = json.loads(text)
        for name, value in changes.items():
            values[name] = {**values[name], **value} if isinstance(value, dict) else value
        file.execute("update meta set value = ? where key = ?", (json.dumps(values), key))

    return change


CHANGES: dict[str, Change] = {
    "a trigger": sql("create trigger t after insert on faces begin delete from people; end"),
    "a view": sql("create view v as select * from faces"),
    "another table": sql("create table more (x)"),
    "another column": sql("alter table people add column more text"),
    "a short embedding": sql("update faces set vector = x'00000000' where slot = 3"),
    "text for an embedding": sql("update faces set vector = 'text' where slot = 3"),
    "an infinite embedding": lambda file: file.execute(
        "update faces set vector = ?", (np.full(DIMENSIONS, np.inf, "<f4").tobytes(),)
    ),
    "a huge embedding": sql("update faces set vector = zeroblob(17000000) where slot = 3"),
    "a denial that is no embedding": sql("update denials set vector = 7"),
    "a person who is not there": sql("update faces set person = 99 where slot = 3"),
    "a slot that is text": sql("drop index faces_by_person", "update faces set slot = 'x' where slot = 3"),
    "a name that is a number": sql("update people set name = x'ff' where id = 1"),
    "a very long name": sql("update people set name = replace(hex(zeroblob(5000)), '0', 'x') where id = 1"),
    "a box that is none": sql("update faces set box = '1 2 3' where slot = 3"),
    "a box out of the world": sql("update faces set box = '1 2 3 99999999999' where slot = 3"),
    "a huge crop": sql("update crops set data = zeroblob(2000000)"),
    "a generation that is none": sql("update meta set value = '-1' where key = 'generation'"),
    "a generation that is endless": sql("update meta set value = '99999999999999999999' where key = 'generation'"),
    "no about": sql("delete from meta where key = 'about'"),
    "another format": said("about", format=2),
    "a rate out of reach": said("about", fpir=0.99),
    "dimensions without end": said("about", embedder={"dimensions": 10**9}),
    "a metric that is none": said("about", embedder={"metric": "hamming"}),
    "a threshold that is none": said("promise", open_set={"threshold": 1e300}),
    "an interval that is none": said("promise", interval=[0.5, 0.1]),
    "a promise of another embedder": said(
        "promise", open_set={"embedder": {"name": "sface", "metric": "cosine", "dimensions": 128}}
    ),
    "a promise that is no JSON": sql("update meta set value = '{' where key = 'promise'"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_facekit_does_not_write_is_refused_in_one_line(tmp_path: Path, what: str) -> None:
    root = altered(tmp_path, CHANGES[what])
    with pytest.raises(FacekitError) as refused:
        use(root)
    assert len(str(refused.value).splitlines()) == 1
    assert str(root) in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"hello", b"SQLite format 3\0" + b"\xff" * 5000, b"\0" * 4096, pickle.dumps(os.getcwd)]
)
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    root = tmp_path / "g"
    root.mkdir()
    (root / opening.FILE).write_bytes(content)
    with pytest.raises(FacekitError, match="restore it from a copy, or enroll again"):
        use(root)
    assert (root / opening.FILE).read_bytes() == content


def test_a_file_that_was_cut_off_is_refused_and_left_alone(tmp_path: Path) -> None:
    with made(tmp_path / "g", count=40, faces=20):
        pass
    whole = (tmp_path / "g" / opening.FILE).read_bytes()
    for kept in (10, 100, 4096, 8192, len(whole) // 2, len(whole) - 4096):
        root = tmp_path / f"cut-{kept}"
        root.mkdir()
        (root / opening.FILE).write_bytes(whole[:kept])
        with pytest.raises(FacekitError, match="restore it from a copy, or enroll again"):
            use(root)
        assert (root / opening.FILE).read_bytes() == whole[:kept]


def test_a_file_that_claims_to_be_huge_costs_nothing(tmp_path: Path) -> None:
    root = tmp_path / "g"
    with made(root):
        pass
    file = root / opening.FILE
    os.truncate(file, 1 << 40)  # with a hole: it takes no space
    use(root)  # the pages that it has are whole
    with file.open("r+b") as written:
        written.seek(28)
        written.write((1 << 31).to_bytes(4, "big"))  # so many pages, says its head
    with pytest.raises(FacekitError, match="is broken"):
        use(root)


def test_broken_pages_are_found_when_it_is_opened(tmp_path: Path) -> None:
    root = tmp_path / "g"
    with made(root, count=40, faces=40):
        pass
    file = root / opening.FILE
    data = bytearray(file.read_bytes())
    data[4096 * 5 : 4096 * 9] = os.urandom(4096 * 4)
    file.write_bytes(data)
    with pytest.raises(FacekitError, match="is broken"):
        use(root)


@pytest.mark.parametrize("name", [opening.FILE, f"{opening.FILE}-wal", "index"])
def test_no_link_is_followed(tmp_path: Path, name: str) -> None:
    with made(tmp_path / "other") as other:
        other.people()
    root = tmp_path / "g"
    with made(root):
        pass
    target = tmp_path / "mine"
    target.mkdir() if name == "index" else target.write_bytes((tmp_path / "other" / opening.FILE).read_bytes())
    before = sorted(path.stat().st_mode for path in tmp_path.glob("mine*"))
    place = root / name
    if place.exists():
        place.unlink()
    place.symlink_to(target)
    if name == "index":  # it is not written through, and the search goes on without it
        use(root)
        assert list(target.iterdir()) == []
    else:
        with pytest.raises(FacekitError, match="is not a regular file"):
            use(root)
    assert sorted(path.stat().st_mode for path in tmp_path.glob("mine*")) == before


def test_a_fifo_in_its_place_is_refused_at_once(tmp_path: Path) -> None:
    root = tmp_path / "g"
    root.mkdir()
    os.mkfifo(root / opening.FILE)
    with pytest.raises(FacekitError, match="is not a regular file"):
        use(root)


def test_an_index_of_a_stranger_is_no_more_than_a_hint(tmp_path: Path) -> None:
    """It claims more rows than memory holds, or other embeddings: the store decides."""
    root = tmp_path / "g"
    with made(root) as gallery:
        gallery.people()
    state = root / "index" / "state.json"
    values = json.loads(state.read_text())
    for changes in ({"rows": 2**39}, {"build": 0}, {"rows": -1}, {"digest": "0"}):
        state.write_text(json.dumps({**values, **changes}))
        use(root)
        assert json.loads(state.read_text())["rows"] == 12


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e30])
def test_an_index_with_numbers_that_no_embedding_has_is_built_again(tmp_path: Path, number: float) -> None:
    root = tmp_path / "g"
    with made(root) as gallery:
        wanted = np.array(gallery.people().index.vectors)
    state, file = root / "index" / "state.json", root / "index" / "vectors-1.f32"
    file.write_bytes(np.full(12 * DIMENSIONS, number, "<f4").tobytes())
    values = State(**json.loads(state.read_text()))
    state.write_text(json.dumps({**vars(values), "digest": index._digest(root / "index", values)}))
    with Gallery.open(root) as gallery:
        assert np.array_equal(gallery.people().index.vectors, wanted)


def test_an_embedder_that_is_a_path_is_not_loaded(tmp_path: Path, facekit: Facekit) -> None:
    root = tmp_path / "g"
    hostile = about()
    with made(root) as gallery:
        gallery.store.set_about(
            type(hostile)(
                **{
                    **vars(hostile),
                    "embedder": type(hostile.embedder)(**{**vars(hostile.embedder), "name": str(tmp_path)}),
                }
            )
        )
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"x")
    done = facekit("identify", root, photo)
    assert done.code == 2
    assert "which is gone or has been trained again since" in done.err


def test_migrate_shows_no_other_file(drawn_photos: Path, tmp_path: Path, facekit: Facekit) -> None:
    """A gallery that names a private photo gets no face of it: its hash is not what the gallery says."""
    pytest.importorskip("onnxruntime", reason="the extra `faces` is not installed")
    private = next(path for path in drawn_photos.glob("*/*.jpg"))
    root = tmp_path / "g"
    with Gallery.make(root, about()) as gallery:
        one = face("x", np.ones(DIMENSIONS))
        gallery.store.enroll({"somebody": [type(one)(Where(str(private), "0" * 64), one.vector)]})
    done = facekit("gallery", "migrate", root, "--embedder", "dlib", "-o", tmp_path / "new")
    assert done.code == 2
    assert "neither its picture nor its photo is there" in done.err
    assert not (tmp_path / "new").exists()


def test_text_from_a_gallery_cannot_act_on_a_terminal(tmp_path: Path, facekit: Facekit) -> None:
    root = altered(tmp_path, lambda file: file.execute("update people set name = ? where id = 1", ("\x1b[2Jp",)))
    done = facekit("gallery", "list", root)
    assert done.code == 0
    assert "\x1b" not in done.out


def test_the_about_of_a_gallery_is_plain_text() -> None:
    assert plain.parse(plain.dump(about()), type(about())) == about()
