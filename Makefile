.PHONY: env run check test test-long lint format clean

# Where this is set, every process rewrites the assertions of all tests and compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

# Each target sets up what it needs, says so, and does nothing twice.
env:
	@scripts/environment.sh

run: env
	@.venv/bin/python -m challenge.scoring.practice
	@.venv/bin/mbc serve --data var --references submissions

lint: env
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# Each process takes whole files, in the order of tests/conftest.py: the longest first.
PARALLEL = --dist loadfile --no-loadscope-reorder
# One more than there are cores, up to four: many tests wait for a time limit, a server or a page.
PROCESSES = $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n < 4 ? n + 1 : 4)))

# What to run while editing: it starts no sandbox, server or browser, and trains nothing.
check: lint
	.venv/bin/pytest -m "not (slow or costly or sandbox or server or browser)" -n auto --maxprocesses 4 $(PARALLEL)

test: lint
	.venv/bin/pytest -m "not slow" -n $(PROCESSES) $(PARALLEL)

test-long: env
	.venv/bin/pytest -m slow --timeout 3600

format: env
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

clean:
	rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
