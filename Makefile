# Two commands are all anyone needs: `make repro` rebuilds everything, `make test` checks everything.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(abspath $(BIN)):$(PATH)
export PYTHONHASHSEED := 0

.PHONY: repro powered report tune test suite test-real lint style types verify clean

repro: $(VENV)/installed
	fusehr check
	dvc repro
	fusehr leaderboard

# 12,000 patients and three seeds in a clean clone; the result is written to benchmarks/powered/result.
powered: $(VENV)/installed
	fusehr powered

# The last run as one page that needs no network: report.html.
report: $(VENV)/installed
	fusehr report

# Search the hyperparameters of every space of params.yaml, or of one: make tune space=bia_fusion
tune: $(VENV)/installed
	fusehr check
	dvc repro stages/tune/dvc.yaml$(if $(space),:train-tune@$(space))

# Types are checked beside the tests, in the time in which these leave a core idle; either one may fail it.
test: $(VENV)/installed style
	@$(MAKE) --no-print-directory --jobs 2 types suite

suite: $(VENV)/installed
	pytest -n 2 --dist worksteal

# The tests on real data, which skip where FUSEHR_MIRROR names no folder: here its absence fails.
test-real: $(VENV)/installed
	@test -d "$$FUSEHR_MIRROR" || { echo "FUSEHR_MIRROR: expected a folder that holds mimic-iv-demo/2.2, found none"; exit 1; }
	pytest -n 2 --dist worksteal -m real

lint: style types

style: $(VENV)/installed
	ruff check .
	ruff format --check .

types: $(VENV)/installed
	pyright

# A clean clone without the cache must give the same dvc.lock.
verify: $(VENV)/installed
	fusehr verify

# Remove what the pipeline wrote; the cache, and with it the way back, stays.
clean:
	rm -rf data dvclive .pytest_cache .ruff_cache .hypothesis

$(VENV)/installed: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
