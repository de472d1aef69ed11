"""Decisions of the review: whole lines whatever happens, the last one counts, and none is ever lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from facekit.base.contract import Box, Decision, FacekitError, Record, Rejection, replace
from facekit.base.plain import parse
from facekit.dataset import DECISIONS
from facekit.dataset.decisions import Decisions, Key, key_of, standing

BOX = Box(1, 2, 30, 40)


def decision(verdict: str | None, to: str | None = None, label: str = "Ada", box: Box | None = BOX) -> Decision:
    return Decision("0rigin", box, label, verdict, to)  # type: ignore[arg-type]


def test_the_last_decision_about_a_picture_counts(tmp_path: Path) -> None:
    kept = Decisions(tmp_path)
    first = kept.append(decision("reject"))
    kept.append(decision("keep", box=None))
    last = kept.append(decision("move", "Bob"))
    assert first.at is not None
    assert last.at is not None
    assert first.at <= last.at
    assert kept.read() == {Key("0rigin", BOX, "Ada"): last, Key("0rigin", None, "Ada"): kept.history()[1]}
    assert [d.decision for d in Decisions(tmp_path).history()] == ["reject", "keep", "move"]


def test_taking_back_adds_a_line(tmp_path: Path) -> None:
    kept = Decisions(tmp_path)
    kept.append(decision("reject"))
    kept.append(decision(None))
    assert kept.read() == {}
    assert len(kept.history()) == 2
    kept.append(decision("keep"))
    assert [d.decision for d in kept.read().values()] == ["keep"]


def test_nothing_decided(tmp_path: Path) -> None:
    assert Decisions(tmp_path).read() == {}
    assert not (tmp_path / DECISIONS).exists()


def test_what_a_kill_left_of_a_line_is_no_decision(tmp_path: Path) -> None:
    kept = Decisions(tmp_path)
    kept.append(decision("reject"))
    whole = kept.path.read_bytes()
    kept.path.write_bytes(whole + b'{"origin": "x", "lab')
    assert len(kept.history()) == 1
    kept.append(decision("keep"))
    assert [d.decision for d in kept.history()] == ["reject", "keep"]


@pytest.mark.parametrize(
    "line",
    [
        '{"origin": "x", "label": "Ada", "decision": "burn"}',
        '{"origin": "x", "label": "Ada", "decision": "move"}',
        '{"origin": "x", "label": "Ada", "decision": "keep", "to": "Bob"}',
        '{"origin": "x", "label": "Ada", "decision": "move", "to": "../Bob"}',
        '{"origin": "x", "label": "Ada", "decision": "move", "to": ".Bob"}',
        '{"origin": "x", "label": "Ada", "decision": "move", "to": ""}',
        '{"label": "Ada", "decision": "keep"}',
        "[]",
    ],
)
def test_a_line_that_is_no_decision_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / DECISIONS).write_text(line + "\n")
    with pytest.raises(FacekitError, match=r"decisions.jsonl, line 1 is not in facekit's format"):
        Decisions(tmp_path).read()


def test_lines_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    for made in (decision("keep"), decision(None, box=None), decision("move", "Zoë \udcff", label="Łukasz")):
        assert parse(made.to_json(), Decision) == made
        assert Decisions(tmp_path).append(replace(made, at="then")) == replace(made, at="then")
    assert len(Decisions(tmp_path).history()) == 3


def test_a_picture_is_known_by_photo_box_and_the_label_it_was_found_under() -> None:
    record = Record("id", "sha", "Bob/id.jpg", "Bob", "Bob", "0rigin", box=BOX, moved_from="Ada")
    key = Key("0rigin", BOX, "Ada")
    assert key_of(record) == key
    assert key_of(Rejection.of("clean", record, "blurred", 3)) == key
    assert key_of(parse(Rejection.of("clean", record, "blurred", 3).to_json(), Rejection)) == key
    assert key_of(decision("keep")) == key
    assert key_of(replace(record, moved_from=None, label="Ada")) == key
    assert key_of(Rejection("clean", "id", "Ada", "Ada/id.jpg", "not a picture")) == Key("id", None, "Ada")
    assert standing([decision("keep"), decision(None)]) == {}


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"decisions.jsonl cannot be written"):
        Decisions(tmp_path / "gone").append(decision("keep"))


MANY = """
import sys
from pathlib import Path
from facekit.base.plain import parse
from facekit.base.contract import Decision
from facekit.dataset.decisions import Decisions
for n in range(150):
    Decisions(Path(sys.argv[1])).append(Decision(f"{sys.argv[2]}-{n}", None, "Ada" * 50, "keep"))
"""


def test_processes_that_decide_at_once_lose_no_line(tmp_path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", MANY, str(tmp_path), str(n)]) for n in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    found = [d.origin for d in Decisions(tmp_path).history()]
    assert sorted(found) == sorted(f"{who}-{n}" for who in range(3) for n in range(150))
    for who in range(3):
        assert [origin for origin in found if origin.startswith(f"{who}-")] == [f"{who}-{n}" for n in range(150)]
