# Everything that is done often. `make help` lists it. Needed: make, and Python 3.11 or later.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

# Tests are shared out in groups that share servers (conftest.py).
# Three on two cores: many wait for servers.
WORKERS ?= 3
SHARED  := --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder

# What Python has compiled is kept, also where the environment says otherwise: dozens of processes are started.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run demo test coverage test-containers faults check format bench lock lock-upgrade image clean purge stress simulate tamper verifiers mutants sandbox model-report scorecard

help: ## show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.ready ## start everything on this machine, http://127.0.0.1:8000 (PUHUI_PORT; DEMO=0 starts empty)
	@exec $(BIN)/puhui run

demo: $(VENV)/.ready ## take 1,000 real applications through life (SEED, LOANS, BROKER=tansu|kafka), then stop
	@exec $(BIN)/puhui demo

sandbox: $(VENV)/.ready ## a platform for a partner's developer, one partner ready, http://127.0.0.1:8010 (FUNDS=CALLED)
	@exec $(BIN)/puhui sandbox $(if $(FUNDS),--funds $(FUNDS))

stress: $(VENV)/.ready ## the total order under 200,000 events of every kind of writer (EVENTS, SEED)
	$(BIN)/python -m tools.stress $(if $(EVENTS),--events $(EVENTS)) $(if $(SEED),--seed $(SEED))

simulate: $(VENV)/.ready ## the kit's protocols under seeded schedules of crashes (SCHEDULES, SEED)
	$(BIN)/python -m tools.simulate $(if $(SCHEDULES),--schedules $(SCHEDULES)) $(if $(SEED),--seed $(SEED))

test: $(VENV)/.ready-dev ## every test, but those that need Docker (ARGS="-k ledger" chooses, WORKERS=0 in one process)
	$(BIN)/pytest $(SHARED) $(ARGS)

coverage: $(VENV)/.ready-dev ## tests near to libs and domains, and the branches there that none of them takes
	$(BIN)/pytest $(SHARED) -m measured --cov --cov-report=term:skip-covered $(ARGS)

test-containers: $(VENV)/.ready-dev ## the image, the compose stack and testcontainers, on a Docker engine
	$(BIN)/pytest -m containers tests/containers $(ARGS)
	PUHUI_TEST_DOCKER=1 $(BIN)/pytest -m integration libs/events standalone/tests/test_brokers.py $(ARGS)

faults: $(VENV)/.ready-dev ## kill, freeze and wipe under load, then judge (SEED, FAULTS=200, BROKER=kafka|tansu, MINUTES)
	$(BIN)/python -m tests.faults

check: $(VENV)/.ready-dev ## lint, formatting, types, import rules, generated files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tools.generate --check

format: $(VENV)/.ready-dev ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.ready-bench ## every benchmark, or NAME=append one of them (FULL=1: full size); results in bench/results
	$(BIN)/python -m bench $(if $(FULL),--full) $(NAME)

tamper: $(VENV)/.ready-dev ## tamper with a store of EVENTS events, triggers disabled, and show what is found (EVENTS=1000000: full size)
	$(BIN)/python -m tools.tamper --events $(or $(EVENTS),20000) --clean $(or $(CLEAN),10)

verifiers: $(VENV)/.ready-dev ## both verifiers on the same BUNDLES bundles with faults by seed (needs Node.js)
	$(BIN)/python -m tools.verify.compare --bundles $(or $(BUNDLES),1000)

mutants: $(VENV)/.ready-dev ## plant errors in the loan mathematics, one at a time: a test fails for each (ARGS="rounding day")
	$(BIN)/python -m tools.mutants $(ARGS)

model-report: $(VENV)/.ready ## the model report of a card as HTML and PDF (CARD=german-credit-v1, or a draft's path) into docs/results
	$(BIN)/python -m tools.scorecards.model_report $(or $(CARD),german-credit-v1)

scorecard: $(VENV)-scorecards/.ready ## build the scorecards again: the same bytes, or a new version is needed
	$(VENV)-scorecards/bin/python -m tools.scorecards.build

image: ## build the container image puhui:dev
	docker build --tag puhui:dev .

lock: ## write requirements/ anew from pyproject.toml, versions kept where they fit (needs uv)
	tools/lock

lock-upgrade: ## the same with the newest versions
	tools/lock --upgrade

clean: ## remove caches and build results; data under var/ stays
	rm -rf build dist htmlcov .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

purge: clean ## remove everything that is not in the repository, data under var/ and the environment too
	rm -rf var $(VENV) $(VENV)-scorecards

# Two sizes of one environment: what runs the product, and what works on it besides.
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'Python 3.11 or later is needed: make PYTHON=python3.12'; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements/standalone.txt pyproject.toml | $(VENV)/bin/python
	$(PIP) install --no-deps --require-hashes --requirement requirements/standalone.txt
	$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.ready-dev: requirements/dev.txt $(VENV)/.ready
	$(PIP) install --no-deps --require-hashes --requirement requirements/dev.txt
	@touch $@

# What builds scorecards has no place in a service: an environment of its own.
$(VENV)-scorecards/.ready: requirements/scorecards.txt
	$(PYTHON) -m venv $(VENV)-scorecards
	$(VENV)-scorecards/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --require-hashes --requirement $<
	@touch $@

# And the peers that we measure ourselves against.
$(VENV)/.ready-bench: requirements/bench.txt $(VENV)/.ready
	$(PIP) install --no-deps --require-hashes --requirement requirements/bench.txt
	@touch $@
