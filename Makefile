# SPDX-License-Identifier: Apache-2.0
# Thin: meson builds, tools/run-tests.py tests. Variables: BUILD, JOBS, FUZZ_SECONDS.
BUILD ?= build
JOBS ?= $(shell nproc)
FUZZ_SECONDS ?= 60
PYTHON ?= $(shell test -x /usr/bin/python3 && echo /usr/bin/python3 || echo python3)
export BUILD JOBS FUZZ_SECONDS

all: $(BUILD)/build.ninja
	ninja -C $(BUILD) -j $(JOBS)

$(BUILD)/build.ninja:
	meson setup $(BUILD)

deps:
	@tools/deps.sh build test

demo: deps all
	@$(PYTHON) lab/demo.py

# The short form of the kernel matrix needs qemu; without it that test skips.
test: deps all
	@tools/deps.sh kernels || echo "deps: no qemu, the kernel test will skip"
	@$(PYTHON) tools/run-tests.py --build $(BUILD)

# What crosscut says about the recordings now becomes what is expected; shows the difference.
golden-update: all
	@$(PYTHON) tests/golden/run.py $(BUILD)/crosscut --update

bench: deps all
	@tools/deps.sh peers || echo "deps: some peers are missing"
	@missed=0; for b in l7 requests captures tap run; do $(PYTHON) tests/bench/$$b.py || missed=1; done; exit $$missed

accuracy: deps all
	@$(PYTHON) lab/accuracy.py

features-accuracy: deps all
	@$(PYTHON) lab/lab.py rules

kernels: deps all
	@tools/deps.sh kernels
	@$(PYTHON) tools/kernels.py --crosscut $(BUILD)/crosscut

lint: all
	@$(PYTHON) tools/format.py .
	@$(PYTHON) tools/check-layers.py .
	@$(PYTHON) tools/check-sizes.py .
	@$(PYTHON) tools/check-tree.py .
	@$(PYTHON) tools/analyse.py $(BUILD)

fmt:
	@$(PYTHON) tools/format.py . --fix

docs: all
	@$(PYTHON) tools/gen-docs.py $(BUILD)/crosscut docs

fuzz: deps
	@$(PYTHON) tools/run-fuzz.py --seconds $(FUZZ_SECONDS)

cover: deps
	@$(PYTHON) tools/run-tests.py --cover

install: all
	meson install -C $(BUILD)

clean:
	rm -rf build build-asan build-cover build-fuzz

.PHONY: all deps demo test golden-update bench accuracy features-accuracy kernels lint fmt docs fuzz cover install clean
