# The verbs of this project; CI uses the same. CONTRIBUTING.md says more.
# Variables: PYTHON=3.11 (default: newest), LEG=pure|compiled, ARGS='what pytest, the benchmark or the server gets'.

SHELL := /bin/sh
.DEFAULT_GOAL := help

PYTHON ?= newest
LEG ?= pure
SECONDS ?= 60
ARGS ?=

# The newest usable Python, asked for only by the verbs that need it.
BASE = $$(tools/pythons | { read -r version path && cat >/dev/null && printf '%s' "$$path"; })
SUITE = base=$(BASE) && [ -n "$$base" ] && "$$base" tools/suite.py
VENV = base=$(BASE) && [ -n "$$base" ] && python=$$("$$base" tools/venvs.py

.PHONY: help
help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

.PHONY: serve
serve: .venv/.installed  ## set up .venv and serve examples/hello.py (ARGS: options of penstock)
	.venv/bin/penstock examples/hello.py $(ARGS)

# Installed, not editable: only so is it compiled. Any changed source installs it anew; setuptools would install a module that
# was deleted from src out of build/lib, so its copies go first, while binaries stay until their sources change.
.venv/.installed: pyproject.toml setup.py $(shell find src -name '*.py' -o -name '*.pxd' -o -name '*.pyx')
	@base=$(BASE) && [ -n "$$base" ] && { [ -x .venv/bin/python ] || "$$base" -m venv .venv; }
	@if [ -d build ]; then find build -name '*.py' -delete; fi
	@echo 'installing Penstock into .venv (compiling takes a minute)'
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check .
	@touch $@

.PHONY: test
test:  ## all: lint, types, drift of documents, tests on both legs and each Python
	@$(SUITE)

.PHONY: quick
quick:  ## tests of one leg on one Python (PYTHON, LEG, ARGS)
	@$(SUITE) legs --python $(PYTHON) --leg $(LEG) $(if $(ARGS),-- $(ARGS))

.PHONY: lint
lint:  ## ruff: rules and format
	@$(SUITE) lint

.PHONY: format
format:  ## ruff: write the format, and what it can mend
	@$(VENV) newest pure --with lint) && "$$python" -m ruff check --fix . ; "$$python" -m ruff format .

.PHONY: types
types:  ## mypy --strict
	@$(SUITE) types

.PHONY: docs
docs:  ## write the generated pages anew
	@$(VENV) newest pure) && for page in tools/*_page.py; do echo "$$page" && "$$python" "$$page" || exit 1; done

.PHONY: coverage
coverage:  ## what the tests reach, on the pure leg
	@$(VENV) newest pure --with apps) && "$$python" -m coverage erase \
	&& PENSTOCK_LEG=pure "$$python" -m coverage run -m pytest -q -m 'not alone and not real' $(ARGS) ; \
	"$$python" -m coverage combine -q && "$$python" -m coverage report

.PHONY: conformance
conformance:  ## the whole Autobahn trial, 517 cases
	@$(VENV) newest compiled) && bash tests/autobahn/setup.sh && "$$python" -m tests.autobahn --all $(ARGS)

.PHONY: trial
trial:  ## the trials of whole servers under load, at full length
	@$(VENV) newest compiled) && TRIALS=long "$$python" -m pytest -q -s tests/trials $(ARGS)

.PHONY: bench
bench:  ## Penstock against its peers, both legs (ARGS: options of bench)
	@$(VENV) newest pure --with bench) && pure=$$python \
	&& $(VENV) newest compiled) && PENSTOCK_BENCH_PURE_PYTHON=$$pure "$$python" -m bench $(ARGS)

.PHONY: fuzz
fuzz:  ## each program of fuzz/ for SECONDS (60): hostile bytes, and compiled against pure
	@$(VENV) newest compiled) && for file in $$(grep -l __main__ fuzz/*.py); do \
	  name=fuzz.$$(basename "$$file" .py) && echo "$$name" && "$$python" -m "$$name" --seconds $(SECONDS) $(ARGS) || exit 1; done

.PHONY: clean
clean:  ## remove environments, builds and caches
	rm -rf .venv .venvs build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* src/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
