# Needs Python 3.11 or later and make; everything else goes into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
FULL := $(VENV)/.full
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e
SUITE := $(BIN)/pigeval run suites/nightly.toml

.PHONY: demo demo-pigreward test lint bench parity bench-scorers bench-endpoint train-tiny train-tiny-direct measure-tiny results nightly clean
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

# The judges that need no weights on the simulated users, and the published runs of the small PIGReward, which needs
# torch: prints the leaderboard and writes it to demo/.
demo: $(READY)
	$(SUITE) --out demo/runs
	cp -r results/simulated-flat-* demo/runs
	$(BIN)/pigeval leaderboard demo/runs --out demo
	@cat demo/LEADERBOARD.md

# The small PIGReward, which comes with the package, beside judges without weights: leaderboard, measures, two answers.
TINY := demo/pigreward
demo-pigreward: $(FULL)
	rm -rf $(TINY)
	HF_HUB_OFFLINE=1 $(BIN)/pigeval run suites/demo-pigreward.toml --out $(TINY)
	$(BIN)/pigeval leaderboard $(TINY)
	@cat $(TINY)/LEADERBOARD.md
	$(BIN)/pigeval explain $(TINY)/*/pigreward-tiny-*
	$(BIN)/pigeval show $(TINY)/*/pigreward-tiny-* --examples 2

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

# Its reward model once more, which learns the verdicts without the reasoning; all before it is the same.
DIRECT := work/tiny-direct
train-tiny-direct: train-tiny
	mkdir -p $(DIRECT)
	test -d $(DIRECT)/contexts || cp -r $(addprefix work/tiny-$(SEED)/,split base rationales reasoner contexts) $(DIRECT)
	$(BIN)/pigeval train all --preset tiny --work $(DIRECT) --set seed=$(SEED) --set cot.reasoning=false

# The published runs; the nightly run compares itself with them.
results: $(READY)
	rm -rf results/simulated-1
	$(SUITE) --out results
	$(BIN)/pigeval leaderboard results --out results

# The published runs of the small PIGReward, and the other tables of docs/pigreward_tiny.md.
MEASURED := work/measured
measure-tiny: $(FULL)
	rm -rf results/simulated-flat-*
	HF_HUB_OFFLINE=1 $(BIN)/pigeval run suites/tiny.toml --out results
	HF_HUB_OFFLINE=1 $(BIN)/pigeval run suites/tiny-told.toml --out results
	$(BIN)/pigeval leaderboard results --out results
	HF_HUB_OFFLINE=1 $(BIN)/pigeval run suites/tiny-curve.toml --out $(MEASURED)/curve
	HF_HUB_OFFLINE=1 $(BIN)/pigeval run suites/tiny-ablation.toml --out $(MEASURED)/ablation
	$(BIN)/python -m benchmarks.tiny results/simulated-flat-* $(MEASURED)/curve $(MEASURED)/ablation
	$(BIN)/pigeval explain results/simulated-flat-*/pigreward-tiny-*

# The gate reports runs that failed, so a failing suite does not keep it from deciding. See docs/nightly.md.
nightly: $(READY)
	rm -rf nightly
	-$(SUITE) --out nightly --fresh
	$(BIN)/pigeval compare --gate results/simulated-1 nightly --summary nightly/summary.md --junit nightly/junit.xml

clean:
	rm -rf $(VENV) demo nightly work
