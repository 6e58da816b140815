# Ringpost. `make` alone prints the commands. Needs Node 20 or newer with npm; everything else comes with `npm ci`,
# the right Node included, which is why node_modules/.bin stands first on the PATH.
SHELL := /bin/sh
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)
# The young generation may have 8 MB: by itself V8 gives it 64, twice, and a large import would fill them.
MAIN := node --max-semi-space-size=8 src/main.ts
INSTALLED := node_modules/.installed
# The usual report, and one that fails the run when a phone number shows on standard error.
REPORTERS := --test-reporter=spec --test-reporter-destination=stdout \
	--test-reporter=./test/support/numbersReporter.ts --test-reporter-destination=stderr

.DEFAULT_GOAL := help
.PHONY: help run call test check migrate api worker reap token chaos bench openapi format

help: ## This list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Everything on this machine: database, carrier stand-in, API, worker, console
	@exec $(MAIN) run

call: $(INSTALLED) ## Call a list to its end: LEADS=leads.csv [BUSINESS=1] [CONFIRM=1 with real Twilio credentials]
	@exec $(MAIN) call --leads="$(LEADS)" --business="$(BUSINESS)" --confirm="$(CONFIRM)"

test: $(INSTALLED) ## The test suite; FULL=1 for the full sizes
	@rm -rf node_modules/.cache/ringpost
	@FULL="$(FULL)" NODE_OPTIONS='--import "$(CURDIR)/src/quickStart.ts"' exec node --test --test-concurrency=3 $(REPORTERS) 'test/**/*.test.ts'

check: $(INSTALLED) ## Types, lint, formatting, import rules, unsafe code, known holes in packages, migration drift
	@tsc -p .
	@tsc -p src/console
	@oxlint --type-aware --deny-warnings
	@prettier --check --log-level warn .
	@depcruise --config .dependency-cruiser.cjs db src tasks
	@node test/support/drift.ts
	@node test/support/squawk.ts
	@node test/support/audit.ts
	@node --test --test-reporter=dot test/db/sql.test.ts 'test/security/*.test.ts'

migrate: $(INSTALLED) ## Bring the database to the newest schema, with the CRM running; PLAN=1 only tells, CUTOVER=1 takes the old runs over
	@exec $(MAIN) migrate --plan="$(PLAN)" --cutover="$(CUTOVER)"

api: $(INSTALLED) ## The REST API of a real deployment
	@exec $(MAIN) api

worker: $(INSTALLED) ## The dialling worker of a real deployment
	@exec $(MAIN) worker

reap: $(INSTALLED) ## One clean-up pass for cron: prints one JSON line
	@exec $(MAIN) reap

token: $(INSTALLED) ## A development token: BUSINESS=1 ROLE=owner USER=7
	@exec $(MAIN) token --business="$(BUSINESS)" --role="$(ROLE)" --user="$(if $(filter command,$(firstword $(origin USER))),$(USER))"

chaos: $(INSTALLED) ## The fault drill, replayable by its seed: SEED=1 LEADS=2000 KILLS=100; last line: the verdict
	@exec node test/chaos/main.ts --seed "$(SEED)" --leads "$(LEADS)" --kills "$(KILLS)"

bench: $(INSTALLED) ## The benchmarks, as a table and a JSON file: ROW=2 for one, FULL=1 for full sizes and the long run
	@ROW="$(ROW)" FULL="$(FULL)" SEED="$(SEED)" exec node test/bench/main.ts

openapi: $(INSTALLED) ## The OpenAPI document on standard output
	@exec $(MAIN) openapi

format: $(INSTALLED) ## Format the sources
	@prettier --write --log-level warn .

# Output to standard error: `make token` prints a token and nothing else. A skipped install script would leave the
# machine's own Node in charge, silently; so look.
$(INSTALLED): package.json package-lock.json
	@echo "installing packages (npm ci), half a minute or so" 1>&2
	@npm ci --no-audit --no-fund --loglevel=error 1>&2
	@node -e 'const [a, b] = process.versions.node.split(".").map(Number); if (a < 22 || (a === 22 && b < 18)) { console.error("Ringpost needs Node 22.18 or newer; npm did not install its own (install scripts off?). Found", process.version); process.exit(1) }'
	@touch $@
