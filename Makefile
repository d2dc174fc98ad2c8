# The two commands that matter are `make run` and `make test`; each sets up what it needs, once.
# A checkout needs Python 3.11 or later and make. Nothing is installed outside .venv and
# node_modules but Debian packages, and those only by root (else the command to type is shown).

.DEFAULT_GOAL := help
SHELL := /bin/sh
PY := .venv/bin/python
PIP := PIP_CONSTRAINT=.ci/constraints.txt PIP_BUILD_CONSTRAINT=.ci/constraints.txt \
	PIP_DISABLE_PIP_VERSION_CHECK=1 $(PY) -m pip install -q
NPM := npm --prefix client-js --silent
ARGS ?=

# A stamp is a file that says: this step was done for these inputs. They live in the folder that
# the step fills, so that deleting the folder is all it takes to start over.
PINS := pyproject.toml .ci/constraints.txt
RUN_STAMP := .venv/.stamp-run
DEV_STAMP := .venv/.stamp-dev
JS_STAMP := client-js/node_modules/.stamp

.PHONY: help run test check fmt bench clean setup tools format lint types imports js pytest

help: ## list the commands
	@grep -hE '^[a-z]+:.*## ' Makefile | sed 's/:.*## /: /' | column -t -s: 2>/dev/null \
		|| grep -hE '^[a-z]+:.*## ' Makefile

run: $(RUN_STAMP) ## set up what it takes to run, and start `gateway dev` (ARGS="--port 9000")
	$(PY) -m gateway dev $(ARGS)

test: setup check pytest ## set up everything, then every gate and every test

check: setup format lint types imports js ## every gate but the tests

setup: tools $(DEV_STAMP) $(JS_STAMP)

tools:
	@.ci/need node=nodejs npm=npm chromium=chromium cc=gcc cc=libc6-dev

$(PY):
	@.ci/make-venv .venv

$(RUN_STAMP): $(PINS) | $(PY)
	$(PIP) -e .
	@touch $@

$(DEV_STAMP): $(PINS) | $(PY)
	$(PIP) -e '.[dev]'
	@touch $@ $(RUN_STAMP)

$(JS_STAMP): client-js/package.json client-js/package-lock.json | tools
	cd client-js && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

format: $(DEV_STAMP)
	$(PY) -m ruff format --check .

lint: $(DEV_STAMP)
	$(PY) -m ruff check .

types: $(DEV_STAMP)
	$(PY) -m mypy

imports: $(DEV_STAMP)
	.venv/bin/lint-imports --cache-dir .import_linter_cache

js: $(JS_STAMP)
	$(NPM) run types
	NODE_OPTIONS=--test-reporter=spec $(NPM) test
	$(NPM) run size

pytest: setup
	$(PY) -m pytest -n 2 --dist worksteal $(ARGS)

fmt: $(DEV_STAMP) ## format and fix what can be fixed without a thought
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: $(DEV_STAMP) ## measure, and write the tables of bench/README.md (ARGS="fanout -n 1000")
	@.ci/need cc=gcc cc=libc6-dev taskset=util-linux
	$(PY) -m bench.run $(or $(ARGS),all --write)

clean: ## take away everything that was installed or built
	rm -rf .venv client-js/node_modules bench/build dist build .mypy_cache .ruff_cache \
		.pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
