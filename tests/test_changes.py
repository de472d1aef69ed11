"""What has changed in a data set, in words."""

from __future__ import annotations

from pathlib import Path

from conftest import picture, plain_tree

from facekit.base import images
from facekit.dataset import Dataset
from facekit.dataset.changes import Changes, Seen, between, of_records


def test_each_kind_of_change_is_counted_once() -> None:
    before = [Seen("Ada", f"{n}.jpg", f"a{n}") for n in range(5)] + [Seen("Bob", "0.jpg", "b0", "train", "g", "x")]
    now = [
        Seen("Ada", "0.jpg", "a0"),
        Seen("Ada", "1.jpg", "other"),  # other bytes
        Seen("Bob", "2.jpg", "a2"),  # under another name
        Seen("Ada", "renamed.jpg", "a3"),  # the same picture, whatever its file is called
        Seen("Bob", "0.jpg", "b0", "test", "h", "x"),  # in another part; its group follows from others
        Seen("Zoe", "9.jpg", "z"),
    ]
    changes = between(before, now)
    assert changes == Changes(("Zoe",), (), new=1, gone=1, changed=1, relabelled=1, regrouped=1)
    assert str(changes) == (
        "name added: Zoe; pictures: 1 new, 1 removed, 1 changed, 1 under another name, 1 in another part or group"
    )
    assert not between(now, now)


def test_what_was_drawn_since_is_no_change() -> None:
    """A run knows parts and groups that its folder of pictures does not say."""
    drawn = [Seen("Ada", "0.jpg", "a", "train", "g", "Ada")]
    assert not between(drawn, [Seen("Ada", "0.jpg", "a")])
    assert between(drawn, [Seen("Ada", "0.jpg", "a", None, "h")]).regrouped == 1
    assert between(drawn, [Seen("Ada", "0.jpg", "a", None, None, "Bob")]).regrouped == 1


def test_many_names_are_counted() -> None:
    changes = between([Seen(name, "0", name) for name in "ABCDE"], [Seen("X", "0", "X"), Seen("Y", "0", "Y")])
    assert str(changes) == "names added: X, Y; names removed: A, B, C and 2 more; pictures: 2 new, 5 removed"


def test_a_file_that_was_edited_in_a_tree_of_facekits_is_seen(faces: Path) -> None:
    """Its manifest says what its bytes were."""
    before = Dataset.open(faces)
    assert before.hashed().digest() == before.digest()
    (faces / before.records[0].path).write_bytes(images.encode(picture(1)))
    after = Dataset.open(faces)
    assert after.digest() == before.digest()
    assert of_records(before.records, after.hashed().records) == Changes(changed=1)


def test_a_plain_tree_is_hashed_when_it_is_read(tmp_path: Path) -> None:
    root = plain_tree(tmp_path / "plain", {"Ada": 2})
    before = Dataset.open(root)
    assert before.hashed() is before
    (root / "Ada" / "0000.png").write_bytes(images.encode_png(picture(7)))
    assert of_records(before.records, Dataset.open(root).records) == Changes(changed=1)
