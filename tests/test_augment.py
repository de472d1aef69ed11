"""Augment: children of training photos until the folder holds exactly N; held-out photos go through as they are."""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture, plain_tree, read_tree, records, rejected

from facekit.base import images
from facekit.base.contract import FacekitError, Record
from facekit.commands.augment import augment
from facekit.commands.balance import balance
from facekit.dataset import Dataset
from facekit.dataset.lineage import check_split
from facekit.faces.augmentation import STRENGTHS, _compose, augment_image
from facekit.options.augment import Augment
from facekit.options.balance import Balance


def run(source: Path, output: str = "full", **how: Any) -> Path:
    out = source.parent / output
    augment(Augment(**{"input": source, "output": out, "count": 20, "jobs": 1, **how}))
    return out


@pytest.fixture
def even(tmp_path: Path) -> Path:
    source = plain_tree(tmp_path / "in", {"Ada": 12, "Bob": 6}, side=24)
    balance(Balance(input=source, output=tmp_path / "even", count=8))
    return tmp_path / "even"


def pick(out: Path, **wanted: Any) -> Record:
    return next(r for r in records(out) if all(getattr(r, name) == value for name, value in wanted.items()))


def move(out: Path, record: Record, label: str) -> Path:
    return (out / record.path).rename(out / label / Path(record.path).name)


def test_exactly_n_a_folder(even: Path) -> None:
    report = augment(Augment(input=even, output=even.parent / "full", count=20))
    found = records(even.parent / "full")
    assert Counter(r.label for r in found) == {"Ada": 20, "Bob": 20}
    assert report.details == {"children": 24, "protocol": "group"}
    check_split(found, "full")
    held_out = {r.id for r in records(even) if r.split != "train"}
    assert {r.id for r in found if r.split != "train"} == held_out


def test_children_are_spread_evenly_over_training_photos(even: Path) -> None:
    found = records(run(even))
    for label in ("Ada", "Bob"):
        children = Counter(r.parent for r in found if r.label == label and r.synthetic == "augment")
        photos = {r.id for r in found if r.label == label and r.split == "train" and not r.synthetic}
        assert children.keys() == photos
        assert max(children.values()) - min(children.values()) <= 1
    child = pick(even.parent / "full", synthetic="augment")
    parent = next(r for r in found if r.id == child.parent)
    assert (child.origin, child.group, child.split, child.name) == (parent.origin, parent.group, "train", parent.name)


def test_five_hundred_as_in_the_original(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 50}, side=16)
    balance(Balance(input=source, output=tmp_path / "even", count=50))
    found = records(run(tmp_path / "even", count=500, recipe="gentle"))
    assert Counter((r.split, r.synthetic) for r in found) == {
        ("train", None): 35,
        ("train", "augment"): 450,
        ("test", None): 10,
        ("validation", None): 5,
    }


def test_children_differ_from_their_photo_and_one_another(even: Path) -> None:
    out = run(even)
    found = records(out)
    assert len({r.sha256 for r in found if r.synthetic == "augment"}) == 24
    for child in [r for r in found if r.synthetic == "augment"][:6]:
        photo = images.read(out / next(r.path for r in found if r.id == child.parent))
        changed = images.read(out / child.path)
        assert changed.shape == photo.shape
        assert np.abs(changed.astype(int) - photo).mean() > 1


def test_processes_and_order_change_nothing(even: Path) -> None:
    """Enough children that worker processes make them, and one process by itself."""
    many = run(even, "many", count=160, jobs=2)
    alone = run(even, "alone", count=160, jobs=1)
    assert read_tree(many) == read_tree(alone)


def test_fewer_children_are_the_first_of_more(even: Path) -> None:
    few = {r.id: r.sha256 for r in records(run(even, "few"))}
    more = {r.id: r.sha256 for r in records(run(even, "more", count=26))}
    assert few.items() <= more.items()


def test_another_recipe_or_seed_makes_other_children(even: Path) -> None:
    one, strong, seed = run(even, "one"), run(even, "two", recipe="strong"), run(even, "three", seed=1)
    hashes = [{r.sha256 for r in records(out) if r.synthetic == "augment"} for out in (one, strong, seed)]
    assert hashes[0].isdisjoint(hashes[1])
    assert hashes[0].isdisjoint(hashes[2])


@pytest.mark.parametrize("recipe", STRENGTHS)
def test_a_recipe_is_decided_by_its_seed_alone(recipe: str) -> None:
    image = picture(1, 48)
    first = [augment_image(image, recipe, seed) for seed in range(8)]
    backwards = [augment_image(image, recipe, seed) for seed in reversed(range(8))][::-1]
    assert all((a == b).all() for a, b in zip(first, backwards, strict=True))
    assert {a.shape for a in first} == {(48, 48, 3)}
    assert len({a.tobytes() for a in first}) == 8
    assert (image == picture(1, 48)).all()


def test_stronger_recipes_change_more() -> None:
    smooth = np.asarray(np.broadcast_to(np.linspace(40, 200, 64)[:, None, None], (64, 64, 3)), np.uint8).copy()
    change = [
        np.mean([np.abs(augment_image(smooth, recipe, seed).astype(int) - smooth).mean() for seed in range(40)])
        for recipe in ("gentle", "standard", "strong")
    ]
    assert change == sorted(change)


def test_a_tree_without_a_split_gets_one(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 10}, side=24)
    (source / "Ada" / "again.jpg").write_bytes(images.encode(picture(0, 24)))
    found = records(run(source))
    check_split(found, "full")
    assert Counter(r.split for r in found if not r.synthetic) == {"train": 8, "test": 2, "validation": 1}
    assert len({r.group for r in found}) == 10


def test_by_image_everything_has_children_and_no_part(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 6}, side=24)
    balance(Balance(input=source, output=tmp_path / "even", count=9, split_by="image"))
    out = run(tmp_path / "even")
    found = records(out)
    assert Dataset.open(out).protocol == "image"
    assert {r.split for r in found} == {None}
    assert len({r.parent for r in found if r.synthetic == "augment"}) == 6
    direct = run(source, "direct", split_by="image")
    assert Dataset.open(direct).protocol == "image"


def test_by_image_will_not_undo_a_split(even: Path) -> None:
    with pytest.raises(FacekitError, match="has a split by group already"):
        run(even, split_by="image")


def test_more_pictures_than_the_count_are_refused(even: Path) -> None:
    with pytest.raises(FacekitError, match=r"Ada has 8 pictures, more than --count 7; give a larger count"):
        run(even, count=7)
    assert len(records(run(even, "same", count=8))) == 16


def test_a_split_that_leaks_is_refused(even: Path) -> None:
    path = even / "manifest.jsonl"
    train = pick(even, split="train", synthetic=None, label="Ada")
    lines = path.read_text().splitlines()
    changed = [line.replace('"train"', '"test"') if f'"id": "{train.id}"' in line else line for line in lines]
    copies = [line for line in lines if f'"parent": "{train.id}"' in line]
    path.write_text("\n".join(changed) + "\n")
    if copies:
        with pytest.raises(FacekitError, match="more than one part"):
            run(even)
    copy = pick(even, synthetic="copy")
    path.write_text("\n".join(
        line.replace('"train"', '"test"') if f'"id": "{copy.id}"' in line else line for line in lines
    ) + "\n")  # fmt: skip
    with pytest.raises(FacekitError, match=r"is in test or validation .*make the tree again with `balance`"):
        run(even)


def test_a_file_added_by_hand_gets_a_part(even: Path) -> None:
    (even / "Ada" / "mine.png").write_bytes(images.encode_png(picture(500, 24)))
    split = {r.id: r.split for r in records(even)}
    found = records(run(even))
    assert Counter(r.label for r in found) == {"Ada": 20, "Bob": 20}
    added = next(r for r in found if r.id not in split or split[r.id] is None)
    assert added.split
    assert all(r.split == split[r.id] for r in found if split.get(r.id))


def test_a_split_in_two_parts_is_kept(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 10, "Bob": 2}, side=24)
    balance(Balance(input=source, output=tmp_path / "even", count=10, split="80/20/0"))
    (tmp_path / "even" / "Ada" / "mine.png").write_bytes(images.encode_png(picture(500, 24)))
    assert {r.split for r in records(run(tmp_path / "even"))} == {"train", "test"}


def test_an_augmented_tree_can_be_augmented_further(even: Path) -> None:
    full = run(even)
    more = run(full, "more", count=33)
    assert Counter(r.label for r in records(more)) == {"Ada": 33, "Bob": 33}
    before = {r.id: r.sha256 for r in records(full)}
    assert before.items() <= {r.id: r.sha256 for r in records(more)}.items()


def test_run_again_it_does_nothing(even: Path) -> None:
    before = read_tree(run(even))
    assert read_tree(run(even)) == before


def test_a_source_that_grew_is_extended(even: Path) -> None:
    out = run(even)
    before = {r.id for r in records(out)}
    plain_tree(even, {"Ada": 1}, first=70, side=24)
    run(even)
    after = {r.id for r in records(out)}
    assert len(after & before) >= 30
    assert read_tree(out) == read_tree(run(even, "anew"))


def test_removed_and_moved_children_stay_so(even: Path) -> None:
    out = run(even)
    gone = pick(out, label="Ada", synthetic="augment")
    moved = [r for r in records(out) if r.label == "Ada" and r.synthetic == "augment"][3]
    (out / gone.path).unlink()
    there = move(out, moved, "Bob")
    run(even)
    found = records(out)
    assert there.exists()
    assert gone.id not in {r.id for r in found}
    assert Counter(r.label for r in found) == {"Ada": 20, "Bob": 20}
    assert [r["reason"] for r in rejected(out)] == ["removed by hand"]
    check_split(found, "full")
    before = read_tree(out)
    run(even)
    assert read_tree(out) == before


def test_a_moved_photo_stays_so_and_its_children_go_with_it(even: Path) -> None:
    out = run(even)
    moved = pick(out, label="Ada", synthetic=None, split="train")
    there = move(out, moved, "Bob")
    run(even)
    found = records(out)
    assert there.exists()
    assert Counter(r.label for r in found) == {"Ada": 20, "Bob": 20}
    assert {r.label for r in found if r.origin == moved.origin} == {"Bob"}
    check_split(found, "full")


def test_a_photo_moved_in_the_source_moves_its_children(even: Path) -> None:
    out = run(even)
    moved = pick(even, label="Ada", synthetic=None, split="train")
    move(even, moved, "Bob")
    run(even)
    assert {r.label for r in records(out) if r.origin == moved.origin} == {"Bob"}
    assert read_tree(out) == read_tree(run(even, "anew"))


def test_a_name_without_a_training_photo_is_refused(even: Path) -> None:
    for record in records(even):
        if record.label == "Bob" and record.split == "train":
            (even / record.path).unlink()
    with pytest.raises(FacekitError, match="Bob has no training photo to augment"):
        run(even)


@pytest.mark.parametrize("recipe", STRENGTHS)
def test_the_quick_way_to_seed_is_albumentations_own(recipe: str) -> None:
    """And no child changes the pixels of its photo, of which the next one is made."""
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    before = image.copy()
    slow = _compose(recipe, 32, 32)
    for seed in (0, 1, 2**31 - 1, *range(1000, 1060)):
        slow.set_random_seed(seed)
        assert np.array_equal(slow(image=image)["image"], augment_image(image, recipe, seed))
        assert np.array_equal(image, before)


def test_a_photo_is_read_once_for_all_its_children_and_again_in_the_next_run(
    even: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(images, "read", lambda path, read=read, usual=images.read: read.append(path) or usual(path))
    out = run(even)
    photos = {r.path for r in records(even) if r.split == "train" and not r.synthetic}
    again = Counter(path.relative_to(even).as_posix() for path in read)
    assert {again[photo] for photo in photos} == {2}, "once to be sure of it, once for its children"
    photo = next(r for r in records(even) if r.split == "train" and not r.synthetic)
    (even / photo.path).write_bytes(images.encode(np.full((24, 24, 3), 200, np.uint8)))
    changed = run(even, "changed")
    pixels = [images.read(changed / r.path) for r in records(changed) if r.parent == photo.id]
    assert pixels
    assert all(one.mean() > 90 for one in pixels)
    assert read_tree(out) != read_tree(changed)


def test_the_process_that_writes_imports_no_albumentations_where_others_make_the_children(even: Path) -> None:
    """It is slow to import, and each worker does so anyway."""
    code = (
        "import sys; from pathlib import Path; from facekit.commands import augment as stage\n"
        "from facekit.options.augment import Augment\n"
        "stage.MANY = 1\n"
        f"even, full = Path({str(even)!r}), Path({str(even.parent / 'full')!r})\n"
        "stage.augment(Augment(input=even, output=full, count=20, jobs=2))\n"
        "print('albumentations' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert read_tree(run(even, "alone")) == read_tree(even.parent / "full")
