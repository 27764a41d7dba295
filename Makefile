# make demo      the whole way on real recordings, from nothing to a proven firmware
# make test      all tests, from nothing
# make lint      format, lint, types, layers
# make check     the same and unit tests
# make emulate   tests that run firmware on the board simulator
# make fuzz      mutated models through the checker, accepted ones through the judge; MUTANTS=N SEED=S, continues where it was
# make prove     random graphs through judge, NumPy and generated C, byte for byte; GRAPHS=N SEED=S JOBS=J, PROVE_ARGS=--sanitize; continues
#                PROVE_ARGS="--cores cortex-m0plus,cortex-m4,cortex-m33" runs the same C on bare simulated Arm cores, too
# make new-op    the files of a new operator, from templates; NAME=SOME_OPERATOR
# make new-board the files of a new board, from a shipped one; NAME=my_board CHIP=stm32f446re LIKE=nucleo_f446re
# make boards    every board with both compilers in all presets: built, booted on the simulator, asked
# make operators the page docs/operators.md, from what the operator modules declare
# make costs     measures what a round of each kernel's loops costs, for predictions; KERNELS="dsp_gemm lstm_s8" measures these only
# make bench     one inference of each shared model on the simulated board, by kernel family: writes docs/benchmarks.md
# make keras     the tests of `mcu-slm quantize` with TensorFlow itself, in .venv-keras (1.6 GB); not part of `make test`
# make results   trains what a table of docs/results.md is made of, and prints it; TABLE=pretraining RUNS=folder, continues where it was
#
# Everything is installed into .venv (and .venv-keras), nothing outside. MCU_SLM_SHARED names the folder with shared models and recordings.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KERAS_VENV := .venv-keras
SHARED := $(or $(MCU_SLM_SHARED),../shared)
export MCU_SLM_SHARED := $(abspath $(SHARED))

# PyTorch publishes builds without CUDA on an index of its own; pip takes one from there, or a local wheel, in preference to the
# build with gigabytes of CUDA packages. Where the index cannot be reached, pip takes what else it finds.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
PIP := PIP_RETRIES=1 PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install --quiet -c constraints.txt

MUTANTS ?= 100000
GRAPHS ?= 10000
SEED ?= 1
JOBS ?= 1
TABLE ?= pretraining
RUNS ?= build/results

.PHONY: demo test lint check emulate fuzz prove boards new-board new-op operators costs bench keras results clean

demo: $(VENV)/installed
	$(BIN)/mcu-slm run examples/basic_motions/mcu_slm.toml

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint
	$(BIN)/python -m pytest -n 2 -m unit $(PYTEST_ARGS)

emulate: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n 2 -m emulator $(PYTEST_ARGS)

fuzz: $(VENV)/installed-dev
	$(BIN)/python -m tests.tflite.fuzz --mutants $(MUTANTS) --seed $(SEED)

prove: $(VENV)/installed-dev
	$(BIN)/python -m tests.prove --graphs $(GRAPHS) --seed $(SEED) --jobs $(JOBS) $(PROVE_ARGS)

boards: $(VENV)/installed-dev
	MCU_SLM_EVERY_BUILD=1 $(BIN)/python -m pytest -n 2 tests/firmware/test_every_board.py \
	    tests/firmware/test_buses_of_every_board.py $(PYTEST_ARGS)

new-board: $(VENV)/installed-dev
	@$(BIN)/mcu-slm new-board $(NAME) --chip $(CHIP) $(if $(LIKE),--like $(LIKE)) --out boards

new-op: $(VENV)/installed-dev
	@$(BIN)/python -m tests.ops.new_op $(NAME)

operators: $(VENV)/installed-dev
	$(BIN)/python -m mcu_slm.pipeline.operators > docs/operators.md

costs: $(VENV)/installed-dev
	$(BIN)/python -m tests.costs $(KERNELS)

bench: $(VENV)/installed-dev
	$(BIN)/python -m tests.bench

keras: $(KERAS_VENV)/installed
	$(KERAS_VENV)/bin/python -m pytest tests/quantize tests/pipeline/test_quantization.py $(PYTEST_ARGS)

results: $(VENV)/installed-dev
	$(BIN)/python -m tests.results $(TABLE) --runs $(RUNS)

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mcu_slm needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: constraints.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing into $(VENV) (one to three minutes)"
	@$(PIP) --quiet --no-deps --extra-index-url $(TORCH_INDEX) torch
	@$(PIP) -e '.[all]'
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	@$(PIP) -e '.[dev]'
	touch $@

$(KERAS_VENV)/installed: constraints.txt pyproject.toml
	$(PYTHON) -m venv $(KERAS_VENV)
	@echo "installing TensorFlow into $(KERAS_VENV) (a few minutes)"
	@$(subst $(BIN),$(KERAS_VENV)/bin,$(PIP)) -e '.[verify,sim,keras]' pytest hypothesis
	touch $@

clean:
	rm -rf runs build dist .pytest_cache .mypy_cache .ruff_cache
