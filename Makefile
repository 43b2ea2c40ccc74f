# One command per wish, the same here and in CI.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=

.PHONY: run test check bench crash clean help

help:            ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.run: pyproject.toml setup.py $(wildcard src/joule/kernels/c/*)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.run
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

run: $(VENV)/.run   ## start a node with a demo pipeline, no configuration needed
	$(BIN)/jouled --demo $(ARGS)

test: $(VENV)/.dev  ## unit, contract, property, integration and crash tests
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.dev ## linters, types and import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## benchmarks, figures as ratios measured in one run; ENGINE=postgres for that one
	$(BIN)/python -m bench $(if $(ENGINE),--engine $(ENGINE)) $(ARGS)

crash: $(VENV)/.dev ## kills, power cuts, failing calls, a full disk; COUNT scales them
	COUNT=$(or $(COUNT),20) $(BIN)/python -m pytest tests/crash $(ARGS)

clean:           ## remove the environment and what the tools left
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -rf src/joule.egg-info src/joule/kernels/_native*.so
