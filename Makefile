# Needs python3 (3.11-3.13), make and gcc. Everything after `setup` works offline.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
OUT ?= reports/demo

# Two workers share two cores: one thread each inside XLA and BLAS.
TEST_ENV := JAX_PLATFORMS=cpu OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
PYTEST := $(BIN)/python -m pytest -q
# loadfile: a file's tests stay in one process and share what it compiled.
PARALLEL := -n 2 --dist loadfile

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-gpu check fmt bench docs grid validate

help:
	@echo "make demo       the main job on configs/base.toml, ends with the report's path"
	@echo "make test       the suite that CI runs (fast tier)"
	@echo "make setup | check | fmt | test-slow | test-gpu | validate | bench | docs | grid"

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else "buytime needs Python 3.11, 3.12 or 3.13; this is %d.%d. Try: make PYTHON=python3.12 setup" % v)'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -e '.[dev]' -c constraints.txt
	@touch $@

demo: $(STAMP)
	$(BIN)/buytime demo configs/base.toml --out $(OUT)

test: $(STAMP)
	@$(TEST_ENV) $(PYTEST) $(PARALLEL)

test-slow: $(STAMP)
	@$(TEST_ENV) $(PYTEST) $(PARALLEL) -m slow --hypothesis-profile=deep

# No JAX_PLATFORMS here: the accelerator is the point. One process: it owns the device.
test-gpu: $(STAMP)
	@$(PYTEST) -m gpu -rs

validate: $(STAMP)
	@$(TEST_ENV) $(PYTEST) -m peers -rs

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

fmt: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(STAMP)
	$(BIN)/python -m scripts.bench --out reports/bench.json

docs: $(STAMP)
	$(BIN)/python -m scripts.docs
	$(BIN)/python -m scripts.tie_outs

# Break-evens of 200 economies, each status audited: 20 minutes.
grid: $(STAMP)
	$(BIN)/python -m scripts.reference_grid
