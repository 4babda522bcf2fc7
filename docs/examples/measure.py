"""Measures `triage classify` and the examples on the same rows, in turns, and prints a table of medians.

    python docs/examples/measure.py --rows 20000 --rounds 3

Two figures for each: the rate that the program itself reports, from the first row to the last one written, and the
seconds from the start of the command to its end, in which processes start and open the bundle.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from statistics import median

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from triage_models.paths import shipped

HERE = Path(__file__).parent
REPORTED = re.compile(r"([\d,]+) rows in [\d.,]+ s \(([\d,]+) rows/s\)")
PROGRAMS = {
    "`triage classify`": [str(Path(sys.executable).with_name("triage")), "classify"],
    "Spark, `mapInArrow`": [sys.executable, str(HERE / "classify_with_spark.py")],
    "Dask, `map_partitions`": [sys.executable, str(HERE / "classify_with_dask.py")],
}


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="Measure `triage classify` and the examples on the same rows.")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    totals: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.parquet"
        write_rows(source, arguments.rows)
        for number in range(arguments.rounds):
            for name, command in PROGRAMS.items():
                rate, seconds = run(command, source, arguments.rows)
                rates[name].append(rate)
                totals[name].append(seconds)
                print(f"round {number + 1}: {name} {rate:,.0f} rows/s, {seconds:.1f} s", file=sys.stderr)
    print(f"{arguments.rows:,} rows, {arguments.rounds} rounds, {os.cpu_count()} cores\n")
    print("| program | rows/s, median | lowest and highest | seconds in all, median |\n| --- | --- | --- | --- |")
    for name, measured in rates.items():
        spread = f"{min(measured):,.0f} to {max(measured):,.0f}"
        print(f"| {name} | {median(measured):,.0f} | {spread} | {median(totals[name]):.1f} |")


def write_rows(path: Path, count: int) -> None:
    """Write so many messages of the corpus, those at its end followed by those at its start."""
    options = pa.csv.ParseOptions(newlines_in_values=True)
    texts = pa.csv.read_csv(shipped("corpus") / "messages.csv", parse_options=options)["text"].to_pylist()
    # In steps of a prime: neighbours in the corpus are of one shop, label and length.
    mixed: Iterator[str] = (texts[position * 7_919 % len(texts)] for position in cycle(range(len(texts))))
    pa.parquet.write_table(pa.table({"id": range(count), "text": list(islice(mixed, count))}), path)


def run(command: list[str], source: Path, rows: int) -> tuple[float, float]:
    """Run a program on a file; returns the rows per second that it reports, and the seconds that it took in all."""
    output = source.with_name("out.parquet")
    started = time.perf_counter()
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable}
    arguments = ["--input", str(source), "--output", str(output)]
    done = subprocess.run([*command, *arguments], env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    reported = REPORTED.search(done.stdout)
    if done.returncode != 0 or reported is None or int(reported[1].replace(",", "")) != rows:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink()
    return float(reported[2].replace(",", "")), seconds


if __name__ == "__main__":
    main()
