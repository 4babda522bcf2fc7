"""The examples on Spark and Dask: they run, give what one process gives, and open the bundle once for each process."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from triage_models import Classifier

from tests.models.serving.shipped import texts

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
ENGINES = {"spark": "pyspark", "dask": "dask.dataframe"}
ROWS = 400

pytestmark = pytest.mark.examples

OPENED_ON_SPARK = """
import os
from pyspark.sql import SparkSession
from triage_models import Classifier
from triage_models.serving import classifier as module

opened = Classifier.open(threads=1)

def look(batches):
    for batch in batches:
        pass
    yield f"{os.getpid()} {id(opened)} {len(module._opened)}"

spark = SparkSession.builder.master("local[2]").getOrCreate()
for line in spark.sparkContext.parallelize(range(12), 12).mapPartitions(look).collect():
    print("seen", line)
spark.stop()
"""
OPENED_ON_DASK = """
import os
from dask.distributed import Client, LocalCluster
from triage_models import Classifier

def look(classifier, number):
    from triage_models.serving import classifier as module
    return f"{os.getpid()} {id(classifier)} {len(module._opened)}"

if __name__ == "__main__":
    opened = Classifier.open(threads=1)
    with Client(LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)) as client:
        for line in client.gather(client.map(look, [opened] * 12, range(12), pure=False)):
            print("seen", line)
"""


@pytest.fixture(params=list(ENGINES))
def engine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if importlib.util.find_spec(ENGINES[name].partition(".")[0]) is None:
        pytest.skip(f"{ENGINES[name]} is not installed: make examples")
    if name == "spark" and shutil.which("java") is None:
        pytest.skip("Spark needs Java")
    return name


def run(arguments: list[str], folder: Path) -> str:
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_an_example_gives_what_one_process_gives(tmp_path: Path, engine: str) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    rows: dict[str, Any] = {"id": range(ROWS), "body": [*texts(ROWS - 2), None, " "], "tag": ["x"] * ROWS}
    pq.write_table(pa.table(rows), tmp_path / "in.parquet")
    script = str(EXAMPLES / f"classify_with_{engine}.py")
    out = run([script, "--input", "in.parquet", "--output", "out", "--text-column", "body"], tmp_path)
    assert f"{ROWS} rows in " in out
    found = pq.read_table(tmp_path / "out").sort_by("id").to_pydict()
    expected = Classifier.open().classify_frame(pa.table(rows), "body").to_pydict()
    assert list(found) == list(expected)
    assert found.pop("confidence") == pytest.approx(expected.pop("confidence"), abs=1e-5)
    assert found == expected


def test_each_process_opens_the_bundle_once(tmp_path: Path, engine: str) -> None:
    (tmp_path / "opened.py").write_text({"spark": OPENED_ON_SPARK, "dask": OPENED_ON_DASK}[engine])
    seen = [line.split()[1:] for line in run(["opened.py"], tmp_path).splitlines() if line.startswith("seen ")]
    assert len(seen) == 12
    assert {count for _, _, count in seen} == {"1"}
    processes = {process for process, _, _ in seen}
    assert 1 <= len(processes) <= 4
    assert len({(process, identity) for process, identity, _ in seen}) == len(processes)
