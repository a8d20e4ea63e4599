# Each target does all the set-up that it needs; `make help` lists them.
VENV   := .venv
PYTHON ?= python3
PY     := $(VENV)/bin/python
# A vendor's index of CPU builds spares 5 GB of CUDA: make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
MINUTES ?= 30
JOBS ?= 2
SUITE := not long and not ops and not containers and not gpu
# pytest's exit code where no test was chosen
NONE := 5
OPS_PACKAGES := kcat prometheus prometheus-alertmanager
CONTAINER_PACKAGES := mmdebstrap buildah podman runc netavark aardvark-dns catatonit iptables
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-long test-gpu test-ops test-containers chaos soak lint format bench bench-drain compare compare-long ablate model clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(VENV)/.dev  ## fetch everything, Kafka's jars too; afterwards all works offline

demo: $(VENV)/.demo  ## 40 clips through a real Apache Kafka, one worker killed midway (no torch installed)
	@$(PY) -m stream demo $(ARGS)

test: $(VENV)/.dev  ## the whole suite, 40 minutes on 2 slow cores: JOBS=2 tests at a time, then those that want to be alone
	@first=0; second=0; \
	$(PY) -m pytest -m "$(SUITE) and not alone" -n $(JOBS) --dist loadfile $(ARGS) || first=$$?; \
	case $$first in 0|1|$(NONE)) ;; *) exit $$first ;; esac; \
	$(PY) -m pytest -m "$(SUITE) and alone" $(ARGS) -n 0 || second=$$?; \
	case $$first$$second in 00|0$(NONE)|$(NONE)0) ;; *) echo "pytest ended with $$first, and alone with $$second"; exit 1 ;; esac

test-long: $(VENV)/.dev  ## what takes longer
	$(PY) -m pytest -m long $(ARGS)

test-gpu: $(VENV)/.dev  ## what needs an NVIDIA GPU, on this machine's, and a report to paste; fetches TensorRT
	@$(PY) -m tests.gpu --look
	@$(PY) -c 'import tensorrt' 2> /dev/null || { echo "installing stall-stream[tensorrt] (log: $(VENV)/install.log) ..."; \
		$(PY) -m pip install --retries 2 -c constraints.txt -e ".[tensorrt]" >> $(VENV)/install.log 2>&1 || \
		{ echo "no TensorRT: is pypi.nvidia.com reachable? ($(VENV)/install.log says more)"; exit 1; }; }
	@$(PY) -m tests.gpu $(ARGS)

test-ops: $(VENV)/.dev  ## with Debian packages, which it installs: kcat, Prometheus, and podman: workers in containers (as root)
	@$(call packages,$(OPS_PACKAGES))
	@$(call packages,$(CONTAINER_PACKAGES)) || echo "without all of $(CONTAINER_PACKAGES): tests in containers are skipped"
	$(PY) -m pytest -m ops $(ARGS)

test-containers: $(VENV)/.dev  ## with the same: Compose, and the image for training (14 GB; a TORCH_INDEX makes it smaller)
	@$(call packages,$(OPS_PACKAGES) $(CONTAINER_PACKAGES))
	$(PY) -m pytest -m containers $(ARGS)

chaos: $(VENV)/.dev  ## 216 worker kills, broker kills and outages, then the audit; about 20 minutes
	$(PY) -m tests.chaos $(ARGS)

soak: $(VENV)/.dev  ## steady load for MINUTES=30: memory, descriptors, threads and latency stay flat
	$(PY) -m tests.chaos.soak --minutes $(MINUTES) $(ARGS)

lint: $(VENV)/.dev  ## ruff and mypy --strict, as CI runs them
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/mypy

format: $(VENV)/.dev  ## rewrite the code as ruff wants it
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

bench: $(VENV)/.dev  ## CPU time of reading a clip against the original method, of an audit, of a training set's cache
	$(PY) tests/bench/read_clip.py
	$(PY) tests/bench/audit.py
	$(PY) tests/bench/crop_cache.py

bench-drain: $(VENV)/.dev  ## how long 40 workers under full load take to stop, one after another; about 5 minutes
	$(PY) tests/bench/drain.py $(ARGS)

compare: $(VENV)/.dev  ## networks trained for equally long on the same clips: a table in build/compare; hours
	$(PY) -m training compare --out build/compare $(ARGS)

compare-long: $(VENV)/.dev  ## the same on DATA, a cache of recorded clips, each part by project the test in turn
	$(PY) -m training compare --out build/compare-long --data $(DATA) --all-folds $(ARGS)

ablate: $(VENV)/.dev  ## the recipe with one thing changed at a time: a table in build/ablate; hours
	$(PY) -m training ablate --out build/ablate $(ARGS)

model: $(VENV)/.dev  ## make the model that comes along again: about 100 minutes on 2 cores
	$(PY) -m training fit --out stream/model/checkpoint --spec.frames 32 --clips 16000 --steps 3000 --threads 1
	$(PY) -m training evaluate --checkpoint stream/model/checkpoint --clips 1200 --card stream/model/README.md
	$(PY) -m trt_build --checkpoint stream/model/checkpoint --out stream/model/artifact --force

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info

$(PY):
	@command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) was not found; give another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, this is $$($(PYTHON) --version 2>&1); give another: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "no virtual environment: apt install python3-venv"; exit 1; }

# Removes none: the engine of containers that is there may not go with podman's.
define packages
dpkg -s $(1) > /dev/null 2>&1 || $(if $(filter 0,$(shell id -u)),,sudo) sh -c \
	'apt-get update -qq && apt-get install -y -qq --no-install-recommends --no-remove $(1)'
endef

# $(call fetch,EXTRA): one line for the user, the rest in a file; the jars are fetched by the command itself.
define fetch
	@echo "installing stall-stream[$(1)] into $(VENV) (log: $(VENV)/install.log) ..."
	@$(PY) -m pip install --retries 2 -c constraints.txt -e ".[$(1)]" >> $(VENV)/install.log 2>&1 || { grep -E '^ERROR' $(VENV)/install.log | head -1 | cut -c1-200; \
		echo "could not install: is the package index reachable? ($(VENV)/install.log says more)"; exit 1; }
	@$(PY) -m stream kafka --fetch-only
	@touch $@
endef

$(VENV)/.demo: pyproject.toml constraints.txt | $(PY)
	$(call fetch,demo)

# PyTorch alone, and first: else pip would take the CUDA build where that index doesn't answer.
$(VENV)/.dev: pyproject.toml constraints.txt | $(PY)
	@if [ -n "$(TORCH_INDEX)" ]; then echo "installing PyTorch from $(TORCH_INDEX) ..."; \
		$(PY) -m pip install --retries 2 --no-deps --index-url $(TORCH_INDEX) $$(grep -E '^torch(vision)?==' constraints.txt) \
		>> $(VENV)/install.log 2>&1 || { echo "no PyTorch there ($(VENV)/install.log says more)"; exit 1; }; fi
	$(call fetch,dev)
	@$(PY) -m tests.kafka_tools
	@$(PY) -m tests.trt_build.bindings
	@touch $(VENV)/.demo
