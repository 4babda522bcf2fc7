"""Measures `triage classify` and the examples on the same rows, in turns, and prints a table of medians.

    python docs/examples/measure.py --rows 20000 --rounds 3

Three figures for each: the rate that the program itself reports, from the first row to the last one written; the
seconds from the start of the command to its end, in which processes start and open the bundle; and the seconds of CPU
that it used with all its processes, which other programs on the machine change least.
"""

import argparse
import contextlib
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
from typing import NamedTuple

import psutil
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


class Run(NamedTuple):
    """What one run of a program took."""

    rate: float
    seconds: float
    cpu_seconds: float


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="Measure `triage classify` and the examples on the same rows.")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    runs: dict[str, list[Run]] = {name: [] for name in PROGRAMS}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in.parquet"
        write_rows(source, arguments.rows)
        for number in range(arguments.rounds):
            for name, command in PROGRAMS.items():
                runs[name].append(run(command, source, arguments.rows))
                print(f"round {number + 1}: {name} {runs[name][-1]}", file=sys.stderr)
    print(f"{arguments.rows:,} rows, {arguments.rounds} rounds, {os.cpu_count()} cores; medians\n")
    print(
        "| program | rows/s | lowest and highest | seconds in all | seconds of CPU |\n| --- | --- | --- | --- | --- |"
    )
    for name, measured in runs.items():
        rates = [one.rate for one in measured]
        total, cpu = median(one.seconds for one in measured), median(one.cpu_seconds for one in measured)
        print(f"| {name} | {median(rates):,.0f} | {min(rates):,.0f} to {max(rates):,.0f} | {total:.0f} | {cpu:.0f} |")


def write_rows(path: Path, count: int) -> None:
    """Write so many messages of the corpus, those at its end followed by those at its start."""
    options = pa.csv.ParseOptions(newlines_in_values=True)
    texts = pa.csv.read_csv(shipped("corpus") / "messages.csv", parse_options=options)["text"].to_pylist()
    # In steps of a prime: neighbours in the corpus are of one shop, label and length.
    mixed: Iterator[str] = (texts[position * 7_919 % len(texts)] for position in cycle(range(len(texts))))
    pa.parquet.write_table(pa.table({"id": range(count), "text": list(islice(mixed, count))}), path)


def run(command: list[str], source: Path, rows: int) -> Run:
    """Run a program on a file, and remove what it has written."""
    output, log = source.with_name("out.parquet"), source.with_name("log")
    environment = os.environ | {"PYSPARK_PYTHON": sys.executable}
    arguments = ["--input", str(source), "--output", str(output)]
    started = time.perf_counter()
    with log.open("w") as file:
        process = psutil.Popen([*command, *arguments], env=environment, stdout=file, stderr=subprocess.STDOUT)
        cpu_seconds: dict[int, float] = {}
        while process.poll() is None:
            cpu_seconds |= cpu_by_process(process)
            time.sleep(0.1)
    seconds = time.perf_counter() - started
    reported = REPORTED.search(log.read_text())
    if process.returncode != 0 or reported is None or int(reported[1].replace(",", "")) != rows:
        raise SystemExit(f"{' '.join(command)} failed:\n{log.read_text()}")
    if output.is_dir():
        shutil.rmtree(output)
    else:
        output.unlink()
    return Run(float(reported[2].replace(",", "")), seconds, sum(cpu_seconds.values()))


def cpu_by_process(process: psutil.Process) -> dict[int, float]:
    """The seconds of CPU that a process and those below it have used so far."""
    found = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                found[one.pid] = times.user + times.system
    return found


if __name__ == "__main__":
    main()
