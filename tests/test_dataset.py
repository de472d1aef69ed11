"""A dataset: files are the truth, a line vouches for its file, one command at a time writes a folder."""

import fcntl
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import files_in, manifest, picture, plain_tree, read_tree, records, rejected

from facekit.base import files as lines
from facekit.base import images
from facekit.base.contract import FacekitError, Record, Rejection, Source
from facekit.base.plain import parse
from facekit.commands.balance import balance
from facekit.commands.clean import clean
from facekit.commands.crop import crop
from facekit.dataset import Dataset, annotate, check_places
from facekit.options.balance import Balance
from facekit.options.clean import Clean
from facekit.options.crop import Crop


def cropped(plain: Path, **how: object) -> Path:
    root = plain.parent / "out"
    crop(Crop(input=plain, output=root, detect=False, size=32, jobs=1, **how))
    return root


def move(path: Path, label: str) -> Path:
    there = path.parent.parent / label / path.name
    there.parent.mkdir(exist_ok=True)
    return path.rename(there)


@pytest.fixture
def made(plain: Path) -> Path:
    """A folder that a stage made: 8 pictures each of Ada and Bob."""
    return cropped(plain)


# Reading


def test_a_plain_tree_is_a_dataset(plain: Path) -> None:
    found = Dataset.open(plain)
    assert found.labels == ["Ada", "Bob"]
    assert {label: len(inside) for label, inside in found.by_label().items()} == {"Ada": 8, "Bob": 8}
    one = found.records[0]
    assert one.id == one.sha256 == one.origin
    assert found.sources[one.origin] == Source(one.origin, url="Ada/0000.png", engine="folder")
    assert found.bytes_of(one) == (plain / "Ada/0000.png").read_bytes()


def test_a_picture_removed_by_hand_is_gone(made: Path) -> None:
    first = made / manifest(made)[0]["path"]
    first.unlink()
    assert len(records(made)) == 15
    assert str(first.relative_to(made)) not in {r.path for r in records(made)}


def test_a_picture_moved_to_another_name_is_relabelled(made: Path) -> None:
    before = records(made)[0]
    move(made / before.path, "Bob")
    (after,) = [r for r in records(made) if r.id == before.id]
    assert (after.label, after.name, after.path) == ("Bob", "Bob", f"Bob/{Path(before.path).name}")
    assert (after.origin, after.parent, after.sha256) == (before.origin, before.parent, before.sha256)


def test_a_picture_moved_to_a_new_name_has_that_name(made: Path) -> None:
    move(made / records(made)[0].path, "Cy")
    assert Dataset.open(made).labels == ["Ada", "Bob", "Cy"]


def test_a_picture_moved_back_is_as_it_was(made: Path) -> None:
    before = records(made)
    move(move(made / before[0].path, "Bob"), "Ada")
    assert records(made) == before


def test_a_file_added_by_hand_is_a_picture(made: Path) -> None:
    (made / "Bob" / "holiday.png").write_bytes(images.encode_png(picture(77)))
    (added,) = [r for r in records(made) if r.path == "Bob/holiday.png"]
    assert (added.label, added.id, added.parent) == ("Bob", added.sha256, None)


def test_files_without_a_line_in_an_unfinished_folder_are_not_read(made: Path) -> None:
    (made / "Bob" / "0123456789abcdef.jpg").write_bytes(images.encode(picture(77)))
    annotate(made, complete=False)
    assert len(records(made)) == 16


def test_a_torn_last_line_is_dropped(made: Path, plain: Path) -> None:
    whole = read_tree(made)
    path = made / "manifest.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    annotate(made, complete=False)
    assert len(records(made)) == 15
    cropped(plain)
    assert read_tree(made) == whole


@pytest.mark.parametrize("line", ["{not json", "[1, 2]", "7", '"text"', '{"id": "x"}', '{"box": 3, "id": "x"}', "\xff"])
def test_a_broken_line_is_named(made: Path, line: str) -> None:
    path = made / "manifest.jsonl"
    kept = path.read_text().splitlines()
    path.write_bytes("\n".join([*kept[:2], line, *kept[2:], ""]).encode("latin-1"))
    with pytest.raises(FacekitError, match=r"manifest\.jsonl, line 3 is not in facekit's format .*fix or delete"):
        Dataset.open(made)


def test_fields_of_a_later_version_are_passed_over() -> None:
    line = {"id": "a", "sha256": "a", "path": "A/a.jpg", "label": "A", "name": "A", "origin": "a", "aura": "blue"}
    assert parse(json.dumps(line), Record).id == "a"


@pytest.mark.parametrize(
    "value",
    [
        Record("1", "2", "A/ü\n😀.jpg", "A", "A\t", "1", box=None, quality={"faces": 2.0}, targets={"x": "y"}),
        Record("1", "2", "A/\udcff.jpg", "A", "A", "1"),  # a file name that is no UTF-8
        Source("1", url="https://ü", rank=3),
        Rejection("clean", "1", "A", "A/1.jpg", "blurred", 3.5),
    ],
)
def test_a_line_is_read_as_it_was_written(tmp_path: Path, value: Record | Source | Rejection) -> None:
    lines.append_line(tmp_path / "x.jsonl", value.to_json())
    assert lines.read_lines(tmp_path / "x.jsonl", type(value)) == [value]


@pytest.mark.parametrize("where", ["nowhere", "file", "empty"])
def test_what_is_no_tree_is_refused_with_the_mend(tmp_path: Path, where: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FacekitError, match=r"give a folder with"):
        Dataset.open(tmp_path / where)


def test_pictures_outside_any_folder_are_spoken_of(plain: Path, caplog: pytest.LogCaptureFixture) -> None:
    (plain / "loose.jpg").write_bytes(images.encode(picture(1)))
    assert len(records(plain)) == 16
    assert "1 picture outside any person's folder is not read" in caplog.text


def test_a_broken_dataset_json_is_named(made: Path) -> None:
    (made / "dataset.json").write_text("{")
    with pytest.raises(FacekitError, match=r"dataset\.json is not in facekit's format .*; move it elsewhere"):
        Dataset.open(made)


# Writing


def test_what_was_removed_and_moved_stays_so(made: Path, plain: Path) -> None:
    gone, moved = records(made)[:2]
    (made / gone.path).unlink()
    there = move(made / moved.path, "Bob")
    bytes_there = there.read_bytes()
    cropped(plain)
    assert not (made / gone.path).exists()
    assert not (made / moved.path).exists()
    assert there.read_bytes() == bytes_there
    assert [(r["reason"], r["id"]) for r in rejected(made)] == [("removed by hand", gone.id)]
    again = read_tree(made)
    cropped(plain)
    assert read_tree(made) == again


def test_the_source_is_never_changed(plain: Path) -> None:
    before = read_tree(plain)
    cropped(plain)
    assert read_tree(plain) == before


def test_output_and_input_may_not_lie_in_one_another(plain: Path) -> None:
    for output in (plain, plain / "Ada", plain.parent, plain / "new" / "deep", plain / ".." / plain.name / "x"):
        with pytest.raises(FacekitError, match="overlap: one is inside the other; choose another output"):
            check_places(output, plain)
    check_places(plain.parent / "plain2", plain)


def test_output_inside_input_writes_nothing(plain: Path) -> None:
    before = read_tree(plain)
    with pytest.raises(FacekitError, match="overlap: one is inside the other"):
        crop(Crop(input=plain, output=plain / "out", detect=False))
    assert read_tree(plain) == before


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_an_output_that_is_a_file_is_refused(plain: Path, place: str) -> None:
    (plain.parent / "file").write_text("mine")
    with pytest.raises(FacekitError, match=r"choose (a|another) folder"):
        crop(Crop(input=plain, output=plain.parent / place, detect=False))
    assert (plain.parent / "file").read_text() == "mine"


def test_other_options_are_refused_with_the_mend(made: Path, plain: Path) -> None:
    before = read_tree(made)
    with pytest.raises(FacekitError, match=r"made with --size 32, not 48; choose another folder, or use --overwrite$"):
        crop(Crop(input=plain, output=made, detect=False, size=48))
    assert read_tree(made) == before


def test_another_stage_is_refused_with_the_mend(made: Path, plain: Path) -> None:
    with pytest.raises(FacekitError, match="was made by crop; choose another folder, or use --overwrite$"):
        balance(Balance(input=plain, output=made, count=5))


def test_jobs_are_no_part_of_what_a_folder_is(made: Path, plain: Path) -> None:
    before = read_tree(made)
    crop(Crop(input=plain, output=made, detect=False, size=32, jobs=3))
    assert read_tree(made) == before


def test_a_folder_of_somebody_else_is_refused(plain: Path) -> None:
    mine = plain.parent / "mine"
    mine.mkdir()
    (mine / "letter.txt").write_text("dear")
    for overwrite in (False, True):
        with pytest.raises(FacekitError, match="choose another folder"):
            crop(Crop(input=plain, output=mine, detect=False, overwrite=overwrite))
    assert files_in(mine) == ["letter.txt"]


def test_overwrite_deletes_only_what_the_manifest_names(made: Path, plain: Path) -> None:
    (made / "Ada" / "mine.txt").write_text("kept")
    (made / "notes.md").write_text("kept")
    before = {r.path for r in records(made) if not r.path.endswith(".txt")}
    crop(Crop(input=plain, output=made, detect=False, size=48, overwrite=True))
    assert (made / "Ada" / "mine.txt").read_text() == (made / "notes.md").read_text() == "kept"
    assert all(images.read(made / path).shape == (48, 48, 3) for path in before)


@pytest.mark.parametrize("lost", ["manifest.jsonl", "dataset.json"])
def test_overwrite_refuses_a_folder_without_its_manifest(made: Path, plain: Path, lost: str) -> None:
    (made / lost).unlink()
    before = read_tree(made)
    with pytest.raises(FacekitError, match=rf"has no {lost}, so what --overwrite may delete is not known"):
        crop(Crop(input=plain, output=made, detect=False, size=48, overwrite=True))
    assert read_tree(made) == before


def test_a_folder_in_which_nothing_was_made_takes_other_options(plain: Path) -> None:
    even = plain.parent / "even"
    with pytest.raises(FacekitError, match="Cy has 1 photos"):
        plain_tree(plain, {"Cy": 1}, first=500)
        balance(Balance(input=plain, output=even, count=6))
    assert balance(Balance(input=plain, output=even, count=6, split="100/0/0")).kept == 18
    tidy = plain.parent / "tidy"
    with pytest.raises(FacekitError, match="nothing is left; left out: 17 name with too few"):
        clean(Clean(input=plain, output=tidy))
    assert len(rejected(tidy)) == 17
    assert clean(Clean(input=plain, output=tidy, min_images=8)).kept == 16
    assert len(rejected(tidy)) == 1


def test_a_dry_run_changes_nothing(made: Path, plain: Path) -> None:
    (made / records(made)[0].path).unlink()
    before = read_tree(plain.parent)
    for output, overwrite in ((made, False), (made, True), (plain.parent / "new", False)):
        report = crop(Crop(input=plain, output=output, detect=False, size=32, dry_run=True, overwrite=overwrite))
        assert report.kept == (15 if output == made and not overwrite else 16)
    assert read_tree(plain.parent) == before


def test_one_command_at_a_time(made: Path, plain: Path) -> None:
    handle = os.open(made, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(FacekitError, match="another facekit process is writing"):
        cropped(plain)
    os.close(handle)
    cropped(plain)


def test_the_lock_dies_with_its_holder(made: Path, plain: Path) -> None:
    code = (
        "import time; from pathlib import Path; from facekit.base.files import locked\n"
        f"with locked(Path({str(made)!r})): print('locked', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"locked\n"
        with pytest.raises(FacekitError, match="another facekit process is writing"):
            cropped(plain)
        holder.kill()
        holder.wait()
    cropped(plain)


# No space


def test_a_full_disk_costs_one_line_and_no_picture(plain: Path, tmp_path: Path) -> None:
    big = plain_tree(tmp_path / "big", {"Ada": 9}, first=50)
    whole, out = tmp_path / "whole", tmp_path / "out"
    arguments = ["crop", str(big), "--no-detect", "--size", "64", "-j", "1", "-o"]
    crop(Crop(input=big, output=whole, detect=False, size=64, jobs=1))
    limit = 1_500  # the manifest outgrows it after two or three lines
    run = subprocess.run(
        [sys.executable, "-c", "from facekit.cli import main; main()", *arguments, str(out)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
    )
    assert run.returncode == 2, run.stderr
    assert [line for line in run.stderr.splitlines() if "error" in line] == [run.stderr.splitlines()[-1]]
    assert "no space left to write" in run.stderr
    assert "run the same command again" in run.stderr
    for path in out.rglob("*.jpg"):
        assert not path.name.startswith(".")
        images.read(path)
    crop(Crop(input=big, output=out, detect=False, size=64, jobs=1))
    assert read_tree(out) == read_tree(whole)


def test_a_folder_that_may_not_be_written_is_refused(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(FacekitError, match=r"cannot be written \(Permission denied\); choose another folder"):
        crop(Crop(input=plain, output=plain.parent / "new", detect=False))


def test_where_a_photo_came_from_is_carried_along(made: Path) -> None:
    shutil.rmtree(made / "Bob")
    tidy = made.parent / "tidy"
    clean(Clean(input=made, output=tidy, min_images=1, min_side=1))
    carried = [json.loads(line) for line in (tidy / "sources.jsonl").read_text().splitlines()]
    assert [c["url"] for c in carried] == [f"Ada/{n:04d}.png" for n in range(8)]


def test_a_stale_path_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path, faces: Path) -> None:
    mine = tmp_path / "mine.jpg"
    mine.write_bytes(b"not facekit's")
    tree = tmp_path / "tree"
    clean(Clean(input=faces, output=tree, min_images=1))
    info = json.loads((tree / "dataset.json").read_text())
    (tree / "dataset.json").write_text(json.dumps({**info, "complete": False, "stale": ["../mine.jpg"]}))
    clean(Clean(input=faces, output=tree, min_images=1))
    assert mine.exists()
