PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/installed
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu  # PyTorch without CUDA; empty: pip's own index
PYTEST := $(BIN)/pytest --numprocesses=auto --dist=worksteal

.PHONY: setup fix check test test-long coverage faults audit lock demo lab bench clean

setup: $(INSTALLED)          ## make .venv and install everything into it

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "skipscope needs Python 3.11 or newer; name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv .venv
	@$(BIN)/python tools/torch_build.py constraints.txt --index '$(strip $(TORCH_INDEX))'
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

test: check                  ## check, then every test but the slow ones
	$(PYTEST) -m "not slow"

test-long: setup             ## the slow tests, those on other people's networks included
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[zoo,ray]' || \
		echo "torchvision, timm or ray has no wheel here: what needs them is skipped"
	$(PYTEST) -m slow || [ $$? -eq 5 ]  # pytest's exit code where no test is marked so

coverage: setup              ## which branches the tests of `make test` take; fails below 95 %
	$(PYTEST) -m "not slow" --cov --cov-fail-under=95

faults: setup                ## the long versions of tests/faults, and a fuzzer on every reader
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[fuzz]' || \
		echo "atheris has no wheel here: what it tests is skipped"
	SKIPSCOPE_FAULTS=1 $(BIN)/pytest tests/faults -p no:randomly

.audit/installed: Makefile
	$(PYTHON) -m venv .audit
	.audit/bin/python -m pip install --disable-pip-version-check --quiet pip-audit pip-tools pyyaml
	@touch $@

lock: .audit/installed       ## requirements.lock: what a user needs at run time, with hashes
	CUSTOM_COMPILE_COMMAND="make lock" .audit/bin/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-annotate \
		--no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--constraint constraints.txt --output-file requirements.lock pyproject.toml

audit: setup .audit/installed ## known vulnerabilities and licences of the locked packages; ADVISORIES=PATH where no service is reached
	PYTHONPATH=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') \
		.audit/bin/python tools/audit.py requirements.lock --advisories '$(ADVISORIES)'

demo: setup                  ## the whole job on the embedded data set
	$(BIN)/skipscope demo

lab: setup                   ## the four classroom networks on CIFAR-10
	$(BIN)/skipscope run lab

bench: setup                 ## this machine: ours against the usual loop
	$(BIN)/skipscope bench

clean:                       ## forget the environment and the caches, never a workspace
	rm -rf .venv .audit .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
