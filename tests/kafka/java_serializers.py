"""Apicurio's serializers and deserializers in Java, which also speak Confluent's frame, run from their Maven jars."""

import json
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from aiokafka.structs import ConsumerRecord

from tests.kafka.broker import HERE, UnavailableError
from tests.kafka.harness import Record
from tests.kafka.schema_registry import FOLDER, SchemaRegistry, record_of

JARS = FOLDER / "java"
PROGRAM = HERE / "JavaSerializers.java"
TIMEOUT_S = 300


def install() -> None:
    """Fetch the jars, unless they are there.

    Raises:
        UnavailableError: Java or Maven is missing, or Maven cannot fetch them.
    """
    for program in ("javac", "mvn"):
        if shutil.which(program) is None:
            raise UnavailableError(f"{program} is not installed")
    if any(JARS.glob("apicurio-registry-serdes-jsonschema-serde-*.jar")):
        return
    command = ["mvn", "-q", "-B", "-f", str(HERE / "serializers.xml"), "dependency:copy-dependencies"]
    done = subprocess.run([*command, f"-DoutputDirectory={JARS}"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UnavailableError(f"Maven cannot fetch the serializers: {(done.stdout + done.stderr).strip()[-500:]}")


def serialized(registry: SchemaRegistry, count: int) -> list[Record]:
    """Write records in Avro: by Confluent's frame, by Apicurio's, and with the id in a header, in turns."""
    return [record_of(json.loads(line)) for line in _run(registry, "write", str(count))]


def events(registry: SchemaRegistry, output_format: str, records: Sequence[ConsumerRecord]) -> list[dict[str, Any]]:
    """Read records of events."""
    lines = [{"topic": one.topic, "value": b64encode(one.value or b"").decode()} for one in records]
    given = "".join(f"{json.dumps(line)}\n" for line in lines)
    return [json.loads(line) for line in _run(registry, "read", output_format, given=given)]


def _run(registry: SchemaRegistry, command: str, argument: str, given: str = "") -> list[str]:
    url = f"{registry.root}/apis/registry/v2"
    arguments = [
        "java",
        "-Dfile.encoding=UTF-8",
        "-Dsun.stdout.encoding=UTF-8",
        "-cp",
        f"{JARS}/*",
        str(PROGRAM),
        command,
        url,
        argument,
    ]
    done = subprocess.run(arguments, input=given, capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()
