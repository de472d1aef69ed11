"""A person planted in everything that facekit writes, and a scan of all bytes that finds what is left."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facekit import runs
from facekit.base import images, weights
from facekit.base.contract import BadImage, Decision, Embedder, Rejection
from facekit.base.files import append_line, replace_lines, write_json
from facekit.base.weights import EMBEDDINGS
from facekit.cli.logs import logging_to
from facekit.commands.audit import audit
from facekit.commands.crop import crop
from facekit.commands.evaluate import evaluate
from facekit.commands.identify import identify
from facekit.commands.predict import predict
from facekit.commands.scrape.evidence import Evidence, KeptPages
from facekit.commands.scrape.keyword import EngineSearch, Keyword
from facekit.commands.scrape.state import States
from facekit.commands.scrape.summary import HEADER
from facekit.commands.train import train
from facekit.dataset import Dataset
from facekit.dataset.decisions import Decisions
from facekit.dataset.records import read_records, read_sources
from facekit.identity import embedders
from facekit.identity.gallery import Gallery
from facekit.options.audit import Audit
from facekit.options.crop import Crop
from facekit.options.evaluate import Evaluate
from facekit.options.identify import Identify
from facekit.options.predict import Predict
from facekit.options.train import Train
from facekit.report import grid, sheet
from facekit.report.grid import Tile
from facekit.sources.engines import Candidate

HOST = "https://img.planted.example"

log = logging.getLogger("facekit.planting")

Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Planted:
    """A folder with everything, and what must not be left of one person."""

    root: Path
    cache: Path
    name: str
    hashes: frozenset[str]
    """SHA-256 of every file that shows the person."""
    urls: frozenset[str]
    pictures: tuple[bytes, ...]
    """The bytes of these files."""
    vectors: Vectors
    """Embeddings of these pictures, as they stand in the gallery and in the cache."""

    @property
    def roots(self) -> list[str]:
        """What is looked through."""
        return [str(self.root / name) for name in ("data", "models", "gallery", "out")]


def plant(root: Path, photos: Path, faces: Path, even: Path, gallery: Path) -> Planted:
    """Fill a folder; the data sets and the gallery are copied, all else is made of them."""
    data = root / "data"
    for name, tree in (("photos", photos), ("faces", faces), ("even", even)):
        shutil.copytree(tree, data / name)
    shutil.copytree(gallery, root / "gallery")
    name = sorted(Dataset.open(data / "even").labels)[0]
    urls = {url for tree in ("photos", "faces", "even") for url in _found_on_the_web(data / tree, name)}
    _scraped(data / "photos", name, sorted(urls))
    _said(data / "faces", name)
    _saved_again(root, data / "photos", name)
    head = root / "models" / "head"
    train(Train(input=data / "even", output=head, backbone="dlib", jobs=1))
    evaluate(Evaluate(run=head, jobs=1))
    _interrupted(root / "models" / "begun", head, data / "even", name)
    _compared(root / "models" / "compared", head)
    _card(data / "even", name)
    _reports(root, head, name)
    before = _cut_before(root / "before", data / "even", name)
    return _expected(root, name, urls, before)


def _found_on_the_web(tree: Path, name: str) -> Iterator[str]:
    """Give each photo of a data set an address; yield those of the person."""
    records = {one.origin: one for one in read_records(tree / "manifest.jsonl")}
    lines = []
    for origin, source in read_sources(tree / "sources.jsonl").items():
        url = f"{HOST}/{origin[:20]}.jpg"
        at = {"url": url, "final_url": f"{url}?full", "page_url": f"{HOST}/page/{origin[:8]}"}
        who = records[origin].label if origin in records else ""
        lines.append(replace(source, engine="plain", query=who, fetched_at="2026-01-02T03:04:05+00:00", **at))
        if who == name:
            yield from (url, f"{url}?full")
    replace_lines(tree / "sources.jsonl", (one.to_json() for one in lines))


def _scraped(tree: Path, name: str, urls: list[str]) -> None:
    """Put beside a data set what a scrape keeps: its searches, a page that it could not read, the table of names."""
    states = States(tree)
    for label in Dataset.open(tree).labels:
        one = Keyword(label, label)
        mine = urls if label == name else [f"{HOST}/other-{label.split()[0]}.jpg"]
        fresh = one.add(
            "plain",
            EngineSearch("ok", label, 9, 9),
            [Candidate(url, k, "plain", label) for k, url in enumerate(mine, 1)],
            (),
        )
        states.names[label] = one
        states.searched(one, "plain", fresh)
    picture = next((tree / name).iterdir()).read_bytes()
    KeptPages(tree).keep(name, "plain", Evidence(f"<html>{name} <img src='{urls[0]}'></html>", picture))
    rows = [[label, label, "done", 9, 9, 0, 0, "", "plain: ok"] for label in Dataset.open(tree).labels]
    (tree / "summary.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in (HEADER, *rows)))


def _said(tree: Path, name: str) -> None:
    """Note what a person and a command say of the person's pictures, and of others that mention the person."""
    records = read_records(tree / "manifest.jsonl")
    mine = next(one for one in records if one.label == name)
    other = next(one for one in records if one.label != name)
    Decisions(tree).append(Decision(mine.origin, mine.box, mine.label, "keep"))
    Decisions(tree).append(Decision(other.origin, other.box, other.label, "move", name))
    for left in (
        Rejection("clean", mine.id, name, mine.path, "blurred", 3.0, origin=mine.origin),
        Rejection("clean", "f" * 64, other.label, "x/y.jpg", "wrong person", 0.1, origin=other.origin, like=name),
        Rejection("clean", "e" * 64, other.label, "x/z.jpg", "near repeat", mine.path, origin=other.origin),
        Rejection("scrape", "d" * 64, name, f"{HOST}/broken.jpg", "http 404", 404),
    ):
        append_line(tree / "rejected.jsonl", left.to_json())


def _saved_again(root: Path, photos: Path, name: str) -> None:
    """Make a data set of other photos, among them one of the person that was saved again, under another name."""
    plain = root / "elsewhere" / "Someone Else"
    plain.mkdir(parents=True)
    mine = _readable(photos, name)
    (plain / "copy.jpg").write_bytes(images.encode(images.read(mine[0]), 80))
    other = next(label for label in Dataset.open(photos).labels if label != name)
    for file in _readable(photos, other)[:2]:
        (plain / file.name).write_bytes(images.encode(images.read(file), 80))
    crop(Crop(input=plain.parent, output=root / "data" / "again", detect=False, jobs=1))
    shutil.rmtree(plain.parent)


def _readable(tree: Path, name: str) -> list[Path]:
    """The photos of a person that can be decoded."""
    found = []
    for file in sorted((tree / name).iterdir()):
        try:
            images.read(file)
        except BadImage:
            continue
        found.append(file)
    return found


def _cut_before(root: Path, tree: Path, name: str) -> set[str]:
    """Embed faces that are then deleted, as those that were once cut in another size: the cache alone knows of them."""
    (root / name).mkdir(parents=True)
    files = _readable(tree, name)[:2]
    for file in files:
        (root / name / file.name).write_bytes(images.encode(images.resize(images.read(file), 120), 90))
    dataset = Dataset.open(root)
    embedders.embed_dataset(dataset, "dlib")
    shutil.rmtree(root)
    return {record.sha256 for record in dataset.records}


def _interrupted(folder: Path, head: Path, tree: Path, name: str) -> None:
    """Leave a training in the middle: packed pictures, a checkpoint."""
    folder.mkdir()
    run = runs.load(head)
    runs.Run(folder, run.info).save(replace(run.info, complete=False, backbone=None, open_set=None, network="cnn3"))
    shutil.copy(head / "split.jsonl", folder)
    pixels = [images.resize(images.read(tree / one.path), 96) for one in read_records(tree / "manifest.jsonl")]
    (folder / "pack.u8").write_bytes(np.stack(pixels).tobytes())
    (folder / "checkpoint").mkdir()
    write_json(folder / "checkpoint" / "state.json", {"best": 1, "rows": []})
    (folder / "checkpoint" / "last-00001.weights.h5").write_bytes(b"weights")


def _compared(folder: Path, head: Path) -> None:
    """Leave a comparison, of which the split matters."""
    folder.mkdir()
    shutil.copy(head / "split.jsonl", folder)
    info = runs.load(head).info
    write_json(folder / "compare.json", {"options": {}, "dataset": info.dataset, "protocol": "group", "rows": {}})


def _reports(root: Path, head: Path, name: str) -> None:
    """Ask gallery and model, and keep the answers in every form that there is."""
    out, data = root / "out", root / "data"
    out.mkdir()
    with logging_to(lambda text: None, out / "facekit.log", logging.INFO):
        asked = Identify(
            gallery=str(root / "gallery"),
            pictures=[str(data / "photos")],
            csv=out / "who.csv",
            annotate=out / "annotated",
            sort_into=out / "sorted",
            jobs=1,
        )
        list(identify(asked))
        log.info("%s was named", name)
        log.info("Bob was named")
    list(predict(Predict(run=head, pictures=[str(data / "even")], detect=False, grid=out / "faces.html", jobs=1)))
    mine = _readable(data / "even", name)[0]
    tile = Tile(images.read(mine), name, photo=mine, file=mine.name)
    (out / "faces.png").write_bytes(grid.draw([tile]))
    nameless = [Tile(images.read(mine), "a face", file="x.jpg")]  # nothing but the picture tells who it is
    (out / "nameless.html").write_text(sheet.page("Faces", nameless, "1 picture", out))
    audit(Audit(folder=data / "even", without=out / "copy", output=out / "audit", jobs=1))


def _card(folder: Path, name: str) -> None:
    """Leave a card that names the person."""
    text = "<!-- Written by `facekit card`. Do not edit it: write it again, or ask `facekit card --check`. -->"
    (folder / "README.md").write_text(f"# Faces\n\n{text}\n\n| {name} | 8 |\n")
    (folder / "croissant.json").write_text(json.dumps({"name": "faces", "description": f"8 pictures of {name}"}))


def _expected(root: Path, name: str, urls: set[str], before: set[str]) -> Planted:
    hashes, pictures = set(), []
    for tree in (root / "data").iterdir():
        for file in (tree / name).glob("*"):
            hashes.add(hashlib.sha256(file.read_bytes()).hexdigest())
            pictures.append(file.read_bytes())
    with Gallery.open(root / "gallery") as gallery:
        number = gallery.person(name).number
        rows = [gallery.store.vector(face.id) for face in gallery.store.faces(number)]
    kept = sqlite3.connect(weights.where() / EMBEDDINGS)
    try:
        for digest in sorted(hashes | before):
            found = kept.execute("select vector from vectors where picture = ?", (bytes.fromhex(digest),)).fetchall()
            assert found or digest not in before
            rows += [np.frombuffer(row, "<f4") for (row,) in found]
    finally:
        kept.close()
    return Planted(
        root,
        weights.where(),
        name,
        frozenset(hashes),
        frozenset(urls),
        tuple(pictures),
        np.stack([row for row in rows if row is not None]),
    )


def traces(planted: Planted) -> list[str]:
    """Return what is left of the person: a line for each file in which anything is."""
    found = []
    files = [file for top in (planted.root, planted.cache) for file in sorted(top.rglob("*"))]
    for file in files:
        if "receipts" in file.parts:
            continue
        if planted.name.lower() in str(file.relative_to(file.parents[len(file.parts) - 2])).lower():
            found.append(f"{file}: its name")
        if file.is_file():
            found += [f"{file}: {what}" for what in _in(file.read_bytes(), planted)]
    return found


def _in(data: bytes, planted: Planted) -> Iterator[str]:
    """Yield what is left of the person in a file."""
    if hashlib.sha256(data).hexdigest() in planted.hashes:
        yield "a picture"
    if re.search(re.escape(planted.name.encode()), data, re.IGNORECASE):
        yield "the name"
    if any(url.encode() in data for url in planted.urls):
        yield "an address"
    if any(one.encode() in data or bytes.fromhex(one) in data for one in planted.hashes):
        yield "the hash of a picture"
    for found in re.finditer(rb"base64,([A-Za-z0-9+/=]{40,})", data):
        if hashlib.sha256(base64.b64decode(found[1])).hexdigest() in planted.hashes:
            yield "an embedded picture"
    if holds_vector(data, planted.vectors):
        yield "an embedding"


def holds_vector(data: bytes, vectors: Vectors) -> bool:
    """Whether a file holds one of some embeddings within 1e-6, as 32-bit floats at any place."""
    width = vectors.shape[1]
    for start in range(4):
        numbers = np.frombuffer(data[start : start + (len(data) - start) // 4 * 4], "<f4")
        if len(numbers) < width:
            continue
        first = numbers[: len(numbers) - width + 1]
        for vector in vectors:
            with np.errstate(invalid="ignore", over="ignore"):
                places = np.flatnonzero(np.abs(first - vector[0]) <= 1e-6)
                if any(np.abs(numbers[place : place + width] - vector).max() <= 1e-6 for place in places.tolist()):
                    return True
    return False


def alike(planted: Planted, embedder: str = "dlib", near: float = 0.05) -> list[str]:
    """Return the pictures, files and such in pages, whose embedding is that of a picture of the person."""
    one = embedders.load(embedder)
    own = np.stack([vector for data in planted.pictures if (vector := _embedded(data, one)) is not None])
    found = []
    for file in sorted(planted.root.rglob("*")):
        if not file.is_file() or "receipts" in file.parts:
            continue
        data = file.read_bytes()
        inside = (base64.b64decode(match[1]) for match in re.finditer(rb"base64,([A-Za-z0-9+/=]{40,})", data))
        for picture in (data, *inside):
            vector = _embedded(picture, one)
            if vector is not None and np.linalg.norm(own - vector, axis=1).min() <= near:
                found.append(str(file))
    return found


def _embedded(data: bytes, embedder: Embedder) -> Vectors | None:
    """Return the embedding of a picture as a whole; None of what is none, or shows no face."""
    try:
        vector: Vectors = embedder.embed([embedder.align(images.decode(data), None)])[0]
    except BadImage:
        return None
    return vector if np.isfinite(vector).all() else None
