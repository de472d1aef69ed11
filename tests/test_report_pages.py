"""Report pages in a real browser, as a person uses them: sort, search, open pictures, on a phone, in the dark."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from leftovers import needs_browser
from older import move, unpack
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from facekit.commands.audit import audit
from facekit.commands.clean import clean
from facekit.commands.evaluate import evaluate
from facekit.options.audit import Audit
from facekit.options.clean import Clean
from facekit.options.evaluate import Evaluate
from facekit.report import sheet
from facekit.report.comparison import Row, Score, Table
from facekit.report.comparison_table import html
from facekit.report.grid import Tile
from facekit.scores.bootstrap import Interval

pytestmark = needs_browser

PAGES = ["compared", "cleaned", "evaluated", "audited", "sheeted"]

WIDTHS = {"phone": 390, "desk": 1400}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page of eight models, the accuracy of which is out of order."""
    accuracies = (0.9, 0.7, 0.95, 0.31, 0.8, 1.0, 0.6, 0.75)
    rows = [
        Row(
            f"{'very-long-name-of-a-contender-' * (n == 3)}model{n}",
            "cnn3, 96 px" if n % 2 else "Zoë's net",
            scores=[Score("own", None, 40, share, Interval(max(0, share - 0.1), min(1, share + 0.05)), share)],
            parameters=1000 * n,
        )
        for n, share in enumerate(accuracies)
    ]
    file = tmp_path_factory.mktemp("compared") / "compare.html"
    file.write_text(html(Table("faces", [*rows, Row("later", "cnn3", reason="no GPU")], ["a banner"], ["a note"])))
    return file


@pytest.fixture(scope="module")
def cleaned(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a cleaned folder with repeats."""
    folder = tmp_path_factory.mktemp("cleaned")
    options = Clean(input=people, output=folder / "good", min_images=1, min_side=1, embedder="none")
    clean(Clean(**{**vars(options), "report": folder / "page.html"}))
    return folder / "page.html"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from conftest import plain_tree

    root = plain_tree(tmp_path_factory.mktemp("people") / "faces", {f"Person {n}": 8 for n in range(4)})
    for label in root.iterdir():
        for file in list(label.iterdir())[:7]:
            (label / f"again-{file.name}").write_bytes(file.read_bytes() + b"\0")
    return root


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a model that version 0.1.0 trained, with one name taken for another."""
    pytest.importorskip("dlib", reason="the extra `faces` is not installed")
    root = unpack(tmp_path_factory.mktemp("evaluated") / "made")
    move(root)
    evaluate(Evaluate(run=root / "head", part="all"))
    return next((root / "head").glob("evaluation*/report.html"))


@pytest.fixture(scope="module")
def audited(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a tree that shows many pictures more than once, one of them under a long name."""
    folder = tmp_path_factory.mktemp("audited")
    tree = shutil.copytree(people, folder / "faces")
    (tree / "Person 0").rename(tree / ("a_name_that_goes_on_and_on_" * 4))
    audit(Audit(folder=tree, output=folder / "report"))
    return folder / "report" / "report.html"


@pytest.fixture(scope="module")
def sheeted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sheet of `predict --grid`, with a long name."""
    from conftest import picture

    file = tmp_path_factory.mktemp("sheeted") / "sheet.html"
    tiles = [
        Tile(picture(n), "AnUnbrokenNameThatIsLong" * n, 0.5, n == 1, "in truth Ada", f"{n}.jpg") for n in (1, 2, 3)
    ]
    sheet.write(file, tiles, 9, "")
    return file


@pytest.fixture
def look(driver: Any) -> Iterator[Callable[..., None]]:
    """Open a page at a width, light or dark."""

    def look(file: Path, width: int = WIDTHS["desk"], scheme: str = "light") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.get("about:blank")
        driver.get(file.as_uri())
        drawn = (
            "return [...document.querySelectorAll('[data-chart]')].every(one => !one.clientWidth || "
            "one.querySelector('canvas'))"
        )
        WebDriverWait(driver, 30).until(lambda _: driver.execute_script(drawn))

    yield look
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def column(driver: Any, place: int) -> list[str]:
    """The text of a column of the first table, of the rows that are shown."""
    script = """
    return [...document.querySelectorAll("table.sorts.cards tbody tr")].filter(row => !row.hidden)
      .map(row => row.cells[arguments[0]]?.innerText.split("\\n")[0]);
    """
    found: list[str] = driver.execute_script(script, place)
    return found


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS.keys())
def test_a_page_never_scrolls_sideways(
    driver: Any, look: Callable[..., None], request: pytest.FixtureRequest, page: str, width: int
) -> None:
    look(request.getfixturevalue(page), width)
    held, seen = driver.execute_script(
        "const root = document.documentElement; return [root.scrollWidth, root.clientWidth]"
    )
    assert held <= seen <= width
    cut = """
    return [...document.querySelectorAll("h1, h2, p, .number, figure, .tools > *, canvas")]
      .filter(one => !one.closest(".scroll") && one.getBoundingClientRect().right > innerWidth + 1)
      .map(one => one.outerHTML);
    """
    assert driver.execute_script(cut) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("page", PAGES)
def test_text_can_be_read_in_light_and_dark(
    driver: Any, look: Callable[..., None], request: pytest.FixtureRequest, page: str, scheme: str
) -> None:
    """Contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3), for text on a ground of one colour."""
    look(request.getfixturevalue(page), scheme=scheme)
    low = driver.execute_script(CONTRAST)
    assert low == []
    dark = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, dark[4:-1].split(","))) < 200) == (scheme == "dark")


def test_a_table_sorts_by_numbers_and_by_keyboard(driver: Any, look: Callable[..., None], compared: Path) -> None:
    look(compared)
    heads = driver.find_elements(By.CSS_SELECTOR, "table.sorts.cards th")
    accuracy = [head.text for head in heads].index("test")
    heads[accuracy].click()
    found = column(driver, accuracy)
    assert found[:4] == ["100.0%", "95.0%", "90.0%", "80.0%"]
    assert heads[accuracy].get_attribute("aria-sort") == "descending"
    heads[accuracy].send_keys(Keys.SPACE)
    shares = [text for text in column(driver, accuracy) if text and text.endswith("%")]
    assert shares[:3] == ["31.0%", "60.0%", "70.0%"]
    heads[0].send_keys(Keys.ENTER)
    assert column(driver, 0)[0] == "later"


def test_a_table_is_searched_without_regard_for_accents(driver: Any, look: Callable[..., None], compared: Path) -> None:
    look(compared)
    box = driver.find_element(By.CSS_SELECTOR, "section:has(table.cards) .tools input[type=search]")
    box.send_keys("ZOE net")
    assert [name.split("\n")[0] for name in column(driver, 0)] == ["model0", "model2", "model4", "model6"]
    assert driver.find_element(By.CSS_SELECTOR, "section:has(table.cards) .count").text == "4 of 9"
    box.send_keys(" nothing")
    assert column(driver, 0) == []
    assert driver.find_element(By.CSS_SELECTOR, "section:has(table.cards) .count").text == "Nothing matches"


def test_pictures_are_filtered_by_name(driver: Any, look: Callable[..., None], cleaned: Path) -> None:
    look(cleaned)
    assert "Repeat: 28" in driver.find_element(By.TAG_NAME, "main").text
    section = next(one for one in driver.find_elements(By.TAG_NAME, "section") if one.text.startswith("Repeat"))
    Select(section.find_element(By.TAG_NAME, "select")).select_by_visible_text("Person 2")
    shown = [one.text for one in section.find_elements(By.TAG_NAME, "figure") if one.is_displayed()]
    assert len(shown) == 7
    assert all(text.startswith("Person 2") for text in shown)
    assert len(section.find_elements(By.CSS_SELECTOR, "figure .sides img")) == 56  # each beside what it repeats


def test_a_long_list_shows_its_first_ones_and_all_when_asked(
    driver: Any, look: Callable[..., None], cleaned: Path
) -> None:
    look(cleaned, WIDTHS["phone"])
    section = next(one for one in driver.find_elements(By.TAG_NAME, "section") if one.text.startswith("Repeat"))

    def shown() -> int:
        script = "return [...arguments[0].querySelectorAll('.gallery > *')].filter(one => one.offsetParent).length"
        return int(driver.execute_script(script, section))

    more = section.find_element(By.CSS_SELECTOR, "button.more")
    assert (shown(), more.text) == (24, "Show all 28")
    names = Select(section.find_element(By.TAG_NAME, "select"))
    names.select_by_visible_text("Person 3")  # who is among those that are not shown
    assert (shown(), more.is_displayed()) == (7, False)
    names.select_by_value("")
    assert shown() == 24
    more.click()
    assert (shown(), more.is_displayed()) == (28, False)


def test_numbers_can_be_copied(driver: Any, look: Callable[..., None], compared: Path) -> None:
    look(compared)
    driver.execute_script(
        "window.copied = null; Object.defineProperty(navigator, 'clipboard', "
        "{value: {writeText: async text => { window.copied = text; }}});"
    )
    driver.find_element(By.CSS_SELECTOR, "section:has(table.cards) .tools button").click()
    WebDriverWait(driver, 10).until(lambda _: driver.execute_script("return window.copied"))
    lines = driver.execute_script("return window.copied").split("\n")
    assert lines[0].split("\t")[:2] == ["contender", "train"]
    assert len(lines) == 10
    assert "90.0% 80.0–95.0" in lines[1].split("\t")


def test_the_matrix_opens_its_pictures(driver: Any, look: Callable[..., None], evaluated: Path) -> None:
    look(evaluated)
    cell = driver.find_element(By.CSS_SELECTOR, ".matrix a")
    says, group = cell.get_attribute("aria-label"), cell.get_attribute("data-opens")
    cell.send_keys(Keys.ENTER)
    opened = driver.find_element(By.ID, "sheet")
    assert opened.is_displayed()
    assert opened.find_element(By.TAG_NAME, "h2").text == says
    count = len(driver.find_elements(By.CSS_SELECTOR, f"main [data-group='{group}']"))
    assert len(opened.find_elements(By.CSS_SELECTOR, "figure img")) >= count > 0
    opened.send_keys(Keys.ESCAPE)
    assert not opened.is_displayed()


def test_a_chart_follows_the_colours_of_the_system(driver: Any, look: Callable[..., None], compared: Path) -> None:
    look(compared)
    ink = "return document.querySelector('canvas').toDataURL()"
    light = driver.execute_script(ink)
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    WebDriverWait(driver, 10).until(lambda _: driver.execute_script(ink) != light)


def test_without_javascript_the_page_has_the_same_tables_and_links(compared: Path, evaluated: Path) -> None:
    for file in (compared, evaluated):
        page = file.read_text()
        assert page.count("<table") >= 2
        assert page.count("<noscript>") == page.count("data-chart=")
        for chart in page.split('<script type="application/json"')[1:]:
            assert json.loads(chart.partition(">")[2].partition("</script>")[0])["series"]
    assert 'href="#taken-' in evaluated.read_text()


CONTRAST = """
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const parts = text => (text.match(/[\\d.]+/g) ?? []).map(Number)
  .map((n, i) => text.startsWith("color(") && i < 3 ? 255 * n : n);
const ground = one => {
  for (; one; one = one.parentElement) {
    const found = parts(getComputedStyle(one).backgroundColor);
    if (found.length === 3 || found[3] > 0.99) return found;
  }
  return [255, 255, 255];
};
const own = one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim());
return [...document.querySelectorAll("main *")]
  .filter(one => own(one) && one.offsetParent && !one.closest("noscript, script"))
  .map(one => {
    const [a, b] = [light(parts(getComputedStyle(one).color)), light(ground(one))].sort((x, y) => y - x);
    return [Math.round(100 * (a + 0.05) / (b + 0.05)) / 100, one.outerHTML.slice(0, 120)];
  }).filter(([ratio]) => ratio < 4.5);
"""
