# Everything a developer runs. `make` alone lists the targets.

export IBM_TELEMETRY_DISABLED := true
# Where the recipes below and the tests look for what cargo built.
export CARGO_TARGET_DIR := $(CURDIR)/target
# rustup's default folder, for shells that have not read its profile yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

# One scope for every cargo command of `make test`: what one has built, the next need not build again.
SCOPE := --workspace --all-features --locked

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run build test lint format screenshot bench bench-page soak tools packages clients check-scripts check-web check-rust test-with-servers

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 16

run: build ## set up everything, then serve http://127.0.0.1:8080
	@scripts/with_model.py -- target/release/webchat serve

build: tools web/dist/index.html ## build the page and the release binary
	@cargo build --release --locked -p webchat

test: tools packages clients check-scripts check-web check-rust ## set up everything, then run every check and test
	cargo build --all-targets $(SCOPE)
	@scripts/with_servers.py -- scripts/with_model.py --for-tests -- \
		$(MAKE) --no-print-directory test-with-servers
	@echo "All tests passed."

lint: tools web/node_modules/.installed ## only the quick checks: format, lints, types
	cd web && npm run lint && npm run typecheck
	cargo fmt --all --check
	cargo clippy --all-targets $(SCOPE) -- -D warnings

format: tools web/node_modules/.installed ## format everything
	cargo fmt --all
	cd web && npm run format

screenshot: build packages tests/e2e/node_modules/.installed ## retake the README's picture
	@WEBCHAT_BIN=$(CARGO_TARGET_DIR)/release/webchat scripts/with_model.py --for-tests -- \
		npm --prefix tests/e2e run screenshot

# Data lies in the target folder, as /tmp may be in memory. Both commands build the same: the second runs,
# with as many connections as the system lets it have.
BENCH_SCOPE := --locked -p webchat -p webchat-tests --bench bench
bench: tools packages ## measure everything; BENCH="append relay --quick" some of it, small; BENCH=page the page
	@mkdir -p $(CARGO_TARGET_DIR)/bench
	cargo build --release $(BENCH_SCOPE) --bin webchat
ifneq ($(BENCH),page)
	@ulimit -n "$$(ulimit -Hn)" && TMPDIR=$(CARGO_TARGET_DIR)/bench scripts/with_servers.py -- cargo bench $(BENCH_SCOPE) -- $(BENCH)
endif
ifneq ($(filter page,$(or $(BENCH),page)),)
	@$(MAKE) --no-print-directory bench-page
endif

bench-page: web/dist/index.html tests/e2e/node_modules/.installed tests/lighthouse/node_modules/.installed
	@WEBCHAT_BIN=$(CARGO_TARGET_DIR)/release/webchat npm --prefix tests/e2e run bench

soak: tools packages ## the tests of what nobody may lose, for most of an hour; their figures at the end
	cargo build --all-targets $(SCOPE)
	@scripts/soak.py $(CARGO_TARGET_DIR)/soak.jsonl -- scripts/with_servers.py -- \
		cargo test --locked --all-features -p webchat-tests --test it -- --test-threads 1 survival::

# --- What the targets above consist of ---

tools:
	@scripts/check_tools.sh

packages:
	@scripts/install_packages.sh

clients: tests/clients/node_modules/.installed .cache/socket-io-client/.installed .cache/schemathesis/.installed

check-scripts:
	python3 -B -m unittest discover --start-directory scripts

check-web: web/node_modules/.installed tests/e2e/node_modules/.installed
	cd web && npm run lint && npm run typecheck && npm test
	@$(MAKE) --no-print-directory --silent web/dist/index.html
	cd tests/e2e && npm run typecheck

check-rust:
	cargo fmt --all --check
	cargo clippy --all-targets $(SCOPE) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps $(SCOPE)
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check bans licenses sources; \
	else echo "cargo-deny is not installed: the dependencies' licences and sources are not checked"; fi

# Run by scripts/with_servers.py and with_model.py, which say where the servers are: TEST_….
test-with-servers:
	@if cargo nextest --version >/dev/null 2>&1; \
	then set -x; cargo nextest run $(SCOPE) && cargo test --doc $(SCOPE); \
	else set -x; cargo test $(SCOPE); fi
	cd tests/e2e && npm test

# --- Files ---

%/node_modules/.installed: %/package.json %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@

.cache/schemathesis/.installed: tests/schemathesis/requirements.txt
.cache/socket-io-client/.installed: tests/clients/requirements.txt
.cache/schemathesis/.installed .cache/socket-io-client/.installed:
	python3 -m venv --clear $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --no-input --only-binary=:all: \
		--require-hashes --quiet -r $<
	@touch $@

# Folders are listed too, so a removed file is noticed.
WEB_SOURCES := $(wildcard web/*.* web/.npmrc) $(shell find web/src web/public 2>/dev/null)

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run build
	@touch $@
