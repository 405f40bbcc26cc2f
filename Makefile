# Targets that need the environment depend on $(STAMP), which scripts/setup.sh writes last and names by the content of
# requirements.lock: a half-made environment or a changed lock means that it is made anew.
SHELL := /bin/bash
STAMP := .venv/ready-$(shell sha256sum requirements.lock | cut -c1-16)
PY := .venv/bin/python
# What `train` and `export` make: make train EXPERIMENT=experiments/dev.yaml
EXPERIMENT ?= experiments/demo.yaml
PIPELINE := $(PY) -m pipeline
export PYTHON

.DEFAULT_GOAL := help
.PHONY: setup demo smoke test lint help test-fast format train continue validate export serve upload runs notebooks benchmark soak wheel lock clean

setup: ## make the environment .venv (about 2 minutes, 4 GB; PYTHON=/path/to/python3.11 if it is not found)
	@scripts/setup.sh

demo: $(STAMP) ## the whole main job on real code, ending in completions and their figures (12 minutes on 2 cores)
	$(PIPELINE) run --experiment experiments/demo.yaml $(ARGS)

smoke: $(STAMP) ## ten steps through everything, to see whether it works here (3 minutes)
	$(PIPELINE) run --experiment experiments/smoke.yaml $(ARGS)

test: $(STAMP) ## every test, slow and heavy ones too (pass more with ARGS="-k vocabulary")
	$(PY) -m pytest $(ARGS)

lint: $(STAMP) ## ruff: errors and format
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

format: $(STAMP) ### put the code into ruff's format and mend what it can mend
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

help: ## this list
	@echo "make ..."
	@awk -F ':.*## ' '/^[a-z-]+:.*[^#]## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile
	@echo "more"
	@awk -F ':.*### ' '/^[a-z-]+:.*### / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

test-fast: $(STAMP) ### the tests that take less than ten seconds each
	$(PY) -m pytest -m "not slow and not heavy" $(ARGS)

train: $(STAMP) ### make an experiment up to its model: make train EXPERIMENT=experiments/dev.yaml
	$(PIPELINE) run --experiment $(EXPERIMENT) --until TrainedModel $(ARGS)

continue: $(STAMP) ### train a model on in MODEL_DIR_continue: make continue STEPS=1000 MODEL_DIR=data/demo/model
	$(PY) -m code_t5.main.continue_training --model_dir "$(MODEL_DIR)" --steps "$(STEPS)" $(ARGS)

export: $(STAMP) ### make an experiment up to the model for the completion engine
	$(PIPELINE) run --experiment $(EXPERIMENT) --until ExportedModel $(ARGS)

validate: $(STAMP) ### is the demo's model any good? Lines, symbols and examples beside baselines, on one page
	@scripts/validate.sh $(ARGS)

serve: $(STAMP) ### type with a model in a browser or an editor: make serve MODEL=data/demo/export
	$(PY) -m completion.server --model $(or $(MODEL),data/demo/export) $(ARGS)

upload: $(STAMP) ### send a result away: make upload RESULT=data/demo/model URL=s3://bucket/models
	$(PIPELINE) upload "$(RESULT)" "$(URL)" $(ARGS)

runs: $(STAMP) ### what was made and what is being made: status, durations, figures, errors
	$(PIPELINE) runs list $(ARGS)

notebooks: $(STAMP) ### execute the notebooks and keep what they show
	for notebook in notebooks/*.ipynb; do $(PY) notebooks/execute.py $$notebook $(ARGS) || exit; done

benchmark: $(STAMP) ### speed, memory and recall of preprocessing beside baselines (20 minutes; 5 GB, the network once)
	$(PY) -m benchmarks.preprocessing --write_results $(ARGS)

soak: $(STAMP) ### kill every stage, a training run and a server, at random moments (40 minutes; ARGS="--seed 7")
	$(PY) -m tests.faults.soak $(ARGS)
	$(PY) -m tests.faults.training_soak $(ARGS)
	$(PY) -m tests.faults.completion_soak
	$(PY) -m tests.faults.pipeline_soak

wheel: $(STAMP) ### build dist/code_t5-*.whl, gin files and all
	rm -rf build  # setuptools would pack what an earlier build left there
	$(PY) -m pip --disable-pip-version-check wheel --no-deps --no-build-isolation --wheel-dir dist .

lock: ### remake requirements.lock from requirements.in (needs the network)
	@scripts/lock.sh $(ARGS)

clean: ### delete the environment and what builds and tests left (asks first)
	@scripts/clean.sh

$(STAMP):
	@scripts/setup.sh
