PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed

.PHONY: setup fix check test demo lab bench clean

setup: $(INSTALLED)          ## make .venv and install everything into it

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "skipscope needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

fix: setup                   ## format and mend what can be mended
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

check: setup                 ## lint, format, types, import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check                  ## check, then every test
	$(BIN)/pytest --numprocesses=auto --cov --cov-fail-under=95

demo: setup                  ## the whole job on the embedded data set
	$(BIN)/skipscope demo

lab: setup                   ## the four classroom networks on CIFAR-10
	$(BIN)/skipscope run lab

bench: setup                 ## this machine: ours against the usual loop
	$(BIN)/skipscope bench

clean:                       ## forget the environment and the caches, never a workspace
	rm -rf .venv .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
