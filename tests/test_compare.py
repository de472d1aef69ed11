"""Comparing networks: one split, one table, going on after a kill, and what is refused before anything is trained."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from colours import colours as colours
from conftest import Dead, files_in, read_tree
from pages import check_alone, links
from patches import patch, tree

from facekit import runs
from facekit.base import images, plain, weights
from facekit.base.contract import FacekitError, Record, Report, quiet, replace
from facekit.base.files import read_lines, replace_lines
from facekit.commands.compare import compare
from facekit.commands.compare.contenders import Contender, contenders
from facekit.commands.compare.joint import verdicts
from facekit.dataset import MANIFEST
from facekit.dataset.protocol import BANNER
from facekit.options.compare import Compare
from facekit.options.train import Train
from facekit.report import comparison_table
from facekit.report.comparison import Row, Score, Table
from facekit.report.comparison_table import html, markdown
from facekit.scores.bootstrap import Interval

FILE = """
[defaults]
network = "cnn3"
size = 32
epochs = 2
batch = 8
stop_at = 1.01

[[contender]]
name = "in colour"

[[contender]]
name = "gray"
color = "gray"
"""


class Compared(NamedTuple):
    faces: Path
    file: Path
    out: Path
    killed: dict[str, Any]
    """What the folder held when the first call died in the second contender."""
    report: Report


class Dying:
    """A progress that dies, as its process would, when a work of that title begins for the second time."""

    def __init__(self, title: str) -> None:
        self._title, self._begun = title, 0

    def __call__(self, items: Iterable[Any], title: str, total: int | None = None, board: Any = None) -> Iterator[Any]:
        self._begun += title == self._title
        if self._begun == 2:
            raise Dead
        return iter(items)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    """Two contenders, killed while the second was begun, and gone on with."""
    root = tmp_path_factory.mktemp("compared")
    faces, file = tree(root / "faces"), root / "two.toml"
    file.write_text(FILE)
    options = Compare(input=faces, output=root / "out", contenders=file, batch=8)
    with pytest.raises(Dead):
        compare(options, Dying("pack"))
    killed = {**read_tree(options.output), "trained at": _weights(options.output, "in colour")}
    return Compared(faces, file, options.output, killed, compare(options))


@pytest.fixture
def own(compared: Compared, tmp_path: Path) -> Compared:
    """A copy of the comparison, to be changed."""
    shutil.copytree(compared.out, tmp_path / "out", copy_function=shutil.copy2)
    return compared._replace(out=tmp_path / "out", file=Path(shutil.copy(compared.file, tmp_path)))


def _again(own: Compared, **more: Any) -> Report:
    return compare(Compare(**{"input": own.faces, "output": own.out, "contenders": own.file, "batch": 8, **more}))


def _weights(out: Path, name: str) -> int:
    return (out / "runs" / name / runs.WEIGHTS).stat().st_mtime_ns


def _table(out: Path) -> dict[str, dict[str, str]]:
    with (out / "compare.csv").open(newline="") as lines:
        return {row["name"]: row for row in csv.DictReader(lines)}


def _rows(out: Path) -> dict[str, Any]:
    rows: dict[str, Any] = json.loads((out / "compare.json").read_text())["rows"]
    return rows


def test_each_contender_is_a_row_with_what_its_run_says(compared: Compared) -> None:
    assert list(_table(compared.out)) == ["in colour", "gray"]
    for name, row in _table(compared.out).items():
        run = runs.load(compared.out / "runs" / name)
        scores = json.loads((run.folder / "evaluation" / "scores.json").read_text())
        assert float(row["validation"]) == run.info.scores.val_accuracy
        assert float(row["train"]) == run.info.scores.accuracy
        assert float(row["test: accuracy"]) == scores["accuracy"]
        assert float(row["test: macro F1"]) == scores["macro"]["f1"]
        assert [float(row["test: low"]), float(row["test: high"])] == list(scores["intervals"]["accuracy"])
        assert [float(row["test: F1 low"]), float(row["test: F1 high"])] == list(scores["intervals"]["macro_f1"])
        assert (row["parameters"], row["epochs"]) == (str(run.info.parameters), "2")
        assert 0 < float(row["seconds_per_epoch"]) < run.info.training_seconds
        assert float(row["pictures_per_second"]) > 1
        assert row["reason"] == ""


def test_the_best_is_named_for_what_comes_next(own: Compared) -> None:
    report = _again(own)
    accuracies = {name: float(row["test: accuracy"]) for name, row in _table(own.out).items()}
    assert report.details["best"] == str(own.out / "runs" / max(accuracies, key=accuracies.__getitem__))


def test_the_table_can_be_pasted(compared: Compared) -> None:
    lines = (compared.out / "compare.md").read_text().splitlines()
    assert lines[0].startswith("| contender | network | train | validation | test | macro F1, test | FPIR, test |")
    assert re.match(r"\| in colour \| cnn3, 32 px \| \d+\.\d% \| \d+\.\d% \| \d+\.\d% \(\d+\.\d–\d+\.\d\) \|", lines[2])
    assert lines[3].startswith("| gray | cnn3, 32 px, gray |")
    assert "24 train, 9 test, 9 validation" in "".join(lines)
    assert len({line.count("|") for line in lines[:4]}) == 1


def test_the_page_links_each_run(compared: Compared) -> None:
    page = check_alone(compared.out / "compare.html")
    assert len(links(page)) == 2
    assert page.count("data-chart=") == 1


def test_all_have_the_one_split(compared: Compared) -> None:
    split = (compared.out / "split.jsonl").read_bytes()
    assert read_lines(compared.out / "split.jsonl", Record)
    assert {(compared.out / "runs" / name / "split.jsonl").read_bytes() for name in ("in colour", "gray")} == {split}


def test_a_kill_leaves_what_is_known_and_costs_no_training(compared: Compared) -> None:
    said = compared.killed["compare.md"].decode()
    assert "| in colour | cnn3, 32 px | " in said
    assert "- gray: not trained yet." in said
    assert compared.killed["trained at"] == _weights(compared.out, "in colour")
    assert compared.report.made == 1
    assert compared.report.kept == 2
    assert not compared.report.left


def test_nothing_is_done_twice(own: Compared) -> None:
    before = read_tree(own.out)
    times = {path: path.stat().st_mtime_ns for path in (own.out / "runs").rglob("*") if path.is_file()}
    assert _again(own).made == 0
    assert read_tree(own.out) == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_run_that_was_trained_again_is_measured_again(own: Compared) -> None:
    run = runs.load(own.out / "runs" / "gray")
    run.save(replace(run.info, training_seconds=123.0))
    _again(own)
    assert _table(own.out)["gray"]["training_seconds"] == "123.0"


def test_a_contender_that_cannot_be_trained_is_a_row_with_its_reason(own: Compared) -> None:
    own.file.write_text(FILE + '[[contender]]\nname = "too small"\nnetwork = "inception_v3"\n')
    report = _again(own)
    says = "--size is 32; inception_v3 needs 75 or more"
    assert report.details["too small"] == says
    assert _table(own.out)["too small"]["reason"] == f"'{says}", "no spreadsheet takes it for a formula"
    assert (report.kept, report.left) == (2, {"cannot be trained": 1})
    assert f"- too small: {says}." in (own.out / "compare.md").read_text()
    assert says in (own.out / "compare.html").read_text()
    assert not (own.out / "runs" / "too small").exists()


def test_where_none_can_be_trained_it_is_refused_with_the_report(compared: Compared, tmp_path: Path) -> None:
    options = Compare(input=compared.faces, output=tmp_path / "out", networks="inception_v3,alexnet", size=32)
    with pytest.raises(FacekitError, match=r"^none of 2 contenders could be trained; inception_v3: --size is 32") as no:
        compare(options)
    assert no.value.report is not None
    assert no.value.report.left == {"cannot be trained": 2}
    assert "- alexnet: --size is 32" in (tmp_path / "out" / "compare.md").read_text()


def test_a_later_call_adds_to_the_table(own: Compared) -> None:
    backbone = own.out / "runs" / "gray"
    own.file.write_text(f'[[contender]]\nname = "head"\nbackbone = "{backbone}"\n')
    assert _again(own).made == 1
    assert list(_table(own.out)) == ["head", "in colour", "gray"]
    row = _table(own.out)["head"]
    assert row["what"] == f"{backbone}, frozen"
    assert row["seconds_per_epoch"] == ""
    assert float(row["test: accuracy"]) > 0.3
    assert float(row["pictures_per_second"]) > 1
    assert re.search(r"\| \d+ \| – \| \d+\.\d in all \| [\d,]+ \|", (own.out / "compare.md").read_text())


def test_a_run_on_another_split_is_no_contender(own: Compared) -> None:
    file = own.out / "runs" / "gray" / "split.jsonl"
    replace_lines(file, reversed(file.read_text().splitlines()))
    report = _again(own)
    assert re.search(
        r"gray was not trained on the split in .*split.jsonl; delete /.*gray to train it again", report.details["gray"]
    )
    shutil.rmtree(own.out / "runs" / "gray")
    report = _again(own)
    assert (report.made, report.left) == (1, {})


def test_given_pictures_are_scored_beside_the_own_ones(own: Compared, tmp_path: Path) -> None:
    given = tmp_path / "given"
    for label in range(2):
        (given / f"person{label}").mkdir(parents=True)
        for number in range(4):
            file = given / f"person{label}" / f"{number}.png"
            file.write_bytes(images.encode_png(patch(label, 100 + number)))
    before = _weights(own.out, "gray")
    _again(own, test=given)
    row = _table(own.out)["gray"]
    scores = json.loads((own.out / "runs" / "gray" / "evaluation-given" / "scores.json").read_text())
    assert (row["own test: pictures"], row["given test: pictures"]) == ("9", "8")
    assert float(row["given test: accuracy"]) == scores["accuracy"]
    assert f"Given test: 8 pictures of {tmp_path.name}/given." in (own.out / "compare.md").read_text()
    assert _weights(own.out, "gray") == before
    known = _rows(own.out)
    _again(own)  # without --test the scores on it stay
    assert _rows(own.out) == known
    (given / "person0" / "0.png").write_bytes(images.encode_png(patch(0, 200)))
    _again(own, contenders=None, networks="alexnet", size=96, test=given, dry_run=True)
    assert _rows(own.out) == known
    shutil.move(given / "person1", given / "Zoe")
    with pytest.raises(
        FacekitError, match=r"given has 1 name that .*faces does not have \(the first: Zoe\); remove them$"
    ):
        _again(own, test=given)


def test_a_split_over_files_is_scored_apart_and_says_so(tmp_path: Path) -> None:
    faces = tree(tmp_path / "faces", labels=2, photos=8)
    _with_copies(faces)
    file = tmp_path / "one.toml"
    file.write_text(FILE.replace("epochs = 2", "epochs = 1").partition('[[contender]]\nname = "gray"')[0])
    options = Compare(input=faces, output=tmp_path / "out", contenders=file, split_by="image", batch=8)
    report = compare(options)
    row = _table(options.output)["in colour"]
    assert BANNER in report.details["banners"]
    assert {key.partition(":")[0] for key in row if ": accuracy" in key} == {
        "test, photos as found",
        "test, copies and children",
    }
    scores = json.loads((options.output / "runs" / "in colour" / "evaluation" / "scores.json").read_text())
    for kind, some in scores["apart"].items():
        assert float(row[f"test, {kind}: accuracy"]) == some["accuracy"]
    assert (options.output / "compare.md").read_text().startswith(f"**{BANNER[0].upper()}{BANNER[1:]}.**")
    assert BANNER[1:] in (options.output / "compare.html").read_text()


def _with_copies(faces: Path) -> None:
    """Give each picture a copy, and no picture a part."""
    lines = []
    for record in read_lines(faces / MANIFEST, Record):
        id = record.id[::-1]
        copy = replace(record, id=id, path=f"{record.label}/{id[:16]}.png", synthetic="copy", parent=record.id)
        shutil.copy(faces / record.path, faces / copy.path)
        lines += [replace(record, split=None), replace(copy, split=None)]
    replace_lines(faces / MANIFEST, (record.to_json() for record in lines))


REFUSED = {
    "[[contender]]\nnetwork = 'cnn3'\nepoch = 3": r"1 \(cnn3\): no option called 'epoch'; did you mean epochs\?",
    "[[contender]]\nnetwork = 'cnn3'\nsize = 8": r"contender 1 \(cnn3\): --size is 8; it must be 32 or more",
    "[[contender]]\nnetwork = 'cnn9'": r"contender 1 \(cnn9\): no network called 'cnn9'; choose from inception_v3",
    "[[contender]]\nbackbone = 'facenet'": r"no embedder called 'facenet'; choose from dlib",
    "[[contender]]\nnetwork = 'cnn3'\nseed = 3": r"seed applies to all contenders; give it to `compare` instead",
    "[[contender]]\nnetwork = 'cnn3'\nname = '../x'": r"\(../x\): add a `name = …` of letters and digits",
    "[[contender]]\nsize = 48": r"contender 1 \(no name\): add a `name = …`",
    "[[contender]]\nnetwork = 'cnn3'\n[[contender]]\nnetwork = 'cnn3'": r"two contenders are called cnn3; give each",
    "[default]\nsize = 48": r"unknown table 'default'; use \[defaults\] and \[\[contender\]\]",
    "[defaults]\nname = 'x'\n[[contender]]\nnetwork = 'cnn3'": r"contenders cannot share a name",
    "[contender]\nnetwork = 'cnn3'": r"write each contender as \[\[contender\]\], with double brackets",
    "[defaults]\nsize = 48": r"has no contenders; add a \[\[contender\]\]",
    "contender": r"is not valid TOML",
    "[[contender]]\n" * 5000: r"has 5000 contenders; give at most 200",
}


@pytest.mark.parametrize("text", REFUSED)
def test_a_file_of_contenders_is_checked_before_anything_is_trained(
    compared: Compared, text: str, tmp_path: Path
) -> None:
    file = tmp_path / "them.toml"
    file.write_text(text)
    with pytest.raises(FacekitError, match=REFUSED[text]):
        compare(Compare(input=compared.faces, output=tmp_path / "out", contenders=file))
    assert not (tmp_path / "out").exists()


def test_contenders_are_given_in_one_way(tmp_path: Path) -> None:
    with pytest.raises(FacekitError, match=r"^--epochs does not go with --contenders; write it into the file$"):
        Compare(input=tmp_path, output=tmp_path / "out", contenders=tmp_path / "x.toml", epochs=3)
    with pytest.raises(FacekitError, match=r"^--networks: no network or embedder called 'cnn9'; choose from dlib"):
        contenders(Compare(input=tmp_path, output=tmp_path / "out", networks="cnn3,cnn9"))


def test_the_best_embedder_comes_first(real_weights: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    found = contenders(Compare(input=Path("faces"), output=tmp_path / "out", size=100))
    assert [one.name for one in found] == ["sface", "cnn5", "inception_v3"]
    assert [one.options.backbone for one in found] == ["sface", None, None]
    assert [one.options.size for one in found[1:]] == [100, 100]
    assert found[1].run == tmp_path / "out" / "runs" / "cnn5"
    (tmp_path / "begun" / "runs" / "dlib").mkdir(parents=True)  # by version 0.1.0
    assert contenders(Compare(input=Path("faces"), output=tmp_path / "begun"))[0].name == "dlib"
    monkeypatch.delenv("FACEKIT_WEIGHTS", raising=False)
    monkeypatch.setitem(weights.PINS, "sface", replace(weights.PINS["sface"], package="not_installed"))
    assert contenders(Compare(input=Path("faces"), output=tmp_path / "out"))[0].name == "dlib"


def test_other_options_for_a_name_that_is_trained_are_refused(own: Compared) -> None:
    before = read_tree(own.out)
    own.file.write_text(FILE.replace("epochs = 2", "epochs = 3"))
    says = r"in colour was trained with --epochs 2, not 3; give the contender another name, or delete that folder$"
    with pytest.raises(FacekitError, match=says):
        _again(own)
    with pytest.raises(FacekitError, match=r"out was begun with --seed 42, not 1; choose another folder, or"):
        _again(own, seed=1)
    assert read_tree(own.out) == before


def test_pictures_that_have_changed_are_refused(own: Compared, tmp_path: Path) -> None:
    faces = Path(shutil.copytree(own.faces, tmp_path / "faces"))
    next(faces.glob("person0/*")).unlink()
    with pytest.raises(
        FacekitError, match=r"faces has changed since .*out was begun \(pictures: 1 removed\); make it again"
    ):
        _again(own, input=faces)


def test_a_folder_of_something_else_is_left_alone(compared: Compared, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FacekitError, match=r"is not empty and was not made by `compare`; choose another folder$"):
        compare(Compare(input=compared.faces, output=tmp_path, networks="cnn3", overwrite=True))
    assert files_in(tmp_path) == ["notes.txt"]


def test_overwrite_deletes_what_compare_made_and_nothing_else(own: Compared) -> None:
    (own.out / "runs" / "gray" / "notes.txt").write_text("mine")
    one = own.file.with_name("one.toml")
    one.write_text('[[contender]]\nname = "other"\nnetwork = "inception_v3"\nsize = 32\n')
    with pytest.raises(FacekitError, match=r"^none of 1 contender could be trained"):
        _again(own, contenders=one, overwrite=True)
    left = {str(path.relative_to(own.out)) for path in own.out.rglob("*") if path.is_file()}
    tables = {f"compare.{kind}" for kind in ("json", "md", "csv", "html")}
    assert left == {*tables, "split.jsonl", "runs/gray/notes.txt"}


def test_a_dry_run_writes_nothing(compared: Compared, tmp_path: Path) -> None:
    options = Compare(input=compared.faces, output=tmp_path / "out", networks="cnn3", size=32, dry_run=True)
    details = compare(options, quiet).details
    assert details["contenders"] == 1
    assert details["train_pictures"] == 24
    assert not (tmp_path / "out").exists()


HEADS = """
[[contender]]
name = "head"
backbone = "colours"
"""


def _who(folder: Path) -> Path:
    (folder / "who.csv").write_text("label,shade\nperson0,dark\nperson1,light\n")
    return folder / "who.csv"


def test_one_head_for_all_targets_stands_beside_one_for_each(tmp_path: Path, colours: str) -> None:
    """Heads on a frozen network are fitted each by itself: not one answer differs."""
    (tmp_path / "heads.toml").write_text(HEADS)
    values = {"input": tree(tmp_path / "faces"), "output": tmp_path / "out", "contenders": tmp_path / "heads.toml"}
    options = Compare(**values, targets="identity,shade", targets_from=_who(tmp_path), batch=8)  # type: ignore[arg-type]
    report = compare(options)
    assert [row["name"] for row in _rows(tmp_path / "out").values()] == [
        "head",
        "head identity alone",
        "head shade alone",
    ]
    assert Path(report.details["best"]).name == "head"
    said = [report.details[f"verdict {number}"] for number in (1, 2)]
    same = "no difference beyond chance; joint minus alone +0.000 (+0.000 to +0.000)"
    joint, alone = (_rows(tmp_path / "out")[name]["right"] for name in ("head", "head shade alone"))
    assert joint["shade"] == alone["shade"]
    assert Counter(joint["shade"]) == {"1": 6, "-": 3}  # person2 has no shade
    assert said == [
        f"head, identity: joint 1.000, alone 1.000 on the same pictures (9): {same}",
        f"head, shade: joint 1.000, alone 1.000 on the same pictures (6): {same}",
    ]
    for name in ("compare.md", "compare.html"):
        assert "joint minus alone" in (tmp_path / "out" / name).read_text()
    assert runs.load(tmp_path / "out" / "runs" / "head").more[0].labels == ("dark", "light")
    assert compare(options).made == 0


def test_targets_that_cannot_be_learned_are_refused_before_anything_is_written(tmp_path: Path, colours: str) -> None:
    (tmp_path / "heads.toml").write_text(HEADS)
    (tmp_path / "who.csv").write_text("label,shade\nperson0,dark\nperson1,dark\n")
    values = {"input": tree(tmp_path / "faces"), "output": tmp_path / "out", "contenders": tmp_path / "heads.toml"}
    with pytest.raises(FacekitError, match="have a label for shade have the same, dark"):
        compare(Compare(**values, targets="identity,shade", targets_from=tmp_path / "who.csv"))  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()
    compare(Compare(**values, targets="identity,shade", targets_from=_who(tmp_path), dry_run=True))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("joint", "alone", "said"),
    [
        ("1" * 40, "0" * 30 + "1" * 10, "joint is better; joint minus alone +0.750 (+0.625 to +0.875)"),
        ("0" * 30 + "1" * 10, "1" * 40, "alone is better; joint minus alone -0.750 (-0.875 to -0.625)"),
        ("10" * 20, "01" * 20, "no difference beyond chance; joint minus alone +0.000 (-0.300 to +0.300)"),
        ("1-" * 20, "-1" * 20, "no picture is scored for both"),
        ("1-10" * 10, "1-1-" * 10, "joint 1.000, alone 1.000 on the same pictures (20): no difference beyond chance"),
    ],
)
def test_which_is_better_is_said_with_the_interval_of_the_difference(joint: str, alone: str, said: str) -> None:
    options = Train(input=Path("faces"), output=Path("out"), targets="identity,shade")
    records = [Record(f"{n:064x}", f"{n:064x}", f"a/{n}.png", "a", "a", f"{n:064x}") for n in range(40)]
    rows = {"net": Row("net", "", right={"shade": joint}), "net shade alone": Row("net", "", right={"shade": alone})}
    verdict, seconds = verdicts(rows, [Contender("net", options)], records, "group", 42)
    assert said in verdict
    assert seconds.startswith("net: trained in 0 s joint")


@pytest.mark.slow
def test_one_network_for_all_targets_stands_beside_one_for_each(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(FILE)
    values = {"input": tree(tmp_path / "faces"), "output": tmp_path / "out", "contenders": tmp_path / "two.toml"}
    report = compare(Compare(**values, targets="identity,shade", targets_from=_who(tmp_path), target_weights="learned"))  # type: ignore[arg-type]
    said = [text for name, text in report.details.items() if name.startswith("verdict")]
    assert [text.partition(":")[0] for text in said] == [
        *("in colour, identity", "in colour, shade", "in colour"),
        *("gray, identity", "gray, shade", "gray"),
    ]
    assert [re.sub(r"[\d,]+ s", "N s", text) for text in said if "trained in" in text] == [
        "in colour: trained in N s joint, N s for 2 alone",
        "gray: trained in N s joint, N s for 2 alone",
    ]


def test_names_are_escaped_wherever_they_are_shown() -> None:
    score = Score("own", None, 4, 0.75, Interval(0.5, 1.0), 0.7, None, "runs/a b/evaluation/report.html")
    rows = [
        Row("a <b>", "x|y", train=1.0, scores=[score], parameters=5, epochs=1, seconds_per_epoch=2.0),
        Row("later", "cnn3", reason="not <yet>"),
    ]
    table = Table("<title>", rows, ["one & two"], ["a note"])
    page = html(table)
    assert "<title>&lt;title&gt;</title>" in page
    assert "a &lt;b&gt;" in page
    assert 'href="runs/a%20b/evaluation/report.html"' in page
    assert "not &lt;yet&gt;" in page
    assert "One &amp; two." in page
    assert "| a \\<b> | x\\|y | 100.0% | – | 75.0% (50.0–100.0) | 0.700 | 5 | 1 | 2.0 | – |" in markdown(table)
    assert comparison_table.csv(table).splitlines()[2] == "later,cnn3" + "," * 17 + "not <yet>"
    assert plain.parse(plain.dump(rows), list[Row]) == rows


# From strangers


def _book(out: Path, **changes: Any) -> None:
    info = json.loads((out / "compare.json").read_text())
    (out / "compare.json").write_text(json.dumps({**info, **changes}))


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("rows", ["gray"], "at `$.rows`"),
        ("rows", {"gray": {"name": "gray"}}, "missing required field `what`"),
        ("rows", {"gray": {"name": "gray", "what": "x", "scores": [{"test": "other"}]}}, "at `$.rows"),
        (
            "rows",
            {"../../theirs": {"name": "../../theirs", "what": "x"}},
            "'../../theirs' is not the name of a contender",
        ),
        ("rows", {"gray": {"name": "../../theirs", "what": "x"}}, "'gray' is not the name of a contender"),
        ("protocol", "by hand", "at `$.protocol`"),
        ("dataset", {"digest": 1}, "at `$.dataset"),
        ("test", {"root": "x"}, "at `$.test`"),
        ("options", {"seed": {}}, "at `$.options"),
    ],
)
def test_what_compare_does_not_write_is_refused_with_its_field(
    own: Compared, field: str, value: Any, reason: str
) -> None:
    _book(own.out, **{field: value})
    for more in ({}, {"overwrite": True}):
        with pytest.raises(FacekitError) as caught:
            _again(own, **more)
        assert str(caught.value).startswith(f"{own.out / 'compare.json'} is not in facekit's format (")
        assert reason in str(caught.value)


def test_overwriting_enters_no_link(own: Compared, tmp_path: Path) -> None:
    theirs = Path(shutil.copytree(own.out / "runs" / "gray", tmp_path / "theirs"))
    before = read_tree(theirs)
    shutil.rmtree(own.out / "runs" / "gray")
    (own.out / "runs" / "gray").symlink_to(theirs)
    with pytest.raises(FacekitError, match=r"gray is a link; delete it, and run the same command again$"):
        _again(own, overwrite=True)
    assert read_tree(theirs) == before


def test_a_split_that_is_gone_is_said(own: Compared) -> None:
    (own.out / "split.jsonl").unlink()
    with pytest.raises(FacekitError, match=r"split.jsonl is gone; choose another folder, or use --overwrite$"):
        _again(own)
