"""Classifies the texts of a Parquet data set on Dask.

    python classify_with_dask.py --input messages.parquet --output classified.parquet --scheduler tcp://host:8786

Each worker process opens the bundle once, for all the partitions that it gets. Every machine needs Python with
`triage_models`, pandas and pyarrow; a bundle other than the shipped one has to lie at the same path on all of them.
"""

import argparse
import time

import dask.dataframe as dd
from dask.distributed import Client, LocalCluster
from triage_models import DEFAULT_BUNDLE, Classifier


def main() -> None:
    """Read, classify, write."""
    parser = argparse.ArgumentParser(description="Classify the texts of a Parquet data set on Dask.")
    parser.add_argument("--input", required=True, help="a path or URL that Dask can read")
    parser.add_argument("--output", required=True, help="a folder")
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--bundle", default=str(DEFAULT_BUNDLE), help="at this path on every machine")
    parser.add_argument("--scheduler", help="of a running cluster; without it, the cores of this machine")
    arguments = parser.parse_args()

    # One thread per process, and one process per core. On a cluster: `dask worker --nworkers auto --nthreads 1`.
    cluster = arguments.scheduler or LocalCluster(threads_per_worker=1, dashboard_address=None)
    with Client(cluster) as client:
        started = time.perf_counter()
        rows = dd.read_parquet(arguments.input)
        # A small input is one partition, so that one core would do all the work. Four per core keep all of them busy.
        rows = rows.repartition(npartitions=max(rows.npartitions, 4 * sum(client.nthreads().values())))
        # Opened here, a damaged bundle stops the job before it starts. Dask sends the bundle's path to its workers.
        classifier = Classifier.open(arguments.bundle, threads=1)
        columns = classifier.classify_frame(rows.head(0), arguments.text_column)
        classified = rows.map_partitions(classifier.classify_frame, arguments.text_column, meta=columns)
        classified.to_parquet(arguments.output, write_index=False)
        seconds = time.perf_counter() - started
        count = len(dd.read_parquet(arguments.output))
        print(f"{count:,} rows in {seconds:.1f} s ({count / seconds:,.0f} rows/s)")


if __name__ == "__main__":
    main()
