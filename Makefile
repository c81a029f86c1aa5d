# Mandate: everything a developer or a newcomer types. `make` alone tells what there is.
#
# Each target prepares .venv itself the first time; a stamp file makes it quick afterwards.
# `make demo` and `make serve` install what the product needs, the others also what tests need.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
TOOLS_VENV := .venv-tools
TOOLS := $(TOOLS_VENV)/.installed
PIP := -m pip --disable-pip-version-check --no-input
UV := uv==0.13.9
# A lock file is complete: nothing to resolve. Modules are compiled when they are first used.
LOCKED := --require-hashes --no-deps --no-compile

# Containers install as root, into an environment of their own.
export PIP_ROOT_USER_ACTION := ignore
# Some images set it; then each of some hundred processes would compile every module for itself.
unexport PYTHONDONTWRITEBYTECODE

# What a desk and the gate have in common; the others are suites of their own.
SUITE ?= not (browser or node or kill or nightly or postgres or openfga or frameworks)
JOBS ?= 2
PYTEST ?=

.PHONY: help
help: ## tell what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

# ------------------------------------------------------------------------ environments

$(BIN)/python:
	@echo "==> a Python environment in $(VENV)"
	@bash .ci/python -m venv $(VENV)

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	@echo "==> what Mandate needs to run (the first time this takes a minute or two)"
	@$(BIN)/python $(PIP) install $(LOCKED) -r requirements.lock
	@$(BIN)/python $(PIP) install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(DEV): requirements-dev.lock $(RUNTIME)
	@echo "==> what the tests and checks need"
	@$(BIN)/python $(PIP) install --require-hashes -r requirements-dev.lock | \
	    sed '/^Requirement already satisfied/d'
	@touch $@

# An MCP server is deployed without the server's packages: this environment proves it.
$(TOOLS): requirements-tools.lock
	@echo "==> an environment of its own for MCP servers in $(TOOLS_VENV)"
	@bash .ci/python -m venv $(TOOLS_VENV)
	@$(TOOLS_VENV)/bin/python $(PIP) install $(LOCKED) -r requirements-tools.lock
	@rm -rf $(TOOLS_VENV)/packages && mkdir $(TOOLS_VENV)/packages
	@ln -s ../../authz ../../mcp_tools $(TOOLS_VENV)/packages/
	@$(TOOLS_VENV)/bin/python -c 'import pathlib, sysconfig; \
	    pathlib.Path(sysconfig.get_path("purelib"), "mandate.pth").write_text( \
	    str(pathlib.Path("$(TOOLS_VENV)/packages").resolve()))'
	@touch $@

.PHONY: setup
setup: $(DEV) ## prepare .venv with everything

# --------------------------------------------------------------------------- the product

.PHONY: demo
demo: $(RUNTIME) $(TOOLS) ## watch agents act for a user, be refused, and be stopped
	@$(BIN)/mandate demo $(DEMO)

.PHONY: demo-broken
demo-broken: $(RUNTIME) $(TOOLS) ## turn off one check at a time and see the demo catch it
	@$(BIN)/python -m examples.demo.broken $(DEMO)

.PHONY: kit
kit: $(RUNTIME) ## build mandate-mcp into dist/: the kit for MCP servers and agents, alone
	@cd packages/mandate-mcp && ../../$(BIN)/python -m hatchling build -t wheel -d ../../dist

.PHONY: serve
serve: $(RUNTIME) ## run the server (settings: docs/settings.md)
	@$(BIN)/mandate serve $(SERVE)

# ---------------------------------------------------------------------------- the checks

.PHONY: test
test: $(DEV) ## run the tests (PYTEST="-k name" chooses)
	@$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile -m "$(SUITE)" $(PYTEST)

.PHONY: check
check: $(DEV) ## ruff, mypy, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

.PHONY: conformance
conformance: $(DEV) ## run the official MCP conformance suite (needs npm)
	@MANDATE_CI=1 MANDATE_NODE_PACKAGES=$$(bash .ci/node) \
	    $(BIN)/python -m pytest -q -m "node and not nightly" tests/conformance $(PYTEST)

.PHONY: bench
bench: $(DEV) ## compare with oidc-provider (needs Node 22, npm and wrk)
	@$(BIN)/python -m benchmarks.run $(BENCH)

.PHONY: bench-authz
bench-authz: $(DEV) ## compare the relationship engine with a real OpenFGA (needs Go and wrk)
	@$(BIN)/python -m benchmarks.relations.run $(BENCH)

.PHONY: bench-guard
bench-guard: $(DEV) ## measure what a guard adds to a tool call, online and offline
	@mkdir -p .cache
	@$(BIN)/python -m benchmarks.guard.run $(BENCH)

.PHONY: docs
docs: $(DEV) ## write docs/conformance.md from the manifest and check every link
	@$(BIN)/python -m tests.requirements
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/architecture/test_docs.py

.PHONY: node
node: ## install Node 22 and the npm clients of the tests into .cache/node
	@bash .ci/node

.PHONY: frameworks
frameworks: ## install FastMCP and agent frameworks into .cache/frameworks, for their tests
	@bash .ci/frameworks

.PHONY: compatibility
compatibility: $(DEV) ## run the clients of others and write docs/compatibility.md
	@rm -rf .cache/compatibility
	@MANDATE_CI=1 MANDATE_NODE_PACKAGES=$$(bash .ci/node) MANDATE_FRAMEWORKS=$$(bash .ci/frameworks) \
	    $(BIN)/python -m pytest -q -m "not nightly" tests/conformance tests/clients \
	    tests/interop
	@$(BIN)/python -m tests.compatibility

.PHONY: lock
lock: $(BIN)/python ## resolve the lock files again (needs the package index)
	@$(BIN)/python $(PIP) install --quiet $(UV)
	@bash .ci/lock $(BIN)/uv $(LOCK)

.PHONY: clean
clean: ## remove environments and caches
	@rm -rf $(VENV) $(TOOLS_VENV) .cache build dist site .hypothesis .schemathesis
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
