"""Several processes of one server: kills, a gallery that they share, and their end."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest
from asking import Api

from facekit.commands.draw import draw
from facekit.identity.gallery import Gallery
from facekit.options.draw import Draw
from facekit.options.serve import Serve
from facekit.serving.keys import create
from facekit.serving.targets import keys_of

pytest.importorskip("fastapi", reason="the extra `serve` is not installed")


def test_the_options_reach_the_processes_as_they_are() -> None:
    from facekit.options.base import make
    from facekit.serving.workers import settings_text

    settings = Serve(
        target="postgresql://a@b/c", run=[Path("x"), Path("y")], workers=3, fpir=0.02, allowed_host=["ä.org"]
    )
    assert make(Serve, json.loads(settings_text(settings))) == settings


@dataclass
class Command:
    """`facekit serve` as a process, its lines, and what asks it."""

    process: subprocess.Popen[str]
    api: Api
    lines: list[str] = field(default_factory=list)

    def workers(self) -> list[int]:
        """The processes that answer, by number."""
        import psutil

        living = (one for one in psutil.Process(self.process.pid).children() if one.status() != psutil.STATUS_ZOMBIE)
        return [one.pid for one in living if "spawn_main" in " ".join(one.cmdline())]


@contextmanager
def serving(gallery: Path, workers: int) -> Iterator[Command]:
    """Run `facekit serve` as a shell does."""
    api = Api(str(gallery), 0)
    with keys_of(str(gallery)) as kept:
        api.keys = {scope: create(kept, scope, "test")[0] for scope in ("read", "write", "admin")}
    words = [sys.executable, "-m", "facekit", "serve", str(gallery), "--port", "0", "--workers", str(workers)]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    assert process.stderr is not None
    command = Command(process, api)
    first = process.stderr.readline()
    api.port = int(re.search(r":(\d+)", first).group(1))  # type: ignore[union-attr]
    reader = threading.Thread(target=lambda: command.lines.extend(process.stderr or []), daemon=True)
    reader.start()
    try:
        ready(api)
        yield command
    finally:
        process.kill()
        process.wait()
        reader.join()
        process.stderr.close()


def ready(api: Api, seconds: float = 120) -> None:
    """Wait until the server answers."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if api.get("/readyz", key=None).status == 200:
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Photos of drawn people whom the gallery does not know."""
    root = tmp_path_factory.mktemp("more") / "photos"
    draw(Draw(output=root, people=4, photos=8, seed=91, jobs=1))
    return [photo.read_bytes() for photo in sorted(root.glob("*/*.jpg"))]


@pytest.fixture
def gallery(enrolled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(enrolled, tmp_path / "gallery"))


@dataclass
class Said:
    """What the server has acknowledged: people who are there, by name, and people who are gone."""

    there: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


_NUMBERS = count(1)


def change(api: Api, faces: list[bytes], said: Said, stop: threading.Event, seed: int) -> None:
    """Enroll and delete people until told to stop, and note what was acknowledged."""
    chance = random.Random(seed)
    while not stop.is_set():
        name, photo = f"P{next(_NUMBERS)}", chance.choice(faces)
        try:
            if said.there and chance.random() < 0.4:
                name = chance.choice(sorted(said.there))
                number = said.there.pop(name)
                if api.ask("DELETE", f"/v1/people/{number}", key="admin").status == 204:
                    said.gone.add(name)
                continue
            reply = api.send("/v1/people", {"picture": photo}, {"name": name}, key="write")
            if reply.status == 201 and reply.json["new"] == 1:
                said.there[name] = reply.json["person"]
        except OSError:
            time.sleep(0.05)


@pytest.mark.slow
def test_twenty_kills_while_people_are_enrolled_and_deleted(gallery: Path, faces: list[bytes]) -> None:
    said = [Said(), Said()]
    chance = random.Random(3)
    for _ in range(20):
        with serving(gallery, 1) as command:
            stop = threading.Event()
            writers = [
                threading.Thread(target=change, args=(command.api, faces[place::2], one, stop, place))
                for place, one in enumerate(said)
            ]
            for writer in writers:
                writer.start()
            time.sleep(chance.uniform(0.5, 4))
            command.process.send_signal(signal.SIGKILL)
            stop.set()
            for writer in writers:
                writer.join()
        with Gallery.open(gallery) as opened:
            assert opened.store.check() == []
            people = {one.name: one.faces for one in opened.store.people()}
            for one in said:
                assert {name for name in one.there if people.get(name) != 1} == set()  # what was acknowledged holds
                assert one.gone & people.keys() == set()
            assert all(number >= 1 for number in people.values()), "somebody was enrolled by half"
    assert sum(len(one.there) + len(one.gone) for one in said) >= 10


@pytest.mark.slow
def test_two_workers_agree_within_a_second_and_a_killed_one_comes_back(gallery: Path, faces: list[bytes]) -> None:
    with serving(gallery, 2) as command:
        api = command.api
        for photo in faces[:6]:
            made = api.send("/v1/people", {"picture": photo}, {"name": "Ada"}, key="write")
            if made.status != 201:
                continue
            time.sleep(1)
            for _ in range(12):  # whichever answers
                assert api.send("/v1/identify", {"picture": photo}).json["faces"][0]["name"] == "Ada"
            assert api.ask("DELETE", f"/v1/people/{made.json['person']}", key="admin").status == 204
            time.sleep(1)
            for _ in range(12):
                assert api.send("/v1/identify", {"picture": photo}).json["faces"][0]["name"] != "Ada"
        answering = {json.loads(line)["worker"] for line in command.lines if '"request"' in line}
        assert len(answering) == 2

        before = command.workers()
        os.kill(before[0], signal.SIGKILL)
        until = time.monotonic() + 120
        while len(command.workers()) < 2 or before[0] in command.workers():
            assert time.monotonic() < until
            time.sleep(0.2)
        ready(api)
        numbers = api.get("/metrics").body.decode()
        assert "facekit_requests_under_way 0.0" in numbers

        command.process.send_signal(signal.SIGTERM)
        assert command.process.wait(60) == 0
    assert not any("Ada" in line for line in command.lines)


@pytest.mark.slow
def test_a_killed_parent_takes_its_workers_along(gallery: Path) -> None:
    import psutil

    with serving(gallery, 2) as command:
        workers = [psutil.Process(number) for number in command.workers()]
        command.process.send_signal(signal.SIGKILL)
        gone, left = psutil.wait_procs(workers, timeout=40)
        assert (len(gone), left) == (2, [])


@pytest.mark.slow
def test_sigterm_lets_requests_come_to_their_end(gallery: Path, faces: list[bytes]) -> None:
    with serving(gallery, 1) as command:
        statuses: list[int] = []
        asking = [
            threading.Thread(
                target=lambda: statuses.append(command.api.send("/v1/detect", {"picture": faces[0]}).status)
            )
            for _ in range(6)
        ]
        for one in asking:
            one.start()
        time.sleep(0.1)
        command.process.send_signal(signal.SIGTERM)
        for one in asking:
            one.join()
        assert command.process.wait(60) == 0
        assert statuses == [200] * 6
