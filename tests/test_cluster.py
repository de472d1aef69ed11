"""Work on a Dask cluster: a real scheduler and workers on 127.0.0.1, which die, restart and are cut off."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import clusters
import numpy as np
import pytest
from clusters import Processes
from conftest import Facekit, plain_tree, read_tree

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

import dask

from facekit.base.cluster import client, task
from facekit.base.cluster.address import Address, address
from facekit.base.cluster.client import KEPT, hired
from facekit.base.cluster.task import Sample, Terms
from facekit.base.contract import FacekitError
from facekit.base.parallel import here, must_see, ordered_map, workers
from facekit.commands.augment import augment
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.commands.identify import identify
from facekit.dataset import Dataset
from facekit.options.augment import Augment
from facekit.options.clean import Clean
from facekit.options.crop import Crop
from facekit.options.identify import Identify
from facekit.training.pack import pack


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    """A scheduler with two workers."""
    with clusters.started(tmp_path_factory.mktemp("cluster") / "log", 2) as one:
        yield one


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Processes]:
    """A scheduler with two workers that a test may kill."""
    with clusters.started(tmp_path / "log", 2) as one:
        yield one


@pytest.fixture
def in_short(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait three seconds for what is lost, and not a minute."""
    with dask.config.set({"facekit.wait": "3s"}):
        yield


def after(k: int, act: Callable[[], object], stage: str) -> Any:
    """A `track` that does something once, when the k-th item of a stage is done."""

    def track(items: Iterable[Any], what: str = "", total: int | None = None) -> Iterator[Any]:
        for number, item in enumerate(items, 1):
            yield item
            if what == stage and number == k:
                act()

    return track


# Addresses


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("dask://boss:8786", Address("tcp://boss:8786")),
        ("dask://10.0.0.1", Address("tcp://10.0.0.1:8786")),
        ("tcp://boss:1", Address("tcp://boss:1")),
        ("tls://[::1]:8786/", Address("tls://[::1]:8786")),
        ("local:4", Address(local=4)),
    ],
)
def test_an_address_is_a_scheduler_or_processes_here(text: str, found: Address) -> None:
    assert address(text) == found


@pytest.mark.parametrize(
    "text", ["boss:8786", "http://boss:8786", "dask://", "dask://boss:99999", "dask://a b", "local:0", "local:", "\x1b"]
)
def test_another_address_is_refused_in_one_line(text: str, plain: Path, tmp_path: Path, facekit: Facekit) -> None:
    done = facekit("crop", plain, "-o", tmp_path / "out", "--cluster", text)
    assert done.code == 2
    (line,) = done.err.splitlines()
    assert line.startswith("error: --cluster is '") and line.endswith(
        "give dask://HOST:8786, tls://HOST:8786 or local:N"
    )
    assert not (tmp_path / "out").exists()


def test_where_nothing_listens_nothing_is_lost(in_short: None, plain: Path, tmp_path: Path, facekit: Facekit) -> None:
    done = facekit("crop", plain, "-o", tmp_path / "out", "--cluster", f"dask://127.0.0.1:{clusters.free_port()}")
    assert done.code == 2
    last = done.err.splitlines()[-1]
    # Which of the two it is depends on whether the first attempt ends within the time that is waited.
    why = r"\((Connection refused|it does not answer)\); start one with `dask scheduler`"
    assert re.search(f"no Dask scheduler can be reached there {why}", last)


def test_tls_needs_certificates(plain: Path, tmp_path: Path, facekit: Facekit) -> None:
    done = facekit("crop", plain, "-o", tmp_path / "out", "--cluster", "tls://127.0.0.1")
    assert done.code == 2
    assert "TLS needs certificates: Dask's configuration names none (distributed.comm.tls)" in done.err


# What a worker must be


def test_a_worker_of_other_versions_is_refused() -> None:
    ours = task.versions()
    assert {"facekit", "python", "numpy", "opencv-python-headless"} <= ours.keys()
    assert task.difference(ours, ours) is None
    assert task.difference({"numpy": "2.1"}, {"numpy": "2.2"}) == (
        "has numpy 2.2, and this machine 2.1; install the same on all machines"
    )
    assert "has dlib-bin not installed" in str(task.difference({"dlib-bin": "20"}, {}))
    assert task.difference({}, {"dlib-bin": "20"}) is None


def test_a_worker_that_sees_other_files_is_refused(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task, "_own_address", lambda: "tcp://w:1")
    file = sorted(path for path in plain.rglob("*") if path.is_file())[0]
    data = file.read_bytes()

    def why(read: bool, now: bytes | None) -> str | None:
        file.write_bytes(data)
        terms = Terms(f"{read} {now!r}", task.versions(), (Sample.of(file, read),))
        file.unlink() if now is None else file.write_bytes(now)
        found = task.unfit(terms)
        return found and found.why

    assert why(True, data) is None
    assert str(why(False, None)).startswith(f"cannot read {file} (No such file or directory); let all machines")
    assert str(why(False, data + b"1")).startswith(f"sees another file as {file}; let all")
    other = bytes([data[0] ^ 1]) + data[1:]
    assert str(why(True, other)).startswith("sees another file as")
    assert why(False, other) is None, "of most files the size is enough"


# Maps


def test_results_are_in_order_and_begin_before_all_items_are_taken(cluster: Processes) -> None:
    taken = 0

    def items() -> Iterator[int]:
        nonlocal taken
        while taken < 5000:
            taken += 1
            yield taken

    with hired(cluster.address, 3) as jobs:
        assert not isinstance(jobs, int) and here(jobs) == workers(jobs) == 3
        results = ordered_map(str, items(), jobs)
        assert next(iter(results)) == "1"
        assert taken < 100
        assert list(results) == [str(number) for number in range(2, 5001)]
        assert list(ordered_map(str, [], jobs)) == []


def test_a_bug_keeps_its_type_and_the_cluster_goes_on(cluster: Processes) -> None:
    with hired(cluster.address, 0) as jobs:
        with pytest.raises(ZeroDivisionError):
            list(ordered_map(clusters.bad, range(20), jobs))
        assert list(ordered_map(clusters.bad, range(6, 9), jobs)) == [6, 3, 2]


def test_a_map_within_a_map(cluster: Processes) -> None:
    with hired(cluster.address, 0) as jobs:
        inner = ordered_map(abs, range(-50, 0), jobs)
        assert list(ordered_map(str, inner, jobs)) == [str(number) for number in range(50, 0, -1)]


def test_threads_need_no_cluster(plain: Path) -> None:
    with hired(None, 2) as jobs:
        assert jobs == 2
        must_see(jobs, plain, ["nothing.jpg"])
        assert list(ordered_map(lambda item: item + 1, range(9), jobs)) == list(range(1, 10))


# The same results


def test_crop_makes_the_same_tree_though_a_worker_dies(cluster: Processes, drawn_photos: Path, tmp_path: Path) -> None:
    third = cluster.add()
    with hired(cluster.address, 0) as jobs:
        while third.pid not in {pid for _, pid in ordered_map(clusters.slowly, range(60), jobs)}:
            time.sleep(0.2)
    crop(Crop(input=drawn_photos, output=tmp_path / "here", jobs=2))
    kill = after(2, third.kill, "crop")
    report = crop(Crop(input=drawn_photos, output=tmp_path / "there", cluster=cluster.address), kill)
    assert third.wait() == -signal.SIGKILL
    assert report.kept > 20
    assert read_tree(tmp_path / "there") == read_tree(tmp_path / "here")


def test_clean_and_augment_make_the_same_tree(
    cluster: Processes, drawn_faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for where, at in (("here", None), ("there", cluster.address)):
        monkeypatch.setenv("FACEKIT_CACHE", str(tmp_path / f"cache {where}"))  # else the second finds the first's
        good, full = tmp_path / where / "good", tmp_path / where / "full"
        clean(Clean(input=drawn_faces, output=good, min_images=4, cluster=at, jobs=2))
        augment(Augment(input=good, output=full, count=20, cluster=at, jobs=2))
    assert (tmp_path / "cache there").exists() == (tmp_path / "cache here").exists()
    assert read_tree(tmp_path / "there") == read_tree(tmp_path / "here")


def test_the_packed_pictures_are_the_same(cluster: Processes, faces: Path, tmp_path: Path) -> None:
    records = Dataset.open(faces).records
    (faces / records[3].path).write_text("no picture")
    near = pack(faces, records, 48, tmp_path / "near", jobs=2)
    with hired(cluster.address, 0) as jobs:
        far = pack(faces, records, 48, tmp_path / "far", jobs)
    assert near.left == far.left == {"not a picture": 1}
    assert near.records == far.records
    assert np.array_equal(near.pixels, far.pixels)


def test_identify_gives_the_same_answers(
    cluster: Processes, enrolled: Path, drawn_photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    pictures = [str(drawn_photos), str(tmp_path / "broken.jpg")]
    near = list(identify(Identify(gallery=str(enrolled), pictures=pictures, jobs=2)))
    drawn = tmp_path / "drawn"
    far = list(identify(Identify(gallery=str(enrolled), pictures=pictures, cluster=cluster.address, annotate=drawn)))
    assert far == near
    assert len({one.name for one in far}) > 3, "three people, and none of a broken photo"
    assert len(list(drawn.glob("*.jpg"))) == len({one.picture for one in far if one.name})


def test_a_relative_folder_is_the_same_folder_for_workers(
    cluster: Processes, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    report = crop(Crop(input=Path(plain.name), output=Path("out"), detect=False, cluster=cluster.address))
    assert report.kept == 16


# Clusters that fail


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of 160 small pictures, and beside it, in `here`, what `crop` makes of it."""
    tree = plain_tree(tmp_path_factory.mktemp("many") / "tree", {"Ada": 80, "Bob": 80})
    crop(Crop(input=tree, output=tree.parent / "here", detect=False))
    return tree


@pytest.fixture
def there(many: Path, tmp_path: Path) -> Iterator[Path]:
    """Where a cluster writes: beside `here`, which says the same then of where it was made from."""
    yield many.parent / "there"
    shutil.rmtree(many.parent / "there", ignore_errors=True)


def same(there: Path) -> bool:
    return read_tree(there) == read_tree(there.parent / "here")


@pytest.mark.slow
def test_a_scheduler_that_restarts_costs_nothing(own: Processes, many: Path, there: Path) -> None:
    def restart() -> None:
        own.stop()
        own.start()
        own.add()

    crop(Crop(input=many, output=there, detect=False, cluster=own.address), after(3, restart, "crop"))
    assert same(there)


@pytest.mark.slow
def test_a_scheduler_that_is_gone_ends_the_command_which_goes_on_later(own: Processes, many: Path, there: Path) -> None:
    options = Crop(input=many, output=there, detect=False, cluster=own.address)
    with (
        dask.config.set({"facekit.wait": "3s"}),
        pytest.raises(FacekitError, match=r"no Dask scheduler can be reached there \(Connection refused\)") as error,
    ):
        crop(options, after(3, own.stop, "crop"))
    assert str(error.value).endswith(KEPT)
    assert 0 < len(list(there.rglob("*.jpg"))) < 160
    own.start()
    own.add()
    own.wait()
    crop(options)
    assert same(there)


@pytest.mark.slow
def test_a_scheduler_that_stands_still_is_left_and_found_again(
    own: Processes, many: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that is stopped keeps its connections, and answers nothing."""
    monkeypatch.setattr(client, "_ANSWER", 2.0)

    def stop() -> None:
        os.kill(own.scheduler.pid, signal.SIGSTOP)
        Timer(12, os.kill, (own.scheduler.pid, signal.SIGCONT)).start()

    crop(Crop(input=many, output=there, detect=False, cluster=own.address), after(3, stop, "crop"))
    assert same(there)


def _may_cut() -> bool:
    if shutil.which("ip") is None or os.geteuid() != 0:
        return False
    made = subprocess.run(["ip", "netns", "add", "facekit-may"], capture_output=True).returncode == 0
    subprocess.run(["ip", "netns", "del", "facekit-may"], capture_output=True)
    return made


@pytest.fixture
def island(tmp_path: Path) -> Iterator[Callable[[bool], None]]:
    """A network of its own, at 10.231.77.2 from here, in a namespace; the value cuts it off, and lets it in again."""

    def ip(*words: str, ok: bool = True) -> None:
        subprocess.run(["ip", *words], check=ok, capture_output=True)

    inside = ("netns", "exec", "facekit-island", "ip")
    ip("netns", "add", "facekit-island")
    try:
        ip("link", "add", "fk-here", "type", "veth", "peer", "name", "fk-there", "netns", "facekit-island")
        ip("addr", "add", "10.231.77.1/24", "dev", "fk-here")
        ip("link", "set", "fk-here", "up")
        ip(*inside, "addr", "add", "10.231.77.2/24", "dev", "fk-there")
        for one in ("lo", "fk-there"):
            ip(*inside, "link", "set", one, "up")
        yield lambda whole: ip("link", "set", "fk-here", "up" if whole else "down")
    finally:
        ip("link", "del", "fk-here", ok=False)
        ip("netns", "del", "facekit-island", ok=False)


@pytest.mark.slow
@pytest.mark.skipif(not _may_cut(), reason="needs the right to make network namespaces")
@pytest.mark.parametrize("heals", [True, False])
def test_a_network_that_is_cut(
    heals: bool,
    island: Callable[[bool], None],
    many: Path,
    there: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "_ANSWER", 3.0)
    within = ["ip", "netns", "exec", "facekit-island"]
    far = Processes(tmp_path / "log", "10.231.77.2", within)
    try:
        for _ in range(2):
            far.add(within)
        far.wait()
        options = Crop(input=many, output=there, detect=False, cluster=far.address)

        def cut() -> None:
            island(False)
            if heals:
                Timer(15, island, (True,)).start()

        if heals:
            crop(options, after(3, cut, "crop"))
        else:
            with dask.config.set({"facekit.wait": "5s"}), pytest.raises(FacekitError, match="no Dask scheduler can be"):
                crop(options, after(3, cut, "crop"))
            island(True)
            crop(options)
        assert same(there)
    finally:
        far.stop()


@pytest.mark.slow
def test_a_scheduler_without_workers_is_said(in_short: None, tmp_path: Path) -> None:
    with (
        clusters.started(tmp_path / "log", 0) as empty,
        hired(empty.address, 0) as jobs,
        pytest.raises(FacekitError, match=r"the scheduler has no workers; start some with `dask worker ADDRESS`"),
    ):
        list(ordered_map(abs, range(9), jobs))


@pytest.mark.slow
def test_workers_that_all_die_are_said(in_short: None, own: Processes) -> None:
    def kill() -> None:
        for worker in own.workers:
            worker.kill()

    with hired(own.address, 0) as jobs, pytest.raises(FacekitError, match="the scheduler has no workers"):
        list(after(3, kill, "x")(ordered_map(clusters.slowly, range(200), jobs), "x"))


@pytest.mark.slow
def test_work_that_ends_each_worker_is_said(tmp_path: Path) -> None:
    with clusters.started(tmp_path / "log", 5) as many, hired(many.address, 0) as jobs:
        while True:
            if len({pid for _, pid in ordered_map(clusters.slowly, range(300), jobs)}) == 5:
                break
        with pytest.raises(FacekitError, match=r"a part of the work has ended 4 workers"):
            list(ordered_map(clusters.deadly, range(9), jobs))


@pytest.mark.slow
def test_a_worker_with_another_facekit_is_refused(tmp_path: Path) -> None:
    with clusters.started(tmp_path / "log", 0) as one:
        one.add(main="import facekit; facekit.__version__ = '0.0.1'")
        with (
            hired(one.address, 0) as jobs,
            pytest.raises(FacekitError, match=r"the worker tcp://.* has facekit 0\.0\.1"),
        ):
            list(ordered_map(abs, range(9), jobs))


@pytest.mark.slow
def test_a_worker_without_facekit_is_refused(tmp_path: Path) -> None:
    with clusters.started(tmp_path / "log", 0) as one:
        one.add(main="import sys; sys.modules['facekit'] = None")
        with hired(one.address, 0) as jobs, pytest.raises(FacekitError, match=r"the worker tcp://.* has no facekit"):
            list(ordered_map(abs, range(9), jobs))


def _may_mount() -> bool:
    return shutil.which("unshare") is not None and not subprocess.run(["unshare", "-mn", "true"]).returncode


@pytest.mark.slow
@pytest.mark.skipif(not _may_mount(), reason="needs the right to mount")
def test_a_worker_that_does_not_see_the_folder_is_refused(drawn_photos: Path, tmp_path: Path) -> None:
    empty = f"mount -t tmpfs none '{drawn_photos}' && exec \"$@\""
    with clusters.started(tmp_path / "log", 0) as one:
        one.add(within=["unshare", "-m", "sh", "-c", empty, "sh"])
        with pytest.raises(
            FacekitError, match=r"the worker tcp://.* cannot read .*; let all machines have that folder"
        ):
            crop(Crop(input=drawn_photos, output=tmp_path / "out", cluster=one.address))
    assert list(drawn_photos.iterdir())


@pytest.mark.slow
def test_processes_of_this_machine_make_the_same_tree(many: Path, there: Path) -> None:
    crop(Crop(input=many, output=there, detect=False, cluster="local:2"))
    assert same(there)
