"""Review: who may reach the server, what it answers, and that what was decided is neither lost nor doubled."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import psutil
import pytest
from conftest import Facekit, picture, read_tree
from reviewing import Drawn, Served, faces_of, portrait, put_info, served, write
from test_lean import facekit as without_extras

from facekit.base import files as lines
from facekit.base import images
from facekit.base.contract import Decision, FacekitError, Record, Rejection, replace
from facekit.base.plain import parse
from facekit.commands.clean import clean
from facekit.commands.review.answers import encode
from facekit.commands.review.session import NotHere, Session
from facekit.dataset import DECISIONS, MANIFEST, REJECTED, Dataset
from facekit.dataset.ancestry import Tree, inside
from facekit.dataset.decisions import Decisions
from facekit.options.clean import Clean

ADA = faces_of("Ada", [0.99, 0.45, 0.97, 0.07, 0.02, 0.55])
BOB = faces_of("Bob", [0.9, 0.3])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to review: a repeat, a blurred face, some that `clean` was not sure of, and someone else."""
    more = [Drawn("Ada", reason="repeat", repeats=0), Drawn("Bob", reason="blurred")]
    return write(tmp_path, [*ADA, *BOB, *more])


class Asking:
    """A browser's requests, without a browser."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token

    def __call__(self, path: str, body: Any = None, **headers: str | None) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        sent: dict[str, str | None] = {"Host": f"127.0.0.1:{self.port}"}
        sent["Cookie"] = f"facekit-review-{self.port}={self.token}"
        method = headers.pop("method", None) or ("GET" if body is None else "POST")
        if method == "POST":
            sent |= {"Origin": f"http://127.0.0.1:{self.port}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        if data is not None:
            sent.setdefault("Content-Length", str(len(data)))
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(data)
        answer = connection.getresponse()
        found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        connection.close()
        return found

    def json(self, path: str, body: Any = None) -> Any:
        status, _, data = self(path, body)
        assert status == 200, data
        return json.loads(data)

    def faces(self, label: str) -> list[dict[str, Any]]:
        return list(self.json(f"/api/faces?label={label}"))

    def decide(self, id: str, verdict: str | None, to: str | None = None) -> Any:
        return self.json("/api/decisions", {"changes": [{"id": id, "verdict": verdict, "to": to}]})


def asking(server: Served) -> Asking:
    return Asking(server.port, server.token)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A running server whose folder is not to be changed."""
    root = tmp_path_factory.mktemp("asked")
    folder = write(root, [*ADA, *BOB, Drawn("Ada", reason="repeat", repeats=0)])
    (root / "faces" / json.loads((folder / REJECTED).read_text().splitlines()[0])["path"]).write_bytes(b"no picture")
    with served(folder) as server:
        yield asking(server)


def shown(answer: Any) -> Any:
    """What the page gets."""
    return json.loads(encode(answer))


def decided(folder: Path) -> list[dict[str, Any]]:
    path = folder / DECISIONS
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


# What is refused


@pytest.mark.parametrize(
    ("name", "info", "said"),
    [
        ("gone", None, "no such folder"),
        ("plain", {}, "has no dataset.json"),
        ("faces", {"stage": "crop", "complete": True}, "was made by crop"),
        ("half", {"stage": "clean", "complete": False}, "is not complete; run the same `facekit clean` again"),
    ],
)
def test_a_folder_that_cannot_be_reviewed(tmp_path: Path, facekit: Facekit, name: str, info: Any, said: str) -> None:
    if info is not None:
        (tmp_path / name).mkdir()
    if info:
        put_info(tmp_path / name, info)
    done = facekit("review", tmp_path / name, "--no-browser")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_port_that_is_taken(folder: Path, facekit: Facekit) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = facekit("review", folder, "--port", port, "--no-browser")
    assert done.code == 2
    assert done.err == f"error: port {port} is in use; choose another with --port, or leave it out for a free one\n"


def test_decisions_are_not_overwritten(folder: Path, facekit: Facekit) -> None:
    done = facekit("review", folder, "--overwrite", "--no-browser")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "does not overwrite decisions" in done.err


def test_without_its_extra_it_says_which() -> None:
    done = without_extras("review", "clean")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "pip install 'facekit-cli[review]'" in done.stderr


def test_a_broken_line_of_decisions_is_named(folder: Path, facekit: Facekit) -> None:
    (folder / DECISIONS).write_text('{"origin": "x", "label": "Ada", "decision": "perhaps"}\n')
    done = facekit("review", folder, "--no-browser")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"{DECISIONS}, line 1" in done.err


# Who may reach it


def test_it_listens_on_this_machine_alone(folder: Path) -> None:
    with served(folder) as server:
        listening = [c for c in psutil.Process(server.process.pid).net_connections() if c.status == psutil.CONN_LISTEN]
    assert [c.laddr.ip for c in listening] == ["127.0.0.1"]


@pytest.mark.parametrize("path", ["/", "/api/names", "/static/review.js", "/pictures/x", "/nothing"])
@pytest.mark.parametrize("cookie", [None, "facekit-review-{port}=wrong", "facekit-review-{port}=", "x=\x01;=;", "ü"])
def test_nothing_without_the_token(ask: Asking, path: str, cookie: str | None) -> None:
    given = cookie.format(port=ask.port) if cookie else None
    status, headers, data = ask(path, cookie=given)
    assert (status, headers["content-type"]) == (403, "text/plain; charset=utf-8")
    assert b"open the address" in data
    assert "set-cookie" not in headers


@pytest.mark.parametrize("token", ["wrong", "", "%ff", "%C3%A9", "a&token=b"])
def test_a_wrong_token_opens_nothing(ask: Asking, token: str) -> None:
    assert ask(f"/?token={token}", cookie=None)[0] == 403


def test_the_token_opens_the_page_and_leaves_a_strict_cookie(ask: Asking) -> None:
    status, headers, data = ask(f"/?token={ask.token}", cookie=None)
    assert status == 200
    assert b"<title>facekit review</title>" in data
    assert headers["set-cookie"] == f"facekit-review-{ask.port}={ask.token}; Path=/; HttpOnly; SameSite=Strict"
    assert ask(f"/api/names?token={ask.token}", cookie=None)[0] == 403, "the token alone is for the first load"


def test_every_answer_has_its_guards(ask: Asking) -> None:
    for path in ("/", "/api/names", "/static/review.js", "/nothing", f"/pictures/{ask.faces('Ada')[0]['id']}"):
        headers = ask(path)[1]
        assert headers["content-security-policy"].startswith("default-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "", None, "[::1]"])
def test_a_name_that_was_made_to_point_here_gets_nothing(ask: Asking, host: str | None) -> None:
    given = host.format(port=ask.port) if host else host
    assert ask("/api/names", host=given)[0] in (400, 403)


def test_a_tunnel_may_have_another_port(ask: Asking) -> None:
    assert ask("/api/names", host="localhost:9999")[0] == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1:1"]
)
def test_another_page_may_not_decide(ask: Asking, origin: str | None) -> None:
    given = origin.format(port=ask.port) if origin else None
    assert ask("/api/undo", {"depth": 1}, origin=given)[0] == 403


def test_another_page_may_not_look(ask: Asking) -> None:
    assert ask("/api/names", origin="http://evil.example")[0] == 403
    assert ask("/api/names", sec_fetch_site="cross-site")[0] == 403
    assert ask("/api/names", sec_fetch_site="same-site")[0] == 403
    assert ask("/api/names", sec_fetch_site="same-origin")[0] == 200
    assert ask("/", sec_fetch_site="cross-site")[0] == 200, "a link to the page may be followed"


@pytest.mark.parametrize(
    ("how", "status"),
    [
        ({"content_type": "text/plain"}, 415),
        ({"content_type": None}, 415),
        ({"content_length": "4000001"}, 413),
        ({"content_length": "many"}, 413),
        ({"method": "PUT"}, 405),
        ({"method": "OPTIONS"}, 405),
    ],
)
def test_only_small_json_is_read(ask: Asking, how: dict[str, Any], status: int) -> None:
    assert ask("/api/undo", {"depth": 1}, **how)[0] in (status, 400)


ODD_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{",
    "deep": b"[" * 1_000_000,
    "deep and whole": b'{"changes": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "not UTF-8": b'{"changes": [{"id": "\xff", "verdict": "keep"}]}',
    "half a character": b'{"changes": [{"id": "\\ud800", "verdict": "keep"}]}',
    "half a verdict": b'{"changes": [{"id": "a", "verdict": "\\udc80"}]}',
    "half a label": b'{"changes": [{"id": "{ada}", "verdict": "move", "to": "\\udc80"}]}',
    "NaN": b'{"changes": [{"id": NaN, "verdict": "keep"}]}',
    "NaN verdict": b'{"changes": [{"id": "a", "verdict": NaN}]}',
    "number": b"7",
    "null": b"null",
    "a list": b"[]",
    "no changes": b'{"changes": []}',
    "changes that are none": b'{"changes": [1, null, "keep"]}',
    "many": b'{"changes": [' + b",".join([b'{"id":"a","verdict":null}'] * 20_001) + b"]}",
    "long": b'{"changes": [{"id": "' + b"a" * 3_000_000 + b'", "verdict": "keep"}]}',
    "control characters": b'{"changes": [{"id": "\\u0000\\u001b[2J", "verdict": "keep"}]}',
}


@pytest.mark.parametrize("body", ODD_BODIES.values(), ids=list(ODD_BODIES))
def test_a_body_that_the_page_does_not_send_is_refused(ask: Asking, body: bytes) -> None:
    body = body.replace(b"{ada}", ask.faces("Ada")[0]["id"].encode())
    for path in ("/api/decisions", "/api/undo"):
        status, headers, said = ask(path, body)
        assert 400 <= status < 500
        assert headers["content-type"] == "application/json"
        assert len(json.loads(said)["detail"]) < 200


@pytest.mark.parametrize("depth", [-1, 10**30, 1.5, True, "1", [1]])
def test_an_undo_of_no_step_is_none(ask: Asking, depth: Any) -> None:
    assert ask("/api/undo", {"depth": depth})[0] in (200, 422)
    assert ask.json("/api/names")["depth"] == 0


@pytest.mark.parametrize("label", ["%ED%A0%80", "%ff", "%00", "a" * 30_000, "..%2f..", "%E2%80%AEadA", ""])
def test_a_name_that_is_not_there_is_not_found(ask: Asking, label: str) -> None:
    status, _, said = ask(f"/api/faces?label={label}")
    assert (status, list(json.loads(said))) == (404, ["detail"])


@pytest.mark.parametrize("query", ["side=1e9", "side=-1", "side=160&side=x", "side=%00", "v=%0d%0aX-A:1"])
def test_odd_queries_of_a_picture_do_no_harm(ask: Asking, query: str) -> None:
    status, headers, _ = ask(f"/pictures/{ask.faces('Ada')[0]['id']}?{query}")
    assert status in (200, 404, 422)
    assert "x-a" not in headers


def test_two_servers_do_not_share_a_cookie(ask: Asking, folder: Path) -> None:
    with served(folder) as server:
        other = asking(server)
        assert other.token != ask.token
        both = f"facekit-review-{ask.port}={ask.token}; facekit-review-{other.port}={other.token}"
        assert ask("/api/names", cookie=both)[0] == other("/api/names", cookie=both)[0] == 200


# Pictures


def test_a_picture_need_not_be_asked_for_twice(ask: Asking) -> None:
    face = ask.faces("Ada")[0]
    status, headers, data = ask(f"/pictures/{face['id']}?side=320&v={face['v']}")
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert images.decode(data).shape == (96, 96, 3), "never larger than it is"
    assert headers["cache-control"] == "private, max-age=31536000, immutable"
    assert ask(f"/pictures/{face['id']}?side=320", if_none_match=headers["etag"])[0::2] == (304, b"")
    assert ask(f"/pictures/{face['id']}?side=160", if_none_match=headers["etag"])[0] == 200
    assert ask(f"/pictures/{face['id']}?side=320&v=old")[1]["cache-control"] == "private, no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/pictures/..%2f..%2fdataset.json",
        "/pictures/../../etc/passwd",
        "/static/..%2fapp.py",
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/photos/..%2f..%2fx",
        "/api/faces?label=../faces",
        "/api/faces/..",
        "/docs",
        "/openapi.json",
    ],
)
def test_no_path_leads_to_a_file(ask: Asking, path: str) -> None:
    status, _, data = ask(path)
    assert status == 404
    assert b"import" not in data
    assert b"root:" not in data


@pytest.mark.parametrize(
    "path", ["../x.jpg", "/etc/x.jpg", "a/../c.jpg", "a/", "/a", ".h/x.jpg", "a/.x", "a/\0", "../../a/b"]
)
def test_a_line_names_a_file_of_its_own_folder_or_none(path: str) -> None:
    assert inside(Path("/root"), path) is None


def test_photos_behind_links_are_shown_by_their_bytes_alone(tmp_path: Path) -> None:
    """Among a person's own photos links are followed, as `crop` does; never where a manifest is."""
    photos, away = tmp_path / "photos", tmp_path / "away"
    for folder in (photos, away / "Ada"):
        folder.mkdir(parents=True)
    data = images.encode(portrait(1))
    (away / "Ada" / "1.jpg").write_bytes(data)
    (away / "Ada" / "secret.jpg").write_bytes(images.encode(portrait(2)))
    (photos / "Ada").symlink_to(away / "Ada")
    id = hashlib.sha256(data).hexdigest()
    tree = Tree(photos)
    assert tree.find_photo(id, "Ada/1.jpg") == tree.find("Ada", id) == photos / "Ada" / "1.jpg"
    assert tree.find_photo(id, "Ada/secret.jpg") is None
    assert tree.read(photos / "Ada" / "1.jpg", id) == data
    assert tree.read(photos / "Ada" / "secret.jpg", id) is None
    (photos / MANIFEST).write_text("")
    assert Tree(photos).find_photo(id, "Ada/1.jpg") is None
    assert Tree(photos).find("Ada", id) is None


def test_a_line_that_leads_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(images.encode(portrait(99)))
    line = Rejection("clean", "f" * 64, "Ada", "../secret.jpg", "blurred", 1.0, origin="e" * 64)
    lines.append_line(folder / REJECTED, line.to_json())
    with served(folder) as server:
        ask = asking(server)
        (face,) = [face for face in ask.faces("Ada") if face.get("why") == "blurred"]
        assert "v" not in face
        for address in (f"/pictures/{face['id']}", f"/photos/{face['id']}"):
            assert ask(address)[0] == 404


def test_a_picture_that_cannot_be_decoded_says_so(ask: Asking) -> None:
    (face,) = [face for face in ask.faces("Ada") if face.get("why") == "wrong person"]
    status, _, data = ask(f"/pictures/{face['id']}")
    assert (status, json.loads(data)) == (404, {"detail": "not a picture"})


def test_odd_sizes_are_refused(ask: Asking) -> None:
    assert ask(f"/pictures/{ask.faces('Ada')[0]['id']}?side=4000")[0] == 422


def test_the_photo_is_scaled_and_its_box_in_place(tmp_path: Path) -> None:
    folder = write(tmp_path, faces_of("Ada", [0.9]), side=96)
    record = Dataset.open(folder).records[0]
    assert record.box is not None
    wide = np.zeros((1000, 3000, 3), np.uint8)
    photo = next((tmp_path / "photos" / "Ada").iterdir())
    # A phone's photo lies on its side; its EXIF says how it stands.
    exif = PIL.Image.Exif()
    exif[0x0112] = 6
    data = io.BytesIO()
    PIL.Image.fromarray(wide).save(data, "JPEG", exif=exif)
    photo.write_bytes(data.getvalue())
    with served(folder) as server:
        ask = asking(server)
        id = ask.faces("Ada")[0]["id"]
        detail = ask.json(f"/api/faces/{id}")
        assert images.decode(ask(f"/photos/{id}?v={detail['photo']}")[2]).shape == (1280, 427, 3)
        box = ask.json(f"/photos/{id}/box")
    assert (box["width"], box["height"]) == (1000, 3000)
    assert box["box"] == pytest.approx([record.box.x / 1000, record.box.y / 3000, 0.096, 0.032])


# What it tells


def test_the_most_doubtful_come_first(folder: Path) -> None:
    session = Session(folder)
    found = [(face["was"], face.get("p"), face.get("why")) for face in shown(session.faces("Ada"))]
    assert found == [
        ("unsure", 0.45, None),
        ("unsure", 0.07, None),
        ("keep", 0.55, None),
        ("keep", 0.97, None),
        ("reject", 0.02, "wrong person"),
        ("keep", 0.99, None),
        ("reject", None, "repeat"),
    ]
    assert shown(session.counts("Ada")) == {
        "label": "Ada",
        "name": "Ada",
        "note": None,
        "keep": 3,
        "reject": 2,
        "unsure": 2,
        "unsure_kept": 2,  # so `clean` counts five as kept
        "move": 0,
    }


def test_what_clean_left_out_to_be_settled_is_undecided(tmp_path: Path) -> None:
    faces = [Drawn("Ada", 0.9), Drawn("Ada", 0.3, "unsure"), Drawn("Ada", None, "no clear person"), Drawn("Ada")]
    found = shown(Session(write(tmp_path, faces)).faces("Ada"))
    assert [(face["was"], face.get("p")) for face in found] == [
        ("unsure", 0.3),
        ("unsure", None),
        ("unsure", None),
        ("keep", 0.9),
    ]


def test_without_an_embedder_what_was_kept_stays(tmp_path: Path) -> None:
    found = shown(Session(write(tmp_path, [Drawn("Ada"), Drawn("Ada", reason="blurred")])).faces("Ada"))
    assert [face["was"] for face in found] == ["keep", "reject"]


def test_a_repeat_and_the_one_that_stays_know_of_each_other(folder: Path) -> None:
    session = Session(folder)
    repeat = next(face for face in shown(session.faces("Ada")) if face.get("why") == "repeat")
    (twin,) = shown(session.detail(session.folder.card(repeat["id"])))["twins"]
    assert (twin["p"], twin["state"], twin["label"]) == (0.99, "keep", "Ada")
    assert [one["id"] for one in shown(session.detail(session.folder.card(twin["id"])))["twins"]] == [repeat["id"]]


def test_a_repeat_in_a_plain_tree(tmp_path: Path) -> None:
    """There the files have names of their own, and the kept one another name than in the source."""
    folder = write(tmp_path, [Drawn("Ada"), Drawn("Ada", reason="repeat", repeats=0)])
    source = plainly(tmp_path, folder)
    kept, left = parse((folder / MANIFEST).read_text(), Record), parse((folder / REJECTED).read_text(), Rejection)
    assert not (source / kept.path).exists()
    session = Session(folder)
    by_reason = {face.get("why"): face["id"] for face in shown(session.faces("Ada"))}
    assert [twin["id"] for twin in shown(session.detail(session.folder.card(by_reason["repeat"])))["twins"]] == [
        by_reason[None]
    ]
    assert session.folder.file_of(session.folder.card(by_reason["repeat"])) == source / left.path


def plainly(tmp_path: Path, folder: Path) -> Path:
    """Turn the folder's source into a tree without lines, its files called as a person would call them."""
    source = tmp_path / "faces"
    names: dict[str, tuple[str, str]] = {}
    for number, file in enumerate(sorted(source.glob("*/*.jpg"))):
        data = images.encode(picture(number, 80))
        file.write_bytes(data)
        called = file.rename(file.with_name(f"holiday {number}.jpg"))
        names[file.name] = (str(called.relative_to(source)), hashlib.sha256(data).hexdigest())
    for name in (MANIFEST, "sources.jsonl", "dataset.json"):
        (source / name).unlink()
    records, left = [], []
    for record in lines.read_lines(folder / MANIFEST, Record):
        path, id = names[Path(record.path).name]
        (folder / record.path).unlink()
        here = f"{record.label}/{id[:16]}.jpg"
        shutil.copy(source / path, folder / here)
        records.append(replace(record, id=id, sha256=id, path=here, origin=id, box=None, parent=None))
    for one in lines.read_lines(folder / REJECTED, Rejection):
        path, id = names[Path(one.path).name]
        value = names[Path(one.value).name][0] if isinstance(one.value, str) else one.value
        left.append(replace(one, id=id, path=path, origin=id, box=None, value=value))
    lines.replace_lines(folder / MANIFEST, (record.to_json() for record in records))
    lines.replace_lines(folder / REJECTED, (one.to_json() for one in left))
    return source


def test_where_a_face_comes_from(ask: Asking) -> None:
    detail = ask.json(f"/api/faces/{ask.faces('Ada')[0]['id']}")
    source = detail["source"]
    assert source["url"] == source["page_url"] + ".jpg"
    assert (source["licence"], source["creator"], source["query"]) == ("CC BY 4.0", "A. Photographer", "Ada")
    assert detail["box"][2:] == [96, 96]
    (left,) = [face for face in ask.faces("Ada") if face.get("why") == "repeat"]
    assert ask.json(f"/api/faces/{left['id']}")["source"]["licence"] == "CC BY 4.0", "also of what was left out"


def test_a_folder_whose_source_is_gone_can_still_be_reviewed(folder: Path) -> None:
    shutil.rmtree(folder.parent / "faces")
    session = Session(folder)
    repeat = next(face for face in shown(session.faces("Ada")) if face.get("why") == "repeat")
    assert "v" not in repeat
    detail = shown(session.detail(session.folder.card(repeat["id"])))
    assert (detail["photo"], detail["source"]) == (None, None)
    assert shown(session.decide([(repeat["id"], "keep", None)]))["changes"][0]["state"] == "keep"


# What is decided


def test_a_decision_is_on_the_disk_before_it_is_answered(folder: Path) -> None:
    with served(folder) as server:
        ask = asking(server)
        first, second = ask.faces("Ada")[:2]
        reply = ask.decide(first["id"], "keep")
        assert [line["decision"] for line in decided(folder)] == ["keep"]
        assert reply["depth"] == 1
        assert reply["changes"] == [{"id": first["id"], "label": "Ada", "state": "keep", "mine": True, "to": None}]
        assert reply["counts"] == [
            {
                "label": "Ada",
                "name": "Ada",
                "note": None,
                "keep": 4,
                "reject": 2,
                "unsure": 1,
                "unsure_kept": 1,
                "move": 0,
            }
        ]
        ask.decide(second["id"], "move", "Bob")
        server.kill()
    with served(folder) as server:
        faces = {face["id"]: face for face in asking(server).faces("Ada")}
    assert faces[first["id"]]["state"] == "keep"
    assert (faces[second["id"]]["state"], faces[second["id"]]["to"]) == ("move", "Bob")
    key = {name: decided(folder)[0][name] for name in ("origin", "box", "label")}
    record = next(r for r in Dataset.open(folder).records if (r.quality or {})["person"] == 0.45)
    assert key == {"origin": record.origin, "box": list(record.box or ()), "label": "Ada"}


def test_the_way_back_has_no_end(folder: Path) -> None:
    session = Session(folder)
    before = shown(session.faces("Ada"))
    ids = [face["id"] for face in before]
    for number, verdict in enumerate(("keep", "reject", "keep", None, "reject")):
        session.decide([(ids[number % 2], verdict, None)])
    session.decide([(id, "reject", None) for id in ids])
    for depth in range(shown(Session(folder).overview())["depth"], 0, -1):
        session = Session(folder)  # also over a restart at every step
        assert shown(session.undo(depth))["depth"] == depth - 1
    assert shown(Session(folder).faces("Ada")) == before
    assert shown(Session(folder).undo(0))["changes"] == []


def test_many_at_once_are_one_step(folder: Path) -> None:
    session = Session(folder)
    ids = [face["id"] for face in shown(session.faces("Ada"))]
    reply = shown(session.decide([(id, "keep", None) for id in ids]))
    assert (reply["depth"], len(reply["changes"])) == (1, len(ids))
    session.decide([(ids[0], "reject", None)])
    again = Session(folder)
    assert shown(again.overview())["depth"] == 2
    assert len(shown(again.undo(2))["changes"]) == 1
    assert len(shown(again.undo(1))["changes"]) == len(ids)


def test_asked_twice_for_want_of_an_answer_it_is_done_once(folder: Path) -> None:
    session = Session(folder)
    first, second = (face["id"] for face in shown(session.faces("Ada"))[:2])
    for _ in range(2):
        session.decide([(first, "keep", None)])
    session.decide([(second, "keep", None)])
    assert len(decided(folder)) == 2
    assert shown(session.undo(2))["depth"] == shown(session.undo(2))["depth"] == 1
    assert shown(session.faces("Ada"))[0]["state"] == "keep"


def test_two_pages_see_one_another(folder: Path) -> None:
    one, other = Session(folder), Session(folder)
    first, second = (face["id"] for face in shown(one.faces("Ada"))[:2])
    one.decide([(first, "keep", None)])
    assert shown(other.decide([(second, "reject", None)]))["depth"] == 2
    one.refresh()
    assert [face["state"] for face in shown(one.faces("Ada"))[:2]] == ["keep", "reject"]
    assert shown(one.counts("Ada")) == shown(other.counts("Ada"))


def test_a_torn_line_is_no_decision(folder: Path) -> None:
    session = Session(folder)
    first, second = (face["id"] for face in shown(session.faces("Ada"))[:2])
    session.decide([(first, "keep", None)])
    with (folder / DECISIONS).open("ab") as file:
        file.write(b'{"origin": "torn')
    again = Session(folder)
    again.decide([(second, "reject", None)])
    assert [line["decision"] for line in decided(folder)] == ["keep", "reject"]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "nobody", "verdict": "keep"},
        {"id": "{ada}", "verdict": "move", "to": "Nobody"},
        {"id": "{ada}", "verdict": "move", "to": "../faces"},
        {"id": "{ada}", "verdict": "move"},
    ],
)
def test_what_is_not_there_is_not_decided(ask: Asking, change: dict[str, str]) -> None:
    filled = {name: value.replace("{ada}", ask.faces("Ada")[0]["id"]) for name, value in change.items()}
    status, _, data = ask("/api/decisions", {"changes": [filled]})
    assert (status, "reload the page" in json.loads(data)["detail"]) == (404, True)


@pytest.mark.parametrize("body", [{}, {"changes": []}, {"changes": [{"id": "x", "verdict": "perhaps"}]}, [], b"{"])
def test_nonsense_is_refused(ask: Asking, body: Any) -> None:
    assert ask("/api/decisions", body)[0] == 422


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a test fill up another process's disk")
def test_what_cannot_be_saved_is_said_and_can_be_tried_again(folder: Path) -> None:
    with served(folder) as server:
        ask = asking(server)
        id = ask.faces("Ada")[0]["id"]
        process = psutil.Process(server.process.pid)
        limit = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (10, limit[1]))
        status, _, data = ask("/api/decisions", {"changes": [{"id": id, "verdict": "keep"}]})
        assert (status, "no space left" in json.loads(data)["detail"]) == (503, True)
        process.rlimit(psutil.RLIMIT_FSIZE, limit)
        assert ask.faces("Ada")[0]["state"] == "unsure"
        assert ask.decide(id, "keep")["depth"] == 1
        assert server.end()[0] == 0


def test_a_second_round_is_known(folder: Path) -> None:
    session = Session(folder)
    assert not shown(session.overview())["second_round"]
    session.decide([(shown(session.faces("Ada"))[0]["id"], "keep", None)])
    assert not shown(session.overview())["second_round"]
    assert shown(Session(folder).overview())["second_round"]


def test_decisions_outlive_a_new_clean(folder: Path) -> None:
    session = Session(folder)
    face = shown(session.faces("Ada"))[0]
    session.decide([(face["id"], "reject", None)])
    kept = folder.parent / "kept.jsonl"
    (folder / DECISIONS).rename(kept)
    shutil.rmtree(folder)
    shutil.rmtree(folder.parent / "faces")
    # Made again with more in it, so that other ids stand at other places.
    write(folder.parent, [*ADA, *BOB, Drawn("Ada", 0.49)])
    kept.rename(folder / DECISIONS)
    found = {face.get("p"): face["state"] for face in shown(Session(folder).faces("Ada"))}
    assert (found[0.45], found[0.49]) == ("reject", "unsure")


def test_a_folder_that_is_made_anew_while_it_is_reviewed(folder: Path) -> None:
    session = Session(folder)
    lines.append_line(folder / REJECTED, Rejection("clean", "e" * 64, "Cy", "Cy/x.jpg", "blurred", 3.0).to_json())
    session.refresh()
    assert [row["label"] for row in shown(session.overview())["names"]] == ["Ada", "Bob", "Cy"]
    put_info(folder, {"stage": "clean", "complete": False})
    (folder / REJECTED).write_text("")
    session.refresh()
    assert len(shown(session.overview())["names"]) == 3, "not while clean is at work"
    with pytest.raises(NotHere):
        shown(session.faces("Di"))


# Beginning and end


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_with_a_count(folder: Path, how: signal.Signals) -> None:
    with served(folder) as server:
        ask = asking(server)
        for face in ask.faces("Ada")[:2]:
            ask.decide(face["id"], "keep")
        server.process.send_signal(how)
        out, err = server.process.communicate(timeout=20)
    assert (server.process.returncode, out) == (0, f"{folder}\n")
    assert re.search(r"^  decisions +2$", err, re.M)
    assert re.search(r"^  undecided +1$", err, re.M)
    assert re.search(rf"^  to carry out +facekit clean {folder.parent / 'faces'} -o {folder} .*--apply$", err, re.M)
    assert f"Closing the review …\nreview closed; 2 decisions are saved in {folder / DECISIONS}\n" in err
    assert "Traceback" not in err, err


def test_an_open_page_does_not_hold_up_the_end(folder: Path) -> None:
    with served(folder) as server:
        idle = socket.create_connection(("127.0.0.1", server.port))
        began = time.monotonic()
        assert server.end()[0] == 0
        idle.close()
    assert time.monotonic() - began < 15


def test_a_dry_run_says_how_much_there_is_to_do(folder: Path, facekit: Facekit) -> None:
    before = read_tree(folder)
    report = facekit("review", folder, "--dry-run", "--live", "--json", "--no-browser").report
    assert report["details"] == {"decisions": 0, "undecided": 3}
    assert report["kept"] == 7
    assert read_tree(folder) == before


def test_the_folder_may_come_from_stdin(folder: Path, facekit: Facekit) -> None:
    done = facekit("review", "-", "--dry-run", "--no-browser", stdin=f"{folder}\n")
    assert (done.code, done.out) == (0, f"{folder}\n")


# At once


def of(session: Session, label: str, **what: Any) -> str:
    """The id of the face that is so."""
    (found,) = [
        f["id"] for f in shown(session.faces(label)) if all(f.get(name) == value for name, value in what.items())
    ]
    return str(found)


def settled(session: Session) -> dict[str, Any]:
    """Everything that the folder holds, but for the decisions themselves."""
    return {path: data for path, data in read_tree(session.root).items() if path != DECISIONS}


def test_live_nothing_moves_until_something_is_decided(folder: Path) -> None:
    before = read_tree(folder)
    Session(folder, live=True)
    assert read_tree(folder) == before


@pytest.mark.parametrize(
    ("who", "verdict", "to"),
    [
        ({"p": 0.99}, "reject", None),
        ({"p": 0.99}, "move", "Bob"),
        ({"why": "repeat"}, "keep", None),
        ({"why": "wrong person"}, "move", "Bob"),
        ({"p": 0.45}, "keep", None),
    ],
)
@pytest.mark.parametrize("restart", [False, True])
def test_live_a_decision_is_carried_out_and_undone(
    folder: Path, who: dict[str, Any], verdict: Any, to: str | None, restart: bool
) -> None:
    session = Session(folder, live=True)
    before, id = settled(session), of(session, "Ada", **who)
    asked = session.folder.card(id).about
    reply = shown(session.decide([(id, verdict, to)]))
    assert reply["trouble"] is None
    held = {record.id: record for record in Dataset.open(folder).records}
    assert (asked.id in held) == (verdict != "reject")
    if verdict != "reject":
        record = held[asked.id]
        assert (record.label, record.name) == ((to or "Ada"),) * 2
        assert (folder / record.path).read_bytes() == (folder.parent / "faces" / asked.path).read_bytes()
        assert record.origin in Dataset.open(folder).sources
    if restart:
        session = Session(folder, live=True)
    assert shown(session.undo(1))["trouble"] is None
    after = settled(session)
    after.pop("sources.jsonl"), before.pop("sources.jsonl")  # a source more does no harm
    assert after == before


def test_live_a_long_way_there_and_back(folder: Path) -> None:
    session = Session(folder, live=True)
    before = settled(session)
    chance = np.random.default_rng(7)
    for _ in range(60):
        label = ("Ada", "Bob")[chance.integers(2)]
        ids = [face["id"] for face in shown(session.faces(label))]
        verdict = ("keep", "reject", "move", None)[chance.integers(4)]
        chosen = chance.choice(ids, chance.integers(1, 4), replace=False)
        to = {"Ada": "Bob", "Bob": "Ada"}[label] if verdict == "move" else None
        assert shown(session.decide([(str(id), verdict, to) for id in chosen]))["trouble"] is None
        Dataset.open(folder)
    while shown(session.overview())["depth"]:
        assert shown(session.undo(shown(session.overview())["depth"]))["trouble"] is None
    after = settled(session)
    after.pop("sources.jsonl"), before.pop("sources.jsonl")
    assert after == before


def test_live_what_a_kill_left_undone_is_caught_up(folder: Path) -> None:
    session = Session(folder)  # not live: only the lines are written
    ids = {name: of(session, "Ada", **who) for name, who in
           {"reject": {"p": 0.99}, "keep": {"why": "repeat"}, "move": {"p": 0.07}}.items()}  # fmt: skip
    for verdict, id in ids.items():
        session.decide([(id, verdict, "Bob" if verdict == "move" else None)])  # type: ignore[list-item]
    live = Session(folder, live=True)
    there = {name: live.folder.card(ids[name]).here for name in ids}
    assert there["reject"] is None
    assert (there["keep"] or "").startswith("Ada/")
    assert (there["move"] or "").startswith("Bob/")
    assert settled(Session(folder, live=True)) == settled(live), "and once is enough"


def test_live_waits_for_whoever_writes_the_folder(folder: Path) -> None:
    session = Session(folder, live=True)
    first, second = (face["id"] for face in shown(session.faces("Ada"))[:2])
    with lines.locked(folder):
        reply = shown(session.decide([(first, "reject", None)]))
    assert "another facekit process is writing" in reply["trouble"]
    assert reply["changes"][0]["state"] == "reject"
    assert shown(session.decide([(second, "reject", None)]))["trouble"] is None
    assert [session.folder.card(id).here for id in (first, second)] == [None, None]


def test_live_gives_the_folder_back(folder: Path) -> None:
    session = Session(folder, live=True)
    session.decide([(shown(session.faces("Ada"))[0]["id"], "reject", None)])
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)


def test_live_nothing_is_deleted_that_could_not_be_put_back(folder: Path) -> None:
    session = Session(folder, live=True)
    id = of(session, "Ada", p=0.99)
    path = session.folder.card(id).here or ""
    (folder.parent / "faces" / path).unlink()
    reply = shown(session.decide([(id, "reject", None)]))
    assert "stays where it is" in reply["trouble"]
    assert (folder / path).exists()


def test_live_follows_a_picture_that_a_hand_has_moved(folder: Path) -> None:
    session = Session(folder, live=True)
    id = of(session, "Ada", p=0.99)
    path = session.folder.card(id).here or ""
    (folder / path).rename(folder / "Bob" / Path(path).name)
    assert shown(session.decide([(id, "reject", None)]))["trouble"] is None
    assert not (folder / "Bob" / Path(path).name).exists()


def test_live_on_a_plain_tree(tmp_path: Path) -> None:
    folder = write(tmp_path, [Drawn("Ada"), Drawn("Ada"), Drawn("Ada", reason="blurred"), Drawn("Bob")])
    plainly(tmp_path, folder)
    session = Session(folder, live=True)
    before = settled(session)
    kept, blurred = of(session, "Ada", was="reject"), shown(session.faces("Ada"))[0]["id"]
    for id, verdict in ((kept, "keep"), (blurred, "reject"), (shown(session.faces("Bob"))[0]["id"], "reject")):
        assert shown(session.decide([(id, verdict, None)]))["trouble"] is None  # type: ignore[list-item]
    assert not (folder / "Bob").exists(), "no empty folder is left: it would be a class without pictures"
    assert {record.label for record in Dataset.open(folder).records} == {"Ada"}
    for depth in (3, 2, 1):
        assert shown(session.undo(depth))["trouble"] is None
    assert settled(session) == before


def test_live_no_line_leads_out_of_the_folder(folder: Path) -> None:
    line = json.loads((folder / REJECTED).read_text().splitlines()[0])
    lines.append_line(folder / REJECTED, json.dumps({**line, "label": "../out"}))
    source = folder.parent / "faces" / MANIFEST
    known = next(text for text in source.read_text().splitlines() if line["id"] in text)
    lines.append_line(source, json.dumps({**json.loads(known), "label": "../out"}))
    with pytest.raises(FacekitError, match=r"`label` is '\.\./out', which no folder of a person is called"):
        Session(folder, live=True)
    assert not (folder.parent / "out").exists()


def test_live_what_was_removed_by_hand_can_be_kept_after_all(folder: Path) -> None:
    gone = next(r for r in Dataset.open(folder).records if r.label == "Ada")
    (folder / gone.path).unlink()
    session = Session(folder, live=True)
    id = of(session, "Ada", why="removed by hand")
    assert shown(session.decide([(id, "keep", None)]))["trouble"] is None
    assert gone.id in {record.id for record in Dataset.open(folder).records}


def test_a_decision_of_another_facekit_is_heard_of(folder: Path) -> None:
    session = Session(folder)
    card = session.folder.card(shown(session.faces("Ada"))[0]["id"])
    Decisions(folder).append(Decision(card.key.origin, card.key.box, "Ada", "reject"))
    session.refresh()
    assert shown(session.faces("Ada"))[0]["state"] == "reject"
    assert shown(session.undo(1))["changes"][0]["state"] == "unsure"


def test_what_clean_says_of_a_whole_name(tmp_path: Path) -> None:
    people = {"nobody": ["Cy"], "one_person": [["Ada", "Bob", 0.98]]}
    faces = [Drawn("Ada", 0.9), Drawn("Bob", 0.9), Drawn("Cy"), Drawn("Di", 0.9)]
    session = Session(write(tmp_path, faces, people=people))
    assert [(row["label"], row["note"], row["unsure"]) for row in shown(session.overview())["names"]] == [
        ("Ada", "seems to be the same person as Bob", 0),
        ("Bob", "seems to be the same person as Ada", 0),
        ("Cy", "it is not clear who the person is", 1),
        ("Di", None, 0),
    ]


# With the real `clean`


@pytest.fixture
def cleaned(drawn_faces: Path, tmp_path: Path) -> Clean:
    """How a folder of drawn faces was cleaned, with photos and faces beside it as they were made."""
    options = Clean(input=drawn_faces, output=tmp_path / "good", min_images=1)
    clean(options)
    return options


Held = set[tuple[str, str]]
Wanted = tuple[str, str, str | None, str, str]


def pictures(root: Path) -> Held:
    return {(record.label, record.id) for record in Dataset.open(root).records}


def three(session: Session) -> list[Wanted]:
    """A kept face to reject, a left-out one to keep, and one to move: card, verdict, target, label, id."""
    labels = [row["label"] for row in shown(session.overview())["names"]]
    cards = list(session.folder.cards.values())
    kept = [card for card in cards if card.here and card.label == labels[0]]
    left = next(card for card in cards if card.reason in ("blurred", "too dark", "repeat"))
    wanted = [(kept[0], "reject", None), (left, "keep", None), (kept[1], "move", labels[1])]
    return [(card.id, verdict, to, card.label, card.about.id) for card, verdict, to in wanted]


def as_decided(before: Held, wanted: list[Wanted]) -> Held:
    (_, _, _, _, rejected), (_, _, _, label, kept), (_, _, to, _, moved) = wanted
    return {one for one in before if one[1] not in (rejected, moved)} | {(label, kept), (str(to), moved)}


def test_from_photos_to_what_a_person_decided(cleaned: Clean) -> None:
    root, before = cleaned.output, pictures(cleaned.output)
    with served(root) as server:
        ask = asking(server)
        wanted = three(Session(root))
        for id, verdict, to, label, _ in wanted:
            assert ask("/pictures/" + id)[0] == 200
            assert ask("/photos/" + id)[0] == 200, "down to the photo that was drawn"
            detail = ask.json(f"/api/faces/{id}")
            assert (detail["source"]["engine"], detail["source"]["query"]) == ("draw", label)
            ask.decide(id, verdict, to)
        server.kill()
    assert pictures(root) == before
    applied = replace(cleaned, apply=True)
    clean(applied)
    assert pictures(root) == as_decided(before, wanted)
    # It shows what was done, and the way back is still there.
    session = Session(root)
    cards = {card.about.id: card for card in session.folder.cards.values()}
    states = [{f["id"]: f for f in shown(session.faces(cards[one[4]].label))}[cards[one[4]].id] for one in wanted]
    assert [(state["state"], state["mine"]) for state in states] == [("reject", True), ("keep", True), ("keep", True)]
    assert cards[wanted[2][4]].label == wanted[2][2], "under the name that it was moved to"
    assert shown(session.undo(3))["depth"] == 2
    clean(applied)
    _, _, to, label, moved = wanted[2]
    assert pictures(root) == as_decided(before, wanted) - {(str(to), moved)} | {(label, moved)}
    # Made anew from the start, it comes to the same.
    now = pictures(root)
    clean(replace(cleaned, overwrite=True))
    clean(applied)
    assert pictures(root) == now


def test_live_leaves_nothing_for_clean_to_do(cleaned: Clean) -> None:
    root, before = cleaned.output, pictures(cleaned.output)
    session = Session(root, live=True)
    wanted = three(session)
    for id, verdict, to, _, _ in wanted:
        assert shown(session.decide([(id, verdict, to)]))["trouble"] is None  # type: ignore[list-item]
    assert pictures(root) == as_decided(before, wanted)
    clean(cleaned)
    assert pictures(root) == as_decided(before, wanted)
    session = Session(root, live=True)
    for depth in (3, 2, 1):
        assert shown(session.undo(depth))["trouble"] is None
    # Why it had left the one out that was kept, the clean in between has forgotten: the next one finds it again.
    assert pictures(root) - {wanted[1][3:]} == before
    clean(replace(cleaned, apply=True))
    assert pictures(root) == before
