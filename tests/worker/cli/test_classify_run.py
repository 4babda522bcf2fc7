"""``triage classify --output`` as a process: memory, interruption, progress."""

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from rich.console import Console
from triage_models.serving.stream import chunked
from triage_worker.cli.row_progress import row_progress

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "tests.worker.cli.run_fake", "classify"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def rows(count: int) -> Iterator[dict[str, Any]]:
    """Rows that hardly compress, so that what is stored of them is seen in the memory."""
    random = Random(0)
    for number in range(count):
        yield {"id": number, "text": f"where is parcel {random.getrandbits(1600):x}", "tags": ["a", "b"]}


def write_rows(file: Path, count: int, *, group: int = 10_000) -> None:
    if file.suffix == ".jsonl":
        with file.open("w") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in rows(count))
    elif file.suffix == ".csv":
        with file.open("w") as stream:
            stream.write("id,text,tags\n")
            stream.writelines(f'{row["id"]},"{row["text"]}",a\n' for row in rows(count))
    else:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        with pq.ParquetWriter(file, pa.Table.from_pylist(list(rows(1))).schema, use_dictionary=False) as writer:
            for part in chunked(rows(count), group):
                writer.write_table(pa.Table.from_pylist(part))


def peak_kib(folder: Path, source: str, output: str) -> int:
    command = [*COMMAND, "--input", source, "--output", output]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=True)
    return int(done.stderr.splitlines()[-1])


@pytest.mark.parametrize(("suffix", "group"), [(".csv", 0), (".jsonl", 0), (".parquet", 10_000), (".parquet", 200_000)])
def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path, suffix: str, group: int) -> None:
    peaks = []
    for count in (100_000, 400_000):  # more than a row group that is written in both
        write_rows(tmp_path / f"in{suffix}", count, group=group)
        peaks.append(peak_kib(tmp_path, f"in{suffix}", f"out{suffix}") / 1024)
    more = 0.75 * (tmp_path / f"in{suffix}").stat().st_size / 2**20
    assert more > 100, "an input that is stored would not be seen"
    assert peaks[1] - peaks[0] < more / 2, f"{peaks} MiB, for {more:.0f} MiB more"


@pytest.fixture
def slow(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A run that takes minutes, and has begun to write."""
    write_rows(tmp_path / "in.jsonl", 20_000)
    with subprocess.Popen(
        [*COMMAND, "--input", "in.jsonl", "--output", "out.jsonl"],
        cwd=tmp_path,
        env=environment(FAKE_BATCH_S="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while not any(file.stat().st_size for file in tmp_path.glob(".out.jsonl.*.partial")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("existing", [True, False])
def test_an_interruption_leaves_no_half_file_and_says_so(
    tmp_path: Path, slow: "subprocess.Popen[str]", number: signal.Signals, existing: bool
) -> None:
    if existing:
        (tmp_path / "out.jsonl").write_text("old")
    slow.send_signal(number)
    out, errors = slow.communicate(timeout=30)
    assert slow.returncode == 130
    assert errors.splitlines()[0] == "Interrupted: out.jsonl was not written."
    assert out == ""
    names = ["in.jsonl", "out.jsonl"] if existing else ["in.jsonl"]
    assert sorted(file.name for file in tmp_path.iterdir()) == names


def plain(shown: str) -> str:
    """What a terminal showed, without its control sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)


@pytest.mark.parametrize("total", [2_000, None])
def test_the_progress_has_rows_a_rate_and_a_percentage_where_the_total_is_known(total: int | None) -> None:
    shown = io.StringIO()
    with row_progress(Console(file=shown, force_terminal=True, width=100), total) as advance:
        for _ in range(3):
            time.sleep(0.15)
            advance(500)
    last = plain(shown.getvalue()).strip().splitlines()[-1]
    rate = re.search(r"1,500 rows, ([\d,]+) rows/s", last)
    assert rate is not None, last
    assert 100 < int(rate[1].replace(",", "")) < 3_500
    assert ("75%" in last) == (total is not None)


def test_nothing_is_shown_where_nobody_looks() -> None:
    shown = io.StringIO()
    with row_progress(Console(file=shown), 10) as advance:
        advance(5)
    assert shown.getvalue() == ""


@pytest.mark.parametrize(("suffix", "percentage"), [(".parquet", True), (".jsonl", False)])
def test_a_person_at_a_terminal_sees_the_progress(tmp_path: Path, suffix: str, percentage: bool) -> None:
    write_rows(tmp_path / f"in{suffix}", 10_000)
    ours, theirs = pty.openpty()
    command = [*COMMAND, "--input", f"in{suffix}", "--output", "out.csv"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment(TERM="xterm", COLUMNS="100"),
        stdout=subprocess.PIPE,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    shown = plain(os.read(ours, 1_000_000).decode("utf-8", "replace"))
    os.close(ours)
    assert "10,000 rows, " in shown
    assert ("100%" in shown) == percentage
    assert done.stdout.startswith(b"10,000 rows in ")
