"""Balance: the split by group, then exactly N pictures a folder; held-out parts are photos as found."""

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import manifest, picture, plain_tree, read_tree, records, rejected

from facekit.base import images
from facekit.base.contract import FacekitError, Record
from facekit.commands.balance import balance
from facekit.dataset import Dataset
from facekit.dataset.lineage import check_split
from facekit.options.balance import Balance


def run(source: Path, output: str = "even", **how: Any) -> Path:
    out = source.parent / output
    balance(Balance(**{"input": source, "output": out, "count": 10, **how}))
    return out


def parts(found: list[Record], label: str) -> Counter[str | None]:
    return Counter(r.split for r in found if r.label == label)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return plain_tree(tmp_path / "in", {"Ada": 14, "Bob": 6}, side=24)


def test_exactly_n_a_folder(source: Path) -> None:
    report = balance(Balance(input=source, output=source.parent / "even", count=10))
    found = records(source.parent / "even")
    assert Counter(r.label for r in found) == {"Ada": 10, "Bob": 10}
    assert parts(found, "Ada") == {"train": 7, "test": 2, "validation": 1}
    assert parts(found, "Bob") == {"train": 8, "test": 1, "validation": 1}
    assert Counter(r.synthetic for r in found) == {None: 16, "copy": 4}
    assert report.details == {"parts": {"train": 15, "test": 3, "validation": 2}, "copies": 4}
    check_split(found, "even")


def test_fifty_photos_as_in_the_original(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 60, "Bob": 50}, side=24)
    found = records(run(source, count=50))
    for label in ("Ada", "Bob"):
        assert parts(found, label) == {"train": 35, "test": 10, "validation": 5}
    assert {r.synthetic for r in found} == {None}


def test_pictures_are_the_bytes_that_were_found(source: Path) -> None:
    out = run(source)
    there = {r.id: (source / r.path).read_bytes() for r in records(source)}
    for record in records(out):
        photo = record.parent if record.synthetic else record.id
        assert (out / record.path).read_bytes() == there[photo]


def test_copies_are_spread_evenly_over_training_photos(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 5}, side=24)
    found = records(run(source, count=12))
    copies = Counter(r.parent for r in found if r.synthetic)
    train = {r.id for r in found if r.split == "train" and not r.synthetic}
    assert copies.keys() == train
    assert max(copies.values()) - min(copies.values()) <= 1
    assert len({r.id for r in found}) == 12


def test_one_photo_does_not_stand_on_both_sides(source: Path) -> None:
    """Near repeats in a tree that nobody cleaned: they are looked for here."""
    for number in range(6):
        (source / "Bob" / f"again{number}.jpg").write_bytes(images.encode(picture(14 + number, 24)))
    found = records(run(source, count=12))
    check_split(found, "even")
    groups = Counter(r.group for r in found if r.label == "Bob")
    assert len(groups) == 6
    assert set(parts(found, "Bob")) == {"train", "test", "validation"}


def test_thinning_is_even_over_groups(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 10}, side=24)
    for number in range(9):
        for turn in range(3):
            changed = images.decode(images.encode(picture(number, 24), 80 + turn))
            (source / "Ada" / f"again{number}{turn}.png").write_bytes(images.encode_png(changed))
    groups = Counter(r.group for r in records(run(source, count=10)))
    assert len(groups) == 10


def test_unreadable_pictures_and_repeats_are_left_out_with_their_reason(source: Path) -> None:
    (source / "Ada" / "broken.jpg").write_bytes(images.encode(picture(99))[:-200])
    shutil.copy(source / "Ada" / "0000.png", source / "Ada" / "again.png")
    left = rejected(run(source))
    assert Counter((r["path"], r["reason"]) for r in left if r["reason"] != "beyond --count") == {
        ("Ada/broken.jpg", "truncated"): 1,
        ("Ada/again.png", "same bytes as another"): 1,
    }


@pytest.mark.parametrize("split_by", ["group", "image"])
def test_what_is_thinned_out_has_its_line(source: Path, split_by: str) -> None:
    out = run(source, split_by=split_by)
    kept = {r.origin for r in records(out)}
    left = [r for r in rejected(out) if r["stage"] == "balance"]
    assert Counter((r["label"], r["reason"]) for r in left) == {("Ada", "beyond --count"): 4}
    assert kept | {r["id"] for r in left} == {r.id for r in records(source)}
    assert not kept & {r["id"] for r in left}
    assert balance(Balance(input=source, output=out, count=10, split_by=split_by)).left == {"beyond --count": 4}


def test_a_name_with_too_few_is_refused_by_name(source: Path) -> None:
    plain_tree(source, {"Cy": 2}, first=70)
    with pytest.raises(FacekitError, match="Cy has 2 photos that can be separated"):
        run(source)
    found = records(run(source, split="80/20/0"))
    assert parts(found, "Cy") == {"train": 9, "test": 1}


@pytest.mark.parametrize("split", ["1/50/49", "2/49/49", "70/20/10", "34/33/33"])
def test_there_is_a_training_photo_whatever_the_shares(source: Path, split: str) -> None:
    found = records(run(source, split=split, count=3))
    for label in ("Ada", "Bob"):
        assert parts(found, label) == {"train": 1, "test": 1, "validation": 1}


def test_the_seed_decides_and_the_names_of_files_do_not(source: Path) -> None:
    one, other = run(source, "one"), run(source, "other", seed=7)
    split = {r.id: r.split for r in records(one)}
    assert split != {r.id: r.split for r in records(other)}
    for file in sorted((source / "Ada").iterdir(), reverse=True):
        file.rename(file.with_name(f"x{hash(file.name) % 1000}{file.name}"))
    again = run(source, "again")
    assert {r.id: r.split for r in records(again)} == split


def test_by_image_everything_has_copies_and_no_part(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 4, "Bob": 14}, side=24)
    out = run(source, split_by="image")
    found = records(out)
    assert Dataset.open(out).protocol == "image"
    assert {r.split for r in found} == {None}
    copies = Counter(r.parent for r in found if r.synthetic)
    assert len(copies) == 4
    assert set(copies.values()) <= {1, 2}
    assert Dataset.open(run(source, "by_group", count=6)).protocol == "group"


def test_by_image_will_not_undo_a_split(source: Path) -> None:
    even = run(source)
    with pytest.raises(FacekitError, match="has a split by group already"):
        run(even, "again", split_by="image")


def test_copies_in_the_source_are_never_held_out(tmp_path: Path) -> None:
    source = plain_tree(tmp_path / "in", {"Ada": 6, "Bob": 6}, side=24)
    leaky = run(source, "leaky", split_by="image", count=18)
    out = run(leaky, "even", count=12)
    found = records(out)
    assert Counter(r.label for r in found) == {"Ada": 12, "Bob": 12}
    check_split(found, "even")
    assert Dataset.open(out).protocol == "group"


def test_a_balanced_tree_can_be_balanced_to_fewer_and_to_more(source: Path) -> None:
    even = run(source)
    split = {r.origin: r.split for r in records(even)}
    for count in (6, 25):
        found = records(run(even, f"to{count}", count=count))
        assert Counter(r.label for r in found) == {"Ada": count, "Bob": count}
        assert {r.origin: r.split for r in found}.items() <= split.items()
        check_split(found, "again")


def test_workers_change_nothing(source: Path) -> None:
    assert read_tree(run(source, "one", jobs=1)) == read_tree(run(source, "many", jobs=4))


def test_run_again_it_does_nothing(source: Path) -> None:
    before = read_tree(run(source))
    assert read_tree(run(source)) == before


def test_a_source_that_changed_is_planned_anew(source: Path) -> None:
    out = run(source)
    plain_tree(source, {"Bob": 3, "Cy": 4}, first=60, side=24)
    (source / "Ada" / "0000.png").unlink()
    (source / "Ada" / "0001.png").rename(source / "Bob" / "0001.png")
    run(source)
    assert read_tree(out) == read_tree(run(source, "anew"))
    assert Counter(r.label for r in records(out)) == {"Ada": 10, "Bob": 10, "Cy": 10}


def pick(out: Path, **wanted: Any) -> Record:
    return next(r for r in records(out) if all(getattr(r, name) == value for name, value in wanted.items()))


def move(out: Path, record: Record, label: str) -> Path:
    return (out / record.path).rename(out / label / Path(record.path).name)


def test_a_removed_photo_stays_so_and_the_folder_is_filled(source: Path) -> None:
    out = run(source)
    gone = pick(out, label="Bob", synthetic=None, split="train")
    (out / gone.path).unlink()
    run(source)
    found = records(out)
    assert Counter(r.label for r in found) == {"Ada": 10, "Bob": 10}
    assert gone.id not in {r.origin for r in found}
    assert [r["id"] for r in rejected(out) if r["reason"] == "removed by hand"] == [gone.id]
    assert gone.id not in {r["id"] for r in rejected(out) if r["reason"] != "removed by hand"}
    check_split(found, "even")


def test_a_removed_copy_is_not_made_again(source: Path) -> None:
    out = run(source)
    gone = pick(out, label="Bob", synthetic="copy")
    (out / gone.path).unlink()
    run(source)
    found = records(out)
    assert gone.id not in {r.id for r in found}
    assert Counter(r.label for r in found) == {"Ada": 10, "Bob": 10}
    before = read_tree(out)
    run(source)
    assert read_tree(out) == before


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_moved_photo_stays_so_and_its_copies_go_with_it(source: Path, split: str) -> None:
    out = run(source, count=16)
    moved = pick(out, label="Bob", synthetic=None, split=split)
    there = move(out, moved, "Ada")
    run(source, count=16)
    found = records(out)
    assert there.exists()
    assert Counter(r.label for r in found) == {"Ada": 16, "Bob": 16}
    assert {r.label for r in found if r.origin == moved.origin} == {"Ada"}
    check_split(found, "even")
    before = read_tree(out)
    run(source, count=16)
    assert read_tree(out) == before


def test_a_moved_copy_stays_so(source: Path) -> None:
    out = run(source)
    moved = pick(out, label="Bob", synthetic="copy")
    there = move(out, moved, "Ada")
    run(source)
    assert there.exists()
    assert Counter(r.label for r in records(out)) == {"Ada": 10, "Bob": 10}
    assert moved.id not in {r["id"] for r in rejected(out)}
    check_split(records(out), "even")


def test_a_moved_photo_is_not_thinned_away(source: Path) -> None:
    out = run(source)
    moved = pick(out, label="Bob", synthetic=None)
    there = move(out, moved, "Ada")
    run(source)
    assert there.exists()
    assert Counter(r.label for r in records(out)) == {"Ada": 10, "Bob": 10}
    assert moved.id not in {r["id"] for r in rejected(out)}


def test_a_moved_copy_never_lands_across_the_split(source: Path) -> None:
    """The source grows, the split is drawn anew, and the photo of a copy that was moved may be held out now."""
    out = run(source, count=24)
    copies = [r for r in records(out) if r.label == "Bob" and r.synthetic == "copy"]
    for record in {r.parent: r for r in copies}.values():
        move(out, record, "Ada")
    for first in (60, 70, 80):
        plain_tree(source, {"Bob": 3, "Ada": 2}, first=first, side=24)
        run(source, count=24)
        check_split(records(out), "even")
        assert Counter(line["label"] for line in manifest(out)) == {"Ada": 24, "Bob": 24}


def test_protocol_and_drawn_are_handed_on(source: Path) -> None:
    from facekit.dataset import annotate

    annotate(source, drawn=True)
    assert Dataset.open(run(source)).info.drawn is True
