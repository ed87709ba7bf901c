# The executable book on model collapse. `make` builds it, `make help` lists more.

.DEFAULT_GOAL := book
.DELETE_ON_ERROR:
.PHONY: book notebooks test reproduce benchmarks lab clean help

VENV := .venv
BIN := $(VENV)/bin

# The interpreter that makes .venv, for example `make PYTHON=python3.12 book`.
# Each stamp in .venv names the lock file's content and, where one was asked for,
# the interpreter: when either changes, .venv is made anew.
LOCK := $(firstword $(shell cksum < requirements.lock))
ifeq ($(origin PYTHON),undefined)
PYTHON := python3
STAMP := $(VENV)/installed-$(LOCK)
else
STAMP := $(VENV)/installed-$(LOCK)-$(subst /,_,$(PYTHON))
endif

CHAPTER ?=
SCALE ?= laptop
# The seconds that one cell of a chapter may take.
TIMEOUT ?= 300

## book: run the chapters that changed, then build _build/html (the default)
book: notebooks
	$(BIN)/python scripts/build_book.py

## notebooks: run the chapters whose code, library or data changed
notebooks: $(STAMP)
	$(BIN)/python scripts/execute.py --timeout $(TIMEOUT)
	$(BIN)/python scripts/update_readme.py

## test: everything that CI runs
test: export OMP_NUM_THREADS := 1
test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/build_book.py
	$(BIN)/python -m pytest tests chapters collapse_lib --doctest-modules \
	    --nbval --nbval-current-env --nbval-cell-timeout=$(TIMEOUT) \
	    --nbval-sanitize-with tests/nbval_sanitize.cfg -n 2 --dist loadscope

## reproduce: run one chapter at a larger scale, for example CHAPTER=03 SCALE=laptop
reproduce: $(STAMP)
	$(BIN)/python scripts/reproduce.py "$(CHAPTER)" "$(SCALE)"

## benchmarks: time the library beside its alternatives (on an idle machine)
benchmarks: export OMP_NUM_THREADS := 1
benchmarks: $(STAMP)
	$(BIN)/python benchmarks/gaussian_1d.py
	$(BIN)/python benchmarks/ngram.py
	OMP_NUM_THREADS=2 $(BIN)/python benchmarks/mixture.py
	OMP_NUM_THREADS=2 $(BIN)/python benchmarks/vae.py
	OMP_NUM_THREADS=2 $(BIN)/python benchmarks/language_models.py

## lab: open the chapters in JupyterLab
lab: $(STAMP)
	$(BIN)/jupyter lab --ServerApp.root_dir=chapters

## clean: remove what was built, keep .venv and results
clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find collapse_lib scripts tests _ext benchmarks -name __pycache__ -prune -exec rm -rf {} +

## help: list these targets
help:
	@sed -n 's/^## \([a-z]*\): /\1|/p' Makefile | awk -F'|' '{printf "make %-10s %s\n", $$1, $$2}'

ADVICE = This book needs Python 3.11 or newer. Name one: \
	make PYTHON=python3.12 $(or $(MAKECMDGOALS),book)

$(STAMP): requirements.lock
	@command -v '$(PYTHON)' >/dev/null || { \
	    echo "There is no '$(PYTHON)' here. $(ADVICE)" >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "'$(PYTHON)' is $$('$(PYTHON)' --version 2>&1 | head -n 1). $(ADVICE)" >&2; exit 1; }
	@echo "Making $(VENV) from requirements.lock; this takes some minutes."
	'$(PYTHON)' -m venv --clear $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet \
	    --no-deps --no-build-isolation -e .
	touch $(VENV)/installed-$(LOCK) $@
