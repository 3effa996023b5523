# `make help` lists the commands. Each one sets up .venv first where that is needed.
.PHONY: help setup setup-dev book test lab labs labs-check grade bench clean

PY := .venv/bin/python

# Several kernels and test processes run at once: one thread each.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## make .venv and install what the course needs
	@tools/setup.sh requirements.txt

setup-dev: ## the same, with what the tests need
	@tools/setup.sh requirements-dev.txt

book: setup ## execute every page and build the book
	@$(PY) tools/book.py

test: setup-dev ## check everything: code, chapters, labs, grader, pages in a browser
	@$(PY) tools/test.py

lab: setup ## open JupyterLab on the labs
	@$(PY) -m jupyterlab --notebook-dir=labs

labs: setup-dev ## write labs/*.ipynb and solutions/*.ipynb anew from solutions/*.py
	@$(PY) -m grader release

labs-check: setup-dev ## fail if labs or solutions differ from solutions/*.py
	@$(PY) -m grader release --check

grade: ## grade a class: LAB=07_initialization SUBMISSIONS=folder OUT=folder
	@tools/grade.sh "$(LAB)" "$(SUBMISSIONS)" "$(OUT)"

bench: setup ## measure the library and the grader, also as results/*.json
	@mkdir -p results && $(PY) benchmarks/run.py --json results/bench.json
	@$(PY) benchmarks/grading.py --torch --json results/grading.json

clean: ## remove everything that the commands made, except .venv
	rm -rf _build results .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
