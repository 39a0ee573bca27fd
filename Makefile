# The verbs. Everything lands in bin/, build/, .deps/ and runs/, which git ignores.
.PHONY: build native quickstart real real-verified test check sanitize bench bench-ops bench-peers fmt clean
.DEFAULT_GOAL := build

export CGO_ENABLED := 0
GO ?= go
GOBUILD := $(GO) build -trimpath -buildvcs=false -ldflags="-s -w -buildid="
# Versions of clang-format lay code out differently; this one (of Debian 12) is the tree's.
CLANG_FORMAT := 14
LIBRARY := build/cpu/native/libspar_cpu.so

build: native
	@mkdir -p bin
	$(GOBUILD) -o bin/spar ./cmd/spar

native:
	@scripts/setup build
	@[ -f build/cpu/build.ninja ] || cmake --preset cpu >/dev/null
	@cmake --build --preset cpu --target spar_cpu
	@cmp -s $(LIBRARY) native/embedded/libspar_cpu.so || cp $(LIBRARY) native/embedded/libspar_cpu.so

quickstart: build
	bin/spar quickstart --output-dir runs/quickstart

real: build
	scripts/fetch model
	@mkdir -p runs/godoc
	$(GO) run ./scripts/godoc-pairs --out runs/godoc
	bin/spar train scripts/real.yaml

# Verified self-training on word problems, with HumanEval before and after as a check of what it was not trained on.
BASE := .deps/smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
real-verified: build
	scripts/fetch model
	scripts/fetch verifiers
	$(GO) run ./scripts/word-tasks -out runs/word-tasks
	scripts/humaneval/check $(BASE) runs/humaneval/before
	bin/spar train scripts/rest-em.yaml
	scripts/humaneval/check runs/real-verified/policy runs/humaneval/after
	bin/spar diagnose runs/real-verified

test: build
	scripts/fetch model
	@cmake --build --preset cpu
	ctest --test-dir build/cpu --output-on-failure
	$(GO) test ./...

check: native
	@scripts/setup check
	$(GO) vet ./...
	cd scripts/tools && $(GO) build -o ../../bin/staticcheck honnef.co/go/tools/cmd/staticcheck
	bin/staticcheck ./...
	@test -z "$$(gofmt -l cmd trainer loader bench native internal scripts)" || \
	  { echo "not formatted, run make fmt:"; gofmt -l cmd trainer loader bench native internal scripts; exit 1; }
	@case "$$(clang-format --version)" in \
	*" $(CLANG_FORMAT)."*) git ls-files 'native/*.h' 'native/*.cc' 'native/*.c' | xargs clang-format --dry-run --Werror ;; \
	*) echo "the layout of native/ was NOT checked: it wants clang-format $(CLANG_FORMAT), here is $$(clang-format --version)" ;; \
	esac
	$(GO) run ./scripts/bindgen -check
	$(GO) test ./internal/lint
	$(MAKE) --no-print-directory sanitize

# The native tests under AddressSanitizer with UndefinedBehaviorSanitizer, then under ThreadSanitizer. The presets say
# which kernel families run there; the planted bugs belong to make test.
sanitize:
	@scripts/setup build
	@for p in cpu-debug cpu-tsan; do \
	  { [ -f build/$$p/build.ninja ] || cmake --preset $$p >/dev/null; } && \
	  cmake --build --preset $$p && ctest --test-dir build/$$p -j $$(nproc) --output-on-failure || exit 1; \
	done

bench: build
	bin/spar bench update --json
	bin/spar bench score --json
	bin/spar bench rollout --json
	bin/spar bench loader --json

# Every op at the shapes of three models, one JSON object a line, for bench/results/.
bench-ops: build
	bin/spar bench ops --json

# Ours and the peers in turns, as a table; WORK=w1,rollout32 picks some, ARGS=--all takes every setting.
bench-peers: build
	scripts/fetch peers
	.deps/peers/venv/bin/python bench/peers/compare.py $(if $(WORK),--work $(WORK)) $(ARGS)

fmt:
	gofmt -w cmd trainer loader bench native internal scripts
	git ls-files 'native/*.h' 'native/*.cc' 'native/*.c' | xargs clang-format -i

clean:
	rm -rf bin build runs native/embedded/libspar_cpu.so
