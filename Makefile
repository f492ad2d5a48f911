# Gallop on your own machine. `make` lists what there is.
# Needs Python 3.11 or newer and a package index; everything is installed into .venv*, nothing outside this folder.

.DEFAULT_GOAL := help
# Targets are sequences of steps, and each step uses the machine as it can: -j must not mix them, but where we say so.
ifndef SIDE_BY_SIDE
.NOTPARALLEL:
endif

PY := .venv/bin/python
TESTBED := tests/testbed/requirements.txt
TESTS := $(TESTBED) tests/requirements.txt
STEP := @.ci/step
# A gate gives the same answer twice: Hypothesis looks for new examples when pytest is run by hand, and not here.
# By file, because the tests of a file share what they set up; four testbeds side by side are enough for any machine.
PYTEST := -m pytest -n 3 --dist loadfile --hypothesis-profile ci
# Bytecode of this machine's Python has no place in a function; that of Lambda's own version has, in the layer.
SAM_BUILD = sh -c 'find functions -name __pycache__ -prune -exec rm -rf {} + && PYTHON_3_13=$$(.ci/python 3.13) sam build'
FAST := $(wildcard tests/unit tests/functional tests/template tests/workflow)
# Lambda runs 3.13: there every function is tried once more, and what reads JSON, pictures and records.
OWN := tests/functional/test_events.py tests/unit/domain/request tests/unit/media tests/unit/adapters/table
# Proofs that take minutes each, and the machine for themselves: `make proofs`.
PROOFS := $(addprefix tests/e2e/test_,fault_matrix.py openai.py dashscope_dialect.py pages.py permissions_used.py s3_door.py \
	schemathesis.py completion_events.py caps.py bad_input.py wrong_vendor.py uploads.py webhooks.py demo.py) tests/functional/testbed/test_make_up.py \
	$(addprefix tests/functional/,promise/test_large_batch.py promise/test_parked.py promise/test_money.py \
	doors/s3/test_many_drops.py services/test_drop_updates.py test_load.py) tests/unit/media/test_pictures_large.py
# For every Python, wherever it is run from: the repository, its layer and the fake DashScope.
export PYTHONPATH := $(CURDIR):$(CURDIR)/shared:$(CURDIR)/tests/testbed/fake_dashscope/src

.PHONY: help
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*  ## ' $(firstword $(MAKEFILE_LIST)) | awk -F ':.*  ## ' '{printf "  make %-13s %s\n", $$1, $$2}'
	@echo
	@echo "  PYTHON=/path/to/python3 names the Python to use (3.11 or newer)."

# ---------------------------------------------------------------- run it
.PHONY: demo up env vendor key
demo: .testbed-ready  ## watch two jobs go through both doors, to videos in out/demo/
	@$(PY) -m tests.testbed.demo

up: .testbed-ready  ## keep the testbed running (SPEED=, API_PORT=, AWS_PORT=, DASHSCOPE_PORT=) until Ctrl-C
	@$(PY) -m tests.testbed

env: .testbed-ready  ## show the running testbed as variables for a shell to eval
	@$(PY) -m tests.testbed.env

vendor: .testbed-ready  ## keep only the fake DashScope running (SPEED=, DASHSCOPE_PORT=) until Ctrl-C
	@.venv/bin/fake-dashscope $(if $(SPEED),--speed $(SPEED)) $(if $(DASHSCOPE_PORT),--port $(DASHSCOPE_PORT))

key: .testbed-ready  ## make a key of the HTTPS door: CLIENT=name [EXPIRES=90d], at the running testbed or at a stack in AWS (STACK=gallop)
	@test -n "$$CLIENT" || { echo "Say whose key: make key CLIENT=name"; exit 2; }
	@.venv/bin/gallop keys create "$$CLIENT" $(if $(EXPIRES),--expires "$$EXPIRES") $(if $(STACK),--stack "$$STACK")

# ---------------------------------------------------------------- test it
.PHONY: test check proofs
test: .environments-ready .gate-passed  ## run the gate, then all tests but the proofs
	@$(PY) $(PYTEST) $(addprefix --ignore=,$(PROOFS))

proofs: .tests-ready .python-3.13  ## run the proofs that take minutes each, and what differs under Lambda's Python
	@$(PY) -m pytest --hypothesis-profile ci $(PROOFS)

check: .gate-passed  ## run the gate and the fast tests
	@$(PY) $(PYTEST) $(FAST) $(addprefix --ignore=,$(PROOFS))

.PHONY: .gate-passed
.gate-passed: .tests-ready .checkov-ready
	$(STEP) "ruff format" $(PY) -m ruff format --check .
	$(STEP) "ruff check" $(PY) -m ruff check .
	$(STEP) "prose" $(PY) .ci/prose.py
	$(STEP) "import-linter" $(PY) -c "from importlinter.cli import lint_imports_command as run; run()" --no-logo
	$(STEP) "deptry, what is deployed" $(PY) -m deptry shared/gallop functions --config .ci/deptry.toml
	$(STEP) "deptry, tests" $(PY) -m deptry tests shared/gallop/cli --config .ci/deptry-tests.toml
	$(STEP) "GitHub's files" .ci/github .venv/bin
	$(STEP) "mypy" $(PY) -m mypy
	$(STEP) "translation" $(PY) -m tests.template out/translated.json
	$(STEP) "cfn-lint" $(PY) -c "import sys, cfnlint.runner as run; sys.exit(run.main())" template.yaml out/translated.json
	$(STEP) "checkov" .venv-checkov/bin/python -m checkov.main --config-file .checkov.yaml
	@if command -v sam >/dev/null; then .ci/step "sam validate" sam validate --lint --region us-east-1 && .ci/step "sam build" $(SAM_BUILD); \
	else echo "sam validate, sam build     skipped: no SAM CLI here"; fi

.PHONY: .python-3.13
.python-3.13: .tests-ready .python-3.13-ready
	@if [ "$$($(PY) -c 'import sys; print(sys.version_info[:2])')" = "(3, 13)" ]; then :; \
	elif .ci/python 3.13 >/dev/null; then .ci/step "tests under Python 3.13" .venv-3.13/bin/python $(PYTEST) $(OWN); \
	else echo "tests under Python 3.13     skipped: no Python 3.13 here"; fi

.PHONY: chaos load soak bench-polling
chaos: .tests-ready  ## break N=200 jobs at random (SEED=, SPEED=), then count tasks, charges and ends
	@$(PY) -m tests.chaos

load: .tests-ready  ## drop N=100 jobs of three clients at once (N="10 100 1000" SPEED= SEED= KILLS=), then count what they took
	@$(PY) -m tests.load

soak: .tests-ready  ## send a steady stream of jobs for MINUTES=120 of simulated time, functions killed at random (SEED=, CHANCE=)
	@$(PY) -m tests.load.soak

bench-polling: .tests-ready  ## measure when DashScope is asked against other schedules, into docs/polling.md
	@$(PY) -m tests.docs.polling_page

# ---------------------------------------------------------------- ship it
.PHONY: build docs lock clean
build:  ## build the stack for AWS with the SAM CLI (then: sam deploy --guided)
	@command -v sam >/dev/null || { echo "sam build needs the AWS SAM CLI: https://docs.aws.amazon.com/serverless-application-model/"; exit 1; }
	@$(SAM_BUILD)

docs: .tests-ready  ## update what the pages show of the code and the template
	@$(PY) -m tests.template.picture
	@$(PY) -m tests.docs.fake_dashscope_page
	@$(PY) -m tests.docs.errors_page
	@$(PY) -m tests.docs.pages

lock:  ## resolve the *.in files anew into the hashed lock files
	@.ci/lock

clean:  ## remove all that make has made
	@rm -rf .venv .venv-3.13 .venv-checkov .venv-lock .aws-sam out .testbed .testbed.json
	@rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	@find .ci shared functions tests -name __pycache__ -type d -prune -exec rm -rf {} +

# ---------------------------------------------------------------- set-up: each is done once per content of its locks
.PHONY: .testbed-ready .tests-ready .checkov-ready .python-3.13-ready .environments-ready
# Standard output is the command's own, for KEY=$(make -s key CLIENT=me).
.testbed-ready:
	@python=$$(.ci/python) && "$$python" .ci/venv.py --commands .venv $(TESTBED) >&2

.tests-ready:
	@python=$$(.ci/python) && "$$python" .ci/venv.py --commands .venv $(TESTS)

.checkov-ready:
	@python=$$(.ci/python) && "$$python" .ci/venv.py .venv-checkov .ci/checkov/requirements.txt

.python-3.13-ready:
	@if [ "$$($$(.ci/python) -c 'import sys; print(sys.version_info[:2])')" != "(3, 13)" ] && python=$$(.ci/python 3.13); then \
		PYTHON= "$$python" .ci/venv.py .venv-3.13 $(TESTS); fi

# Side by side, because pip keeps one core busy.
.environments-ready:
	@$(MAKE) --no-print-directory -j2 SIDE_BY_SIDE=1 .tests-ready .checkov-ready
