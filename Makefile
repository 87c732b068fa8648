# `make demo`, `make test` and the others do their own set-up: they need Python 3.11 or newer with its venv module, and make.
PYTHON ?= python3
ARGS ?=
VENV := .venv
RUN := $(VENV)/bin/python -m

# Settings of the caller's that would lead the virtual environment's Python or pip elsewhere.
unexport PYTHONHOME PYTHONPATH PYTHONSAFEPATH PYTHONSTARTUP PIP_PREFIX PIP_REQUIRE_HASHES PIP_ROOT PIP_TARGET PIP_USER
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench soak siege golden dashboards rules preview pictures docs requirements dist sbom image image-test clean venv runtime dev

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile
	@echo 'ARGS="..." passes more arguments; PYTHON=python3.12 chooses an interpreter.'

demo: runtime ## Run the exporter on a simulated organization; ARGS="--demo.spike"
	@exec $(RUN) exporter demo $(ARGS)

test: dev ## Run the tests; ARGS="-k settings"
	@$(RUN) pytest $(ARGS)

lint: dev ## Check style and types
	@$(RUN) ruff check
	@$(RUN) ruff format --check
	@$(RUN) mypy

format: dev ## Format the code and mend what can be mended
	@$(RUN) ruff check --fix-only
	@$(RUN) ruff format

bench: dev ## Time scrapes and refreshes beside prometheus-client and nginx; ARGS="10000 500000"
	@$(RUN) tests.benchmarks $(ARGS)

soak: dev ## Rounds of upstream faults by seed, every scrape checked; ARGS="--rounds 300 --seed 1"
	@$(RUN) tests.soak $(ARGS)

siege: dev ## Bad clients of every kind at once, and scrapes in between; ARGS="--seconds 15 --clients 500"
	@$(RUN) tests.siege $(ARGS)

golden: dev ## Update the golden exposition file
	@$(RUN) pytest tests/test_golden.py --update-golden $(ARGS)

dashboards: dev ## Write the JSON of the dashboards anew
	@$(RUN) grafana.dashboards

rules: dev ## Write the alert rules' YAML anew
	@$(RUN) grafana.alerts

preview: dev ## Draw the dashboards (Node 20, Prometheus, Chromium); ARGS="cost spike 1366 light"
	@$(RUN) tests.preview $(ARGS)

pictures: dev ## Draw the documentation's pictures of the dashboards anew
	@$(RUN) tests.preview pictures

docs: dev ## Write the reference tables of docs/ anew
	@$(RUN) docs.reference

# The lists hold hashes and no address; the versions in them are kept unless ARGS=--upgrade.
COMPILE = $(VENV)/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links pyproject.toml $(ARGS)
requirements: dev ## Write requirements.txt and requirements-dev.txt anew; ARGS=--upgrade for newer versions
	@$(COMPILE) --output-file requirements.txt
	@$(COMPILE) --group dev --constraint requirements.txt --no-annotate --output-file requirements-dev.txt

# Nothing in them is of this machine or this hour: their date is the last commit's, or SOURCE_DATE_EPOCH.
DATED = SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-$$(git log -1 --format=%ct 2>/dev/null || echo 1580601600)}
dist: dev ## Build the wheel and the sdist
	@rm -f dist/*.whl dist/*.tar.gz
	@$(DATED) $(RUN) hatchling build

sbom: dev ## List what is installed beside the exporter (CycloneDX)
	@mkdir -p dist && rm -f dist/*.cdx.json && version=$$($(RUN) hatchling version) && \
	sed "s/^dynamic = .*/version = \"$$version\"/" pyproject.toml | \
	$(DATED) PYTHONWARNINGS=ignore $(RUN) cyclonedx_py requirements --pyproject /dev/stdin --spec-version 1.6 \
		--output-reproducible --output-file "dist/anthropic-exporter-$$version.cdx.json" requirements.txt

# Podman and Buildah have a format of their own without health checks, Docker ignores the variable. An image of
# uncommitted changes says that it is -dirty.
DOCKER ?= docker
REVISION = $$(git describe --always --abbrev=40 --exclude='*' --dirty 2>/dev/null || echo unknown)
image: ## Build the container image; DOCKER=podman, ARGS="--tag ..."
	@BUILDAH_FORMAT=docker $(DOCKER) build --tag anthropic-exporter $(ARGS) --build-arg "REVISION=$(REVISION)" \
		--build-arg "VERSION=$$(sed -n 's/^__version__ = "\(.*\)"/\1/p' exporter/__init__.py)" .

image-test: ## Build the image without a registry, on a Debian of its own, and run the demo in it; needs root
	@$(PYTHON) tests/image/run.py

clean: ## Remove everything that was made here
	@rm -rf $(VENV) build dist grafana/preview/node_modules .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# $(VENV)/ready holds the folder that the environment was made in, and is away while something is being installed: an
# environment that is half made, broken, or copied from elsewhere is made anew. The other stamps are compared by content,
# for a checkout changes times only.
venv:
	@if [ "$$(cat $(VENV)/ready 2>/dev/null)" = "$$PWD" ] && $(RUN) pip --version >/dev/null 2>&1; then exit 0; fi; \
	stop() { echo "$$1" >&2; exit 1; }; \
	command -v "$(PYTHON)" >/dev/null || stop "Python 3.11 or newer is needed: $(PYTHON) was not found (PYTHON=... names another)"; \
	found=$$("$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || stop "Python 3.11 or newer is needed: $(PYTHON) does not run"; \
	"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || stop "Python 3.11 or newer is needed: $(PYTHON) is $$found (PYTHON=... names another)"; \
	"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || stop "python3-venv is needed: $(PYTHON) has no venv module (Debian, Ubuntu: apt install python3-venv)"; \
	rm -rf $(VENV) && "$(PYTHON)" -m venv $(VENV) && pwd >$(VENV)/ready

runtime: venv
	@cmp -s requirements.txt $(VENV)/requirements.txt || { \
		echo "installing requirements.txt into $(VENV)" && rm -f $(VENV)/ready && \
		$(RUN) pip install --quiet --require-hashes --requirement requirements.txt && \
		cp requirements.txt $(VENV)/ && pwd >$(VENV)/ready; }

dev: venv
	@cat requirements-dev.txt pyproject.toml | cmp -s - $(VENV)/dev || { \
		echo "installing requirements-dev.txt into $(VENV)" && rm -f $(VENV)/ready && \
		$(RUN) pip install --quiet --require-hashes --requirement requirements-dev.txt && \
		$(RUN) pip install --quiet --no-deps --no-build-isolation --editable . && \
		cat requirements-dev.txt pyproject.toml >$(VENV)/dev && cp requirements.txt $(VENV)/ && pwd >$(VENV)/ready; }
