"""The limit of open files, and how many more files may be opened."""

import os
import resource
import subprocess
import sys

from triage_worker.resilience import file_descriptors

LOW = 64
CODE = f"""
import resource
from triage_worker.resilience import file_descriptors
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, ({LOW}, hard))
assert file_descriptors.limit() == {LOW}
file_descriptors.raise_limit()
assert file_descriptors.limit() == (None if hard == resource.RLIM_INFINITY else hard)
"""


def test_the_soft_limit_is_raised_to_the_hard_one() -> None:
    subprocess.run([sys.executable, "-c", CODE], check=True)


def test_each_open_file_reduces_the_number_available() -> None:
    before = file_descriptors.available()
    assert before is not None
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(5)]
    try:
        assert file_descriptors.available() == before - 5
    finally:
        for number in opened:
            os.close(number)
    assert before < resource.getrlimit(resource.RLIMIT_NOFILE)[0]
