# The executable book on model collapse. `make` builds it, `make help` lists more.

.DEFAULT_GOAL := book
.DELETE_ON_ERROR:
.PHONY: book notebooks pdf course test reproduce benchmarks lab clean help

BIN := .venv/bin

# The interpreter that makes the environment: `make PYTHON=python3.12 book`.
#
# .venv is a link to one of the environments in .venvs. An environment is named after
# the content of the lock files and, where one was asked for, the interpreter; a stamp
# in it says that it is complete. So a change of the lock makes another one aside, .venv
# follows when it is complete, and the way back needs no network.
LOCKS := requirements.lock requirements-torch.lock
KEY := $(firstword $(shell cat $(LOCKS) | cksum))
ifeq ($(origin PYTHON),undefined)
PYTHON := python3
else
KEY := $(KEY)-$(firstword $(shell printf %s '$(PYTHON)' | cksum))
endif
STAMP := .venv/installed-$(KEY)
ENV := .venvs/$(KEY)

# Where a home cannot be written to, programs complain about it, into the outputs of
# chapters too, or do not start.
HOMES := . .cache .config .ipython .jupyter .local .local/share
ifneq ($(shell for f in $(HOMES); do test ! -e "$$HOME/$$f" || test -w "$$HOME/$$f" \
    || echo no; done; test -d "$$HOME" || echo no),)
export HOME := $(CURDIR)/_build/home
unexport XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME
$(shell mkdir -p "_build/home")
endif

CHAPTER ?=
SCALE ?= laptop
# The seconds that one cell of a chapter may take.
TIMEOUT ?= 300

## book: run the chapters that changed, then build _build/html (the default)
book: notebooks
	$(BIN)/python scripts/fetch_live.py
	$(BIN)/python scripts/fetch_slides.py
	$(BIN)/python scripts/build_book.py

## notebooks: run the chapters whose code, library or data changed
notebooks: $(STAMP)
	$(BIN)/python scripts/execute.py --timeout $(TIMEOUT)
	$(BIN)/python scripts/update_readme.py

# What reads and writes PDF, where it is missing.
PYPDF = $(BIN)/python -m pip --disable-pip-version-check install --quiet \
    --require-hashes --no-deps -r requirements-pdf.lock

## pdf: print the pages as one book, _build/model-collapse.pdf; needs a Chromium
pdf: book
	$(PYPDF)
	$(BIN)/python scripts/print_book.py

## course: all that a course needs in one folder, _build/course; needs a Chromium
course: book
	$(PYPDF)
	$(BIN)/python scripts/make_course.py $(if $(SITE),--site "$(SITE)")

# No reordering: the tests of the pages take minutes in one process, and come last if
# files with few tests do.
## test: everything that CI runs
test: export OMP_NUM_THREADS := 1
test: $(STAMP)
	$(PYPDF)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/fetch_live.py
	$(BIN)/python scripts/fetch_slides.py
	$(BIN)/python scripts/build_book.py
	$(BIN)/python -m pytest tests chapters collapse_lib --doctest-modules \
	    --nbval --nbval-current-env --nbval-cell-timeout=$(TIMEOUT) \
	    --nbval-sanitize-with tests/nbval_sanitize.cfg -n 2 --dist loadscope \
	    --no-loadscope-reorder --durations=60 --durations-min=4

## reproduce: run one chapter at a larger scale, for example CHAPTER=03 SCALE=laptop
reproduce: $(STAMP)
	$(BIN)/python scripts/reproduce.py "$(CHAPTER)" "$(SCALE)"

## benchmarks: time the library beside its alternatives (on an idle machine)
benchmarks: export OMP_NUM_THREADS := 1
benchmarks: $(STAMP)
	$(BIN)/python benchmarks/gaussian_1d.py
	$(BIN)/python benchmarks/policies.py
	$(BIN)/python benchmarks/ngram.py
	OMP_NUM_THREADS=2 $(BIN)/python benchmarks/mixture.py
	OMP_NUM_THREADS=2 $(BIN)/python benchmarks/vae.py
	OMP_NUM_THREADS=2 $(BIN)/python benchmarks/language_models.py
	$(BIN)/python benchmarks/pages.py

## lab: open the chapters in JupyterLab
lab: $(STAMP)
	$(BIN)/jupyter lab --ServerApp.root_dir=chapters

## clean: remove what was built and environments of other locks, keep .venv and results
clean:
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find collapse_lib scripts tests _ext benchmarks -name __pycache__ -prune -exec rm -rf {} +
	for env in .venvs/*; do case $$env in */live-python|*/reveal) continue; esac; \
	    test "$$env" -ef .venv || rm -rf "$$env"; done

## help: list these targets
help:
	@sed -n 's/^## \([a-z]*\): /\1|/p' Makefile | awk -F'|' '{printf "make %-10s %s\n", $$1, $$2}'

ADVICE = This book needs Python 3.11 or newer. Name one: \
	make PYTHON=python3.12 $(or $(MAKECMDGOALS),book)

# No prerequisites: the name says which content of the lock files it belongs to, while
# git gives files a new time with every change of the branch.
$(STAMP):
	@command -v '$(PYTHON)' >/dev/null || { \
	    echo "There is no '$(PYTHON)' here. $(ADVICE)" >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "'$(PYTHON)' is $$('$(PYTHON)' --version 2>&1 | head -n 1). $(ADVICE)" >&2; exit 1; }
	@test -e $(ENV)/installed-$(KEY) || $(MAKE) --no-print-directory $(ENV)/installed-$(KEY)
	@test -L .venv || test ! -e .venv || { rm -rf .venvs/before && mv .venv .venvs/before \
	    && echo "The folder .venv is now .venvs/before; 'make clean' removes it."; }
	ln -sfn $(ENV) .venv

# Every package must have one of the hashes in the lock; --no-deps, because the lock has
# all packages. The second step adds torch and what it needs on this machine.
PIP = $(ENV)/bin/python -m pip --disable-pip-version-check
$(ENV)/installed-$(KEY):
	@echo "Making .venv from $(LOCKS); this takes some minutes."
	'$(PYTHON)' -m venv --clear $(ENV)
	$(PIP) install --quiet --require-hashes --no-deps -r requirements.lock
	$(PIP) install --quiet --no-build-isolation -r requirements-torch.lock -e .
	touch $(ENV)/installed-$(firstword $(subst -, ,$(KEY))) $@
