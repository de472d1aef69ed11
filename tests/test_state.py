"""What a scrape knows of its names: read back as written, by 0.1.0 too, and refused where a stranger wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.base.contract import FacekitError, Source
from facekit.commands.scrape.keyword import EngineSearch, Keyword, Progress
from facekit.commands.scrape.names import safe
from facekit.commands.scrape.state import FILE, States
from facekit.sources.engines import Candidate

ADA_1, ADA_2 = "a" * 64, "b" * 64
INTERRUPTED = [
    {"label": "Ada", "name": "Ada", "engine": "plain", "state": "ok", "query": "Ada", "asked": 12, "given": 3}
    | {"candidates": [{"url": f"http://a.example/{k}.jpg", "rank": k, "licence": "cc0"} for k in (1, 2, 4)]},
    {
        "label": "Ada",
        "keeps": {"origin": ADA_1, "url": "http://a.example/1.jpg", "engine": "plain", "rank": 1},
        "dhash": 7,
    },
    {"label": "Bob", "name": "Böb", "engine": "plain", "state": "blocked", "query": "B", "asked": 9, "given": 0}
    | {"candidates": []},
    {"label": "Bob", "ends": "blocked"},
    {"label": "Ada", "keeps": {"origin": ADA_2, "rank": 2}, "dhash": None},
    {"label": "Ada", "tried": "http://a.example/4.jpg"},
]
FINISHED = [
    {
        "label": "Ada",
        "name": "Ada",
        "state": "done",
        "searches": {"plain": {"state": "ok", "query": "Ada", "asked": 12}},
    }
    | {"found": 3, "last": 4, "ranks": {ADA_1: 1, ADA_2: None}},
    {"label": "Bob", "name": "Böb", "state": "short", "searches": {"plain": {"state": "ok", "query": "B", "asked": 9}}}
    | {"found": 2, "last": 2, "pictures": {ADA_1: [1, "http://b.example/1.jpg", 2**63 + 1]}, "retrying": False}
    | {"again": [{"engine": "plain", "url": "http://b.example/2.jpg", "rank": 2, "creator": "B"}]},
    {"over": True},
]
"""Lines as 0.1.0 wrote them: in a run that was cut short, and in one that came to its end."""


def written(root: Path, lines: list[dict[str, Any]]) -> States:
    (root / FILE).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
    return States(root)


def test_an_interrupted_run_of_the_first_version_goes_on(tmp_path: Path) -> None:
    states = written(tmp_path, INTERRUPTED)
    ada, bob = states.names["Ada"], states.names["Bob"]
    assert not states.over
    assert (ada.name, ada.state, ada.found, ada.last) == ("Ada", Progress.COLLECTED, 3, 4)
    assert ada.searches == {"plain": EngineSearch("ok", "Ada", 12, 3)}
    assert ada.candidates[2] == Candidate("http://a.example/4.jpg", 4, "plain", "Ada", licence="cc0")
    assert ada.kept == {
        ADA_1: Source(ADA_1, url="http://a.example/1.jpg", engine="plain", rank=1),
        ADA_2: Source(ADA_2, rank=2),
    }
    assert (ada.hashes, ada.tried) == ({ADA_1: 7}, {"http://a.example/4.jpg"})
    assert (bob.name, bob.state, bob.open) == ("Böb", Progress.BLOCKED, False)


def test_a_finished_run_of_the_first_version_is_known(tmp_path: Path) -> None:
    states = written(tmp_path, FINISHED)
    ada, bob = states.names["Ada"], states.names["Bob"]
    assert states.over
    assert ada.state is Progress.DONE and ada.kept == {ADA_1: Source(ADA_1, rank=1), ADA_2: Source(ADA_2)}
    assert bob.hashes == {ADA_1: 2**63 + 1}
    assert bob.candidates == [Candidate("http://b.example/2.jpg", 2, "plain", "B", creator="B")]


@pytest.mark.parametrize("lines", [INTERRUPTED, FINISHED])
def test_what_is_tidied_is_read_back(tmp_path: Path, lines: list[dict[str, Any]]) -> None:
    states = written(tmp_path, lines)
    states.tidy(states.names.values())
    again = States(tmp_path)
    assert again.over
    for label, keyword in states.names.items():
        read = again.names[label]
        assert (read.name, read.state, read.searches) == (keyword.name, keyword.state, keyword.searches)
        assert (read.found, read.last) == (keyword.found, keyword.last)
        assert {id: (s.rank, s.url) for id, s in read.kept.items()} == {
            id: (s.rank, s.url if keyword.state is not Progress.DONE else None) for id, s in keyword.kept.items()
        }
    before = (tmp_path / FILE).read_bytes()
    again.tidy(again.names.values())
    assert (tmp_path / FILE).read_bytes() == before


def test_what_is_noted_is_read_back(tmp_path: Path) -> None:
    states, name = States(tmp_path), "Ada \udcff"  # a name from a terminal that is not UTF-8
    keyword = states.names["Ada"] = Keyword(name, "Ada")
    found = [Candidate(f"http://a.example/{k}.jpg", k, "bing", "Ada", title="t", creator="ü") for k in range(1, 4)]
    states.searched(keyword, "bing", keyword.add("bing", EngineSearch("ok", "Ada", 9, 3), found, ()))
    states.keeping(keyword, Source(ADA_1, url="http://a.example/1.jpg", rank=1), 5)
    states.trying(keyword, "http://a.example/2.jpg")
    read = States(tmp_path).names["Ada"]
    assert read.name == name
    assert [(c.url, c.rank, c.creator, c.title) for c in read.candidates] == [(c.url, c.rank, "ü", None) for c in found]
    assert (read.kept, read.hashes, read.tried) == (keyword.kept, keyword.hashes, keyword.tried)
    states.ended(keyword, Progress.SHORT)
    assert States(tmp_path).names["Ada"].state is Progress.SHORT


def change(place: int, key: str, value: Any) -> Callable[[list[dict[str, Any]]], dict[str, Any]]:
    return lambda lines: {**lines[place], key: value}


@pytest.mark.parametrize(
    "make",
    [
        change(0, "label", "../../x"),
        change(0, "label", "/etc"),
        change(0, "label", ".."),
        change(0, "label", ""),
        change(0, "label", "a/b"),
        change(0, "label", "a\nb"),
        change(0, "label", 7),
        change(0, "label", None),
        change(0, "candidates", [{"url": 7, "rank": 1}]),
        change(0, "candidates", [{"url": "http://a.example/"}]),
        change(0, "candidates", {"a": 1}),
        change(0, "asked", "9"),
        change(1, "keeps", {"url": "x"}),
        change(1, "keeps", [1]),
        change(1, "dhash", "x"),
        change(3, "ends", "over"),
        change(5, "tried", {}),
        lambda lines: {**FINISHED[0], "state": "unheard of"},
        lambda lines: {**FINISHED[0], "searches": [1]},
        lambda lines: {**FINISHED[0], "ranks": {"x": "1"}},
        lambda lines: {**FINISHED[1], "pictures": {"x": [1, 2]}},
        lambda lines: {**FINISHED[1], "again": [3]},
        lambda lines: {"over": "yes"},
        lambda lines: {},
        lambda lines: {"label": "Ada", "x": json.loads("[" * 500 + "]" * 500)},
    ],
)
def test_a_line_that_no_scrape_wrote_is_named(
    tmp_path: Path, make: Callable[[list[dict[str, Any]]], dict[str, Any]]
) -> None:
    with pytest.raises(FacekitError, match=rf"{FILE}, line 2 is not in facekit's format"):
        written(tmp_path, [INTERRUPTED[0], make(INTERRUPTED)])


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=300))
def test_the_folder_of_a_name_is_one_that_is_read_back(name: str) -> None:
    assert safe(safe(name)) == safe(name)
