"""Classifies the texts of a Parquet data set on Spark.

    spark-submit classify_with_spark.py --input messages.parquet --output classified.parquet

Each Python worker of Spark opens the bundle once, for all the batches that it gets. Every machine needs Python with
`triage_models` and pyarrow; a bundle other than the shipped one has to lie at the same path on all of them.
"""

import argparse
import time
from functools import partial

from pyspark.sql import SparkSession
from pyspark.sql.types import BooleanType, FloatType, StringType, StructField, StructType
from triage_models import DEFAULT_BUNDLE, Classifier

NEW_COLUMNS = [
    StructField("intent", StringType()),
    StructField("confidence", FloatType()),
    StructField("accepted", BooleanType()),
    StructField("reason", StringType()),
]


def main() -> None:
    """Read, classify, write."""
    parser = argparse.ArgumentParser(description="Classify the texts of a Parquet data set on Spark.")
    parser.add_argument("--input", required=True, help="a path or URL that Spark can read")
    parser.add_argument("--output", required=True, help="a folder that does not exist yet")
    parser.add_argument("--text-column", default="text")
    parser.add_argument("--bundle", default=str(DEFAULT_BUNDLE), help="at this path on every machine")
    arguments = parser.parse_args()

    spark = SparkSession.builder.appName("triage").getOrCreate()
    started = time.perf_counter()
    rows = spark.read.parquet(arguments.input)
    # A small input is one partition, so that one core would do all the work. Four per core keep all of them busy.
    rows = rows.repartition(4 * spark.sparkContext.defaultParallelism)
    # Opened here, a damaged bundle stops the job before it starts. Spark sends the bundle's path to its Python workers,
    # and runs one of these per core: so each classifies with one thread.
    classifier = Classifier.open(arguments.bundle, threads=1)
    classify = partial(classifier.classify_frames, column=arguments.text_column)
    schema = StructType([*rows.schema.fields, *NEW_COLUMNS])
    rows.mapInArrow(classify, schema).write.parquet(arguments.output)
    seconds = time.perf_counter() - started
    count = spark.read.parquet(arguments.output).count()
    print(f"{count:,} rows in {seconds:.1f} s ({count / seconds:,.0f} rows/s)")
    spark.stop()


if __name__ == "__main__":
    main()
