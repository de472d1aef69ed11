"""What a command is given to look at: photos, videos, addresses and cameras are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from streaming import Host, hosting
from videos import still, write

from facekit.base import images
from facekit.base.contract import FacekitError, quiet
from facekit.dataset.given import Given
from facekit.sources import picture
from facekit.video.inputs import Part, open_inputs, said
from facekit.video.sources import Source

PNG = images.encode_png(np.full((30, 40, 3), 90, np.uint8))


@pytest.fixture
def host() -> Iterator[Host]:
    with hosting() as one:
        yield one


def opened(*texts: object) -> list[Part]:
    with ExitStack() as stack:
        return open_inputs([str(text) for text in texts], stack, quiet)


def kinds(parts: list[Part]) -> list[str]:
    return [part.kind if isinstance(part, Source) else f"{len(part.files)} pictures" for part in parts]


def test_the_order_stays(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(PNG)
    video = write(tmp_path / "v.mp4", still(3), "mpeg4")
    parts = opened(tmp_path / "a.png", tmp_path / "b.png", video, tmp_path / "c.png", "rtsp://127.0.0.1/x", "7")
    assert kinds(parts) == ["2 pictures", "file", "1 pictures", "url", "camera"]
    assert said(parts) == "3 pictures and 3 videos"


def test_a_video_is_known_by_its_content_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "v.mp4", still(3), "mpeg4").rename(tmp_path / "in" / "film")
    write(tmp_path / "v.mkv", still(3), "mpeg4").rename(tmp_path / "in" / "other.jpg")
    (tmp_path / "in" / "photo.mp4.png").write_bytes(PNG)
    (tmp_path / "in" / "notes.txt").write_text("words")
    assert kinds(opened(tmp_path / "in")) == ["1 pictures", "file", "file"]
    assert kinds(opened(tmp_path / "in" / "film")) == ["file"]


def test_a_file_whose_name_is_a_number_is_no_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "3").write_bytes(PNG)
    assert kinds(opened("3", "4")) == ["1 pictures", "camera"]


def test_a_picture_at_an_address_is_fetched_and_removed(host: Host) -> None:
    host.pages["/a%20b.png?size=9"] = ("image/png", PNG)
    with ExitStack() as stack:
        (given,) = open_inputs([host.url("/a%20b.png?size=9")], stack, quiet)
        assert isinstance(given, Given)
        (file,) = given.files
        assert (file.name, file.read_bytes()) == ("a b.png", PNG)
        assert given.name(file) == host.url("/a%20b.png?size=9")
    assert not file.exists()


def test_a_video_at_an_address_is_not_fetched(host: Host, tmp_path: Path) -> None:
    host.pages["/film"] = ("video/mp4", write(tmp_path / "v.mp4", still(3), "mpeg4").read_bytes())
    (source,) = opened(host.url("/film"))
    assert isinstance(source, Source)
    assert (source.kind, source.name) == ("url", host.url("/film"))


def test_redirects_are_followed_and_a_circle_is_not(host: Host) -> None:
    host.pages["/real.png"] = ("image/png", PNG)
    host.redirects = {
        "/old": "/real.png",
        "/round": "/round",
        "/away": "http://10.0.0.1/x.png",
        "/file": "file:///etc/passwd",
    }
    assert kinds(opened(host.url("/old"))) == ["1 pictures"]
    for path, message in (
        ("/round", "leads on and on"),
        ("/away", "leads to a private address"),
        ("/file", "leads to something that is no web address"),
    ):
        with pytest.raises(FacekitError, match=message):
            opened(host.url(path))


def test_a_picture_that_is_too_large_is_refused(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "MAX_BYTES", 100_000)
    host.pages["/a.png"] = ("image/png", PNG + bytes(200_000))
    with pytest.raises(FacekitError, match="is larger than .* MB; give a smaller picture"):
        opened(host.url("/a.png"))


def test_a_name_and_a_password_go_to_the_host_and_nowhere_else(host: Host) -> None:
    host.pages["/a.png"] = ("image/png", PNG)
    url = host.url("/a.png").replace("http://", "http://ada:secret%21@")
    with ExitStack() as stack:
        (given,) = open_inputs([url], stack, quiet)
        assert isinstance(given, Given)
        assert "secret" not in given.name(given.files[0])
    assert host.authorized == ["Basic YWRhOnNlY3JldCE="]


@pytest.mark.parametrize("text", ["http://", "http://[::1", "file:///etc/passwd", "concat://a|b", "https://:99999/"])
def test_an_address_that_is_none(text: str) -> None:
    with pytest.raises(FacekitError, match="is no web address|has a scheme that is not read"):
        opened(text)
