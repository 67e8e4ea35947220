# demo and test set up everything on a fresh machine; check is the fast gate before a commit.
VENV ?= .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.PHONY: demo test check compiled check-compiled soak reliability bench bench-reference bench-explain screenshots conformance docs peers clean

PIP := $(BIN)/pip install --quiet --disable-pip-version-check

$(VENV)/.runtime: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) -e .
	touch $@

$(VENV)/.installed: $(VENV)/.runtime
	$(PIP) -e '.[dev,docs]'
	touch $@

demo: $(VENV)/.runtime  ## the main job on real sockets, told as a story
	$(BIN)/python -m ringway.cli demo

check: $(VENV)/.installed  ## fast: lint, types, layers, unit tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tests bench tools docs/generate
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest tests/unit tests/rfc -n auto

WHERE_THERE_IS_CC = if command -v $(CC) >/dev/null || [ "$$CI" = true ]; then $(MAKE) $(1); \
	else echo "no C compiler here: nothing is compiled"; fi

# These wait for programs and timers more than they compute: three files at a time.
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder

test: $(VENV)/.installed peers check  ## everything, real peers included
	@$(call WHERE_THERE_IS_CC,check-compiled)
	$(BIN)/pytest tests --ignore tests/unit --ignore tests/rfc --ignore tests/reliability $(SIDE_BY_SIDE)
	$(BIN)/pytest tests/reliability

# The same sources, their hot path compiled (hatch_build.py), in a folder of its own.
COMPILED := build/compiled
SOURCES := hatch_build.py $(shell find src -type f -not -name '*.pyc')

$(COMPILED)/.done: $(SOURCES) | $(VENV)/.installed
	rm -rf $(COMPILED) build/wheel
	RINGWAY_COMPILE=1 $(BIN)/pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(BIN)/pip install --quiet --no-deps --target $(COMPILED) build/wheel/ringway-*.whl
	touch $@

compiled: $(COMPILED)/.done  ## the hot path compiled by mypyc, in build/compiled; needs a C compiler

check-compiled: $(COMPILED)/.done  ## the unit tests, on what was compiled
	PYTHONPATH=$(CURDIR)/$(COMPILED) $(BIN)/pytest tests/unit tests/rfc tests/fuzz -n auto

soak: $(VENV)/.installed  ## the simulation with rising seeds, until it is stopped or one fails
	$(BIN)/python -m tools.soak

reliability: $(VENV)/.installed peers  ## load and faults in full, for docs/reliability.md (root)
	$(BIN)/python -m tools.reliability --write

peers: $(VENV)/.installed  ## real programs to test against, where this machine lets us install them
	PYTHON=$(BIN)/python tests/interop/install-peers

bench: $(VENV)/.installed peers  ## the README's speed table
	@$(call WHERE_THERE_IS_CC,compiled)
	$(BIN)/python -m bench

bench-reference: $(VENV)/.installed peers  ## how quick the reference's pages are, for docs/how-to/reference-site.md
	$(BIN)/python -m bench.reference

bench-explain: $(VENV)/.installed peers  ## how quick captures are explained, for docs/how-to/explain-a-capture.md
	@$(call WHERE_THERE_IS_CC,compiled)
	$(BIN)/python -m bench.explain

screenshots: $(VENV)/.installed peers  ## docs/images/reference and docs/images/explain
	$(BIN)/python -m docs.generate.screenshots
	$(BIN)/python -m docs.generate.screenshots_explain

conformance: $(VENV)/.installed  ## docs/conformance.md, from the tests
	$(BIN)/python -m tools.conformance

docs: $(VENV)/.installed  ## the documentation as HTML; a warning is an error
	$(BIN)/python -m docs.generate --check
	$(BIN)/sphinx-build -W -q -b html docs build/docs

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
