"""Files that may not be read or written, and links that lead nowhere: each is counted, or named in one line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import Facekit, manifest, plain_tree, read_tree
from older import move, unpack
from rights import needs_rights, rights_hold

from facekit.base.contract import quiet
from facekit.dataset.given import Given
from facekit.dataset.pictures import below
from facekit.video import inputs

CROP = ("--no-detect", "--size", 24, "-j", 1)


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A plain tree; whatever becomes of rights in and beside it, it can be deleted."""
    yield plain_tree(tmp_path / "tree", {"Ada": 4, "Bob": 4})
    for folder, _, _ in os.walk(tmp_path):
        Path(folder).chmod(0o755)


@pytest.fixture
def made(tree: Path, facekit: Facekit) -> Path:
    """What `crop` made of it."""
    out = tree.parent / "made"
    assert facekit("crop", tree, "-o", out, *CROP).code == 0
    return out


def test_links_that_lead_nowhere_are_counted(tree: Path, facekit: Facekit) -> None:
    (tree / "Ada" / "loop.jpg").symlink_to("loop.jpg")
    (tree / "Ada" / "dead.jpg").symlink_to("nowhere.jpg")
    (tree / "Bob" / "round").symlink_to("../Bob")
    (tree / "loop").symlink_to("loop")
    done = facekit("crop", tree, "-o", tree.parent / "out", *CROP)
    assert (done.code, len(manifest(tree.parent / "out"))) == (0, 8)
    assert "2 broken link" in done.err
    assert below(tree).left["broken link"] == 3
    for command in (("balance", tree, "-o", tree.parent / "b", "-n", 6), ("audit", tree, "-j", 1)):
        assert facekit(*command).code == 0


@needs_rights
def test_a_folder_of_the_system_that_may_not_be_read_is_left_out(tree: Path, facekit: Facekit) -> None:
    (tree / "lost+found").mkdir(mode=0)
    with rights_hold():
        done = facekit("crop", tree, "-o", tree.parent / "out", *CROP)
    assert (done.code, len(manifest(tree.parent / "out"))) == (0, 8)
    assert "1 system files or folders" in done.err


@needs_rights
@pytest.mark.parametrize("name", ["manifest.jsonl", "dataset.json", "sources.jsonl", "groups.jsonl"])
def test_a_file_of_the_folder_that_may_not_be_read_is_named(made: Path, facekit: Facekit, name: str) -> None:
    (made / name).touch()
    (made / name).chmod(0)
    for command in ("balance", "clean"):
        with rights_hold():
            done = facekit(command, made, "-o", made.parent / "out", *(["--embedder", "none"] * (command == "clean")))
        assert done.code == 2
        assert (
            done.err.splitlines()[-1]
            == f"error: {made / name} cannot be read (Permission denied); check its permissions"
        )


@needs_rights
def test_pictures_and_folders_that_may_not_be_read(tree: Path, facekit: Facekit) -> None:
    (tree / "Ada" / "0000.png").chmod(0)
    with rights_hold():
        done = facekit("crop", tree, "-o", tree.parent / "out", *CROP)
    assert (done.code, len(manifest(tree.parent / "out"))) == (0, 7)
    assert "1 cannot be read" in done.err
    (tree / "Bob").chmod(0)
    with rights_hold():
        done = facekit("crop", tree, "-o", tree.parent / "again", *CROP)
    assert done.code == 2
    assert f"{tree / 'Bob'} cannot be read (no permission); change its permissions" in done.err


@needs_rights
def test_a_model_that_may_not_be_read_is_named(tmp_path: Path, facekit: Facekit) -> None:
    pytest.importorskip("onnxruntime")
    old = unpack(tmp_path / "old")
    move(old)
    for name in ("model.json", "head.npz"):
        (old / "head" / name).chmod(0)
        with rights_hold():
            done = facekit("predict", old / "head", old / "raw")
        assert done.code == 2
        assert f"{old / 'head' / name} cannot be read (Permission denied)" in done.err
        (old / "head" / name).chmod(0o644)


@needs_rights
@pytest.mark.parametrize("where", ["Ada", "."])
def test_a_folder_that_may_not_be_written_is_named_before_anything_is_lost(
    tree: Path, made: Path, facekit: Facekit, where: str
) -> None:
    before = read_tree(made)
    (made / where).chmod(0o555)
    with rights_hold():
        done = facekit("crop", tree, "-o", made, *CROP[:2], 16, *CROP[3:], "--overwrite")
    assert done.code == 2
    assert "cannot be written (Permission denied); choose another folder" in done.err
    (made / where).chmod(0o755)
    assert {path for path in read_tree(made) if path.endswith(".jpg")} == {
        one for one in before if one.endswith(".jpg")
    }
    assert facekit("crop", tree, "-o", made, *CROP[:2], 16, *CROP[3:], "--overwrite").code == 0
    assert len(manifest(made)) == 8


@pytest.mark.parametrize(
    "text",
    ['{"audio_filepath": "a.wav", "duration": 3}\n', "[]\n", "no JSON\n", '{"id": "1", "path": "Ada/0000.png"}\n'],
)
def test_files_of_another_program_are_named_or_passed_over(tree: Path, facekit: Facekit, text: str) -> None:
    for name in ("sources.jsonl", "groups.jsonl", "rejected.jsonl"):
        (tree / name).write_text(text)
    assert facekit("crop", tree, "-o", tree.parent / "out", *CROP).code == 0
    (tree / "manifest.jsonl").write_text(text)
    for command in (
        ("crop", tree, "-o", tree.parent / "more", *CROP),
        ("crop", tree.parent / "out", "-o", tree, *CROP),
    ):
        done = facekit(*command)
        assert done.code == 2
        if command[1] == tree:
            assert f"{tree / 'manifest.jsonl'}, line 1 is not in facekit's format" in done.err
            assert "if another program made that file, move it elsewhere, and the folder is read as plain" in done.err
    (tree / "manifest.jsonl").rename(tree.parent / "elsewhere")
    assert facekit("crop", tree, "-o", tree.parent / "more", *CROP).code == 0
    assert len(manifest(tree.parent / "more")) == 8


@needs_rights
@pytest.mark.parametrize("mode", [0, 0o444])
def test_what_is_given_lies_in_a_folder_that_may_not_be_entered(tree: Path, facekit: Facekit, mode: int) -> None:
    closed = tree.parent / "closed"
    closed.mkdir()
    (closed / "photo.png").write_bytes((tree / "Ada" / "0000.png").read_bytes())
    closed.chmod(mode)
    below_it = closed / "photo.png"
    given: dict[str, list[object]] = {
        "crop": [below_it, "-o", tree.parent / "out"],
        "predict": [below_it, tree],
        "stats": [below_it],
        "train": [below_it, "-o", tree.parent / "run"],
        "verify": [below_it, below_it],
        "gallery": ["list", below_it],
        "rejected": [below_it],
        "draw": ["-o", below_it],
        "enroll": [tree, "-o", below_it],
    }
    for command, words in given.items():
        with rights_hold():
            done = facekit(command, *words)
        assert done.code == 2, command
        last = done.err.splitlines()[-1]
        assert str(below_it) in last and "(Permission denied); check its permissions" in last, command


@needs_rights
def test_pictures_that_may_be_listed_but_not_looked_at_end_no_run(tree: Path) -> None:
    (tree / "Bob").chmod(0o444)
    with rights_hold(), ExitStack() as stack:
        found = inputs.open_inputs([str(tree)], stack, quiet)
        (given,) = found
        assert isinstance(given, Given) and len(given.files) == 8  # by their names; none of Bob's can be read


def test_links_that_lead_round_are_refused_where_they_are_given(tree: Path, facekit: Facekit) -> None:
    loop = tree / "loop"
    loop.symlink_to("loop")
    for words in (("train", loop, "-o", tree / "run"), ("train", tree, "-o", loop), ("enroll", tree, "-o", loop)):
        done = facekit(*words)
        assert done.code == 2
        assert "a symbolic link that leads back to itself; give another path" in done.err
