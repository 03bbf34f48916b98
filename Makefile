# Two commands matter: `make demo` shows the whole way, `make test` proves it.
# `make` alone lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.NOTPARALLEL:
.DEFAULT_GOAL := help

# Another interpreter gets an environment of its own: make test PYTHON=python3.13
PYTHON ?= python3
# Paths stay relative: the project may live in a folder with blanks in its name.
VENV := $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
PY := $(VENV)/bin/python
MANAGE := $(PY) manage.py

# For more pytest options: make test ARGS="-k m12 -x"
ARGS ?=
TESTS := $(PY) -m pytest -m "not browser" -n 2 --dist worksteal

# The demo plays with databases of its own, whatever .env or the environment names.
DEMO := DATABASE_URL= V2_DATABASE_URL= V2_SCHEMA= V2_TIME_ZONE= V2_FORM_STATUS= V2_MAPPING= \
	V2_MAX_STORED_WARNINGS= PLIERS_WORKERS= $(MANAGE)
DEMO_NAME := demo

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 22

.PHONY: venv
venv: ## make the environment from requirements.lock, if it is not there
	@command -v "$(PYTHON)" >/dev/null || { echo "error: $(PYTHON) is not installed (Debian: apt-get install python3 python3-venv)" >&2; exit 1; }
	@"$(PYTHON)" tools/bootstrap.py "$(VENV)"

.PHONY: demo
demo: venv ## make a v2 database and move it into v3, in front of your eyes
	@echo "== v3: the schema, in the embedded PostgreSQL (var/pg)"
	@$(DEMO) migrate --verbosity 0
	@echo "== v2: 2,000 submissions in a SQLite file"
	@$(DEMO) seed_v2 --submissions 2000
	@echo "== import"
	@$(DEMO) import_v2 --name $(DEMO_NAME) --batch-size 1000
	@echo "== verify"
	@$(DEMO) verify_v2 --name $(DEMO_NAME)
	@$(PY) -m pliers.embedded stop --idle
	@echo "== done; to look at it in a browser: make admin"

.PHONY: admin
admin: venv ## open the admin on 127.0.0.1, and make an account the first time
	@$(MANAGE) serve_admin

.PHONY: test
test: venv ## every test but those that need a browser
	@$(TESTS) $(ARGS)

.PHONY: coverage
coverage: venv ## the tests again, and fail under 90 % of transfer/ and legacy_v2/
	@$(TESTS) --cov=transfer --cov=legacy_v2 --cov-branch --cov-report=term --cov-fail-under=90 $(ARGS)

.PHONY: browser-test
browser-test: venv ## the tests that drive the admin in Chromium
	@$(PY) -m pytest -m browser $(ARGS)

# A server of its own in Docker, see compose.yaml; never run where the project is made.
SQL_SERVER_TEST_PASSWORD ?= Only-4-local-tests
SQL_SERVER_TEST_PORT ?= 14330
export SQL_SERVER_TEST_PASSWORD SQL_SERVER_TEST_PORT
# All that a real server can answer; what needs the tests' own one is left out there.
SQL_SERVER_TESTS := tests/acceptance/test_sql_server_*.py tests/acceptance/test_verify_workers.py \
	tests/acceptance/test_workers_sources.py \
	tests/integration/census/test_census_sql_server.py \
	tests/integration/preflight/test_sql_server*.py tests/integration/verify/test_zoned_times.py
SQL_SERVER_PLACE := 127.0.0.1:$(SQL_SERVER_TEST_PORT)/master?TrustServerCertificate=yes

.PHONY: sql-server-test
sql-server-test: venv ## the SQL Server tests on Microsoft's own server (needs Docker)
	@command -v docker >/dev/null || { echo "error: docker is not installed" >&2; exit 1; }
	@trap 'docker compose down --volumes' EXIT; \
	docker compose up --detach --wait sql-server; \
	docker compose exec -T sql-server /opt/mssql-tools18/bin/sqlcmd -b -C -S localhost -U sa \
		-P "$$SQL_SERVER_TEST_PASSWORD" -v password="$$SQL_SERVER_TEST_PASSWORD" \
		-i /dev/stdin <tests/sqlserver/logins.sql; \
	password=$$($(PY) -c 'import os, urllib.parse as u; print(u.quote(os.environ["SQL_SERVER_TEST_PASSWORD"], safe=""))'); \
	V2_TEST_DATABASE_URL="mssql://pliers_test_reader:$$password@$(SQL_SERVER_PLACE)" \
	V2_TEST_ADMIN_URL="mssql://pliers_test_admin:$$password@$(SQL_SERVER_PLACE)" \
		$(PY) -m pytest $(SQL_SERVER_TESTS) $(ARGS)

# make bench SIZE=small; make bench SUBMISSIONS=500000 ROUNDS=5; see benchmarks/README.md
BENCH := $(PY) -m benchmarks.bench $(if $(SIZE),--size "$(SIZE)") \
	$(if $(SUBMISSIONS),--submissions "$(SUBMISSIONS)") $(if $(ROUNDS),--rounds "$(ROUNDS)") \
	$(if $(SERVER),--server "$(SERVER)")

.PHONY: bench
bench: venv ## time the import beside its floors and its rivals (SIZE=small: under a minute)
	@$(BENCH) $(ARGS)

.PHONY: bench-scale
bench-scale: venv ## time and memory of a submission among 500,000 against among 50,000
	@$(BENCH) --only j $(ARGS)

.PHONY: lint
lint: venv ## ruff, mypy, and no model without its migration
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(MANAGE) makemigrations --check --dry-run --settings tests.settings_without_database

.PHONY: format
format: venv ## lay the code out, and mend what can be mended
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

.PHONY: stop
stop: ## stop the embedded PostgreSQL (it stops by itself when nobody uses it)
	@if [ -x $(PY) ]; then $(PY) -m pliers.embedded stop; else echo "not running"; fi

.PHONY: lock
lock: venv ## renew requirements.lock from pyproject.toml (needs the network)
	@$(PY) -m uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock

.PHONY: clean
clean: stop ## remove environments, caches and benchmark data; the databases in var/ stay
	@rm -rf var/bench .venv .venv.lock .venv-* .pytest_cache .mypy_cache .ruff_cache .hypothesis htmlcov .coverage .coverage.*
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## the same, and the embedded PostgreSQL with all its data
	@rm -rf var
