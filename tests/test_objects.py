"""Trees on object storage: what is brought, what is sent and in which order, what goes on, and what is refused."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from patches import tree

from facekit.base import objects
from facekit.base.contract import FacekitError, Report, quiet
from facekit.commands.cache import cache
from facekit.options import registry
from facekit.options.balance import Balance
from facekit.options.base import make
from facekit.options.cache import Cache
from facekit.options.enroll import Enroll
from facekit.options.evaluate import Evaluate
from facekit.options.train import Train
from facekit.options.typed import typed

pytest.importorskip("s3fs")
pytest.importorskip("moto")

BUCKET = "faces"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The address of a server that speaks S3."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + 300
        while True:
            try:
                urllib.request.urlopen(address, timeout=5).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until
                time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def storage(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An empty bucket, and a client that facekit has no part in."""
    import boto3

    urllib.request.urlopen(urllib.request.Request(f"{server}/moto-api/reset", method="POST"), timeout=30).close()
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))
    environment = {"ACCESS_KEY_ID": "key", "SECRET_ACCESS_KEY": "secret", "DEFAULT_REGION": "us-east-1"}
    for name, value in {**environment, "ENDPOINT_URL": server, "EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    yield client
    client.close()


def send(client: Any, folder: Path, key: str) -> None:
    for file in filter(Path.is_file, folder.rglob("*")):
        client.put_object(Bucket=BUCKET, Key=f"{key}/{file.relative_to(folder).as_posix()}", Body=file.read_bytes())


def held(client: Any, key: str) -> dict[str, bytes]:
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{key}/")
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    return {one[len(key) + 1 :]: client.get_object(Bucket=BUCKET, Key=one)["Body"].read() for one in keys}


def files(folder: Path) -> dict[str, bytes]:
    found = [file for file in folder.rglob("*") if file.is_file() and not file.name.startswith(".")]
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}


def balance(source: object, output: object, count: int = 10, **more: object) -> Report:
    values = {"input": str(source), "output": str(output), "count": count, **more}
    report = registry.own("balance").load()(make(Balance, values), quiet)
    assert isinstance(report, Report)
    return report


def asked(report: Report) -> int:
    return int(str(report.details["object_storage"]).split()[0])


def test_a_tree_is_brought_and_sent_back_as_on_a_disk(storage: Any, tmp_path: Path) -> None:
    faces = tree(tmp_path / "faces", split=None)
    send(storage, faces, "raw")
    balance(faces, tmp_path / "even")
    report = balance("s3://faces/raw", "s3://faces/even")
    assert report.folder == "s3://faces/even" and report.kept == 30
    ours, theirs = held(storage, "even"), files(tmp_path / "even")
    assert ours.keys() == theirs.keys() and len(ours) == 30 + 4
    differing = {name for name, data in ours.items() if data != theirs[name]}
    assert differing <= {"dataset.json", "sources.jsonl"}, "which say where it came from"
    pages, there = 1, 42
    assert asked(report) == pages + there + pages + len(ours) + 2 * pages
    # Again: what has not changed is neither brought nor sent.
    again = balance("s3://faces/raw/", "s3://faces/even")
    assert asked(again) <= 2 * pages + 3 and "0 B down, 0 B up" in str(again.details["object_storage"])


def test_the_manifest_comes_last_and_then_what_is_gone_goes(storage: Any, tmp_path: Path) -> None:
    from facekit.dataset.objects import Mirror, Traffic

    send(storage, tree(tmp_path / "faces", split=None), "raw")
    balance("s3://faces/raw", "s3://faces/even", 10)
    before = set(held(storage, "even"))
    sent: list[str] = []
    put, delete = Mirror._put, Mirror._delete
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Mirror, "_put", lambda self, path: (sent.append(path), put(self, path))[1])
        patch.setattr(Mirror, "_delete", lambda self, paths: (sent.extend(f"-{p}" for p in paths), delete(self, paths)))
        balance("s3://faces/raw", "s3://faces/even", 7, overwrite=True)
    after = set(held(storage, "even"))
    gone = [f"-{path}" for path in sorted(before - after)]
    assert gone and sent[-len(gone) :] == gone
    assert sent[-len(gone) - 1] == "manifest.jsonl" and sent[-len(gone) - 2] == "dataset.json"
    assert after == set(files(Mirror("s3://faces/even", objects.folder_of("s3://faces/even"), Traffic()).folder))


def test_what_was_made_and_not_sent_goes_on(storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facekit.dataset.objects import Mirror

    send(storage, tree(tmp_path / "faces", split=None), "raw")
    put = Mirror._put

    def fails(self: Mirror, path: str) -> int:
        if path == "manifest.jsonl":
            raise OSError("the cable")
        return put(self, path)

    monkeypatch.setattr(Mirror, "_put", fails)
    with pytest.raises(FacekitError, match=r"s3://faces/even cannot be reached \(the cable\)"):
        balance("s3://faces/raw", "s3://faces/even")
    assert "manifest.jsonl" not in held(storage, "even"), "so it is a tree of pictures, which can be read"
    monkeypatch.setattr(Mirror, "_put", put)
    report = balance("s3://faces/raw", "s3://faces/even")
    assert report.made == 0 and "manifest.jsonl" in held(storage, "even")
    # On another machine, whose cache is empty, it is the same.
    shutil.rmtree(tmp_path / "cache")
    assert balance("s3://faces/raw", "s3://faces/even").made == 0


def test_an_object_that_has_changed_is_brought_and_one_that_is_gone_goes(storage: Any, tmp_path: Path) -> None:
    faces = tree(tmp_path / "faces", split=None)
    send(storage, faces, "raw")
    folder = objects.folder_of("s3://faces/raw")
    balance("s3://faces/raw", tmp_path / "one")
    first, second = sorted(faces.rglob("*.png"))[:2]
    storage.delete_object(Bucket=BUCKET, Key=f"raw/{first.relative_to(faces).as_posix()}")
    storage.put_object(Bucket=BUCKET, Key=f"raw/{second.relative_to(faces).as_posix()}", Body=first.read_bytes())
    for key in ("raw/../out.png", "raw/a//b.png", "raw/person0/", "raw/.hidden"):
        storage.put_object(Bucket=BUCKET, Key=key, Body=b"")
    balance("s3://faces/raw", tmp_path / "two")
    expected = {name: data for name, data in files(faces).items() if name != first.relative_to(faces).as_posix()}
    expected[second.relative_to(faces).as_posix()] = first.read_bytes()
    assert files(folder) == expected
    assert not (folder.parent / "out.png").exists()


def test_two_who_write_one_output_are_told(storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    send(storage, tree(tmp_path / "faces", split=None), "raw")
    balance("s3://faces/raw", "s3://faces/even")
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "other"))
    balance("s3://faces/raw", "s3://faces/even", 7, overwrite=True)
    theirs = held(storage, "even")
    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))
    (objects.folder_of("s3://faces/even") / "manifest.jsonl").write_text("")
    with pytest.raises(FacekitError, match="was changed by somebody else"):
        balance("s3://faces/raw", "s3://faces/even", 8, overwrite=True)
    assert held(storage, "even") == theirs


def test_what_cannot_be_reached_is_one_line(
    storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    with pytest.raises(FacekitError, match="s3://nobody/raw: there is no such bucket"):
        balance("s3://nobody/raw", tmp_path / "out")
    with pytest.raises(FacekitError, match="there is nothing below s3://faces/empty"):
        balance("s3://faces/empty", tmp_path / "out")
    with pytest.raises(FacekitError, match="s3://faces/a/b and the input s3://faces/a overlap"):
        balance("s3://faces/a", "s3://faces/a/b")
    send(storage, tree(tmp_path / "faces", labels=2, split=None), "raw")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(FacekitError, match="s3://faces/raw cannot be reached .* type the same command again"):
        balance("s3://faces/raw", tmp_path / "out")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    with pytest.raises(FacekitError, match="there are no credentials; set the environment variables AWS_ACCESS_KEY_ID"):
        balance("s3://faces/raw", tmp_path / "out")


def test_rights_that_are_missing_are_one_line(storage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from facekit.dataset.objects import Mirror

    send(storage, tree(tmp_path / "faces", labels=2, split=None), "raw")

    def refused(self: Mirror, method: str, **values: object) -> None:
        raise PermissionError("Access Denied")  # which s3fs makes of an answer 403

    monkeypatch.setattr(Mirror, "_ask", refused)
    with pytest.raises(FacekitError, match=r"s3://faces/raw: access is denied \(Access Denied\)"):
        balance("s3://faces/raw", tmp_path / "out")


@pytest.mark.parametrize(
    ("cls", "values", "said"),
    [
        (Enroll, {"input": "faces", "output": "s3://b/gallery"}, "a gallery on object storage cannot be locked"),
        (
            Enroll,
            {"input": "faces", "output": "gallery", "strangers": "s3://b/others"},
            "bring it here first: `aws s3 sync s3://b/others FOLDER`",
        ),
        (Evaluate, {"run": "s3://b/run"}, "bring it here first: `aws s3 sync s3://b/run FOLDER`"),
        (Train, {"input": "a", "output": "b", "people_from": "s3://b/t.csv"}, "--people-from is s3://b/t.csv"),
        (Balance, {"input": "s3://B_/x", "output": "b"}, "s3://B_/x is no place on object storage"),
        (Balance, {"input": "s3://bucket/a/../b", "output": "b"}, "is no place on object storage"),
    ],
)
def test_what_cannot_be_there_is_refused(cls: Any, values: dict[str, Any], said: str) -> None:
    with pytest.raises(FacekitError) as refused:
        make(cls, values)
    assert said in str(refused.value)


def test_copies_are_shown_and_deleted_with_the_cache_and_when_somebody_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facekit.removal.kinds.caches import Objects

    monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / "cache"))
    for remove in (
        lambda: cache(Cache(kind="objects", clear=True)),
        lambda: Objects().remove(tmp_path / "cache" / "objects", None),  # type: ignore[arg-type]
    ):
        tree(objects.folder_of("s3://bucket/raw"), labels=2, photos=2)
        (kind,) = cache(Cache(kind="objects")).details["kinds"]  # type: ignore[misc, union-attr]
        assert (kind["kind"], kind["items"]) == ("objects", 1)  # type: ignore[index, call-overload]
        assert list(Objects().elsewhere()) == [tmp_path / "cache" / "objects"]
        remove()
        assert not list((tmp_path / "cache" / "objects").iterdir()) and not list(Objects().elsewhere())


def test_a_command_is_typed_with_the_place() -> None:
    options = Balance(input="s3://bucket/a/", output="s3://bucket/b", count=5)  # type: ignore[arg-type]
    assert typed(options).startswith("facekit balance s3://bucket/a -o s3://bucket/b")
