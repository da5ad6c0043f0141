# `make` runs the default benchmark and writes report.html; `make test` runs the tests.
# Both set up .venv first, which needs Python 3.11 or newer and nothing else.
PYTHON ?= python3
ACTIVATE = . .venv/bin/activate

.PHONY: report test lock clean

report: .venv/installed
	$(ACTIVATE) && snakemake --cores all && snakemake --report report.html

test: .venv/installed
	$(ACTIVATE) && python -m pytest

.venv/installed: requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "soundbench needs Python 3.11 or newer")'
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check --quiet -r requirements.lock
	touch $@

# Resolve requirements.txt anew and pin what came of it.
lock:
	rm -rf .venv && $(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check --quiet -r requirements.txt
	.venv/bin/python tests/write_lock.py > requirements.lock
	touch .venv/installed

clean:
	rm -rf .venv .snakemake results report.html
