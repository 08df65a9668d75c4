# Tidegate. Every target sets up what it needs by itself; a second run finds it there.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

DEPLOY := collections/ansible_collections/tidegate/deploy
STAGE   = tools/stage $@

export PATH := $(CURDIR)/.venv/bin:$(PATH)
# What is compiled is kept: a stage starts hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help:  ## this list
	@echo "Tidegate: make TARGET"
	@sed -nE 's/^([a-z-]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

# --- for users ---------------------------------------------------------------------------------------------------

.PHONY: demo fleet bench clean
demo: machine runtime  ## a release in waves over real hosts, a bad one taken back (root; under 5 minutes)
	@python -m lab.demo

fleet: machine runtime  ## boot the hosts of inventories/demo and keep them, or HOSTS=n others (root)
	@python -m lab up $(HOSTS)

bench: machine runtime  ## measure a rollout beside other tools (root; RUNS=3 HOSTS=20 ONLY=names; keep: python -m bench.report --keep)
	@tools/venv build/bench-venv bench
	@python -m bench --hosts $(or $(HOSTS),20) --runs $(or $(RUNS),3) --only "$(ONLY)"

clean:  ## take the practice hosts down; delete environments, caches and everything built
	@python3 -c 'from lab import fleet, state; [fleet.down(f.name) for f in state.fleets() if f.checkout == str(state.CHECKOUT)]'
	@rm -rf build dist .venv .venv-next .ansible .mypy_cache .ruff_cache .pytest_cache .hypothesis $(DEPLOY)/tests/output
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- for developers: each name in a list is a target of its own, too ----------------------------------------------

CHECKS    := ruff format types site unit
LINTS     := yamllint shellcheck ansible-lint changelog plugin-docs sanity
COMPUTING := $(CHECKS) second-core playbooks
READING   := $(LINTS) store host-pythons
MOLECULE  := molecule molecule-second-core

# Tests of the site that need no practice hosts, and those that run playbooks on this machine alone; every other folder of
# tests/ needs them, but for tests/store, which needs PostgreSQL.
WITHOUT_HOSTS := tests/architecture tests/bench tests/docs
PLAYBOOKS     := tests/attacks tests/gate
WITH_HOSTS    := $(filter-out $(WITHOUT_HOSTS) $(PLAYBOOKS) tests/store,$(patsubst %/,%,$(wildcard tests/*/)))

.PHONY: check lint test hosts $(MOLECULE) $(COMPUTING) $(READING)
check: $(CHECKS)  ## lint, format and types of Python; unit, property and architecture tests (under 2 minutes)

lint: $(LINTS)  ## Ansible's own linters: ansible-lint, ansible-test sanity, antsibull; yamllint, shellcheck

# Three things side by side; what computes leaves the processor to the practice hosts, whose time limits are real.
EACH   = $(MAKE) --keep-going
NICELY = nice -n 15 $(EACH)
test:  ## all of the above, the second ansible-core, and the tests on real hosts
	@tools/stage --begin
	@$(MAKE) dev lab-packages
	@tools/beside "$(NICELY) $(COMPUTING)" "$(NICELY) $(READING)" "$(EACH) hosts $(MOLECULE)" \
		|| { tools/stage --summary; exit 1; }
	@tools/stage --summary

ruff: dev
	@$(STAGE) ruff check .

format: dev
	@$(STAGE) ruff format --check .

types: dev
	@$(STAGE) mypy

site: dev
	@$(STAGE) python -m pytest -n auto $(WITHOUT_HOSTS)

# One more than there are processors: some tests wait, for an answer that does not come or for the end of a time limit.
unit: dev
	@$(STAGE) python -m pytest -n $$(($$(nproc) + 1)) $(DEPLOY)/tests

playbooks: dev
	@$(STAGE) python -m pytest -n 2 --dist loadfile $(PLAYBOOKS)

store: dev store-packages
	@$(STAGE) python -m pytest tests/store

yamllint: dev
	@$(STAGE) yamllint --strict .

shellcheck: dev
	@$(STAGE) tools/shellcheck

ansible-lint: dev
	@$(STAGE) ansible-lint --offline --profile production

changelog: dev
	@$(STAGE) sh -c 'cd $(DEPLOY) && antsibull-changelog lint'

plugin-docs: dev
	@$(STAGE) antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck $(DEPLOY)

sanity: dev
	@$(STAGE) tools/ansible-test .venv sanity --skip-test changelog  # that is the target of this name

host-pythons:
	@$(STAGE) tools/host-pythons

second-core: next
	@$(STAGE) tools/second-core

molecule: lab-packages dev
	@$(STAGE) tools/molecule .venv

molecule-second-core: lab-packages next
	@$(STAGE) tools/molecule .venv-next rollout failing_canary

.PHONY: faults
faults: lab-packages dev  ## every fault at every phase, on practice hosts; goes on where it was stopped; writes docs/faults.md
	@tools/faults

.PHONY: kills
kills: lab-packages dev  ## something dies at a random moment of a real rollout or rollback, N=20 times (root; SEED=, FIRST= repeat)
	@PYTHONPATH=tests:collections:. python -m kills $(or $(N),20) $(addprefix --seed ,$(SEED)) $(addprefix --first ,$(FIRST)) $(addprefix --slow ,$(SLOW))

.PHONY: ledger-kills
ledger-kills: dev  ## SIGKILL while the ledger is appended to, N=1000 times
	@TIDEGATE_KILLS=$(or $(N),1000) python -m pytest $(DEPLOY)/tests/unit/plugins/plugin_utils/ledger/test_kills.py

.PHONY: many
many: lab-packages dev  ## a change out to 80 booted hosts and back, with the time that each part took (root; MANY=n)
	@MANY=$(or $(MANY),80) python -m pytest -s tests/e2e/many.py

hosts: lab-packages store-packages dev
	@$(STAGE) python -m pytest -n 4 --dist worksteal $(WITH_HOSTS)

# --- set-up ------------------------------------------------------------------------------------------------------

.PHONY: runtime dev next lab-packages store-packages machine
runtime:
	@tools/venv .venv runtime

dev:
	@tools/venv .venv dev

next:
	@tools/second-core --environment

lab-packages:
	@tools/debian systemd-container mmdebstrap iproute2 nftables openssh-client

# before anything is installed into an environment
machine: lab-packages
	@python3 -m lab check

store-packages:
	@tools/debian postgresql
