"""What is shown when a command is done: numbers where they mean something, and nothing that cannot be copied."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console as Screen

from facekit.base.contract import Listing, Report
from facekit.cli import closing
from facekit.options import registry


def shown(*reports: Report, width: int = 80) -> list[str]:
    file = io.StringIO()
    closing.show(Screen(file=file, width=width), reports)
    return [line.rstrip() for line in file.getvalue().splitlines()]


CROP = Report(
    "crop", "work/faces", 300, 308, Counter({"no face": 29, "not confirmed as a face": 19, "several faces": 13}), 59.12,
    {"photos": 1352, "share": 0.25, "share_interval": [0.2, 0.3], "who": {"right person": 7}, "cut": True,
     "ids": ["x"]},
)  # fmt: skip


def test_numbers_of_pictures_are_a_table_and_reasons_stand_below_it() -> None:
    assert shown(CROP) == [
        "stage  new  in all  left out  seconds  folder",
        "crop   300     308        61     59.1  work/faces",
        "  left out  29 no face, 19 not confirmed as a face, 13 several faces",
        "  photos    1,352",
        "  share     0.25 (95% CI 0.2 to 0.3)",
        "  who       7 right person",
        "  cut       yes",
    ]


def test_a_command_that_makes_no_pictures_shows_its_own_numbers_alone() -> None:
    report = Report("evaluate", "model", 0, 48, Counter({"no face": 2}), 1.23, {"accuracy": 0.5}, counts=False)
    assert shown(report) == ["evaluate: 1.2 s", "  left out  2 no face", "  accuracy  0.5"]


def test_numbers_have_names_that_are_words() -> None:
    train = Report("train", "m", details={"accuracy": 0.5, "val_accuracy": 0.25, "train_pictures": 7}, counts=False)
    assert [line.split("  ")[1] for line in shown(train)[1:]] == [
        "training accuracy",
        "validation accuracy",
        "training pictures",
    ]
    evaluate = Report("evaluate", "m", details={"accuracy": 0.5, "fpir": 0.01, "macro_f1": 0.5}, counts=False)
    assert "  strangers given a name (FPIR)  0.01" in shown(evaluate)


def test_rates_are_written_as_people_write_them() -> None:
    details = {"fpir": 0.000074, "fpir_interval": [1e-9, 1.0], "pictures_per_second": 21743.6, "loss": 0.0}
    assert [line.split("  ")[-1].strip() for line in shown(Report("x", "m", details=details, counts=False))[1:]] == [
        "0.000074 (95% CI under 0.000001 to 1)",
        "21,744",
        "0",
    ]


def test_what_clean_shows_by_person_is_not_shown_in_other_numbers_as_well() -> None:
    table = Listing(("person", "in"), (("Ada", "7"),))
    report = Report("clean", "good", details={"people": {"right person": 6}, "unsure": 1, "embedder": "sface"})
    report.tables = (table,)
    assert [line.split()[0] for line in shown(report)[2:]] == ["embedder", "person", "Ada"]


def test_a_long_report_shows_what_is_quoted_and_says_where_the_rest_is() -> None:
    details = {"pictures": 7, "macro_f1": 0.5, "accuracy": 1.0, "accuracy_interval": [0.9, 1.0]}
    report = Report("evaluate", "m", details=details, counts=False)
    report.shown, report.notes = ("accuracy", "fpir", "pictures"), ("The report shows the rest, which is a lot. " * 3,)
    assert shown(report)[1:4] == [
        "  accuracy  1 (95% CI 0.9 to 1)",
        "  pictures  7",
        "  The report shows the rest, which is a lot. The report shows the rest, which is",
    ]
    assert set(report.to_dict()["details"]) == set(details)  # type: ignore[arg-type]


def test_decisions_of_the_review_are_applied_or_not_yet() -> None:
    def said(applied: int, waiting: int) -> str:
        details = {"decisions": {"in force": applied, "waiting": waiting}}
        return "\n".join(shown(Report("clean", "good", details=details))[2:])

    assert said(3, 0) == "  review decisions  3 applied"
    assert said(0, 2) == "  review decisions  2 not applied yet (type the same `clean` again with --apply)"
    assert said(0, 0) == "  review decisions  none"


def test_stages_of_a_recipe_are_told_apart() -> None:
    report = Report("evaluate", "model", details={"accuracy": 0.5}, counts=False)
    lines = shown(CROP, report)
    assert [line for line in lines if not line.startswith(" ")] == [
        *lines[:2],
        "crop: 59.1 s",
        "evaluate: 0.0 s",
    ]
    assert not any("photos" in line for line in lines), "what a stage says besides is in its own report"
    silent = Report("balance", "even", 5, 5)
    assert [line for line in shown(silent, report) if "balance" in line] == [shown(silent)[1]]


def test_long_words_wrap_and_what_is_copied_does_not() -> None:
    path, command = "/a/long/" + "x" * 90 + "/report.html", "facekit clean " + "faces " * 20 + "-o good"
    words = " ".join(["word"] * 40)
    lines = shown(Report("audit", "t", details={"said": words, "report": path, "do": command}, counts=False))
    assert f"  report  {path}" in lines
    assert f"  do      {command}".rstrip() in lines
    assert len([line for line in lines if "word" in line]) == 3
    assert all(len(line) <= 80 for line in lines if "word" in line)


def test_tables_have_numbers_at_the_right_and_notes_below() -> None:
    listing = Listing(("person", "in"), (("Ada", "7"), ("Bob Babbage", "1,200")), ("a note " * 14 + "end", "facekit x"))
    lines = shown(Report("clean", "good", tables=[listing], counts=False))
    assert lines[1:4] == ["  person          in", "  Ada              7", "  Bob Babbage  1,200"]
    assert lines[-1].strip() == "facekit x"
    assert all(len(line) <= 80 for line in lines)


def test_where_a_table_is_too_wide_a_head_of_two_words_is_broken_and_no_name() -> None:
    heads = ("person", "in", "kept", "wrong person", "repeat", "blurred", "unsure", "other")
    rows = (
        ("maria_sharapova", "59", "42 (1 unsure)", "13", "1", "1", "1", "1"),
        ("all", "252", "212 (1 unsure)", "24", "13", "1", "1", "1"),
    )
    lines = shown(Report("clean", "good", tables=[Listing(heads, rows)], counts=False))[1:]
    assert [line.split() for line in lines] == [
        ["wrong"],
        ["person", "in", "kept", "person", "repeat", "blurred", "unsure", "other"],
        *([*row[:2], *row[2].split(), *row[3:]] for row in rows),
    ]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", ["evaluate", "audit", "compare", "review", "inspect", "train", "cross-validate"])
def test_commands_that_score_or_compare_count_no_pictures(name: str) -> None:
    assert not registry.own(name).options.counts


@pytest.mark.parametrize("name", ["scrape", "draw", "crop", "clean", "balance", "augment"])
def test_commands_that_make_pictures_count_them(name: str) -> None:
    assert registry.own(name).options.counts


def test_scores_of_a_fold_stand_behind_their_names() -> None:
    fold = {"pictures": 1200, "accuracy": 0.98765, "balanced_accuracy": 1.0, "macro_f1": 0.5, "fpir": 0.01}
    said = "  ".join(
        shown(Report("x", "x", counts=False, details={"fold 1": fold, "gap in fnmr, b worse": 0.1}), width=200)
    )
    assert "fold 1                1,200 pictures, accuracy 0.9877, balanced accuracy 1, macro F1 0.5, FPIR 0.01" in said
    assert "gap in FNMR, b worse  0.1" in said
