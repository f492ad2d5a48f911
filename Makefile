# Gallop on your own machine. `make` lists the targets.
# Requires Python 3.11 or newer and a package index. Everything is installed into .venv*; nothing outside this folder.

.DEFAULT_GOAL := help
# Targets are sequences of steps, and a step may use the whole machine: -j must not mix them, except where stated.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif

PY := .venv/bin/python
TESTBED := tests/testbed/requirements.txt
TESTS := $(TESTBED) tests/requirements.txt
# A gate must be reproducible: Hypothesis looks for new examples when pytest is run by hand, and not here.
# Distributed by file, because the tests of a file share fixtures; three processes suit any machine.
# Each process imports what it is to test: not what only a proof needs.
PYTEST := -m pytest -n 3 --dist loadfile --hypothesis-profile ci -p no:schemathesis
# Bytecode of this machine's Python must not be deployed; the layer contains that of Lambda's own version.
SAM = SAM_CLI_TELEMETRY=0 .venv-sam/bin/sam
SAM_BUILD = sh -c 'find functions -name __pycache__ -prune -exec rm -rf {} + && PYTHON_3_13=$$(.ci/python 3.13) $(SAM) build'
FAST := $(wildcard tests/unit tests/functional tests/template tests/workflow)
# Lambda runs Python 3.13: there, test every function again, and everything that reads JSON, images and records.
OWN := tests/functional/test_events.py tests/unit/domain/request tests/unit/media tests/unit/adapters/table
# Tests that take minutes each and use the whole machine: `make proofs`.
PROOFS := $(addprefix tests/e2e/test_,fault_matrix.py openai.py dashscope_dialect.py pages.py permissions_used.py s3_door.py \
	schemathesis.py generated_clients.py completion_events.py caps.py bad_input.py wrong_vendor.py uploads.py webhooks.py demo.py \
	other_systems.py every_kind.py operations.py agents.py alarms.py doctor.py upgrades.py sam_cli.py ten_runs.py client.py \
	client_wheel.py command.py signing.py accounts.py fault_matrix_lanes.py) \
	$(addprefix tests/e2e/page/test_,files.py list.py network.py variants.py) \
	tests/functional/testbed/test_make_up.py tests/template/test_layer_builds.py \
	tests/functional/fake_dashscope/test_litellm.py \
	$(addprefix tests/functional/,promise/test_batch_cancel_kills.py promise/test_large_batch.py promise/test_quiet_day.py promise/test_parked.py promise/test_money.py promise/test_outages.py \
	promise/test_variants_killed.py doors/s3/test_many_drops.py doors/s3/test_corpus.py services/test_drop_updates.py test_load.py) tests/unit/media/test_pictures_large.py
# For every Python process, in any folder: the repository, its layer and the fake DashScope.
export PYTHONPATH := $(CURDIR):$(CURDIR)/shared:$(CURDIR)/tests/testbed/fake_dashscope/src
# Some containers set it: then each process of the tests would compile all of them again, for ten seconds.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*  ## ' $(firstword $(MAKEFILE_LIST)) | awk -F ':.*  ## ' '{printf "  make %-14s %s\n", $$1, $$2}'
	@echo
	@echo "  PYTHON=/path/to/python3 selects the Python to use (3.11 or newer)."

# ---------------------------------------------------------------- run it
.PHONY: demo up env vendor key
demo: .testbed-ready  ## make a video of each kind through both doors; they are in out/demo/
	@$(PY) -m tests.testbed.demo

# In the background of a script, stop it with `kill`: there make itself ignores SIGINT.
up: .testbed-ready  ## run the testbed until Ctrl-C (SPEED=, CONCURRENCY=, NOTIFY_EMAIL=, API_PORT=, AWS_PORT=, DASHSCOPE_PORT=)
	@$(PY) -m tests.testbed

env: .testbed-ready  ## print the running testbed as shell variables, for eval
	@$(PY) -m tests.testbed.env

vendor: .testbed-ready  ## run only the fake DashScope until Ctrl-C (SPEED=, DASHSCOPE_PORT=)
	@.venv/bin/fake-dashscope $(if $(SPEED),--speed $(SPEED)) $(if $(DASHSCOPE_PORT),--port $(DASHSCOPE_PORT))

key: .testbed-ready  ## create an API key: CLIENT=name [EXPIRES=90d], for the running testbed or a stack in AWS (STACK=gallop)
	@test -n "$$CLIENT" || { echo "CLIENT is missing. Name the key's client: make key CLIENT=name"; exit 2; }
	@.venv/bin/gallop keys create "$$CLIENT" $(if $(EXPIRES),--expires "$$EXPIRES") $(if $(STACK),--stack "$$STACK")

# ---------------------------------------------------------------- test it
.PHONY: test check coverage proofs
test: .environments-ready .gate-passed  ## run the gate, then all tests except the proofs
	@$(PY) $(PYTEST) $(addprefix --ignore=,$(PROOFS))

# Of its own, because measuring takes a third of the tests' time again.
coverage: .tests-ready  ## run the same tests and measure what they cover; fails below the floor in pyproject.toml
	@$(PY) $(PYTEST) --cov --cov-report=term:skip-covered $(addprefix --ignore=,$(PROOFS))

proofs: .tests-ready .clients-ready .sam-ready .python-3.13  ## run the tests that take minutes each, and the tests under Lambda's Python
	@$(PY) -m pytest --hypothesis-profile ci $(PROOFS)

check: .gate-passed  ## run the gate and the fast tests
	@$(PY) $(PYTEST) $(FAST) $(addprefix --ignore=,$(PROOFS))

.PHONY: .gate-passed
.gate-passed: .tests-ready .checkov-ready .sam-ready
	@$(PY) .ci/gate.py

.PHONY: .python-3.13
.python-3.13: .tests-ready .python-3.13-ready
	@if [ "$$($(PY) -c 'import sys; print(sys.version_info[:2])')" = "(3, 13)" ]; then :; \
	elif .ci/python 3.13 >/dev/null; then .venv-3.13/bin/python $(PYTEST) $(OWN); \
	else echo "tests under Python 3.13     skipped: Python 3.13 is not installed"; fi

.PHONY: promises chaos load soak simulate-day bench bench-door bench-polling
promises: .tests-ready  ## print each promise, the tests that prove it, and their last results
	@$(PY) -m tests.docs.promises

chaos: .tests-ready  ## run N=200 jobs with random faults (SEED=, SPEED=), then count tasks, charges and ends
	@$(PY) -m tests.chaos

load: .tests-ready  ## run N=100 jobs of three clients at once (N="10 100" LANES="1 4" SPEED= SEED= KILLS= PAGE=), then measure usage and cost
	@$(PY) -m tests.load

soak: .tests-ready  ## run a steady stream of jobs for MINUTES=120 of simulated time, with random kills (SEED=, CHANCE=, LANES=)
	@$(PY) -m tests.load.soak

simulate-day: .tests-ready  ## run a day of N=100000 jobs on LANES=20 lanes in one process (HOURS=, SEED=), then its hottest partitions
	@$(PY) -m tests.load.day

bench: .tests-ready  ## measure everything of docs/performance.md and write it, in ten minutes (ONLY="cold_start result" prints parts)
	@$(PY) -m tests.bench $(ONLY)

bench-door: .tests-ready  ## compare the HTTPS door with that of an earlier commit, over 32 connections
	@$(PY) -m tests.bench door

bench-polling: .tests-ready  ## compare polling schedules; writes docs/polling.md
	@$(PY) -m tests.docs.polling_page

.PHONY: page-pictures
page-pictures: .tests-ready  ## take the pictures of docs/page.md again; needs Chromium
	@$(PY) -m tests.docs.page_pictures

# ---------------------------------------------------------------- ship it
.PHONY: build wheel docs lock clean
build: .sam-ready  ## build the stack for AWS; needs Python 3.13 (then: .venv-sam/bin/sam deploy --guided)
	@$(SAM_BUILD)

wheel: .testbed-ready  ## build the Python client, with its command, as a wheel in out/
	@$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir out ./shared

docs: .tests-ready  ## regenerate the parts of the documentation that are made from code
	@$(PY) -m tests.template.picture
	@$(PY) -m tests.docs.fake_dashscope_page
	@$(PY) -m tests.docs.aws_services
	@$(PY) -m tests.docs.errors_page
	@$(PY) -m gallop.doors.https.openapi functions/describe functions/page
	@$(PY) -m gallop.doors.mcp.catalogue functions/mcp
	@$(PY) -m tests.docs.pages

lock:  ## resolve the *.in files again into the hashed lock files
	@.ci/lock

clean:  ## remove everything that make has created
	@rm -rf .venv .venv-3.13 .venv-clients .venv-checkov .venv-sam .venv-lock .aws-sam out .testbed .testbed.json
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find .ci shared functions tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- set-up: runs once per content of the lock files
.PHONY: .testbed-ready .tests-ready .clients-ready .checkov-ready .sam-ready .python-3.13-ready .environments-ready
# Standard output is only the command's own, for KEY=$(make -s key CLIENT=me).
.testbed-ready:
	@python=$$(.ci/python) && "$$python" .ci/venv.py --commands .venv $(TESTBED) >&2

.tests-ready:
	@python=$$(.ci/python) && "$$python" .ci/venv.py --commands .venv $(TESTS)

.clients-ready:
	@python=$$(.ci/python) && "$$python" .ci/venv.py .venv-clients tests/clients/requirements.txt
	@if ! command -v npm >/dev/null; then echo "tests of generated clients  skipped: npm is not installed"; \
	elif ! cmp -s tests/clients/package-lock.json .venv-clients/node/.installed; then mkdir -p .venv-clients/node && \
		cp tests/clients/package*.json tests/clients/.npmrc .venv-clients/node && npm ci --silent --prefix .venv-clients/node && \
		cp tests/clients/package-lock.json .venv-clients/node/.installed; fi

.checkov-ready:
	@python=$$(.ci/python) && "$$python" .ci/venv.py .venv-checkov .ci/checkov/requirements.txt

.sam-ready:
	@python=$$(.ci/python) && "$$python" .ci/venv.py .venv-sam .ci/sam/requirements.txt

.python-3.13-ready:
	@if [ "$$($$(.ci/python) -c 'import sys; print(sys.version_info[:2])')" != "(3, 13)" ] && python=$$(.ci/python 3.13); then \
		PYTHON= "$$python" .ci/venv.py .venv-3.13 $(TESTS); fi

# In parallel, because pip uses only one core.
.environments-ready:
	@$(MAKE) --no-print-directory -j2 SIDE_BY_SIDE=1 .tests-ready .checkov-ready .sam-ready
