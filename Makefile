# What a contributor runs. PYTHON may name another interpreter: make test PYTHON=.venv/bin/python
PYTHON ?= python
DATA ?= $(or $(TALKING_HEAD_DATA),../shared/data)
OUT ?= out
BUDGET ?= 20m

.PHONY: test test-all lint smoke bench clean

test:  ## the default tests
	$(PYTHON) -m pytest

test-all:  ## the slow ones too
	$(PYTHON) -m pytest -m ''

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

smoke:  ## the main road on a real video: enrol, speak, contact sheets (into the git-ignored out/)
	$(PYTHON) -m benchmarks.smoke --data $(DATA) --out $(OUT) --budget $(BUDGET)

bench:  ## every table of the README
	@for name in $(filter-out smoke,$(basename $(notdir $(wildcard benchmarks/*.py)))); do \
		echo "== $$name"; $(PYTHON) -m benchmarks.$$name || exit 1; done

clean:
	rm -rf $(OUT) runs build *.egg-info .pytest_cache .mypy_cache .ruff_cache
