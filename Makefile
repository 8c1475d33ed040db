# Bare `make` lists the targets. Each does its own set-up; any of them but `clean` may run beside another.

PYTHON ?= python3
PORT ?= 8080
ARGS ?=
RUN := .venv/bin/python
MODULE := $(RUN) -P -m
# More than a small machine has cores: a good part of the tests waits.
WORKERS ?= 4
TEST := $(MODULE) pytest -n $(WORKERS) --dist loadgroup

# What another environment left in the shell must not reach this one.
unexport PYTHONHOME PYTHONPATH PYTHONSTARTUP PYTHONSAFEPATH PYTHONOPTIMIZE PYTHONINSPECT
unexport VIRTUAL_ENV MYPYPATH __PYVENV_LAUNCHER__

.DEFAULT_GOAL := help
.PHONY: help setup generate check-generated lint format test test-long demo mock bench build check-wheel clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

setup: ## create or repair .venv (every target does it)
	@"$(PYTHON)" -I .dev/bootstrap.py $(if $(filter file,$(origin PYTHON)),,--exact)

demo: setup ## rename a conference on a local mock and see that nothing else changes
	@$(MODULE) signalwire_conferences_testing.demo $(ARGS)

mock: setup ## serve the stateful mock on 127.0.0.1 (PORT=8080)
	@$(MODULE) signalwire_conferences_testing --port $(PORT) $(ARGS)

contract: setup ## verify that a server keeps the contract (BASE_URL=..., CONFERENCE=ID, ARGS); stderr says "contract: broken (1)" or "could not run (2)"
	@$(MODULE) signalwire_conferences.cli verify $(if $(BASE_URL),"$(BASE_URL)") $(if $(CONFERENCE),--conference "$(CONFERENCE)") $(ARGS) || { \
	code=$$?; case $$code in 1) why=broken;; 130) why=interrupted;; *) why="could not run";; esac; \
	echo "contract: $$why ($$code)" >&2; exit $$code; }

test: setup ## run the tests, about two minutes (ARGS for pytest)
	$(TEST) -m "not long" $(ARGS)

test-long: setup ## run all tests with the long budget
	SIGNALWIRE_CONFERENCES_LONG=1 $(TEST) $(ARGS)

lint: setup ## check style and types
	$(MODULE) ruff check
	$(MODULE) ruff format --check
	$(MODULE) mypy

format: setup ## bring the code into shape
	$(MODULE) ruff check --fix-only
	$(MODULE) ruff format

generate: setup ## write generated/ from the contract
	@$(RUN) openapi/generate.py

check-generated: setup ## fail where generated/ is not what the contract gives
	@$(RUN) openapi/generate.py --check

bench: setup ## what the safety costs, as a ratio to a GET and a PUT by hand
	@$(RUN) contract_tests/benchmark.py

build: setup ## build the wheel and the source distribution into dist/
	@$(MODULE) build --no-isolation .

check-wheel: setup ## build, install into a clean environment and try it out (ARGS="--dependencies oldest" or "newest": run tests on those)
	@$(RUN) .dev/check_wheel.py $(ARGS)

clean: ## remove what was made, except .venv
	@rm -rf dist .cache .hypothesis .schemathesis mutants
	@find generated overrides contract_tests openapi .dev -name __pycache__ -prune -exec rm -rf {} +
