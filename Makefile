# Every target that a person may call carries a "## sentence"; `make help` prints those, and a test holds it.

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
PACKAGES := events adapters projections hub
PYTHON_VERSION := 3.11
UV_VERSION := 0.13.9
LOCK_VENV := .lock-venv
# No header and no annotations: nothing of the machine that made the files stands in them.
PIN := $(LOCK_VENV)/bin/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header --no-annotate \
  --python-version $(PYTHON_VERSION)

# The floor of line coverage of the four packages, in per cent.
COVERAGE_MIN ?= 90
DEMO_ARGS ?=
DEMO_HOME := .tellonce-demo
PYTEST_ARGS ?=
# A proof draws afresh each time; the seed stands in the command that make prints, so that a failure can be had again.
SEED := $(or $(SEED),$(shell date +%s))
PROVE = TELLONCE_PROOF=1 TELLONCE_SEED=$(SEED) $(BIN)/python -m pytest --timeout=0 --hypothesis-seed=$(SEED)
BENCH_ARGS ?=

# The first of these that is new enough builds the virtual environment; PYTHON=/some/python3 overrides the search.
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11

COVER := --cov --cov-report=
# A hub that is killed again and again, and what measures speed, come after the other tests and alone: the hub and those
# who send to it fill both cores by themselves, and get less far between two deaths beside a neighbour. Nor are lines
# counted there: it slows the hub, and a process that is killed leaves no count behind.
ALONE := kill or bench

# Tests run on all cores, on four at most: a container may be shown more of them than it is given. A worker takes whole
# files, so that what the tests of a file share is built once and they come in their order. A plain `pytest` runs one
# test after the other, and so does WORKERS=0.
WORKERS ?= auto
PARALLEL := -n $(WORKERS) --maxprocesses=4 --dist=loadfile
# Compiled files are kept even where the environment says not to: tests start hundreds of processes, and each would
# compile the hub anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check proof bench lock clean

help: ## List these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r name what; do \
	  printf '  make %-8s %s\n' "$$name" "$$what"; done

setup: $(STAMP) ## Build the virtual environment in .venv from pinned, hashed packages
	@:

$(STAMP): requirements/dev.txt requirements/build.txt pyproject.toml
	@set -e; chosen=; \
	for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then chosen=$$python; break; fi; \
	done; \
	if [ -z "$$chosen" ]; then \
	  echo "setup: no Python 3.11 or newer found (tried: $(PYTHONS)). Install one, or name it: make setup PYTHON=path/to/python3" >&2; exit 1; \
	fi; \
	if [ ! -x $(BIN)/pip ] && ! "$$chosen" -m venv --clear $(VENV); then \
	  echo "setup: $$chosen cannot build a virtual environment. On Debian and Ubuntu install the package python3-venv, then run make setup again." >&2; \
	  rm -rf $(VENV); exit 1; \
	fi
	@echo "setup: installing pinned packages into $(VENV) (about a minute the first time)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/build.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(STAMP)

demo: setup ## Build a small borough, print one timeline, serve it (DEMO_ARGS=--no-serve ends after printing)
	$(BIN)/tellonce --home $(DEMO_HOME) demo $(DEMO_ARGS)

test: setup ## Run the default tests, on all cores (within five minutes on two)
	$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

check: setup ## Run everything CI runs: tests, the slower tests, style, types, imports, schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m hub.schemas --check
	$(MAKE) --no-print-directory test PYTEST_ARGS="-m 'not (kill or proof or bench)' $(COVER) $(PYTEST_ARGS)"
	$(BIN)/python -m pytest -m kill $(PYTEST_ARGS)
	$(BIN)/coverage report --skip-covered --fail-under=$(COVERAGE_MIN)

proof: setup ## Run every test, the marked ones too, at full counts (long)
	$(PROVE) -m "not ($(ALONE))" $(PARALLEL) $(PYTEST_ARGS); first=$$?; \
	$(PROVE) -m "$(ALONE)" $(PYTEST_ARGS) && exit $$first

bench: setup ## Measure against the floors and print a table of ratios
	$(BIN)/python -m bench $(BENCH_ARGS)

lock: ## Pin the newest allowed packages with their hashes into requirements/
	@rm -rf $(LOCK_VENV)
	@python3 -m venv $(LOCK_VENV)
	@$(LOCK_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(PIN) pyproject.toml -o requirements/runtime.txt
	$(PIN) pyproject.toml --group dev -c requirements/runtime.txt -o requirements/dev.txt
	$(PIN) --group build -c requirements/dev.txt -o requirements/build.txt
	@rm -rf $(LOCK_VENV)

clean: ## Remove the virtual environment, caches, the demo's home and build leavings
	rm -rf $(VENV) $(LOCK_VENV) $(DEMO_HOME) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.* build dist *.egg-info
	find $(PACKAGES) tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
