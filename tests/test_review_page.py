"""The review page in a real browser, as a person uses it: by keyboard, by touch, and when something breaks."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import psutil
import pytest
from leftovers import browse, needs_browser
from reviewing import Drawn, Served, faces_of, served, write
from selenium.webdriver.chrome.webdriver import WebDriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from facekit.base import files as lines
from facekit.base.contract import Source, replace
from facekit.dataset import DECISIONS, MANIFEST, REJECTED, SOURCES, Dataset
from facekit.sources.browser import confining

pytestmark = needs_browser

ADA, BOB, ZOE = "Ada_Lovelace", "Bob & <b>Sons", "Zoë"
FACES = [
    *faces_of(ADA, [0.99, 0.45, 0.97, 0.3, 0.02, 0.55]),
    *faces_of(BOB, [0.9, 0.2]),
    *faces_of(ZOE, [0.95, 0.96]),
    Drawn(ADA, reason="repeat", repeats=0),
    Drawn(ADA, reason="blurred"),
]


BOX = "document.querySelector(arguments[0]).getBoundingClientRect()"


@pytest.fixture(scope="module")
def browser() -> Iterator[WebDriver]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confining, "_PREFERENCES", {})  # bots fetch no pictures; here they are what is looked at
        with browse() as driver:
            driver.set_script_timeout(60)
            yield driver


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, FACES)


class Page:
    """The page, and what a person sees and does on it."""

    def __init__(self, driver: WebDriver, server: Served) -> None:
        self.driver, self.server = driver, server

    def open(self) -> Page:
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(self.server.url)
        self.until(lambda: self.js("return document.activeElement.id") == "grid")
        return self

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def until(self, so: Callable[[], Any], what: str = "") -> Any:
        end = time.monotonic() + 30
        while not (found := so()):
            assert time.monotonic() < end, what or self.text("body")
            time.sleep(0.03)
        return found

    def press(self, *keys: str) -> Page:
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()
        return self

    def with_shift(self, *keys: str) -> Page:
        chain = ActionChains(self.driver).key_down(Keys.SHIFT)
        for key in keys:
            chain.send_keys(key)
        chain.key_up(Keys.SHIFT).perform()
        return self

    def click(self, selector: str) -> Page:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()
        return self

    def text(self, selector: str) -> str:
        return str(self.js("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    @property
    def name(self) -> str:
        return self.text("#title")

    @property
    def states(self) -> list[str]:
        """What stands at each face, in the order shown; in capitals where a person decided."""
        return list(
            self.js(
                "return [...document.querySelectorAll('.tile')].sort((a, b) => a.place - b.place)"
                ".map(t => t.classList.contains('mine') ? t.dataset.state.toUpperCase() : t.dataset.state)"
            )
        )

    @property
    def at(self) -> int:
        return int(self.js("return document.querySelector('.tile.cursor').place"))

    def saved(self) -> Page:
        self.until(lambda: self.text("#saved-text") == "Saved")
        self.until(lambda: not self.js("return document.querySelectorAll('.tile.waiting').length"))
        return self

    def said(self, selector: str, text: str) -> Page:
        self.until(lambda: text in self.text(selector), f"{selector}: {self.text(selector)!r}, not {text!r}")
        return self

    def size(self, width: int, height: int, mobile: bool = False) -> Page:
        how = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", how)
        return self

    def scheme(self, value: str) -> Page:
        features = [{"name": "prefers-color-scheme", "value": value}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        return self

    def pictures(self) -> Page:
        """Wait until every picture in view has been loaded, or has failed."""
        ready = (
            "return [...document.querySelectorAll('.tile')].every(t => t.matches('.broken') || t.image.naturalWidth)"
        )
        self.until(lambda: self.js(ready))
        return self

    def errors(self) -> list[str]:
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]


@pytest.fixture
def page(browser: WebDriver, folder: Path) -> Iterator[Page]:
    with served(folder) as server:
        yield Page(browser, server).size(1400, 900).open()


def verdicts(folder: Path) -> list[str | None]:
    path = folder / DECISIONS
    return [json.loads(line).get("decision") for line in path.read_text().splitlines()] if path.exists() else []


# By keyboard


def test_the_whole_way_by_keyboard(browser: WebDriver, folder: Path) -> None:
    with served(folder) as server:
        page = Page(browser, server).size(1400, 900).open()
        assert page.name == "Ada Lovelace"
        assert page.states == ["unsure", "unsure", "keep", "keep", "reject", "keep", "reject", "reject"]
        assert page.text("#progress-text") == "3 undecided of 12"
        # As clean counts: what it is not sure of stays, or is left out, until somebody decides.
        assert page.text("#counts") == "5 stay (2 undecided) · 3 left out"
        page.said("#panel .chance + p", "This one is between the two: you decide. Until then it stays.")
        # Keep the first, reject the second: each goes on to the next.
        page.press("k", "r").saved()
        assert (page.at, page.states[:3]) == (2, ["KEEP", "REJECT", "keep"])
        assert page.text("#counts") == "4 stay · 4 left out"
        assert verdicts(folder) == ["keep", "reject"]
        # Move one to another name by typing a part of it, without its accent.
        page.press(Keys.ARROW_RIGHT, "m").said("#picker-title", "Move this face to")
        page.press("zoe").said("#picker-list [aria-selected=true]", ZOE)
        page.press(Keys.ENTER).saved()
        assert page.states[3] == "MOVE"
        assert page.text("#t3 .why") == f"to {ZOE}"
        # Keep what was left out: the repeat.
        page.press(Keys.END, Keys.ARROW_LEFT)
        why = page.text(".tile.cursor .why")
        page.press("k").saved()
        assert why in ("repeat", "blurred")
        assert page.states[page.at - 1] == "KEEP"
        # Undo that, then the move.
        page.press("z").said("#announce", "Undone").saved()
        page.press("z").until(lambda: (page.at, page.states[3]) == (3, "keep"))
        assert page.states[6:] == ["reject", "reject"]
        # The next undecided face is under another name, whose name is text and no HTML.
        page.press("d").said("#title", BOB)
        assert page.states == ["unsure", "keep"]
        page.press("u", "k").saved()
        page.press("n").said("#title", ZOE)
        page.press("n").said("#toast", "last name")
        page.press("p").said("#title", BOB)
        page.press("/").said("#picker-title", "Find a name")
        page.press("lovel", Keys.ENTER).said("#title", "Ada Lovelace")
        assert page.states[:4] == ["KEEP", "REJECT", "keep", "keep"]
        page.driver.refresh()
        page.said("#title", "Ada Lovelace").until(lambda: page.states[:4] == ["KEEP", "REJECT", "keep", "keep"])
        before = (folder / DECISIONS).read_bytes()
        server.kill()
    with served(folder) as server:
        page = Page(browser, server).open()
        assert (folder / DECISIONS).read_bytes() == before
        page.press("/").press("lovel", Keys.ENTER).said("#title", "Ada Lovelace")
        page.press("f").until(lambda: len(page.states) == 8)
        assert page.states[:4] == ["KEEP", "REJECT", "keep", "keep"]
        # And the way back has not been lost either.
        page.press("z", "z", "z").saved()
        page.press("/").press("lovel", Keys.ENTER).said("#title", "Ada Lovelace")
        page.until(lambda: page.states[:2] == ["unsure", "unsure"])
        assert page.press("z").said("#toast", "Nothing to undo")
        assert page.errors() == []
        code, out, err = server.end()
    assert (code, out) == (0, f"{folder}\n")
    assert "Traceback" not in err, err


def test_a_second_round_shows_what_is_undecided(browser: WebDriver, folder: Path) -> None:
    with served(folder) as server:
        Page(browser, server).size(1400, 900).open().press("k").saved()
    with served(folder) as server:
        page = Page(browser, server).open()
        page.js("sessionStorage.clear()")
        page.open()
        assert (page.name, page.states) == ("Ada Lovelace", ["unsure"])
        page.press("r").saved()
        assert page.states == ["REJECT"], "what was just decided stays in view"
        page.press("d").said("#title", BOB)
        page.press("k").saved().press("d").said("#empty", "Everything is decided")
        assert "--apply" in page.text("#empty code")
        page.press("p", "p").said("#title", "Ada Lovelace")
        page.press("f").until(lambda: len(page.states) == 8)
        assert page.text("#progress-text") == "Nothing left to decide (12)"


def test_several_at_once(page: Page, folder: Path) -> None:
    page.with_shift(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT).said("#panel", "3 faces are selected")
    page.press("r").saved()
    assert page.states[:4] == ["REJECT", "REJECT", "REJECT", "keep"]
    assert page.js("return document.querySelectorAll('[aria-selected=true]').length") == 3
    page.press("z").saved().until(lambda: page.states[:3] == ["unsure", "unsure", "keep"])
    page.with_shift("k").saved().said("#toast", "2 faces kept")
    assert page.states[:4] == ["KEEP", "KEEP", "keep", "keep"]
    page.press("z").until(lambda: page.states[:2] == ["unsure", "unsure"])
    assert len(Dataset.open(folder).records) == 9, "and nothing has been carried out"


def test_keys_meant_for_something_else_decide_nothing(page: Page, folder: Path) -> None:
    page.press("m").said("#picker-title", "Move").press("kr", Keys.ESCAPE)
    page.press("?").until(lambda: page.js("return document.getElementById('help-sheet').open"))
    page.press("k", "r", Keys.ESCAPE)
    ActionChains(page.driver).key_down(Keys.ALT).send_keys("k").key_up(Keys.ALT).perform()
    ActionChains(page.driver).key_down(Keys.CONTROL).send_keys("k").key_up(Keys.CONTROL).perform()
    page.press(Keys.ARROW_RIGHT).saved()
    assert verdicts(folder) == []
    assert page.at == 1


def test_quick_fingers_lose_nothing(page: Page, folder: Path) -> None:
    ActionChains(page.driver).send_keys("krkrk" + "zzzzz" + "kk").perform()
    page.saved()
    assert page.states[:3] == ["KEEP", "KEEP", "keep"]
    assert len(verdicts(folder)) == 12


# By mouse and touch


def test_by_mouse(page: Page) -> None:
    page.click("#t2 .mark").saved()
    assert (page.at, page.states[2]) == (2, "REJECT")
    page.click("#t2 .mark").saved()
    page.click("#t1").click("[data-do=reject]").saved()
    assert page.states[1:3] == ["REJECT", "KEEP"]
    page.click("[data-do=undo]").saved().until(lambda: page.states[1] == "unsure")
    page.click(f'[data-label="{ZOE}"]').said("#title", ZOE)
    page.click("#previous").said("#title", BOB)
    page.click("#show-undecided").until(lambda: page.states == ["unsure"])


def test_what_clean_may_have_got_wrong_is_shown_with_the_undecided(browser: WebDriver, tmp_path: Path) -> None:
    with served(write(tmp_path, faces_of(ADA, [0.999, 0.8, 0.3, 0.03, 0.002]))) as server:
        page = Page(browser, server).size(1400, 900).open()
        assert page.states == ["unsure", "keep", "reject", "reject", "keep"], "the most doubtful first"
        page.click("#show-doubtful").until(lambda: page.states == ["unsure", "keep", "reject"])
        assert [page.text(f"#show-{what} b") for what in ("undecided", "doubtful", "all")] == ["1", "3", "5"]
        page.click("#show-undecided").until(lambda: page.states == ["unsure"])
        assert page.errors() == []


@pytest.mark.parametrize("width", [390, 1400])
def test_long_names_are_whole(browser: WebDriver, tmp_path: Path, width: int) -> None:
    name = "Gloria Macapagal Arroyo, President of the Philippines"
    with served(write(tmp_path, faces_of(name, [0.3, 0.99]))) as server:
        page = Page(browser, server).size(width, 900).open()
        for selector in ["#title", *([".names .name"] if width > 1080 else [])]:
            page.said(selector, name)
            room = "const e = document.querySelector(arguments[0]); return [e.scrollWidth <= e.clientWidth + 1, "
            room += "getComputedStyle(e).textOverflow, getComputedStyle(e).wordBreak, getComputedStyle(e).overflowWrap]"
            assert page.js(room, selector) == [True, "clip", "normal", "break-word"]


def test_on_a_telephone(page: Page) -> None:
    page.size(390, 844, mobile=True).open().pictures()
    for name in ("#title", ".tile.cursor", "#actions"):
        box = page.js(
            "const b = document.querySelector(arguments[0]).getBoundingClientRect(); return [b.left, b.right]", name
        )
        assert 0 <= box[0] < box[1] <= 390
    assert page.js("return document.documentElement.scrollWidth") == 390
    assert page.js("const s = document.getElementById('scroller'); return s.scrollWidth - s.clientWidth") == 0
    lefts = page.js("return [...document.querySelectorAll('.tile')].map(t => t.getBoundingClientRect().left)")
    assert len(set(lefts)) == 3
    sizes = page.js("return [...document.querySelectorAll('.act')].map(b => [b.offsetWidth, b.offsetHeight])")
    assert min(min(size) for size in sizes) >= 44
    assert not page.driver.find_element(By.ID, "panel").is_displayed()
    # A second tap on a face shows it large, with what can be done.
    page.click("#t1").click("#t1").until(lambda: page.js("return document.getElementById('large').open"))
    top = page.js(f"return {BOX}.top", "#large .sheet-head")
    page.said("#large", "Where it comes from")
    assert page.js(f"return {BOX}.width", "#large [data-close]") >= 40
    assert page.js("const d = document.getElementById('large'); return d.scrollWidth <= d.clientWidth")
    page.click("#large [data-do=reject]").saved().said("#large", "Stays").pictures()
    assert page.js(f"return {BOX}.top", "#large .sheet-head") == top, "buttons do not move while a face loads"
    page.click("#large [aria-label=Close]").until(lambda: not page.js("return document.getElementById('large').open"))
    assert page.states[1] == "REJECT"
    page.click("#open-names").said("#picker-title", "Find a name").click("#p2")
    page.said("#title", ZOE)
    page.press(Keys.END).size(1400, 900).until(lambda: page.text(".tile.cursor"), "the cursor stays in view")


# What is shown of a face


def test_a_face_its_twin_its_photo_and_its_source(page: Page) -> None:
    page.press(Keys.END, Keys.ARROW_LEFT)
    if page.text(".tile.cursor .why") != "repeat":
        page.press(Keys.ARROW_RIGHT)
    page.said("#panel", "the one it repeats")
    (top, left), (other_top, other_left) = page.js(
        "return [...document.querySelectorAll('#panel .pictures figure')]"
        ".map(f => f.getBoundingClientRect()).map(b => [b.top, b.left])"
    )
    assert (top, left < other_left) == (other_top, True), "side by side"
    page.said("#panel", "CC BY 4.0")
    licence = page.driver.find_element(By.LINK_TEXT, "CC BY 4.0")
    assert licence.get_attribute("href") == "https://creativecommons.org/licenses/by/4.0/"
    assert licence.get_attribute("rel") == "noopener noreferrer"
    page.until(lambda: page.js("return document.querySelector('#panel .box')"))
    # The box is drawn where the face was pasted: 96 pixels of a photo of 216 by 156.
    shares = (
        "const f = document.querySelector('#panel .frame img').getBoundingClientRect();"
        "const b = document.querySelector('#panel .box').getBoundingClientRect();"
        "return [b.width / f.width, b.height / f.height, (b.top - f.top) / f.height]"
    )
    assert page.js(shares) == pytest.approx([96 / 216, 96 / 156, 20 / 156], abs=0.01)
    page.press(Keys.ENTER).until(lambda: page.js("return document.getElementById('large').open"))
    page.press(Keys.HOME).said("#large", "Undecided").press("k").saved()
    assert page.states[0] == "KEEP", "keys work there as well"


def test_what_comes_from_the_web_is_text(browser: WebDriver, folder: Path) -> None:
    evil = {
        "page_url": "javascript:alert(1)",
        "creator": "<img src=x onerror=alert(1)>",
        "licence_url": "data:text/html,x",
    }
    known = lines.read_lines(folder / SOURCES, Source)
    lines.replace_lines(folder / SOURCES, (replace(source, **evil).to_json() for source in known))
    with served(folder) as server:
        page = Page(browser, server).size(1400, 900).open()
        page.said("#panel", "<img src=x onerror=alert(1)>").said("#panel", "javascript:alert(1)")
        links = page.js("return [...document.querySelectorAll('#panel a')].map(a => a.protocol)")
        assert set(links) <= {"https:"}
        assert page.js("return document.querySelector('#panel dd img')") is None
        assert page.errors() == []


def test_nothing_is_asked_of_anyone_else(page: Page) -> None:
    page.pictures().press(Keys.END).said("#panel", "Where it comes from")
    asked = page.js("return performance.getEntriesByType('resource').map(e => new URL(e.name).origin)")
    assert set(asked) == {page.server.base}
    assert "token" not in page.driver.current_url
    assert page.js("return document.cookie") == "", "no script can read the token"


def test_a_picture_that_cannot_be_shown(browser: WebDriver, folder: Path) -> None:
    record = next(r for r in Dataset.open(folder).records if (r.quality or {}).get("person") == 0.45)
    (folder / record.path).write_bytes(b"no picture")
    with served(folder) as server:
        page = Page(browser, server).size(1400, 900).open().pictures()
        assert page.js("return document.querySelector('#t0').matches('.broken')")
        assert not page.js("return document.querySelector('#t1').matches('.broken')")
        page.press("r").saved()
        assert page.js("return document.querySelector('#t0').matches('.broken')")
        assert page.states[:2] == ["REJECT", "unsure"]


# When something breaks


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a test fill up another process's disk")
def test_what_is_not_saved_is_said_and_saved_later(page: Page, folder: Path) -> None:
    process = psutil.Process(page.server.process.pid)
    limit = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (10, limit[1]))
    page.press("k", "r").said("#trouble", "2 steps are not saved").said("#trouble", "no space left")
    assert page.text("#saved-text") == "Not saved"
    assert page.js("return document.querySelectorAll('.tile.waiting').length") == 2
    page.press("n").said("#title", BOB).press("p").said("#title", "Ada Lovelace")
    assert page.states[:2] == ["KEEP", "REJECT"], "what waits is shown, and shown to wait"
    assert page.js("return document.querySelectorAll('.tile.waiting').length") == 2
    process.rlimit(psutil.RLIMIT_FSIZE, limit)
    page.js("document.querySelector('#retry').click()")  # the page tries again by itself too: the button may be gone
    page.saved()
    assert verdicts(folder) == ["keep", "reject"]
    assert not page.driver.find_element(By.ID, "trouble").is_displayed()


def test_a_server_that_is_gone(page: Page) -> None:
    page.server.kill()
    page.press("k").said("#trouble", "1 step is not saved").said("#trouble", "does not answer")


def test_a_wrong_token_shows_one_line(browser: WebDriver, page: Page) -> None:
    browser.delete_all_cookies()
    for address in (page.server.base, page.server.base + "/?token=wrong"):
        browser.get(address)
        assert "open the address that `facekit review` shows" in page.text("body")
        assert not browser.find_elements(By.CSS_SELECTOR, ".tile")


def test_live_the_files_follow(browser: WebDriver, folder: Path) -> None:
    before = len(Dataset.open(folder).records)
    with served(folder, "--live") as server:
        page = Page(browser, server).size(1400, 900).open()
        assert page.text("#live") == "live"
        page.press("r", "r").saved()
        assert len(Dataset.open(folder).records) == before - 2
        page.press("z", "z").until(lambda: len(Dataset.open(folder).records) == before)


# Ten thousand


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chances = [round(0.06 + 0.93 * k / 10_000, 4) for k in range(10_000)]
    return write(tmp_path_factory.mktemp("crowd"), faces_of(ADA, chances), photos=False)


def test_ten_thousand_faces(browser: WebDriver, crowd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(crowd) as server:
        page = Page(browser, server).size(1400, 900).open().pictures()
        assert "10,000" in page.text("#show-all")

        def light() -> bool:
            tiles, nodes = page.js(
                "return [document.querySelectorAll('.tile').length, document.querySelectorAll('*').length]"
            )
            return bool(tiles <= 60 and nodes <= 1500)

        assert light()
        page.press(Keys.END).pictures()
        assert page.at == 9999
        assert page.js("return document.querySelector('.tile.cursor').getAttribute('aria-setsize')") == "10000"
        assert light()
        page.press(Keys.HOME, *[Keys.PAGE_DOWN] * 5)
        assert light()
        most = page.driver.execute_async_script(
            "const done = arguments[0], s = document.getElementById('scroller'); let most = 0, n = 0;"
            "const step = () => { s.scrollTop += 2000;"
            "most = Math.max(most, document.querySelectorAll('.tile').length);"
            "n++ < 40 ? requestAnimationFrame(step) : done(most) }; step()"
        )
        assert most <= 60, "while it scrolls too"
        page.pictures()
        asked = page.js(
            "return performance.getEntriesByType('resource').filter(e => e.name.includes('/pictures/')).length"
        )
        assert asked < 1000, "what flies past is not fetched"
        page.press(Keys.HOME)
        times = _times(page, "krkrkrkrkr")
        page.saved()
        with capsys.disabled():
            print(f"\n10,000 faces: key to update, median of {len(times)}: {sorted(times)[len(times) // 2]:.0f} ms")  # noqa: T201
        assert page.states[:4] == ["KEEP", "REJECT", "KEEP", "REJECT"]
        assert page.errors() == []


def _times(page: Page, keys: str) -> list[float]:
    """Milliseconds from each key to the frame that shows what it did."""
    page.js(
        "window.times = []; addEventListener('keydown', () => { const began = performance.now();"
        "requestAnimationFrame(() => setTimeout(() => times.push(performance.now() - began))) }, true)"
    )
    for key in keys:
        page.press(key)
    page.until(lambda: page.js("return times.length") == len(keys))
    return list(page.js("return times"))


def test_text_from_outside_cannot_act_on_the_page(browser: WebDriver, tmp_path: Path) -> None:
    evil = "\u202egpj.\x1b[2J<img src=x onerror=window.owned=1>"
    shown = evil.replace("\u202e", r"\u202e").replace("\x1b", r"\x1b")
    folder = write(tmp_path, faces_of("Ada", [0.9, 0.02]))
    for name, changes in (
        (MANIFEST, {"name": evil}),
        (REJECTED, {"reason": evil, "like": evil, "value": evil}),
        (SOURCES, dict.fromkeys(("engine", "query", "licence", "creator", "page_url", "url", "fetched_at"), evil)),
    ):
        held = [json.loads(line) for line in (folder / name).read_text().splitlines()]
        (folder / name).write_text("".join(json.dumps({**line, **changes}) + "\n" for line in held))
    with served(folder) as server:
        page = Page(browser, server).open()
        assert page.name == shown
        page.press(Keys.HOME, Keys.END)
        page.until(lambda: page.js("return document.querySelectorAll('.facts dd').length") > 0)
        page.press("m")
        page.press(Keys.ESCAPE, "z")
        texts = str(page.js("return document.documentElement.innerText + document.title + document.body.outerHTML"))
        assert shown in texts
        assert not re.search("[\x00-\x08\x0b-\x1f\u202a-\u202e]", texts)
        assert page.js("return window.owned") is None
        assert page.js("return document.querySelectorAll('img[src=x]').length") == 0


def test_a_name_that_is_not_utf8_can_be_opened(browser: WebDriver, tmp_path: Path) -> None:
    folder = write(tmp_path, [*faces_of("Ada", [0.9]), *faces_of("Zo", [0.95, 0.2])])
    label = os.fsdecode(b"Zo\xeb")
    (folder / "Zo").rename(folder / label)
    for name in (MANIFEST, REJECTED):
        changed = (folder / name).read_text().replace('"Zo"', json.dumps(label)).replace('"Zo/', '"Zo\\udceb/')
        (folder / name).write_text(changed)
    with served(folder) as server:
        page = Page(browser, server).open()
        page.click(".names li:nth-child(2) button")
        page.until(lambda: page.name == r"Zo\udceb")
        assert len(page.states) == 2
        page.press("k").saved()
        page.click(".names li:nth-child(1) button")
        page.until(lambda: page.name == "Ada")
    assert json.loads((folder / DECISIONS).read_text())["label"] == label


# How it looks, and to whom


def test_what_a_screen_reader_is_told(page: Page) -> None:
    grid = page.driver.find_element(By.ID, "grid")
    assert grid.get_attribute("role") == "listbox"
    for key in (Keys.ARROW_RIGHT, Keys.END, Keys.HOME):
        page.press(key)
        active = page.driver.find_element(By.ID, str(grid.get_attribute("aria-activedescendant")))
        assert active.get_attribute("role") == "option"
    assert active.get_attribute("aria-label") == "Face 1: undecided, 45% likely"
    page.press("r", Keys.HOME).saved()
    assert active.get_attribute("aria-label") == "Face 1: left out, decided by you, 45% likely"
    unnamed = page.js(
        "return [...document.querySelectorAll('button, input, [role]')].filter(e => !(e.innerText || e.ariaLabel ||"
        "e.getAttribute('aria-labelledby') || e.placeholder)).map(e => e.outerHTML)"
    )
    assert [html for html in unnamed if "hidden" not in html and 'role="status"' not in html] == []


def test_the_focus_can_be_seen(page: Page) -> None:
    page.press(Keys.TAB)
    assert page.js("return getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_the_ground(page: Page, scheme: str) -> None:
    """WCAG AA: 4.5 to 1, for whatever carries meaning."""
    page.scheme(scheme).press("k", "r", Keys.HOME).saved()
    pairs = page.js(
        "const style = e => getComputedStyle(e);"
        "const ground = e => { while (style(e).backgroundColor === 'rgba(0, 0, 0, 0)') e = e.parentElement;"
        "return style(e).backgroundColor };"
        "return ['#title', '#counts', '.names .all', '.names .open', '.tile .why', '.verdict b', '.facts dt',"
        "'.facts dd',"
        "'.switch button', '#progress-text', '.tile[data-state=reject] .why'].flatMap(s =>"
        "[...document.querySelectorAll(s)].slice(0, 3).map(e => [s, style(e).color, ground(e)]))"
    )
    weak = [(name, round(_contrast(ink, ground), 2)) for name, ink, ground in pairs if _contrast(ink, ground) < 4.5]
    assert weak == []
    page.scheme("light")


def _contrast(ink: str, ground: str) -> float:
    one, other = sorted((_luminance(ink), _luminance(ground)), reverse=True)
    return (one + 0.05) / (other + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_pictures_of_the_page(page: Page, tmp_path: Path) -> None:
    """For looking at; what a test can say of them is that each is another page, and none is empty."""
    seen = set()
    for name, width, scheme in (("wide", 1400, "light"), ("narrow", 390, "light"), ("dark", 1400, "dark")):
        page.size(width, 844).scheme(scheme).open().pictures()
        data = page.driver.get_screenshot_as_png()
        (tmp_path / f"{name}.png").write_bytes(data)
        shot = PIL.Image.open(io.BytesIO(data)).convert("RGB")
        assert shot.width == width
        assert len(shot.getcolors(1 << 24) or ()) > 200
        seen.add(shot.getpixel((width // 2, 2)))
    assert len(seen) == 2, "the dark page is dark"
    page.size(1400, 900).scheme("light")
