"""Every report of folders and models whose names mean harm, in a browser: nothing runs, and nothing is fetched."""

from __future__ import annotations

import csv
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from conftest import Facekit, plain_tree
from leftovers import needs_browser
from older import move, unpack
from selenium.webdriver.support.ui import WebDriverWait

from facekit.report import assets
from facekit.report.html import render

pytestmark = needs_browser

EVIL = (
    "\"><img src=x onerror=window.ran=1>'",
    "<script>window.ran=1<\u2215script><svg onload=window.ran=1>",
    "</title>{{7*7}}<script>window.ran=1</script>\u202e",
)
"""The first two are names of folders too: a slash is none of theirs."""

LOOK = """
const all = [...document.querySelectorAll("*")];
const acts = all.filter(one => [...one.attributes].some(a => /^on/i.test(a.name) || /^\\s*javascript:/i.test(a.value)));
const attributes = names => all.flatMap(one => names.map(name => one.getAttribute(name)).filter(Boolean));
return {
  ran: window.ran ?? null,
  acts: acts.map(one => one.outerHTML.slice(0, 200)),
  scripts: [...document.scripts].filter(one => one.type !== "application/json").map(one => one.textContent),
  data: [...document.scripts].filter(one => one.type === "application/json").map(one => JSON.parse(one.textContent)),
  loads: attributes(["src", "data", "action"]).filter(one => !one.startsWith("data:")),
  links: [...document.links].map(one => one.href).filter(one => !one.startsWith(location.href + "#")),
  enhanced: document.documentElement.classList.contains("js"),
  fetched: performance.getEntriesByType("resource").map(one => one.name).filter(one => !one.startsWith("data:")),
  text: document.documentElement.outerText,
};
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What version 0.1.0 made, with names that mean harm in its models and manifests."""
    root = unpack(tmp_path_factory.mktemp("pages") / "made")
    move(root)
    for model in root.rglob("model.json"):
        info = json.loads(model.read_text())
        info["names"] = dict(zip(info["labels"], EVIL, strict=False))
        info["left"] = {EVIL[1]: 3}
        model.write_text(json.dumps(info))
    return root


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    shutil.copytree(made, tmp_path / "home")
    for file in (tmp_path / "home").rglob("*.json"):
        file.write_text(file.read_text().replace(str(made), str(tmp_path / "home")))
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def _people(home: Path) -> Path:
    """Two names that mean harm, one of which has a picture of the other."""
    faces = plain_tree(home / "people", {EVIL[0]: 6, EVIL[1]: 6})
    shutil.copy(next((faces / EVIL[0]).iterdir()), faces / EVIL[1] / f"{EVIL[0][:40]}.png")
    return faces


def _clean(facekit: Facekit, home: Path) -> Path:
    _people(home)
    arguments = ("--min-images", 1, "--min-side", 1, "--embedder", "none", "--report", "page.html", "-j", 1)
    done = facekit("clean", "people", "-o", "new", *arguments)
    assert done.code == 0, done.err
    return home / "page.html"


def _audit(facekit: Facekit, home: Path) -> Path:
    faces = _people(home)
    (home / "split").mkdir()
    for part, label in (("train", EVIL[0]), ("test", EVIL[1])):
        shutil.copytree(faces / label, home / "split" / part / label)
    assert facekit("audit", "split", "-o", "new").code == 0
    return home / "new" / "report.html"


def _evaluate(facekit: Facekit, home: Path) -> Path:
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    with (home / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("label", EVIL[0]), ("Marlow Alder", EVIL[1]), ("Quinn Ibarra", EVIL[2])])
    assert facekit("evaluate", "head", "--part", "all", "--by", EVIL[0], "--table", "table.csv", "-o", "new").code == 0
    return home / "new" / "report.html"


def _cross_validate(facekit: Facekit, home: Path) -> Path:
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    assert facekit("cross-validate", "head", "--folds", 2, "--rounds", 10, "-o", "new", "-j", 1).code == 0
    return home / "new" / "report.html"


def _compare(facekit: Facekit, home: Path) -> Path:
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    (home / "balanced").rename(home / EVIL[0])
    done = facekit("compare", EVIL[0], "-o", "new", "--networks", "dlib", "-j", 1)
    assert done.code == 0, done.err
    return home / "new" / "compare.html"


def _comparison(facekit: Facekit, home: Path) -> Path:
    """With a row of another run, which is shown as its maker wrote it."""
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    file = home / "comparison" / "compare.json"
    state = json.loads(file.read_text())
    card = dict.fromkeys(("title", "licence", "trained_on", "people"), EVIL[2])
    of_others = {"what": EVIL[0], "settings": {EVIL[1]: EVIL[0]}, "banners": ["", EVIL[2]], "compared": [EVIL[1]]}
    scores = [{**state["rows"]["dlib"]["scores"][0], "report": "runs/ghost/javascript:window.ran=1"}]
    state["rows"]["ghost"] = {"name": "ghost", "weights": card, "scores": scores, **of_others}
    state["rows"]["none"] = {"name": "none", "what": EVIL[1], "reason": f"{EVIL[0]}\n| [x](javascript:run) |"}
    file.write_text(json.dumps(state))
    for name in ("ghost", "none"):
        (home / "comparison" / "runs" / name).mkdir()
    done = facekit("compare", "balanced", "-o", "comparison", "--networks", "dlib", "-j", 1)
    assert done.code == 0, done.err
    text = (home / "comparison" / "compare.md").read_text()
    assert not re.search(r"(?<!\\)<(img|script|svg|/title)", text)
    assert not re.search(r"(?<!\\)\]\(javascript", text)
    assert not [line for line in text.splitlines() if line.startswith("| [x]")]
    return home / "comparison" / "compare.html"


def _pairs(facekit: Facekit, home: Path) -> Path:
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    labels = [sorted(path.iterdir()) for path in sorted((home / "balanced").iterdir()) if path.is_dir()]
    (one, other), folder = labels, home / "balanced"
    pairs = [(one[0], one[1], 1), (other[0], other[1], 1), (one[0], other[0], 0), (one[1], other[1], 0)]
    rows = [(a.relative_to(folder), b.relative_to(folder), same, EVIL[n % 3]) for n, (a, b, same) in enumerate(pairs)]
    with (home / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("first", "second", "same", EVIL[0]), *rows])
    arguments = ("--data", "balanced", "--by", EVIL[0], "--no-detect", "-o", "new")
    assert facekit("evaluate-pairs", "dlib", "pairs.csv", *arguments).code == 0
    return home / "new" / "report.html"


def _inspect(facekit: Facekit, home: Path) -> Path:
    pytest.importorskip("keras", reason="the extra `train` is not installed")
    assert facekit("inspect", "run", "--count", 1, "-o", "new").code == 0
    return home / "new" / "report.html"


def _look(driver: Any, file: Path) -> dict[str, Any]:
    """Open a page, and return what it has run and loaded."""
    driver.get("about:blank")
    driver.get(file.as_uri())  # which does not wait
    there = "return location.protocol === 'file:' && document.readyState === 'complete'"
    WebDriverWait(driver, 30).until(lambda _: driver.execute_script(there))
    time.sleep(0.2)  # for what would load or run then
    found: dict[str, Any] = driver.execute_script(LOOK)
    return found


@pytest.mark.parametrize("page", [_clean, _audit, _evaluate, _cross_validate, _compare, _comparison, _pairs, _inspect])
def test_a_page_runs_and_fetches_nothing(
    driver: Any, facekit: Facekit, home: Path, page: Callable[[Facekit, Path], Path]
) -> None:
    file = page(facekit, home)
    driver.get_log("browser")
    found = _look(driver, file)
    text, links, data = found.pop("text"), found.pop("links"), found.pop("data")
    scripts = found.pop("scripts")
    assert found == {"ran": None, "acts": [], "loads": [], "fetched": [], "enhanced": True}
    assert scripts == [assets.load().script]
    assert driver.get_log("browser") == []  # nor was anything refused by the page's policy
    assert all(_leads_to(link, home) for link in links), links
    assert "\u202e" not in json.dumps(data, ensure_ascii=False)
    assert "window.ran=1" in text  # shown as what it is
    assert "\u202e" not in text
    assert "</title>49" not in text


def _leads_to(link: str, home: Path) -> bool:
    """Whether an address is of a place below the folder of the test."""
    address = urlsplit(link)
    file = Path(unquote(address.path))
    return address.scheme == "file" and not address.netloc and home.resolve() in file.parents


def test_what_a_page_holds_cannot_run_even_unescaped(driver: Any, tmp_path: Path) -> None:
    """The policy stops what no escaping would."""
    page = render("base.html", title="x").replace("</main>", f"{EVIL[0]}{EVIL[2]}</main>")
    (tmp_path / "page.html").write_text(page)
    assert _look(driver, tmp_path / "page.html")["ran"] is None


@pytest.mark.parametrize(
    "link",
    ["//evil.example/x", "https://evil.example", "/etc/passwd", "../../x", "runs/dlib/../../x", "runs/other/x", ""],
)
def test_a_comparison_links_to_its_own_pages_alone(facekit: Facekit, home: Path, link: str) -> None:
    file = home / "comparison" / "compare.json"
    state = json.loads(file.read_text())
    state["rows"]["dlib"]["scores"][0]["report"] = link
    file.write_text(json.dumps(state))
    done = facekit("compare", "balanced", "-o", "comparison", "--networks", "dlib", "--dry-run")
    assert done.code == 2
    assert "compare.json is not in facekit's format (the report of dlib is " in done.err


def test_the_look_sees_what_runs(driver: Any, tmp_path: Path) -> None:
    (tmp_path / "bad.html").write_text(f'<!doctype html><title>x</title><p title="{EVIL[0]}"></p>{EVIL[2]}')
    found = _look(driver, tmp_path / "bad.html")
    assert found["ran"] == 1
    assert (len(found["acts"]), len(found["scripts"]), found["loads"]) == (1, 1, ["x"])
