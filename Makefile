# The checks that developers and CI run. `make` lists the targets.

LINT := go tool -modfile=scripts/lint/go.mod

.PHONY: help check fmt vet staticcheck golangci workflows api test test-nocgo test-arm race bench fuzz chaos demo gallery wheels release check-wheel checkpoints ocr

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

check: fmt vet staticcheck golangci workflows api test-nocgo test-arm test race bench ## all that CI does

fmt: ## fail if gofmt would change a file
	@out=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$out" || { echo "gofmt would change:"; echo "$$out"; exit 1; }

vet: ## go vet
	go vet ./...

staticcheck: ## staticcheck, pinned in scripts/lint
	$(LINT) staticcheck ./...

golangci: ## golangci-lint with the settings of .golangci.yml, pinned in scripts/lint
	$(LINT) golangci-lint run ./...

workflows: ## actionlint over .github, pinned in scripts/lint
	$(LINT) actionlint

api: ## fail if a change breaks the public Go API since the commit in scripts/api/base
	scripts/api/check.sh

test: ## all tests, as in the README
	go test ./...

test-nocgo: ## without a C compiler: all tests, the demo, and builds for Windows and macOS
	CGO_ENABLED=0 go test ./...
	CGO_ENABLED=0 go vet ./...
	dir=$$(mktemp -d) && CGO_ENABLED=0 go run ./cmd/wiseft demo --quiet -o $$dir/demo && rm -r $$dir
	dir=$$(mktemp -d) && for system in windows/amd64 darwin/arm64; do \
		export CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/}; \
		go vet ./... && go test -c -o $$dir/ ./probe/ort ./cmd/wiseft || exit 1; \
	done && rm -r $$dir
	CGO_ENABLED=0 GOARCH=386 go test -run 'Float32|Codec' ./onnxmerge/internal/kernel # the code of processors without assembly
	GODEBUG=cpu.all=off go test ./probe/fit/... ./onnxmerge/internal/... # of those without AVX2, whose sums are rounded otherwise

test-arm: ## the NEON kernels and what is built on them, by qemu-user's emulation
	@command -v qemu-aarch64 >/dev/null || { echo "skipped: no qemu-aarch64 (Debian's qemu-user); workflows test on ARM itself"; exit 0; }; \
		GOARCH=arm64 CGO_ENABLED=0 go test -exec qemu-aarch64 $$(go list ./probe/fit/internal/... | grep -v -e /lbfgs -e /mlp)

race: ## tests of the packages that start goroutines, under the race detector
	go test -race $$(go list ./onnxmerge/... | grep -v /align) ./probe/... ./datasets/...

bench: ## one iteration of every benchmark
	go test -run '^$$' -bench . -benchtime 1x ./...

fuzz: ## every fuzz target for 30 s
	@for pkg in $$(go list ./...); do \
		for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime 30s -fuzzminimizetime 20x $$pkg || exit 1; \
		done; \
	done

chaos: ## stop commands that write at every step, fill or break their disk, race; damaged files; FIFOs, devices, folders that refuse
	go test -count=1 ./internal/output ./internal/input
	WISEFT_CHAOS_STRIDE=1 go test -count=1 -v -run 'Mutated|Flipped|LittleMemory' ./onnxmerge/onnx ./datasets
	WISEFT_CHAOS_STRIDE=1 go test -count=1 -timeout 30m ./cmd/wiseft -v \
		-run 'TestStepsOfWriters|Killed|Stopped|Processes|Blocking|RefuseWriting'

wheels: ## Python wheels for five platforms, in dist
	go run ./scripts/package -o dist wheels

check-wheel: wheels ## install the wheel for this platform into clean environments, and run the demo there without Go
	scripts/package/check_wheel.sh dist

release: ## all files of a release, in dist, built twice: the bytes must be equal
	rm -rf dist && mkdir dist
	go run ./scripts/package -o dist archives wheels
	again=$$(mktemp -d) && go run ./scripts/package -o $$again archives wheels && diff -r dist $$again && rm -r $$again
	WISEFT_DIST=$(CURDIR)/dist go test -count=1 -run Dist -v ./scripts/package

demo: ## merge, features, probe and benchmark on embedded models and data
	go run ./cmd/wiseft demo

gallery: ## the finished reports of scripts/gallery again
	scripts/gallery/make.sh

checkpoints: ## run the commands of scripts/replicate/CHECKPOINTS.md on stand-ins, with PYTHON (scripts/replicate/requirements.txt)
	mkdir -p bin && go build -o bin/wiseft ./cmd/wiseft
	$(or $(PYTHON),.venv/bin/python) scripts/replicate/check_checkpoints.py --wiseft bin/wiseft

ocr: ## merge PaddleOCR's detectors in the folder PAIR, and score them on drawn pictures, with PYTHON (numpy, Pillow)
	mkdir -p bin && go build -o bin/wiseft ./cmd/wiseft
	$(or $(PYTHON),.venv/bin/python) scripts/ocr/pictures.py bin/ocr --pictures 200
	bin/wiseft sweep $(PAIR)/multilingual_PP-OCRv3_det.onnx $(PAIR)/en_PP-OCRv3_det.onnx --alphas 0:1:0.25 \
		--norm-statistics linear,std --repair bin/ocr/calibration.npz --repair-samples 16 --test bin/ocr/test.npz --suite none \
		--score '$(or $(PYTHON),.venv/bin/python) scripts/ocr/score.py bin/ocr/truth.npz' \
		--output sigmoid_0.tmp_0 --pool none -o bin/ocr/run
