# Fifty: set-up and everything one runs. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup run test check lint acceptance proof bench handbook up lock clean

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
IS_USABLE := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))
ACCEPTANCE_MINUTES ?= 20
PROOF_MINUTES ?= 40

help: ## what one can do here
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## install everything into .venv (the other targets do it themselves)

# A Python is tried by running it: a name on the path may be a shim without a version behind it.
$(STAMP): requirements.lock pyproject.toml
	@python=""; if $(BIN)/python -c '$(IS_USABLE)' >/dev/null 2>&1; then python=$(BIN)/python; fi; \
	for candidate in python3.12 python3.11 python3; do \
	    if [ -z "$$python" ] && $$candidate -c '$(IS_USABLE)' >/dev/null 2>&1; then python=$$candidate; fi; done; \
	if [ -z "$$python" ]; then echo "Fifty needs Python 3.11 or 3.12 with its venv module; none was found on the path." >&2; exit 2; fi; \
	echo "Setting up .venv with $$($$python --version) from requirements.lock; the first time takes a few minutes."; \
	if [ "$$python" != $(BIN)/python ]; then rm -rf $(VENV) && $$python -m venv $(VENV); fi && \
	$(BIN)/python -m pip install -qq --require-hashes -r requirements.lock && \
	$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e . && \
	touch $(STAMP)

run: $(STAMP) ## run the main job once through Airflow, against the demo platforms, and say what was found beside what is true
	@$(BIN)/python -m scheduler.run_once

test: $(STAMP) ## run the tests, in two processes
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder

acceptance: $(STAMP) ## run the pipeline against real platform servers and compare with an oracle
	@timeout --foreground $(ACCEPTANCE_MINUTES)m $(BIN)/python -m tests.acceptance

proof: $(STAMP) ## run every service of docker-compose.yml as a process: schedule, chain, kill, restart, backfill, workers
	@timeout --foreground $(PROOF_MINUTES)m $(BIN)/python -m tests.proof

# Each writes bench/results/<name>.json; one that fails does not keep the others from running.
BENCHES ?= landing storage peers performance agency completeness steadiness validity kills
bench: $(STAMP) ## every bench, about two and a half hours on two cores; BENCHES="peers agency" runs some; writes bench/results/ and docs/evidence.md
	@failed=""; for bench in $(BENCHES); do echo "== $$bench"; $(BIN)/python -m bench.$$bench || failed="$$failed $$bench"; done; \
	$(BIN)/python -m bench.evidence || failed="$$failed evidence"; \
	if [ -n "$$failed" ]; then echo "failed:$$failed" >&2; exit 1; fi

handbook: $(STAMP) ## write docs/handbook.md anew from the models, and docs/runbook.md from errors and gates
	@$(BIN)/python -m fifty.handbook
	@$(BIN)/python -m fifty.runbook

up: $(STAMP) ## start Airflow with its schedules on 127.0.0.1; Ctrl-C ends it
	@$(BIN)/python -m scheduler.up

lint: $(STAMP) ## ruff, mypy and sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --disable-progress-bar --processes 2 dbt_project/models

check: $(STAMP) ## all that continuous integration runs
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test
	@echo "== make run, twice"
	@$(BIN)/python -m scheduler.smoke
	@$(MAKE) --no-print-directory acceptance
	@echo "== make proof, its bounded part"
	@timeout --foreground 15m $(BIN)/python -m tests.proof --bounded

lock: $(STAMP) ## resolve the dependencies anew (needs uv)
	uv pip compile pyproject.toml --extra production --extra demo --extra test --extra bench --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header --no-strip-extras --quiet --output-file requirements.lock
	$(BIN)/python .ci/complete_lock.py requirements.lock

clean: ## remove what runs leave in .run (landed data and .venv stay)
	rm -rf .run
