# Everything is set up in .venv with nothing but Python 3.11 (or later) and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up
PACKAGES := core $(sort $(wildcard plugins/*))
SOURCES := core/src $(wildcard plugins/*/src) templates/plugin/src templates/new_plugin.py \
	soak bench fuzz mutation

# What is compiled is kept, whatever the surroundings say: tests start hundreds of processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup demo test check bench soak fuzz coverage mutation format constraints clean

setup: $(STAMP)

$(STAMP): constraints.txt core/pyproject.toml $(wildcard plugins/*/pyproject.toml)
	@test -n "$(PYTHON)" || { echo "crmwire needs Python 3.11 or later."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "crmwire needs Python 3.11 or later; set PYTHON to one."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what crmwire needs into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		$(foreach package,$(PACKAGES),-e $(package))
	@touch $@

demo: setup
	@$(BIN)/crmwire demo

# The tests wait for real servers more than they compute: several at once, and those that measure
# time afterwards, alone.
WORKERS ?= 4
test: setup
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not alone"
	@$(BIN)/python -m pytest -q -m alone

check: setup
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy $(SOURCES) core/tests/typing
	@$(BIN)/lint-imports --no-cache

bench: setup
	@$(BIN)/python -m bench

# Rounds of 250 bookings with faults and kills; started again, it goes on with the next round.
# `make soak BACKGROUND=--background` leaves the terminal free: see `python -m soak status`.
BOOKINGS ?= 1000
SEED ?= 1
STATE ?= soak-state
soak: setup
	@$(BIN)/python -m soak run --bookings $(BOOKINGS) --seed $(SEED) --state $(STATE) $(BACKGROUND)

fuzz: setup
	@$(BIN)/python -m fuzz all

# Every branch of the vault, the store and the matching is taken by a test (`[tool.coverage]` in
# pyproject.toml), or this fails. Some minutes.
coverage: setup
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest -q -n $(WORKERS) --dist worksteal -m "not alone" core/tests
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

# What of one small change to them no test notices: see `python -m mutation -h`. Long.
mutation: setup
	@$(BIN)/python -m mutation vault dedup store

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# Names, versions and hashes only, for every platform: no index lines.
constraints:
	@$(BIN)/uv export --quiet --all-packages --all-extras --all-groups --no-emit-workspace \
		--no-header --no-annotate --format requirements-txt --output-file constraints.txt

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
