# make (or make help) lists what there is.
.DEFAULT_GOAL := help
.PHONY: help setup up test test-libvirt test-virtualbox lint bench matrix pairs docs lock wheel clean
PYTHON_OF_VENV := .venv/bin/python
UV := uv==0.13.9

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 18

setup: ## make this checkout ready: system tools and .venv
	@./setup.sh

up: setup ## set up, then bring lab10 up
	@./labctl up lab10

test: ## set up, then run every test, linters included (PYTEST_ARGS=… goes to pytest)
	@./setup.sh --test
	@$(PYTHON_OF_VENV) -m pytest $(PYTEST_ARGS)

test-libvirt: ## test both labs on virtual machines, on a libvirt host of its own (root, Debian)
	@if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then \
		echo "test-libvirt: skipped: it takes root and Debian's packages to make a libvirt host of its own"; \
	else ./setup.sh --vm && $(PYTHON_OF_VENV) -m pytest tests/vm/test_box.py $(PYTEST_ARGS) && \
		tests/vm/host.sh $(PYTHON_OF_VENV) -m pytest tests/vm/test_libvirt.py $(PYTEST_ARGS); fi

test-virtualbox: ## test lab9 and VBoxManage on this host's VirtualBox, from the built wheel (VIRTUALBOX_ARGS=… goes to pytest)
	@if ! command -v VBoxManage >/dev/null || ! command -v vagrant >/dev/null; then \
		echo "test-virtualbox: skipped: it takes VirtualBox and Vagrant"; \
	else $(MAKE) --no-print-directory wheel && tests/virtualbox/installed.sh && \
		$(PYTHON_OF_VENV) -m pytest tests/virtualbox $(VIRTUALBOX_ARGS); fi

lint: ## only the linters and the type checker
	@./setup.sh --test
	@$(PYTHON_OF_VENV) -m pytest tests/test_lint.py

bench: setup ## measure labctl against a hand-written script
	@$(PYTHON_OF_VENV) benchmarks/run.py $(BENCH_ARGS)

matrix: ## try every fault in real labs, and write docs/faults.md anew
	@./setup.sh --test
	@GOLDEN=write $(PYTHON_OF_VENV) -m pytest tests/faults/test_matrix.py

pairs: ## try pairs of faults, and count how often diagnose is right (PAIRS_ARGS="--seed 2 --count 60")
	@./setup.sh --test
	@$(PYTHON_OF_VENV) -m tests.faults.pairs $(PAIRS_ARGS)

docs: ## make the documentation: build/docs/index.html
	@./setup.sh --test
	@rm -rf build/docs build/docs-source && mkdir -p build/docs-source
	@NO_COLOR=1 PYTHONPATH=. $(PYTHON_OF_VENV) -m sphinx --quiet --fail-on-warning --fresh-env --builder html \
		--conf-dir docs --doctree-dir build/doctrees build/docs-source build/docs
	@echo build/docs/index.html

lock: ## pin the packages of pyproject.toml anew (LOCK_ARGS=--upgrade takes newer ones)
	@rm -rf build/lock && python3 -m venv build/lock && build/lock/bin/pip install --quiet $(UV)
	@$(call compile,requirements.lock,--group build)
	@$(call compile,requirements-dev.lock,--group dev --constraint requirements.lock)
	@rm -rf build/lock

compile = build/lock/bin/uv pip compile pyproject.toml --quiet --no-config --universal --python-version 3.11 \
	--generate-hashes --custom-compile-command "make lock" --output-file $(1) $(2) $(LOCK_ARGS)

wheel: ## build the wheel into dist/
	@./setup.sh
	@rm -f dist/labctl-*.whl
	@$(PYTHON_OF_VENV) -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean: ## remove what was made here; running labs stay
	@rm -rf build dist .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
