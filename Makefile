# Two commands do everything: `make lab` to learn, `make test` to check.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
NOTEBOOKS := $(sort $(wildcard notebooks/[0-9][0-9]_*.ipynb))
# Exact versions for everything pip installs, build tools included.
export PIP_CONSTRAINT := constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Python keeps what it compiles of the modules it imports (an environment may forbid it, but hundreds of processes start
# here); to compile all of torch and JupyterLab at the installation took longer than to unpack them.
export PIP_COMPILE := 0
export PYTHONDONTWRITEBYTECODE :=

comma := ,

.DEFAULT_GOAL := help
.PHONY: help lab test test-other-cpu lint notebooks pages phantom training-set animations film book playground slides
.PHONY: teacher pupils nbgrader clean

help:  ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

lab: phantom  ## Install what is needed and open JupyterLab on lesson 00
	@$(BIN)/jupyter lab --ServerApp.ip=127.0.0.1 $(if $(filter 0,$(shell id -u)),--allow-root) \
	    --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(ARGS)

# Whole files go to as many processes as there are cores; each computes with one thread: beside a browser, threads that
# wait for each other made training ten times slower.
test: $(VENV)/test-ready phantom  ## Run every test, lint and lesson
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

test-other-cpu: $(VENV)/test-ready phantom  ## Run what depends on arithmetic as on a processor without AVX
	OMP_NUM_THREADS=1 $(BIN)/pytest tests/project/test_other_cpu.py $(ARGS)

lint: $(VENV)/test-ready  ## Style, types, spelling and the house's import rules
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/codespell
	$(BIN)/lint-imports

notebooks: $(VENV)/test-ready phantom  ## Run the lessons again and save their outputs in place
	UNET_CHECK=1 $(BIN)/jupyter nbconvert --to notebook --execute --inplace $(ARGS) $(NOTEBOOKS)

pages: $(VENV)/lab-ready  ## Every lesson as a page to print, in printed/ (one: NOTEBOOKS=notebooks/07_the_full_mathematics.ipynb)
	@$(BIN)/unet_lib pages $(NOTEBOOKS) --out printed

phantom: $(VENV)/lab-ready  ## Make the synthetic patients that the lessons use, if they are not there
	@$(BIN)/unet_lib phantom --out data/phantom

training-set: phantom  ## Pack the phantoms' slices anew that the site's own training learns from, in data/playground/
	@$(BIN)/python -m book.training_set

animations: $(VENV)/animations-ready  ## Render the animations that are not up to date (say ARGS="--quality h")
	@$(BIN)/python -m animations.render $(ARGS)

film: $(VENV)/animations-ready  ## All animations as one film, in animations/rendered/
	@$(BIN)/python -m animations.film $(ARGS)

book: $(VENV)/book-ready  ## The playground and all lessons as a site that needs no server: book/_build/html/index.html
	@$(BIN)/python -m book.build && echo "open book/_build/html/index.html"

playground: book  ## The playground, the site's first page, in your browser
	@$(BIN)/python -m webbrowser -t "file://$(CURDIR)/book/_build/html/index.html"

slides: $(VENV)/talk-ready  ## A talk of ten minutes, English and German, as slides and as PDF, in teaching/talk/_build/
	@$(BIN)/python -m teaching.talk.build $(ARGS)

teacher: $(VENV)/lab-ready  ## The lessons with their exercises solved, for teachers, in editions/teacher/
	@$(BIN)/unet_lib edition teacher $(ARGS)

pupils: $(VENV)/lab-ready  ## The lessons without the solutions, in editions/pupils/
	@$(BIN)/unet_lib edition pupils $(ARGS)

nbgrader: $(VENV)/lab-ready  ## The lessons as a course that nbgrader grades, in editions/nbgrader/
	@$(BIN)/unet_lib edition nbgrader $(ARGS)

clean:  ## Remove what the commands above made; your runs, editions and data/lgg stay
	rm -rf $(VENV) data/phantom animations/rendered printed book/_build teaching/talk/_build tests/output \
	    .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# $(call install,extras): the package with these extras, at one go, for resolving and building take longer than unpacking.
# JupyterLab would ask the network for news at every start.
define install
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " \
    + sys.version.split()[0] + ". Name another: make lab PYTHON=python3.12")'
@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
$(BIN)/pip install --quiet --editable ".$(1)"
@$(BIN)/jupyter labextension disable --level=sys_prefix "@jupyterlab/apputils-extension:announcements"
@touch $(VENV)/lab-ready $@
endef

$(VENV)/lab-ready: pyproject.toml constraints.txt
	$(call install)

$(VENV)/test-ready: pyproject.toml constraints.txt tests/system_packages.sh
	@sh tests/system_packages.sh
	$(call install,[dev$(comma)book$(comma)talk$$(pkg-config --exists cairo pangocairo 2>/dev/null && echo $(comma)animations)])
# Tests see the JupyterLab that readers have: nbgrader, and the notebook server that comes with it, would add to it.
	@$(BIN)/jupyter labextension disable --level=sys_prefix "@jupyter-notebook/lab-extension" "@jupyter/nbgrader"
	@rm -f $(addprefix $(VENV)/etc/jupyter/jupyter_server_config.d/,notebook.json nbgrader.json)

$(VENV)/animations-ready: pyproject.toml constraints.txt tests/system_packages.sh
	@sh tests/system_packages.sh
	$(call install,[animations])

$(VENV)/book-ready: pyproject.toml constraints.txt
	$(call install,[book])

$(VENV)/talk-ready: pyproject.toml constraints.txt
	$(call install,[book$(comma)talk])
