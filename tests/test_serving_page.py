"""The page of an API server in a real browser: from the key to deleting a person, its camera, and what it shows."""

from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asking import Api, served
from leftovers import browse, needs_browser
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chromium.options import ChromiumOptions
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webdriver import WebDriver

from facekit.serving import logs
from facekit.serving.keys import create, revoke
from facekit.serving.monitor import sqlite
from facekit.serving.targets import keys_of
from facekit.sources.browser import confining

pytestmark = needs_browser

PEOPLE = "/v1/people"
EVIL = "<img src=x onerror=window.ran=1>\u202e\"'"


@pytest.fixture(scope="module")
def photo(drawn_photos: Path, api: Api) -> Path:
    """A photo of one person whom the gallery knows, who is named."""
    for one in sorted(drawn_photos.glob("*/*.jpg")):
        reply = api.send("/v1/identify", {"picture": one.read_bytes()})
        if reply.status == 200 and [face["known"] for face in reply.json["faces"]] == [True]:
            return one
    raise AssertionError("no drawn photo is named")


@pytest.fixture(scope="module")
def named(photo: Path, api: Api) -> str:
    """Who is on it."""
    return str(api.send("/v1/identify", {"picture": photo.read_bytes()}).json["faces"][0]["name"])


@pytest.fixture(scope="module")
def stranger(strangers: list[bytes], api: Api, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of one stranger."""
    for data in strangers:
        reply = api.send("/v1/identify", {"picture": data})
        if reply.status == 200 and [face["known"] for face in reply.json["faces"]] == [False]:
            file = tmp_path_factory.mktemp("stranger") / "photo.jpg"
            file.write_bytes(data)
            return file
    raise AssertionError("no drawn photo is a stranger's")


@pytest.fixture(scope="module")
def browser(photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """A browser whose camera shows a photo."""
    camera = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    camera.write_bytes(photo.read_bytes())
    fake = "--use-fake-device-for-media-stream"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(confining, "_PREFERENCES", {})  # bots fetch no pictures
        wanted = ChromiumOptions.to_capabilities
        logged = {"goog:loggingPrefs": {"performance": "ALL", "browser": "ALL"}}
        patch.setattr(ChromiumOptions, "to_capabilities", lambda self: {**wanted(self), **logged})
        patch.setattr(confining, "_FLAGS", (*confining._FLAGS, fake, f"--use-file-for-fake-video-capture={camera}"))
        with browse() as driver:
            driver.set_script_timeout(60)
            allow(driver)
            yield driver


def allow(driver: Any, camera: str = "granted") -> None:
    """Let pages use the clipboard, and the camera or not: nobody is there to be asked."""
    clipboard = ["clipboardReadWrite", "clipboardSanitizedWrite"]
    driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["videoCapture", *clipboard]})
    driver.execute_cdp_cmd("Browser.setPermission", {"permission": {"name": "camera"}, "setting": camera})


class Page:
    """The page, and what a person sees and does on it."""

    def __init__(self, driver: WebDriver, api: Api) -> None:
        self.driver: Any = driver  # parts of selenium have no types
        self.api, self.url = api, f"http://127.0.0.1:{api.port}/"

    def open(self, scope: str) -> Page:
        """Open the page in a fresh tab, and type the key of a scope, or one that is given."""
        self.fresh()
        self.js("sessionStorage.clear()")
        self.driver.refresh()
        return self.sees("#key-form", "Type or paste a key").unlock(self.api.keys.get(scope, scope))

    def fresh(self) -> Page:
        """Open the page."""
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get(self.url)
        return self

    def unlock(self, key: str) -> Page:
        self.driver.find_element(By.ID, "key").send_keys(key, Keys.ENTER)
        return self

    def js(self, script: str, *arguments: Any) -> Any:
        return self.driver.execute_script(script, *arguments)

    def text(self, selector: str) -> str:
        """What can be seen of an element: nothing of one that is hidden."""
        seen = "const one = document.querySelector(arguments[0]); return one?.checkVisibility() ? one.innerText : ''"
        return str(self.js(seen, selector))

    def until(self, so: Callable[[], Any]) -> Any:
        end = time.monotonic() + 60
        while not (found := so()):
            assert time.monotonic() < end, self.text("body")
            time.sleep(0.03)
        return found

    def sees(self, selector: str, text: str) -> Page:
        self.until(lambda: text in self.text(selector))
        return self

    def misses(self, selector: str, text: str) -> Page:
        self.until(lambda: text not in self.text(selector))
        return self

    def press(self, *keys: str) -> Page:
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()
        return self

    def chord(self, held: str, key: str) -> Page:
        ActionChains(self.driver).key_down(held).send_keys(key).key_up(held).perform()
        return self

    def click(self, selector: str) -> Page:
        self.driver.find_element(By.CSS_SELECTOR, selector).click()
        return self

    def clicked(self, script: str, *arguments: Any) -> bool:
        """Whether the element that a script returns could be clicked: it may be drawn anew at any moment."""
        found = self.js(script, *arguments)
        try:
            return found is not None and found.click() is None
        except StaleElementReferenceException:
            return False

    def choose(self, picture: Path) -> Page:
        self.driver.find_element(By.ID, "file").send_keys(str(picture))
        return self

    def drop(self, file: Path) -> Page:
        """Drag a file from elsewhere onto the page."""
        place = self.js("const at = document.querySelector('#stage').getBoundingClientRect(); return [at.x, at.y]")
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": place[0] + 60, "y": place[1] + 90, "data": data}
            self.driver.execute_cdp_cmd("Input.dispatchDragEvent", event)
        return self

    def person(self, name: str) -> Page:
        """Find a person of the list, and open them, by keyboard."""
        return self.press("/").chord(Keys.CONTROL, "a").press(name, Keys.ENTER).sees("#person-title", name)

    def answer(self, name: str) -> Page:
        """Go to the answer of a name."""
        card = "return [...document.querySelectorAll('.answer')].find(one => one.innerText.includes(arguments[0]))"
        self.until(lambda: self.clicked(card, name))
        return self.sees(".answer[aria-current=true]", name).sees(".box.chosen .name", name)

    def faces(self) -> dict[str, int]:
        return {one["name"]: one["faces"] for one in self.api.get(PEOPLE).json["people"]}

    def requests(self) -> list[str]:
        """The address of everything that the browser has asked for since this was last called."""
        messages = [json.loads(entry["message"])["message"] for entry in self.driver.get_log("performance")]
        return [one["params"]["request"]["url"] for one in messages if one["method"] == "Network.requestWillBeSent"]

    def errors(self) -> list[str]:
        """What the console has, without the refusals that the page shows."""
        found = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        return [one for one in found if "the server responded with a status of 4" not in one]


def _answered(api: Api, status: int) -> bool:
    """Whether the server has answered anything so."""
    return f'status="{status}"' in api.get("/metrics").body.decode()


@pytest.fixture
def page(browser: WebDriver, api: Api) -> Iterator[Page]:
    before = {one["person"] for one in api.get(PEOPLE).json["people"]}
    yield Page(browser, api)
    for one in api.get(PEOPLE).json["people"]:
        if one["person"] not in before:
            api.ask("DELETE", f"{PEOPLE}/{one['person']}", key="admin")


def test_a_persons_way(page: Page, photo: Path, named: str, stranger: Path) -> None:
    page.open("admin").sees("#scope", "admin")
    page.choose(photo).sees(".box .name", named).sees(".answer", named)

    page.choose(stranger).sees(".box .name", "stranger")
    page.press("e").sees("#picker-title", "Enroll").press("Zoë", Keys.ENTER).sees(".box .name", "Zoë")
    assert page.sees("#people", "Zoë").faces()["Zoë"] == 1
    page.press("y").sees(".judged", "said to be right").sees(".answer[aria-current=true]", named)
    page.answer("Zoë").press("x").sees("#said", "is enrolled so")
    assert [one["denied"] for one in page.api.get(PEOPLE).json["people"] if one["name"] == "Zoë"] == [1]

    # Enrolled again as somebody else, it is refused: the title and the detail of the problem are shown.
    page.press("e").press("Ada", Keys.ENTER).sees("#problem", "That is there already").sees("#problem", "somebody else")

    page.person("Zoë").chord(Keys.CONTROL, "a").press(named, Keys.ENTER).sees("#person-problem", "somebody else has")
    page.chord(Keys.CONTROL, "a").press("Zoé", Keys.ENTER).sees("#said", "is now called Zoé")
    page.press(Keys.ESCAPE).sees("#people", "Zoé").misses("#people", "Zoë")  # which ends the search
    other = page.api.send(PEOPLE, {"picture": photo.read_bytes()}, {"name": named, "face": "1"}, key="write").json
    page.person("Zoé").click("#person-merge").sees("#picker-list", named).press(named, Keys.ENTER)
    page.sees("#confirm-text", "cannot be undone").press(Keys.ESCAPE)
    assert page.faces()["Zoé"] == 1  # nothing was merged
    page.person("Zoé").until(lambda: page.js("return document.querySelector('#person-faces button')"))
    page.chord(Keys.SHIFT, Keys.TAB).press(Keys.ENTER).sees("#confirm-title", "Delete this face?")
    page.press(Keys.TAB, Keys.ENTER).sees("#person-facts", "0 faces").press(Keys.ESCAPE)
    page.person("Zoé").press(Keys.TAB, Keys.TAB, Keys.ENTER).sees("#confirm-title", "Delete Zoé?")
    page.press(Keys.TAB, Keys.ENTER).sees("#said", "was deleted").press(Keys.ESCAPE).misses("#people", "Zoé")
    assert page.faces()[named] == other["faces"]
    assert page.errors() == []


def test_what_is_merged(page: Page, strangers: list[bytes], stranger: Path) -> None:
    page.api.send(PEOPLE, {"picture": stranger.read_bytes()}, {"name": "Ida", "face": "1"}, key="write")
    others = [one for one in strangers if one != stranger.read_bytes()]
    replies = (page.api.send(PEOPLE, {"picture": one}, {"name": "Ida B", "face": "1"}, key="write") for one in others)
    assert next(one for one in replies if one.status == 201).json["new"] == 1
    page.open("admin").sees("#people", "Ida B").person("Ida B").click("#person-merge").sees("#picker-list", "Ida")
    page.press("ida", Keys.ENTER).sees("#confirm-title", "Merge Ida B into Ida?").click("#confirm-yes")
    page.misses("#people", "Ida B")
    assert page.faces()["Ida"] == 2


def test_two_are_merged_by_keyboard_alone(page: Page, strangers: list[bytes]) -> None:
    def tabs_to(element: str) -> Page:
        for _ in range(12):
            if page.press(Keys.TAB).js("return document.activeElement.id") == element:
                return page
        raise AssertionError(f"Tab does not lead to {element}")

    enrolled = 0
    for data in strangers:
        sent = {"name": ("Ada", "Ada B")[min(enrolled, 1)], "face": "1"}
        enrolled += page.api.send(PEOPLE, {"picture": data}, sent, key="write").status == 201
        if enrolled == 2:
            break
    page.open("admin").sees("#people", "Ada B").person("Ada B")
    page.until(lambda: page.js("return document.activeElement.id") == "person-name")
    page.until(lambda: page.js("return document.querySelectorAll('#person-faces canvas').length") == 1)
    # What would be done is said first, and Enter alone does nothing.
    tabs_to("person-merge").press(Keys.ENTER).sees("#picker-title", "Who is Ada B really?").sees("#picker-list", "Ada")
    page.press("ada", Keys.ENTER).sees("#confirm-title", "Merge Ada B into Ada?").press(Keys.ENTER)
    page.misses("#confirm-title", "Merge")
    assert page.faces() == {**page.faces(), "Ada": 1, "Ada B": 1}
    page.person("Ada B").until(lambda: page.js("return document.activeElement.id") == "person-name")
    tabs_to("person-merge").press(Keys.ENTER).sees("#picker-title", "Ada B").press("ada", Keys.ENTER)
    page.sees("#confirm-title", "Ada B into Ada")
    tabs_to("confirm-yes").press(Keys.ENTER).sees("#said", "Ada B was merged into Ada").misses("#people", "Ada B")
    assert page.faces()["Ada"] == 2
    page.person("Ada").sees("#person-facts", "2 faces").press(Keys.ESCAPE)  # and the keys still work
    assert page.errors() == []


def test_what_a_key_may_not_do_is_not_offered(page: Page, photo: Path) -> None:
    page.open("read").choose(photo).sees(".answer", "similarity").sees("#rights", "scope write")
    assert page.js("return document.querySelectorAll('.acts').length") == 0
    page.press("e").sees("#said", "scope write")
    page.click("#people button").sees("#person-rights", "scope write")
    for part in ("rename", "merge", "delete"):
        assert not page.driver.find_element(By.ID, f"person-{part}").is_displayed()
    page.press(Keys.ESCAPE).click("#lock").sees("#locked", "key")
    page.unlock("fk_00000000_" + "x" * 43).sees("#problem", "The key is not valid").sees("#problem", "keys create")


def test_a_key_that_is_revoked_leaves_nothing_on_the_page(page: Page, photo: Path, named: str) -> None:
    with keys_of(page.api.target) as kept:
        given, key = create(kept, "read", "short-lived")
        page.until(lambda: page.api.get("/v1/key", key=given).status == 200)
        page.open(given).choose(photo).sees(".answer", named).person(named).press(Keys.ESCAPE, Keys.ESCAPE)
        revoke(kept, [key.id])
        page.until(lambda: page.api.get("/v1/key", key=given).status == 401)
    page.choose(photo).sees("#problem", "revoked").sees("#key-form", "Type or paste a key")
    assert named not in page.js("return document.body.textContent")
    assert page.js("return sessionStorage.length") == 0


def test_pictures_are_dropped_and_pasted(page: Page, photo: Path, named: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")
    page.open("read").sees("#people", named)
    page.drop(tmp_path / "notes.txt").sees("#problem", "no picture file")
    page.drop(photo).sees(".box .name", named).misses("#problem", "picture")
    assert page.js("return location.pathname") == "/"  # it was not opened instead of the page

    copy = """
        const done = arguments[1], data = Uint8Array.from(atob(arguments[0]), (one) => one.charCodeAt(0));
        createImageBitmap(new Blob([data])).then((bitmap) => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
          canvas.getContext("2d").drawImage(bitmap, 0, 0);
          canvas.toBlob((blob) => navigator.clipboard.write([new ClipboardItem({"image/png": blob})]).then(done, done));
        });
    """
    page.driver.execute_async_script(copy, base64.b64encode(photo.read_bytes()).decode())
    page.chord(Keys.CONTROL, "v").until(lambda: page.text("#answers-count") == "2")
    page.driver.execute_async_script("navigator.clipboard.writeText('some text').then(arguments[0], arguments[0])")
    page.chord(Keys.CONTROL, "v").sees("#problem", "no picture")
    assert page.errors() == []


def test_what_goes_wrong_is_said_and_over_when_it_is_over(page: Page, photo: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    page.open("read").choose(tmp_path / "broken.jpg").sees("#problem", "not a picture")
    assert page.press(Keys.ESCAPE).text("#problem") == ""
    gate = page.api.gate
    assert gate is not None
    many = gate.under_way = 1000  # as if so many came at once: the server answers 429
    page.choose(photo).until(lambda: _answered(page.api, 429))
    gate.under_way -= many
    page.sees(".answer", "similarity")  # the page has come back by itself
    allow(page.driver, camera="denied")
    page.press("c").sees("#problem", "allow it for this page").misses("#camera", "Close")
    allow(page.driver)
    nowhere = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    page.driver.execute_cdp_cmd("Network.enable", {})
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", nowhere)
    page.choose(photo).sees("#problem", "is it still running?")
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**nowhere, "offline": False})
    page.choose(photo).misses("#problem", "running").until(lambda: page.text("#answers-count") == "2")


def test_a_server_of_a_run_that_asks_for_no_key(browser: WebDriver, head: Path, photo: Path, tmp_path: Path) -> None:
    shutil.copytree(head, tmp_path / "run")
    with served(tmp_path / "run", keys=False) as api:
        page = Page(browser, api).fresh().sees("#scope", "admin").choose(photo)
        label = api.send("/v1/analyze", {"picture": photo.read_bytes()}, key="").json["runs"]["run"][0]["label"]
        page.sees(".box .name", label).sees(".answer", "sure").sees(".acts", "Wrong")
        assert page.text("#people-part") == page.text("#lock") == ""
        page.press("e", "x", "n").sees(".judged", "said to be wrong")
        assert page.errors() == []
    with closing(sqlite.in_folder(tmp_path / "run")) as days:
        ((_, counts),) = days.days().items()
    assert counts["wrong"].tolist() == [0, 1]


def counted(api: Api) -> tuple[float, float]:
    """How many pictures were looked at to name faces, and of how many faces the answers were counted."""
    lines = [line.rpartition(" ") for line in api.get("/metrics").body.decode().splitlines()]
    asked = 'facekit_requests_total{method="POST",route="/v1/identify",status="200"}'
    faces = sum(float(number) for name, _, number in lines if name.startswith("facekit_identified_faces_total"))
    return sum(float(number) for name, _, number in lines if name == asked), faces


def test_the_camera(page: Page, photo: Path, named: str) -> None:
    page.open("read").sees("#people", named)
    asked, faces = counted(page.api)
    page.press("c").sees(".box .name", named)
    shown = page.js("return document.querySelector('#photo').picture")
    assert shown["live"]
    page.until(lambda: counted(page.api)[0] >= asked + 2)
    assert counted(page.api)[1] == faces  # one person before it would be a thousand answers in a quarter of an hour
    page.choose(photo).sees("#hold", "Go on")  # it would be gone with the next still
    page.until(lambda: counted(page.api)[1] == faces + 1)
    page.press(" ").sees("#hold", "Hold").press(" ").sees("#hold", "Go on")
    assert page.js("return document.querySelector('#photo').picture.live") is False
    page.press("c").sees("#camera", "Camera").misses("#camera", "Close")
    assert page.js("return document.querySelector('#video').srcObject") is None


def test_names_are_text_and_nobody_else_is_asked(
    page: Page, stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with logs.writing():
        _use_all(page, stranger)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert {"/v1/identify", "/v1/people", "/v1/feedback", "/static/{name}"} <= {one["route"] for one in lines}
    assert "onerror" not in json.dumps(lines)
    assert "onerror" not in page.api.get("/metrics").body.decode()


def _use_all(page: Page, stranger: Path) -> None:
    page.api.send(PEOPLE, {"picture": stranger.read_bytes()}, {"name": EVIL, "face": "1"}, key="write")
    page.open("admin").choose(stranger).sees(".box .name", "<img src=x").person("<img src=x").press(
        Keys.ESCAPE, Keys.ESCAPE
    )
    page.press("n").sees("#picker-list", "I do not know").press(Keys.ENTER).sees(".judged", "wrong")
    page.person("<img src=x").click("#person-delete").sees("#confirm-title", "<img src=x").press(Keys.ESCAPE)
    assert page.js("return [window.ran ?? null, document.images.length]") == [None, 0]
    assert "\u202e" not in page.text("body")
    fetched = page.requests()  # by the tests before as well
    assert len([one for one in fetched if one.startswith(page.url)]) > 10
    own = ("http://127.0.0.1:", "about:", "chrome:", "data:")  # the browser's first page is one of its own
    assert [one for one in fetched if not one.startswith(own)] == []
    assert page.errors() == []  # nothing was stopped by the policy either
    held = json.dumps(page.js("return {...localStorage}")) + page.js("return document.cookie")
    assert page.api.keys["admin"] not in held + "".join(fetched)


def test_its_files_need_no_key_and_others_are_none(api: Api) -> None:
    reply = api.get("/", key=None)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'; script-src 'self'" in reply.headers["content-security-policy"]
    assert api.get("/static/page.js", key=None).status == 200
    for name in ("nothing.js", "..%2fpage.py", "%2e%2e/page.py"):
        assert api.get(f"/static/{name}", key=None).problem == "not-found"
    assert api.get("/v1/key", key=None).problem == "no-key"
    assert api.get("/v1/key", key="write").json == {"scope": "write", "gallery": True, "runs": []}
