# The commands for developers. `make` without a target lists them.

export IBM_TELEMETRY_DISABLED := true
# The recipes below and the tests look for cargo's output here.
export CARGO_TARGET_DIR := $(CURDIR)/target
# rustup's default directory, for shells that have not loaded its profile yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

# All cargo commands of `make test` use one scope, so that none rebuilds what another has built.
SCOPE := --workspace --all-features --locked

.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help run build test coverage lint format screenshot bench bench-page soak tools packages clients check-spelling check-workflows check-scripts check-web check-rust check-advisories test-with-servers

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

# The first time takes minutes, so it says what it does.
run: ## install everything that is needed, then serve http://127.0.0.1:8080
	@echo "Step 1 of 4: checking the tools"
	@$(MAKE) --no-print-directory tools
	@echo "Step 2 of 4: building the page (the first time: a minute)"
	@$(MAKE) --no-print-directory web/dist/index.html
	@echo "Step 3 of 4: building the server (the first time: up to 8 minutes on two cores)"
	@cargo build --profile local --locked -p webchat
	@echo "Step 4 of 4: starting the server, with a small model unless yours is set (the first time: a minute)"
	@scripts/with_model.py -- $(CARGO_TARGET_DIR)/local/webchat serve

build: tools web/dist/index.html ## build the page and the release binary
	@cargo build --release --locked --features otlp -p webchat

test: tools packages clients check-spelling check-workflows check-scripts check-web check-rust check-advisories ## install everything that is needed, then run every check and test
	cargo build --all-targets $(SCOPE)
	@scripts/with_servers.py -- scripts/with_model.py --for-tests -- \
		$(MAKE) --no-print-directory test-with-servers
	@echo "All tests passed."

lint: tools check-spelling check-workflows web/node_modules/.installed ## run the quick checks: spelling, formatting, lints, types
	cd web && npm run lint && npm run typecheck
	cargo fmt --all --check
	cargo clippy --all-targets $(SCOPE) -- -D warnings
	cargo clippy --locked -p webchat -- -D warnings

# cargo-llvm-cov needs the component llvm-tools of the toolchain, or LLVM_COV and LLVM_PROFDATA of the same LLVM.
coverage: tools packages clients web/node_modules/.installed ## measure the coverage of all tests but the browser's, and print tables
	cd web && npm run coverage -- --coverage.reporter=text-summary --coverage.reporter=html
	cargo llvm-cov --version
	@scripts/with_servers.py -- scripts/with_model.py --for-tests -- cargo llvm-cov --html \
		--output-dir $(CARGO_TARGET_DIR)/coverage test $(SCOPE)
	@cargo llvm-cov report --ignore-filename-regex '/(tests|target)/'

format: tools web/node_modules/.installed ## format all code
	cargo fmt --all
	cd web && npm run format

screenshot: build packages tests/e2e/node_modules/.installed ## retake the screenshots in the README
	@WEBCHAT_BIN=$(CARGO_TARGET_DIR)/release/webchat npm --prefix tests/e2e run screenshot

# The data is kept in the target directory, because /tmp may be in memory. Both cargo commands build the same
# scope. The second one runs the benchmarks, with the system's maximum number of open files.
BENCH_SCOPE := --locked -p webchat -p webchat-tests --bench bench
bench: tools packages ## run the benchmarks; BENCH="append relay --quick" selects some, in small; BENCH=page the page's
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

soak: tools packages ## run the durability tests for most of an hour, then print a table of the results
	cargo build --all-targets $(SCOPE)
	@scripts/soak.py $(CARGO_TARGET_DIR)/soak.jsonl -- scripts/with_servers.py -- \
		cargo test $(SCOPE) --test it -- --test-threads 1 resilience::

# --- Steps of the targets above ---

tools:
	@scripts/check_tools.sh

packages:
	@scripts/install_packages.sh

clients: tests/clients/node_modules/.installed .cache/socket-io-client/.installed .cache/openai-clients/.installed .cache/schemathesis/.installed

check-spelling: .cache/typos/.installed
	.cache/typos/bin/typos

check-workflows: scripts/workflows/node_modules/.installed
	npm --prefix scripts/workflows run --silent lint

check-scripts:
	python3 -B -m unittest discover --start-directory scripts

check-web: web/node_modules/.installed tests/e2e/node_modules/.installed
	cd web && npm run lint && npm run typecheck && npm test
	@$(MAKE) --no-print-directory --silent web/dist/index.html
	cd tests/e2e && npm run typecheck

check-rust:
	cargo fmt --all --check
	cargo clippy --all-targets $(SCOPE) -- -D warnings
	cargo clippy --locked -p webchat -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps $(SCOPE)
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check bans licenses sources; \
	else echo "cargo-deny is not installed: skipping the check of the dependencies' licences and sources"; fi

check-advisories: tools
	@scripts/check_advisories.py

# Run by scripts/with_servers.py and with_model.py, which pass the servers' addresses as TEST_… variables.
test-with-servers:
	cargo test --doc $(SCOPE)
	@if cargo nextest --version >/dev/null 2>&1; \
	then set -x; cargo nextest run $(SCOPE); \
	else set -x; cargo test --lib --bins --examples --tests $(SCOPE); fi
	cd tests/e2e && npm test

# --- Files ---

%/node_modules/.installed: %/package.json %/package-lock.json
	cd $* && npm ci --no-audit --no-fund
	@touch $@

.cache/schemathesis/.installed: tests/schemathesis/requirements.txt
.cache/socket-io-client/.installed: tests/clients/requirements.txt
.cache/openai-clients/.installed: tests/clients/openai-requirements.txt
.cache/typos/.installed: scripts/typos-requirements.txt
.cache/schemathesis/.installed .cache/socket-io-client/.installed .cache/openai-clients/.installed .cache/typos/.installed:
	python3 -m venv --clear $(@D)
	$(@D)/bin/python -m pip --disable-pip-version-check install --no-input --only-binary=:all: \
		--require-hashes --quiet -r $<
	@touch $@

# The directories are prerequisites too, so that removing a file triggers a build.
WEB_SOURCES := $(wildcard web/*.* web/.npmrc) $(shell find web/src web/public 2>/dev/null)

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && npm run build
	@touch $@
