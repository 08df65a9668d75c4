# Tidegate. Every target sets up what it needs by itself; a second run finds it there.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

DEPLOY := collections/ansible_collections/tidegate/deploy
BIN    := .venv/bin
STAGE  := tools/stage
HOSTS  ?= 4

export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help
help:  ## this list
	@echo "Tidegate: make TARGET"
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

# --- for users ---------------------------------------------------------------------------------------------------

.PHONY: demo
demo: lab-packages runtime  ## a release in waves over real hosts, a bad one taken back (root; under 5 minutes)
	@tools/demo

.PHONY: fleet
fleet: lab-packages runtime  ## boot HOSTS=4 practice hosts on this machine and keep them (root)
	@python -m lab up $(HOSTS)

.PHONY: clean
clean:  ## take the practice hosts down; delete environments, caches and everything built
	@python3 -c 'from lab import fleet, state; [fleet.down(f.name) for f in state.fleets() if f.checkout == str(state.CHECKOUT)]'
	@rm -rf build dist .venv .venv-next .ansible .mypy_cache .ruff_cache .pytest_cache .hypothesis $(DEPLOY)/tests/output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- for developers ----------------------------------------------------------------------------------------------

.PHONY: check
check: dev  ## format, lint and types of Python; unit, property and architecture tests (under 2 minutes)
	@$(STAGE) ruff ruff check .
	@$(STAGE) ruff-format ruff format --check .
	@$(STAGE) mypy mypy
	@$(STAGE) architecture python -m pytest tests/architecture
	@$(STAGE) unit python -m pytest -n auto $(DEPLOY)/tests

.PHONY: lint
lint: dev  ## Ansible's own linters: ansible-lint, ansible-test sanity, antsibull; yamllint, shellcheck
	@$(STAGE) yamllint yamllint --strict .
	@$(STAGE) shellcheck tools/shellcheck
	@$(STAGE) ansible-lint ansible-lint --offline --profile production
	@$(STAGE) changelog sh -c 'cd $(DEPLOY) && antsibull-changelog lint'
	@$(STAGE) plugin-docs antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck $(DEPLOY)
	@$(STAGE) sanity tools/ansible-test .venv sanity

# Everything, one part after another. A new part is one more name here and its recipe below.
PARTS := check lint units host-pythons second

.PHONY: test
test:  ## all of the above, the second ansible-core, and the tests on real hosts
	@$(STAGE) --begin
	@$(MAKE) $(PARTS) || { $(STAGE) --summary; exit 1; }
	@$(STAGE) --summary

.PHONY: units
units: dev
	@$(STAGE) ansible-test-units tools/ansible-test .venv units

.PHONY: host-pythons
host-pythons:
	@$(STAGE) host-pythons tools/host-pythons

.PHONY: second
second: dev
	@$(STAGE) second-core tools/second-core

# --- set-up ------------------------------------------------------------------------------------------------------

.PHONY: runtime dev lab-packages
runtime:
	@tools/venv .venv runtime

dev:
	@tools/venv .venv dev

lab-packages:
	@tools/debian systemd-container mmdebstrap iproute2 nftables openssh-client
