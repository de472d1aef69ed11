"""Photos of the Library of Congress: `facekit scrape "Ada Lovelace" --engine loc`."""

from facekit.sources.addresses import is_web
from facekit.sources.engines import Candidate, Search, State
from facekit.sources.engines.api import Api, Budget
from facekit.sources.engines.paging import Page, collect
from facekit.sources.engines.reading import string

BUDGET = Budget(rate=20, seconds=60)


class LibraryOfCongress:
    name, needs_browser, interval = "loc", False, 3.0
    filters = frozenset()
    terms = "https://www.loc.gov/legal/"

    def __init__(self, base_url=None):
        self.base_url = (base_url or "https://www.loc.gov").rstrip("/")
        self.api = Api(f"{self.base_url}/photos/", BUDGET)

    def search(self, driver, search: Search):
        return collect(self.pages(driver, search), search, "api")

    def pages(self, session, search):
        for number in range(1, 11):
            answer = self.api.ask(session, {"q": search.query, "fo": "json", "c": 100, "sp": number})
            yield answer.end() or harvest(answer.values, search.query, 100 * (number - 1))
            if answer.state or not answer.values.get("pagination", {}).get("next"):
                return


def harvest(values, query, before=0):
    if not isinstance(values.get("results"), list):
        return Page(state=State.LAYOUT_CHANGED, note="no `results` in the answer")
    read = []
    for rank, result in enumerate(values["results"], before + 1):
        urls = result.get("image_url") or [] if isinstance(result, dict) else []
        if urls and is_web(urls[-1]):  # the last is the largest
            read.append(Candidate(urls[-1], rank, "loc", query, string(result, "url"), title=string(result, "title")))
    return Page(read, unread=len(values["results"]) - len(read))
