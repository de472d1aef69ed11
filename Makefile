# Every target works as the first command in a fresh clone: it makes .venv, installs, and finds a browser.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# TensorFlow has wheels for these; the first that answers is taken.
PYTHON := $(shell for name in python3.12 python3.13 python3.11 python3; do \
	$$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$name && break; done)

.DEFAULT_GOAL := help
.PHONY: help install browser demo test check docs stub pictures vendor bench clean

help:  ## Say what each target does.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## Make .venv and install facekit with everything.

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "facekit needs Python 3.11, 3.12 or 3.13: install one and run make again" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@

browser: $(STAMP)  ## Find a browser and its driver, or install Debian's as root.
	@$(BIN)/python -c 'import sys; from facekit.sources.browser import find; sys.exit(None in find())' && exit 0; \
	echo "no browser found: asking Selenium Manager for one"; \
	timeout 120 $(BIN)/python -c 'from facekit.sources.browser import LocalBrowser as one; b = one(); b.start(); b.close()' 2>/dev/null && exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "it has none: installing Debian's chromium and chromium-driver"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium chromium-driver >/dev/null; \
	else \
		echo "no browser found: install Chromium and chromedriver (on Debian: sudo apt install chromium chromium-driver), or set FACEKIT_BROWSER and FACEKIT_DRIVER" >&2; exit 2; \
	fi

demo: browser  ## Draw a world, scrape it, train on it, score it; it says at the start how long that takes.
	$(BIN)/facekit demo -o demo

test: browser  ## Run the tests, a module in one of three processes: some wait for browsers.
	$(BIN)/python -m pytest -m "not slow" -n 3 --dist loadfile --durations=60

check: $(STAMP)  ## Run ruff, strict mypy and the test of the import rules.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_layout.py

docs: $(STAMP)  ## Write the pages of the commands, and build the site; fails on a broken link.
	$(BIN)/python tests/summaries.py
	$(BIN)/python tests/commandpages.py
	$(BIN)/zensical build --strict --clean

pictures: browser  ## Make the pictures in the README again, of drawn faces (needs tmux).
	$(BIN)/python tests/pictures.py

stub: $(STAMP)  ## Write what type checkers and editors know of `import facekit`.
	$(BIN)/python tests/stub.py --write

vendor: $(STAMP)  ## Fetch the libraries in the report pages again, in the versions in vendored.json (needs npm).
	$(BIN)/python tests/vendor.py

bench: browser  ## Run what takes long: slow tests, kills, speed side by side, and the studies where FACEKIT_DATA is set.
	$(BIN)/python -m pytest -m slow
	FACEKIT_STRIDE=1 FACEKIT_KILLS=4 $(BIN)/python -m pytest $$(grep -l STRIDE tests/test_*.py)
	HYPOTHESIS_PROFILE=new $(BIN)/python -m pytest $$(grep -l '^from hypothesis' tests/test_*.py)
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/kills.py
	$(BIN)/python benchmarks/fuzz.py --minutes 60
	$(BIN)/python benchmarks/trees.py
	$(BIN)/python benchmarks/fuzz_readers.py --minutes 60 || test $$? = 2  # 2: there is no Atheris, which it says
	$(BIN)/python benchmarks/stages.py
	$(BIN)/python benchmarks/cluster.py
	$(BIN)/python benchmarks/feed.py
	$(BIN)/python benchmarks/demo.py
	$(BIN)/python benchmarks/drift.py
	$(BIN)/python benchmarks/forget.py -o bench/forget
	$(BIN)/python benchmarks/video.py --part drawn --part stream --part live
	$(BIN)/python benchmarks/gpu.py || test $$? = 2  # 2: there is no accelerator, which it says
	$(BIN)/python benchmarks/rehearsal.py -o bench/rehearsal || test $$? = 2  # likewise
	@if [ -z "$$FACEKIT_DATA" ]; then echo "FACEKIT_DATA is not set: the studies are left out"; else set -e; \
		$(BIN)/python benchmarks/groups.py; \
		$(BIN)/python benchmarks/openset.py --embedder dlib --embedder sface; \
		$(BIN)/python benchmarks/galleries.py --folder bench/galleries; \
		$(BIN)/python benchmarks/promises.py --folder bench/galleries; \
		$(BIN)/python benchmarks/matches.py --keep bench/matches; \
		$(BIN)/python benchmarks/video.py --part lfw; \
		if command -v wrk >/dev/null; then $(BIN)/python benchmarks/server.py --soak 60; fi; \
		$(BIN)/python benchmarks/leaks.py -o bench/leaks; \
		$(BIN)/python benchmarks/tune.py -o bench/tune; \
		$(BIN)/python benchmarks/expressions_steps.py -o bench/steps || test $$? = 2; \
		$(BIN)/python benchmarks/expressions.py -o bench/expressions; fi

clean:  ## Delete what the targets made.
	rm -rf $(VENV) demo bench .pytest_cache .mypy_cache .ruff_cache .hypothesis
