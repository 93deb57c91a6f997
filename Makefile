# What a contributor runs. PYTHON may name another interpreter: make test PYTHON=.venv/bin/python
PYTHON ?= python
DATA ?= $(or $(TALKING_HEAD_DATA),../shared/data)
OUT ?= out
BUDGET ?= 20m
MINUTES ?= 30

.PHONY: test test-slow test-all lint imports docs smoke bench fuzz faults sbom lock audit clean

test:  ## the default tests, on two cores
	$(PYTHON) -m pytest -n 2 --dist loadfile

test-slow:  ## the others: minutes each, real footage, kills at any moment
	$(PYTHON) -m pytest -n 2 --dist loadfile -m slow

test-all: test test-slow

lint:
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

imports:  ## draw who imports whom into docs/images/imports.svg
	$(PYTHON) -m scripts.draw_imports

smoke:  ## the main road on a real video: enroll, speak, contact sheets (into the git-ignored out/)
	$(PYTHON) -m benchmarks.smoke --data $(DATA) --out $(OUT) --budget $(BUDGET)

bench:  ## the tables of docs/measured.md, slowest last; needs DATA
	$(PYTHON) -m benchmarks.rasterizer
	TALKING_HEAD_DATA=$(DATA) $(PYTHON) -m benchmarks.phonetic
	$(PYTHON) -m benchmarks.person $(DATA)/reference_video/weekly_address_20s.mp4 \
		--other-sound $(DATA)/speech/jfk.wav --out $(OUT)/person --budget $(BUDGET)
	$(PYTHON) -m benchmarks.pixels $(DATA)/reference_video/weekly_address_20s.mp4 \
		--other-sound $(DATA)/speech/jfk.wav --out $(OUT)/pixels --budget $(BUDGET) --baseline
	$(PYTHON) -m benchmarks.synthesis --home $(OUT)/person/home --target person \
		--speech $(DATA)/speech/jfk.wav --out $(OUT)/synthesis
	$(PYTHON) -m benchmarks.killed $(DATA)/reference_video/weekly_address_20s.mp4 --out $(OUT)/killed

fuzz:  ## broken files for every reader, for so many minutes
	OMP_NUM_THREADS=1 nice -n 10 $(PYTHON) -m tests.fuzz --minutes $(MINUTES) --finds $(OUT)/fuzz

faults:  ## kills, full disks, power cuts, jumping clocks
	mkdir -p $(OUT)
	$(PYTHON) -m pytest -m '' tests/faults
	$(PYTHON) -m tests.faults.full --result $(OUT)/faults_full.json
	$(PYTHON) -m tests.faults.kill --result $(OUT)/faults_kill.json

sbom:  ## what this environment is made of (CycloneDX), and under which licences; pip install cyclonedx-bom pip-licenses
	mkdir -p $(OUT)
	cyclonedx-py environment --pyproject pyproject.toml -o $(OUT)/sbom.json $(shell command -v $(PYTHON))
	pip-licenses --python=$(shell command -v $(PYTHON)) --format=markdown --output-file=$(OUT)/licences.md

# torch is not among them: which build of it a machine takes, with CUDA or without, is the machine's to say.
lock:  ## versions and hashes of all that CI installs, into .ci/lock.txt; pip install pip-tools; on Python 3.11, Linux
	$(PYTHON) -m piptools compile --quiet --generate-hashes --no-allow-unsafe --unsafe-package torch --strip-extras \
		--no-annotate --no-header --no-emit-index-url --no-emit-find-links --no-emit-trusted-host \
		--extra dev --extra docs --extra webrtc --output-file .ci/lock.txt pyproject.toml

audit:  ## known holes in what is installed; pip install pip-audit; asks pypi.org
	pip-audit --local

docs:  ## docs/ as a site in site/, with pages of the Python API; pip install ".[docs]"
	NO_MKDOCS_2_WARNING=1 $(PYTHON) -m mkdocs build --strict

clean:
	rm -rf $(OUT) runs build site *.egg-info .pytest_cache .mypy_cache .ruff_cache
