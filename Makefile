# What developers and CI run. `make` shows the targets.

LINT := go tool -modfile=scripts/lint/go.mod

.PHONY: help check fmt vet staticcheck golangci test test-nocgo race bench fuzz demo

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

check: fmt vet staticcheck golangci test-nocgo test race bench ## all that CI does

fmt: ## fail if gofmt would change a file
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }

vet: ## go vet
	go vet ./...

staticcheck: ## staticcheck, pinned in scripts/lint
	$(LINT) staticcheck ./...

golangci: ## golangci-lint with the settings of .golangci.yml, pinned in scripts/lint
	$(LINT) golangci-lint run ./...

test: ## all tests, as in the README
	go test ./...

test-nocgo: ## all that works without cgo and onnxruntime
	CGO_ENABLED=0 go test $$(go list ./... | grep -v -e /cmd/ -e /probe/ort)
	CGO_ENABLED=0 go vet ./...
	CGO_ENABLED=0 GOARCH=386 go test -run 'Float32|Codec' ./onnxmerge/internal/kernel # what runs where there is no assembly

race: ## the race detector on what starts goroutines
	go test -race ./onnxmerge/... ./probe/... ./datasets/...

bench: ## every benchmark once, so that they keep working
	go test -run '^$$' -bench . -benchtime 1x ./...

fuzz: ## every fuzz target for 30 s
	@for pkg in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime 30s -fuzzminimizetime 20x $$pkg || exit 1; \
		done; \
	done

demo: ## the whole chain on embedded models and data
	go run ./cmd/wiseft demo
