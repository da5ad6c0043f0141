# `make` runs the default benchmark and writes report.html; `make test` runs the tests.
# Both set up .venv first, which needs Python 3.11 or newer and nothing else. `make CPU=1` sets it up without the
# libraries for GPUs.
PYTHON ?= python3
ACTIVATE = . .venv/bin/activate
PARALLEL = --numprocesses auto --maxprocesses 4 --dist worksteal

.PHONY: report test test-others test-slurm test-quick lock clean

report: .venv/installed
	$(ACTIVATE) && snakemake --cores all && snakemake --report report.html

# SLURM's tests wait for most of their time, so they run beside the others.
test: .venv/installed
	$(MAKE) --no-print-directory --keep-going --jobs 2 test-others test-slurm

test-others: .venv/installed
	$(ACTIVATE) && python -m pytest $(PARALLEL) -m "not slurm"

# These tests share one cluster, so they run one after the other; they are skipped where there is none.
test-slurm: .venv/installed
	$(ACTIVATE) && python -m pytest --quiet tests/slurm

test-quick: .venv/installed
	$(ACTIVATE) && python -m pytest $(PARALLEL) --dist loadfile -m "not slow and not slurm"

# The packages of the lock. For CPU=1 without CUDA and Triton, and with torch's builds for CPUs: the lock has their
# versions, but not their digests.
PIP = .venv/bin/python -m pip install --disable-pip-version-check
GPU_PACKAGES = ^(torch|torchaudio|torchvision|triton|nvidia-[a-z0-9-]+|cuda-[a-z]+)==

.venv/installed: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "soundbench needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
ifeq ($(CPU),1)
	@echo "Installing the packages of requirements.lock into .venv for CPUs; pip names each download and its size."
	awk '/^[a-z]/ {gpu = /$(GPU_PACKAGES)/} !gpu' requirements.lock > .venv/cpu.lock
	$(PIP) --require-hashes --no-deps -r .venv/cpu.lock
	$(PIP) uv
	.venv/bin/uv pip install --python .venv/bin/python --torch-backend cpu $$(grep -oE '^torch[a-z]*==[0-9.]+' requirements.lock)
else
	@echo "Installing the packages of requirements.lock into .venv (6 GB, of which 3.4 GB are for GPUs: 'make CPU=1' leaves"
	@echo "these out); pip names each download and its size."
	$(PIP) --require-hashes -r requirements.lock
endif
	touch $@

# Resolve requirements.txt anew, with one version of each package for all platforms and Pythons; pin versions and
# digests, and write envs/ from that.
lock:
	rm -rf .lock && $(PYTHON) -m venv .lock
	.lock/bin/python -m pip install --disable-pip-version-check --quiet uv
	.lock/bin/uv pip compile --quiet --upgrade --universal --fork-strategy fewest --python-version 3.11 \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --output-file requirements.lock requirements.txt
	rm -rf .lock
	$(MAKE) .venv/installed
	$(ACTIVATE) && python tests/tools/write_environments.py

clean:
	rm -rf .venv .snakemake results report.html
