"""What is no video is refused in one line, and nothing that calls itself one leads to another file."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from certificates import certificate
from streaming import Host, hosting, listening
from videos import sound, still, without_frames, write

from facekit.base.contract import FacekitError
from facekit.video import opening
from facekit.video.joining import Joining, Reader
from facekit.video.opening import Unreachable, Waits, camera, open_source, opened
from facekit.video.sources import Source


def text(folder: Path) -> Path:
    (folder / "v.mp4").write_text("These are words.\n" * 200)
    return folder / "v.mp4"


def empty(folder: Path) -> Path:
    (folder / "v.mp4").touch()
    return folder / "v.mp4"


def no_frames(folder: Path) -> Path:
    return without_frames(folder / "v.mp4", write(folder / "like.mp4", still(3), "mpeg4"))


def silent(folder: Path) -> Path:
    return sound(folder / "v.mp4")


def playlist(folder: Path) -> Path:
    """A list of files, which a player would follow to any other file."""
    write(folder / "secret.ts", still(5), "mpeg4", format="mpegts")
    (folder / "v.mp4").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nsecret.ts\n#EXT-X-ENDLIST\n")
    return folder / "v.mp4"


def script(folder: Path) -> Path:
    """FFmpeg's own list of files."""
    write(folder / "secret.mp4", still(5), "mpeg4")
    (folder / "v.mp4").write_text(f"ffconcat version 1.0\nfile {folder / 'secret.mp4'}\n")
    return folder / "v.mp4"


def pipe(folder: Path) -> Path:
    os.mkfifo(folder / "v.mp4")
    return folder / "v.mp4"


def huge(folder: Path) -> Path:
    """A video that says it has far more pixels than it can have."""
    data = bytearray(write(folder / "v.mp4", still(3), "mjpeg").read_bytes())
    for place in range(len(data) - 20):
        if data[place : place + 2] in (b"\xff\xc0", b"\xff\xc1"):
            data[place + 5 : place + 9] = b"\xff\xfe\xff\xfe"
    (folder / "v.mp4").write_bytes(data)
    return folder / "v.mp4"


def unknown(folder: Path) -> Path:
    """A video of a codec that there is not."""
    data = write(folder / "v.mkv", still(3), "mpeg4").read_bytes()
    (folder / "v.mkv").write_bytes(data.replace(b"V_MPEG4/ISO/ASP", b"V_ODDS4/ISO/ASP"))
    return folder / "v.mkv"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (unknown, "has pictures of a kind that is not known here; convert it to H.264"),
        (text, "is no video that can be read"),
        (empty, "is no video that can be read"),
        (no_frames, "has no frame that can be decoded"),
        (silent, "has no pictures, only sound"),
        (playlist, "is no video that can be read"),
        (script, "is no video that can be read"),
        (pipe, "is not a regular file"),
        (huge, "has no frame that can be decoded|frames of .* pixels, which are too many"),
        (lambda folder: folder / "none.mp4", "no such video"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path: Path, make: object, message: str) -> None:
    file = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(FacekitError, match=message) as refused:
        list(Reader(Source.of_file(file)).frames())
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_name_is_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("concat:v.mp4", "http:v.mp4", "-i v.mp4", "v%03d.mp4", os.fsdecode(b"caf\xe9.mp4")):
        write(tmp_path / "v.mkv", still(3), "mpeg4").rename(name)
        with opened(Source.of_file(Path(name))) as one:
            assert one.stream.width == 64


@pytest.fixture
def host() -> object:
    with hosting() as host:
        yield host


def test_a_stream_that_names_files_of_this_machine_gets_none(tmp_path: Path, host: Host) -> None:
    secret = write(tmp_path / "secret.ts", still(5), "mpeg4", format="mpegts")
    list_ = f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n"
    host.pages["/list.m3u8"] = ("application/vnd.apple.mpegurl", list_.encode())
    with pytest.raises(FacekitError):
        list(Reader(Source.of_url(host.url("/list.m3u8")), Joining(0)).frames())


def test_a_stream_in_pieces_is_read(tmp_path: Path, host: Host) -> None:
    part = write(tmp_path / "part.ts", still(10), "mpeg4", format="mpegts").read_bytes()
    host.pages["/part.ts"] = ("video/mp2t", part)
    list_ = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\npart.ts\n#EXT-X-ENDLIST\n"
    host.pages["/list.m3u8"] = ("application/vnd.apple.mpegurl", list_.encode())
    assert len(list(Reader(Source.of_url(host.url("/list.m3u8")), Joining(0)).frames())) == 10


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9/live", "does not answer"),
        ("rtsp://127.0.0.1:9/live", "does not answer"),
        ("rtmp://127.0.0.1:9/live", "does not answer"),
    ],
)
def test_a_stream_that_is_not_there(url: str, message: str) -> None:
    with pytest.raises(Unreachable, match=message):
        open_source(Source.of_url(url), Waits(2, 2))


@pytest.mark.parametrize("scheme", ["http", "rtsp", "rtsps", "rtmp"])
def test_a_server_that_never_answers(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/live"
        with pytest.raises(Unreachable, match=r"does not answer \(timed out\)"):
            open_source(Source.of_url(url), Waits(0.5, 0.5))


def test_a_password_is_not_shown() -> None:
    source = Source.of_url("rtsp://ada:secret@127.0.0.1:9/live")
    assert source.name == "rtsp://ada:***@127.0.0.1:9/live"
    with pytest.raises(Unreachable) as refused:
        open_source(source, Waits(2, 2))
    assert "secret" not in str(refused.value)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(FacekitError, match="there is no camera 97|opens no cameras|camera 97 .* does not answer"):
        open_source(Source.of_camera("97"), Waits(2, 2))


def test_a_camera_is_a_live_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    # FFmpeg's own test picture is a device like a camera, and is opened as one is.
    monkeypatch.setattr(opening, "camera", lambda number: ("lavfi", f"testsrc=size=64x48:rate=10:n={number}"))
    reader = Reader(Source.of_camera("1"), Joining(0))
    assert reader.live
    times = []
    for frame in reader.frames():
        assert frame.image().shape == (48, 64, 3)
        times.append(frame.time)
        if len(times) == 5:
            reader.stop()
    assert times == sorted(times)
    assert times[0] == pytest.approx(0, abs=0.2)


@pytest.mark.skipif(sys.platform != "linux", reason="the names of Linux's cameras")
def test_a_number_is_a_camera_of_this_system() -> None:
    assert camera(2) == ("v4l2", "/dev/video2")


def test_a_host_that_cannot_prove_who_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, key = certificate(tmp_path)
    with hosting(file, key) as host:
        host.pages["/v.mp4"] = ("video/mp4", write(tmp_path / "v.mp4", still(30), "mpeg4").read_bytes())
        url = host.url("/v.mp4").replace("127.0.0.1", "localhost")
        with pytest.raises(FacekitError, match=r"cannot prove that it is that server \(self-signed .*SSL_CERT_FILE"):
            open_source(Source.of_url(url), Waits(5, 5))
        assert host.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with opened(Source.of_url(url)) as one:
            assert one.stream.width == 64
        with pytest.raises(FacekitError, match=r"cannot prove .*mismatch.*127\.0\.0\.1"):
            open_source(Source.of_url(host.url("/v.mp4")), Waits(5, 5))


@pytest.mark.parametrize("scheme", ["rtsps", "rtmps"])
def test_a_camera_that_cannot_prove_who_it_is_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    file, key = certificate(tmp_path)
    with listening(file, key) as (port, told):
        source = Source.of_url(f"{scheme}://ada:secret@localhost:{port}/live")
        with pytest.raises(FacekitError, match="cannot prove that it is that server") as refused:
            open_source(source, Waits(5, 5))
        assert "secret" not in str(refused.value)
        assert b"".join(told) == b""
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
        with pytest.raises(FacekitError) as refused:  # nothing answers, but it is spoken to
            open_source(source, Waits(5, 5))
        assert "cannot prove" not in str(refused.value)
        assert b"".join(told).startswith(b"OPTIONS rtsps://" if scheme == "rtsps" else b"\x03")


def test_each_piece_of_a_stream_comes_from_a_host_that_proves_who_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = write(tmp_path / "part.ts", still(10), "mpeg4", format="mpegts").read_bytes()
    good, bad = certificate(tmp_path), certificate(tmp_path, "bad")
    monkeypatch.setenv("SSL_CERT_FILE", str(good[0]))
    with hosting(*good) as host, hosting(*bad) as other, hosting() as plain:
        for one in (host, other, plain):
            one.pages["/part.ts"] = ("video/mp2t", b"#" * 188 + part + b"#" * 188)
            one.address = one.address.replace("127.0.0.1", "localhost")
        of_part = f"#EXT-X-BYTERANGE:{len(part)}@188\n"

        def frames(more: str, url: str) -> int:
            list_ = f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n{more}#EXTINF:1,\n{of_part}{url}\n#EXT-X-ENDLIST\n"
            host.pages["/list.m3u8"] = ("application/vnd.apple.mpegurl", list_.encode())
            return len(list(Reader(Source.of_url(host.url("/list.m3u8")), Joining(0)).frames()))

        assert frames("", "part.ts") == 10
        with pytest.raises(FacekitError, match="names pieces of a host that has no valid certificate"):
            frames("", other.url("/part.ts"))
        with pytest.raises(FacekitError, match="names pieces that do not come over HTTPS"):
            frames("", plain.url("/part.ts"))
        with pytest.raises(FacekitError, match="names pieces that are encrypted"):
            frames('#EXT-X-KEY:METHOD=AES-128,URI="part.ts"\n', "part.ts")
        with pytest.raises(FacekitError, match="names pieces at a private address"):
            frames("", "https://10.0.0.1/part.ts")
        with pytest.raises(FacekitError, match="HTTP status 404"):
            frames("", "none.ts")
        assert other.asked == plain.asked == []


def test_a_file_of_certificates_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with pytest.raises(FacekitError, match="SSL_CERT_FILE names .*none.pem, which has no certificates"):
        open_source(Source.of_url("rtsps://localhost:9/live"), Waits(2, 2))


@pytest.mark.parametrize("seed", range(5))
def test_damage_costs_no_more_than_the_video(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    name, codec = [("v.mp4", "libx264"), ("v.mkv", "mpeg4"), ("v.ts", "libx264"), ("v.avi", "mjpeg")][seed % 4]
    whole = write(tmp_path / name, still(12), codec).read_bytes()
    for _ in range(12):
        data = bytearray(whole[: rng.integers(len(whole) // 2, len(whole))] if rng.integers(2) else whole)
        for place in rng.integers(0, len(data) - 4, rng.integers(1, 20)):
            data[place : place + 4] = rng.choice([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"zzzz"])
        (tmp_path / name).write_bytes(data)
        with suppress(FacekitError):
            for frame in islice(Reader(Source.of_file(tmp_path / name)).frames(), 100):
                assert frame.image().ndim == 3
