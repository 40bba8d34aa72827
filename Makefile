# make run     creates .venv, installs, starts chatsrv on embedded SQLite and Valkey
# make test    the same .venv, then the whole test suite
# make check   lint, types, layers and tests
# make soak    presence under faults: 10,000 random schedules, real processes at their default timings, 5,000 clients who
#              all come back at once, and mixed load on one server; MINUTES=30 of that, and half an hour of the rest
# make fuzz    frames and requests that nobody should send, and lives of a directory; SEED=n asks the same again
# make bench   measures chatsrv against its peers in Node; WORK=growth PEERS=all ROUNDS=5 and more: see bench/README.md
# make screenshots  takes docs/images anew from the real pages; needs Chromium and a font with emoji
# make audit   asks PyPI for known faults of every pinned version; needs the internet
# make format  rewrites the code in the one style
# make clean   removes .venv and everything that can be made anew; your data stays
#
# ARGS adds words: make run ARGS="--port 9000", make test ARGS="-k presence". PYTHON names another Python.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
MINUTES ?= 30
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint config/constraints.txt
PINS   := pyproject.toml config/constraints.txt chatsrv/__init__.py

.DEFAULT_GOAL := help
.PHONY: help run test lint format type layers check soak fuzz bench docs screenshots pins audit clean

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

run: $(VENV)/.installed
	@exec $(BIN)/chatsrv serve $(ARGS)

test: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

fuzz: $(VENV)/.installed-dev
	@seed=$(or $(SEED),$$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')); export CHATSRV_TEST_SEED=$$seed; \
	echo "seed $$seed: make fuzz SEED=$$seed asks the same again"; \
	CHATSRV_TEST_STREAMS=20000 $(BIN)/python -m pytest -n 2 --timeout 1800 tests/realtime/test_websocket_rules_fuzz.py && \
	CHATSRV_TEST_STALE=24 $(BIN)/python -m pytest -n 2 --timeout 1800 tests/api/test_stale_schedules.py && \
	CHATSRV_TEST_DOCUMENTS=12 CHATSRV_TEST_LIVES=100 $(BIN)/python -m pytest -n 2 --dist worksteal \
		tests/fuzz/test_documents.py tests/fuzz/test_directory.py && \
	CHATSRV_TEST_ATTACKS=5000 $(BIN)/python -m pytest -n 0 tests/fuzz/test_sockets.py

soak: $(VENV)/.installed-dev
	@CHATSRV_TEST_SCHEDULES=10000 $(BIN)/python -m pytest -n 2 --timeout 3600 -k schedule tests/storage/test_presence_faults.py
	@CHATSRV_TEST_FULL=1 $(BIN)/python -m pytest -n 2 --dist worksteal --timeout 600 --durations 0 tests/faults \
		tests/cli/test_users.py
	@CHATSRV_TEST_LOOP=uvloop $(BIN)/python -m pytest -n 2 --dist worksteal tests/wire tests/realtime
	@CHATSRV_TEST_FULL=1 $(BIN)/python -m pytest --timeout 600 tests/faults/reconnect_storm.py
	@$(BIN)/python -m tests.soak --minutes $(MINUTES) $(addprefix --report ,$(REPORT))
	@$(BIN)/python -m tests.soak --minutes $(MINUTES)/3 --workers 2 --postgres

bench: $(VENV)/.installed-dev
	@$(BIN)/python -m bench run $(if $(WORK),--work $(WORK)) $(if $(PEERS),--peers $(PEERS)) \
		$(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DATABASE),--database $(DATABASE)) $(if $(REDIS),--redis $(REDIS)) \
		$(addprefix --set ,$(SET)) $(if $(SAVE),--save $(SAVE)) $(ARGS)

lint: $(VENV)/.installed-dev
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

format: $(VENV)/.installed-dev
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

type: $(VENV)/.installed-dev
	@$(BIN)/mypy

layers: $(VENV)/.installed-dev
	@$(BIN)/lint-imports --no-cache

check: lint type layers test

# The pages that are made from the code.
docs: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.settings_page
	@$(BIN)/python -m tests.commands_page

screenshots: $(VENV)/.installed-dev
	@$(BIN)/python -m tests.browser.screenshots

# Newest versions that pyproject.toml allows, for every Python and platform; run the tests before you commit them.
pins: $(VENV)/.installed-dev
	@$(PIP) uv
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
		--extra dev pyproject.toml --output-file config/constraints.txt

# In a folder of its own: its own needs are not ours.
audit: | $(BIN)/pip
	@$(PYTHON) -m venv build/audit
	@build/audit/bin/python -m pip --disable-pip-version-check --quiet install pip-audit
	@build/audit/bin/pip-audit --requirement config/constraints.txt --no-deps --disable-pip --strict

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis

# pip comes last: where it is missing, an interrupted set-up is finished.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "chatsrv needs Python 3.11 or newer; name one with: make PYTHON=python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "this Python has no venv; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(PINS) | $(BIN)/pip
	@echo "installing chatsrv into $(VENV)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.installed-dev: $(PINS) | $(BIN)/pip
	@echo "installing chatsrv and the tools of its tests into $(VENV)"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/.installed
