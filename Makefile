PORT ?= 8080
DATA ?= var
PY := .venv/bin

.PHONY: help install browser demo test check bench openapi format
help:            ## Show the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
install: .venv/installed  ## Make .venv from the lock file
.venv/installed: requirements-dev.lock pyproject.toml
	python3 -m venv .venv
	$(PY)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(PY)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
demo: install    ## Everything in one on http://127.0.0.1:$(PORT), data in $(DATA)
	$(PY)/carnet demo --port $(PORT) --data-dir $(DATA)
test: install    ## All tests, on a private PostgreSQL (or the one that TEST_DATABASE_URL names)
	scripts/install-chromium
	scripts/install-node-tools
	$(PY)/pytest -n 2 --dist loadfile
check: install   ## Formatting, lint, types, layers, dependencies
	$(PY)/ruff format --check .
	$(PY)/ruff check .
	$(PY)/mypy
	$(PY)/lint-imports
	$(PY)/deptry .
bench: install   ## Benchmarks, each beside its limit or peer in the same run
	scripts/install-node-tools
	$(PY)/python -m bench
openapi: install ## Renew openapi.json, the API's document
	$(PY)/python -m wallet_api.http.document > openapi.json
format: install  ## Format and mend what ruff can
	$(PY)/ruff format .
	$(PY)/ruff check --fix .
