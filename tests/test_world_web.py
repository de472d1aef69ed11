"""The drawn web serves what its plan says, over real HTTP, and a drawn tree holds the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from leftovers import needs_browser
from searching import session

from facekit.base import images, plugins
from facekit.base.contract import EXPRESSIONS, FacekitError
from facekit.commands.draw import draw
from facekit.commands.scrape import scrape
from facekit.dataset import REMOVED, Dataset
from facekit.options.draw import Draw
from facekit.options.scrape import Scrape
from facekit.sources.engines import Search, State
from facekit.world.content import BROKEN, HOSTS, LICENCES, SHARES, World
from facekit.world.searches import ENGINES
from facekit.world.web import Web, serve

SMALL = World(people=2, photos=14, seed=7)


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with serve(SMALL) as one:
        yield one


def get(url: str) -> requests.Response:
    return requests.get(url, timeout=5, allow_redirects=False)


def test_the_same_numbers_give_the_same_world() -> None:
    again = World(people=2, photos=14, seed=7)
    item = SMALL.plan(1)[3]
    assert again.names == SMALL.names
    assert again.plan(1) == SMALL.plan(1)
    assert again.draw(1, item) == SMALL.draw(1, item)
    assert World(people=2, photos=14, seed=8).plan(1) != SMALL.plan(1)


def test_a_large_plan_holds_everything_in_its_share() -> None:
    world = World(people=4, photos=1000)
    items = [item for who in range(4) for item in world.plan(who)]
    kinds = Counter(item.kind for item in items)
    for kind, share in SHARES.items():
        assert kinds[kind] == pytest.approx(4000 * share, rel=0.35), kind
    assert {item.broken for item in items} == {None, *BROKEN}
    assert all(item.of is not None and item.of < item.index for item in items if item.kind in ("repeat", "copy"))
    assert all(item.kind == "single" and not item.broken for item in World(faults=False).plan(0))


def test_a_copy_is_the_same_bytes_and_a_repeat_is_not() -> None:
    world = World(people=2, photos=60)
    plan = world.plan(0)
    copy = next(item for item in plan if item.kind == "copy")
    repeat = next(item for item in plan if item.kind == "repeat")
    assert copy.of is not None and repeat.of is not None
    assert world.draw(0, copy) == world.draw(0, plan[copy.of])
    assert world.draw(0, repeat) != world.draw(0, plan[repeat.of])
    assert world.targets(0, copy) == world.targets(0, plan[copy.of])


def test_every_kind_can_be_drawn() -> None:
    world = World(people=3, photos=80)
    first = {item.kind: (who, item) for who in (2, 1, 0) for item in reversed(world.plan(who))}
    assert set(first) == {"single", *SHARES}
    for kind, (who, item) in first.items():
        pixels = images.decode(world.draw(who, item))
        assert (max(pixels.shape) < 100) == (kind == "tiny")
        targets = world.targets(who, item)
        assert (targets.get("expression") in EXPRESSIONS) == (kind not in ("group", "empty"))
        shown = item.of if kind == "wrong" else who
        assert kind in ("repeat", "copy") or targets.get("gender") in (None, world.persons[shown].gender)


def test_a_search_page_is_as_bing_writes_it(web: Web) -> None:
    page = get(f"{web.base_url}/images/search?q={SMALL.names[0]}").text
    assert page.count('class="iusc"') == 14 + 2
    assert "&quot;murl&quot;:" in page
    assert 'loading="lazy"' in page and "btn_seemore" in page
    assert "/relative.jpg" in page
    assert get(f"{web.base_url}/images/async?q={SMALL.names[0]}&first=15&count=35").text.count("<li") == 2
    assert "no_results" in get(f"{web.base_url}/images/search?q=Stranger").text
    assert web.requests[f"/images/search?{SMALL.names[0]}"] == 1


def test_licences_and_creators_are_invented_from_the_seed() -> None:
    world = World(people=2, photos=400, seed=7)
    drawn = world.links(world.names[1])
    assert drawn == World(people=2, photos=400, seed=7).links(world.names[1])
    assert {link.creator for link in drawn} == set(world.names)
    kinds = Counter(link.licence for link in drawn)
    assert kinds.keys() == {*LICENCES, "by-sa"}
    assert kinds["by"] == pytest.approx(400 * LICENCES["by"], rel=0.35)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_finds_the_drawn_world(web: Web, name: str, request: pytest.FixtureRequest) -> None:
    engine = plugins.load("engine", name)
    driver = request.getfixturevalue("driver") if engine.needs_browser else session()
    results = engine(web.base_url).search(driver, Search(SMALL.names[0], 14))
    links = SMALL.links(SMALL.names[0])
    found = [c.url.partition("?")[0] for c in results.candidates]
    assert (results.state, found) == (State.OK, [web.url(link.path, link.host) for link in links])
    if not engine.needs_browser:
        assert [c.creator for c in results.candidates] == [link.creator for link in links]


def test_pictures_stand_on_many_hosts(web: Web) -> None:
    links = SMALL.links(SMALL.names[0])
    good = [(item, link) for item, link in zip(SMALL.plan(0), links, strict=True) if not item.broken]
    for item, link in good[:3]:
        answer = get(web.url(link.path, link.host))
        assert answer.content == SMALL.draw(0, item)
        assert answer.headers["Content-Type"] == "image/jpeg"
    if len(web.hosts) > 1:
        assert len(web.hosts) == HOSTS + 1
        assert len({web.url("/", link.host) for link in links}) > 10


def test_broken_links_are_broken(web: Web) -> None:
    assert get(web.url("/x/404/0/1.jpg")).status_code == 404
    assert get(web.url("/x/html/0/1.jpg")).headers["Content-Type"].startswith("text/html")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(web.url("/x/truncated/0/1.jpg"))
    assert get(web.url("/7/1.jpg")).status_code == 404
    assert get(web.url("/0/99.jpg")).status_code == 404


def test_a_fixed_port_is_used_again() -> None:
    with serve(SMALL) as one:
        port = one.server_port
    with serve(SMALL, port=port) as two:
        assert two.server_port == port


@needs_browser
def test_the_drawn_world_can_be_scraped(web: Web, tmp_path: Path) -> None:
    out = tmp_path / "raw"
    report = scrape(Scrape(names=SMALL.names, output=out, per_name=7, bots=2, base_url=web.base_url))
    assert report.kept == 14
    assert Dataset.open(out).labels == sorted(SMALL.names)


def test_a_drawn_tree_is_labelled_and_goes_on(tmp_path: Path) -> None:
    given = Draw(output=tmp_path / "world", people=2, photos=6, seed=3)
    report = draw(given)
    assert (report.made, report.kept) == (12, 12)
    data = Dataset.open(given.output)
    assert all(r.targets and r.targets["expression"] in EXPRESSIONS for r in data.records if r.made_by == "draw single")
    manifest = (given.output / "manifest.jsonl").read_bytes()
    first, second, *_ = data.records
    (given.output / first.path).unlink()
    (given.output / "manifest.jsonl").write_bytes(b"".join(manifest.splitlines(keepends=True)[:5]))
    assert Dataset.open(given.output).info.drawn, "a score on these faces must say that they are drawn"
    again = draw(given)
    assert again.left == {REMOVED: 1}
    assert again.kept == 11
    lines = [json.loads(line) for line in (given.output / "manifest.jsonl").read_text().splitlines()]
    assert [line["id"] for line in lines] == [r.id for r in data.records[1:]]
    (given.output / second.path).rename(given.output / data.labels[-1] / Path(second.path).name)
    draw(given)
    assert len(list(given.output.rglob("*.jpg"))) == 11
    with pytest.raises(FacekitError, match="--photos 6, not 7"):
        draw(Draw(output=given.output, people=2, photos=7, seed=3))
