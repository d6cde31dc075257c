# The habits of this project. `make help` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
# A file's tests stay together: they share what they have started.
TWO_AT_ONCE := -n 2 --dist loadfile
# Debian's packages are called like their programs. RUNLEVEL=1 keeps it from starting them.
PEERS := pgbouncer nginx caddy haproxy
# What one target says stands together, where make knows how (4.0 and newer).
EACH_BY_ITSELF := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.DEFAULT_GOAL := help
.PHONY: help install run test on-sqlite on-postgresql check unit seed mutants queries bench
.PHONY: bench-pages errors fix browser peers screens

help: ## list the habits
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Callboard needs Python 3.11 or newer; PYTHON=… names another one."; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing what Callboard runs on into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

$(VENV)/.installed-mutants: requirements-mutants.txt $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-mutants.txt
	@touch $@

$(VENV)/.installed-bench: requirements-bench.txt $(VENV)/.installed-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-bench.txt
	@touch $@

install: $(VENV)/.installed ## make the environment and nothing else

run: install ## start web and workers on http://127.0.0.1:$PORT; Ctrl-C stops all of them
	@exec $(BIN)/python -P webapp/engine/supervisor.py

seed: install ## add the sample data to the first organization (again: nothing happens twice)
	@$(BIN)/flask --app wsgi prepare --quiet && $(BIN)/flask --app wsgi seed

browser: ## install Chromium for the browser tests where apt-get can
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && \
	    apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } || \
	  { echo "The browser tests need Chromium on the PATH (Debian: apt-get install chromium)."; exit 1; }

peers: ## install what some tests go through (PgBouncer, proxies) where apt-get can; else they skip
	@export PATH="$$PATH:/usr/sbin"; for name in $(PEERS); do \
	  command -v $$name >/dev/null || missing="$$missing $$name"; done; \
	if [ -n "$$missing" ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
	    apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	elif [ -n "$$missing" ]; then echo "What goes through$$missing is left out: not on the PATH."; fi

# Node is for the checks alone: nothing of node_modules is served.
node_modules/.installed: package.json package-lock.json
	@command -v npm >/dev/null || \
	  { command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ] && \
	    apt-get update -qq && apt-get install -y -qq nodejs npm >/dev/null; } || \
	  { echo "The checks need Node 20 and npm on the PATH (Debian: apt-get install npm)."; exit 1; }
	npm ci --silent --no-audit --no-fund
	@touch $@

check: $(VENV)/.installed-dev node_modules/.installed ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy webapp
	node tools/templates.mjs --check
	$(BIN)/djlint --lint --quiet templates
	npx biome check
	npx tsc -p jsconfig.json
	npx stylelint "static/css/**/*.css"

test: check browser peers ## everything a change must pass, on SQLite and on PostgreSQL
	@echo "The tests run on both databases at once. This takes some minutes."
	@$(MAKE) --no-print-directory -j 2 $(EACH_BY_ITSELF) on-sqlite on-postgresql

on-sqlite on-postgresql: on-%:
	@echo "Tests on $*:"; TEST_DATABASE=$* $(BIN)/pytest $(TWO_AT_ONCE)

unit: $(VENV)/.installed-dev ## the tests on SQLite without a browser
	TEST_DATABASE=sqlite $(BIN)/pytest -m "not browser"

mutants: $(VENV)/.installed-mutants ## nightly: break accounts, security, engine, tasks and live; which test sees it?
	TEST_DATABASE=sqlite $(BIN)/python -m mutmut run && $(BIN)/python -m tests.mutants

queries: $(VENV)/.installed-dev ## count the statements of every page anew, after a change that is meant
	TEST_DATABASE=sqlite UPDATE_QUERIES=1 $(BIN)/pytest tests/about/test_queries.py

bench: $(VENV)/.installed-bench ## the benchmarks as one table; COLLECTIONS names the judged collections
	@$(MAKE) --no-print-directory peers PEERS=redis-server
	@$(BIN)/python -m bench 2>bench.log || { tail -n 30 bench.log; exit 1; }

bench-pages: $(VENV)/.installed-dev browser ## every page of a large installation in a slow browser; AGENTS, DOCUMENTS, TOPICS, ON
	@$(BIN)/python -m bench.pages $(ON) 2>bench.log || { tail -n 30 bench.log; exit 1; }

fix: $(VENV)/.installed-dev node_modules/.installed ## format and apply the safe lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	node tools/templates.mjs
	npx stylelint --fix "static/css/**/*.css"
	npx biome check --write

errors: $(VENV)/.installed-dev ## write docs/errors.md from the codes in the code
	$(BIN)/python -m tools.error_codes

screens: $(VENV)/.installed-dev browser ## photograph pages of http://127.0.0.1:$PORT; EMAIL, PASSWORD, PAGES
	$(BIN)/python -m tests.screens http://127.0.0.1:$(PORT) $(or $(PAGES),/ /agents /documents /tasks) \
	  --email "$(EMAIL)" --password "$(PASSWORD)"
