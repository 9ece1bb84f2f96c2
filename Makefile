# Needs Python 3.11 or later and make; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FULL := $(VENV)/.full
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e
SUITE := $(BIN)/pigeval run suites/nightly.toml

.PHONY: demo test lint bench parity bench-scorers bench-endpoint train-tiny results nightly clean
.DEFAULT_GOAL := test

# What the judges without weights need.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) '.[hub,plots]'
	@touch $@

# Everything: torch alone is several gigabytes.
$(FULL): $(READY)
	$(INSTALL) '.[dev,hub,plots,scorers,lvlm,endpoint,train]'
	@touch $@

# The judges that need no weights on the simulated users: prints the leaderboard and writes it to demo/.
demo: $(READY)
	$(SUITE) --out demo/runs
	$(BIN)/pigeval leaderboard demo/runs --out demo
	@cat demo/LEADERBOARD.md

test: $(FULL)
	HF_HUB_OFFLINE=1 $(BIN)/pytest

lint: $(FULL)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(FULL)
	$(BIN)/python -m benchmarks

# Our scorers against the official packages, each in an environment of its own that is built on the way.
parity: $(FULL)
	$(BIN)/python -m benchmarks.parity

# What reuse saves the frozen scorers, beside loops that do what the official code does.
bench-scorers: $(FULL)
	HF_HUB_OFFLINE=1 $(BIN)/python -m benchmarks.scorers

bench-endpoint: $(FULL)
	$(BIN)/python -m benchmarks.endpoint

# A small PIGReward from random weights, on simulated users; `make train-tiny SEED=1` for another one.
SEED ?= 0
train-tiny: $(FULL)
	$(BIN)/pigeval train all --preset tiny --work work/tiny-$(SEED) --set seed=$(SEED)

# The published runs; the nightly run compares itself with them.
results: $(READY)
	rm -rf results
	$(SUITE) --out results
	$(BIN)/pigeval leaderboard results --out results

# The gate reports runs that failed, so a failing suite does not keep it from deciding. See docs/nightly.md.
nightly: $(READY)
	rm -rf nightly
	-$(SUITE) --out nightly --fresh
	$(BIN)/pigeval compare --gate results nightly --summary nightly/summary.md --junit nightly/junit.xml

clean:
	rm -rf $(VENV) demo nightly work
