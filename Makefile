# make          everything that CI checks
# make run      the helpdesk on http://127.0.0.1:8000
# make test     all tests; make fast leaves out slow and thorough ones; ARGS="…" goes to pytest

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.polus-installed
ARGS ?=

# What was compiled is kept, whatever the machine's variables say: else tests and each program they start compile it all
# again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := check
.PHONY: check setup run test fast format format-check lint types layers docs texts examples bench fuzz browser peers lock clean

check: format-check lint types layers test

setup: $(DONE)

# Anew only when what is to be installed has changed; an interrupted run leaves no mark and is repeated.
$(DONE): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Polus needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV) with the locked dependencies (a minute or two) …"
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "Python's venv module is missing. On Debian: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-input \
		--require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-input \
		--no-deps --no-build-isolation --editable .
	@touch $@

run: setup
	@$(BIN)/polus serve

test: setup
	@$(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

fast: setup
	@$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not thorough" $(ARGS)

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only --quiet .

format-check: setup
	@$(BIN)/ruff format --check .

lint: setup
	@$(BIN)/ruff check .

types: setup
	@$(BIN)/mypy

layers: setup
	@$(BIN)/lint-imports

# Pages that are made from the code.
docs: setup
	@$(BIN)/python -m tools.settings_page
	@$(BIN)/python -m tools.reference

# The interface's texts: new ones come into the catalogues, to be translated.
texts: setup
	@$(BIN)/python -m tools.texts

# Calls each operation and writes down what was said; some minutes.
examples: setup
	@$(BIN)/python -m tools.examples

# At least 20,000 generated requests as the administrator; REQUESTS=… sends so many of each kind to each operation.
REQUESTS ?= 120
fuzz: setup
	@POLUS_FUZZ=$(REQUESTS) $(BIN)/python -m pytest -p no:randomly tests/api/test_fuzz.py

bench: setup
	@$(BIN)/python -m bench $(ARGS)

# Tests that drive the workspace need Debian's Chromium.
browser:
	@tools/browser

# Tests of mailboxes talk to Debian's Dovecot and Postfix.
peers:
	@tools/peers

# Some minutes: the hashes of all files of all releases are asked for. UPGRADE=--upgrade takes the newest.
# No settings of this machine's pip may get into the file.
lock: setup
	@PIP_CONFIG_FILE=/dev/null PIP_FIND_LINKS= CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet \
		$(UPGRADE) --extra dev --generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
