"""The command `triage intake`: what it says when it cannot start, and the example of its page."""

import re
import subprocess
from pathlib import Path

import pytest
from triage_worker.config.errors import ConfigError
from triage_worker.config.settings import Settings
from triage_worker.intake import service

from tests.worker.intake.signing import signed

PAGE = Path(__file__).parents[3] / "docs" / "intake.md"


def test_without_sources_it_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match="TRIAGE_INTAKE_SOURCES"):
        service.run(Settings())


def test_it_needs_a_port() -> None:
    with pytest.raises(ConfigError, match="TRIAGE_HTTP_PORT"):
        service.run(Settings(http_port=0))


def test_the_example_of_the_page_signs_as_the_service_verifies() -> None:
    example = re.search(
        r"^BODY='(.*?)'.*?^(SIGNATURE=.*?)$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert example is not None
    body, command = example[1], example[2]
    script = f'{command}; printf %s "$SIGNATURE"'
    environment = {"BODY": body, "NOW": "1795510800", "SHOP_SECRET": "s3cret", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=True)
    expected = signed("plain", body.encode(), 1_795_510_800, "s3cret")["Triage-Signature"]
    assert f"t=1795510800,v1={done.stdout}" == expected
