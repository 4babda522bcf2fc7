"""Logins: the password is changed at the brokers, and certificates expire."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

from tests.game_day.clusters import running_cluster
from tests.game_day.installation import FAKE_WORKER, USUAL_PODS, Installation, Plan, installation
from tests.game_day.pods import LOCAL
from tests.game_day.scenario import Scenario, Step, last_words, readiness
from tests.kafka.broker import ARCHIVE, JARS, Broker
from tests.kafka.certificates import Authority

USER, OLD, NEW = "triage", "hush-before-7f3a", "hush-after-91c2"
REAUTHENTICATE_S = 60
VALID_S = 540.0
"""Certificates end so long after they were made: the installation has to be healthy by then."""

DAY_S = 86_400.0
HELD_S = 30.0
"""How long after the expiry the broker is restarted, which ends all connections."""


async def _why_not_ready(site: Installation) -> Sequence[Step]:
    waiting = [
        Step("TriageNotReady", f"curl …/readyz of the {service}", await readiness(site, service))
        for service in ("worker", "router", "fallback")
    ]
    return [
        *waiting,
        Step("TriageDown", "kubectl get pods", site.pods.list()),
        Step("TriageCrashLooping", "kubectl logs POD --previous --tail=1", last_words(site, "router")),
    ]


class SecretRotated(Scenario):
    """The user's password is changed at the brokers, and the services still have the old one."""

    name = "secret-rotated"
    title = "the password changed at the brokers"
    must_ring: ClassVar[frozenset[str]] = frozenset({"TriageNotReady"})
    may_ring: ClassVar[frozenset[str]] = frozenset(
        {"TriageLag", "TriageNoProgress", "TriageDown", "TriageCrashLooping", "TriageRouterStalled", "TriagePodMissing"}
    )
    cause = r"refused the login"

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Installation]:
        """Run services that log in by SCRAM; the broker asks them to log in again every minute."""
        settings = {
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.password.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "connections.max.reauth.ms": str(REAUTHENTICATE_S * 1_000),
        }
        listeners = {"PASSWORD": "SASL_PLAINTEXT"}
        async with running_cluster(folder / "kafka", 1, settings, listeners=listeners, scram={USER: OLD}) as brokers:
            login = {
                "bootstrap_servers": f"127.0.0.1:{brokers[0].listeners['PASSWORD'][0]}",
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "SCRAM-SHA-512",
                "sasl_username": USER,
                "sasl_password": OLD,
            }
            async with installation(folder, brokers, Plan(USUAL_PODS, login)) as site:
                yield site

    async def fault(self, site: Installation) -> None:
        """Change the password at the broker."""
        command = [
            *("java", *([f"-XX:SharedArchiveFile={ARCHIVE}"] if ARCHIVE.is_file() else []), "-cp", str(JARS / "*")),
            *("kafka.admin.ConfigCommand", "--bootstrap-server", site.brokers[0].bootstrap, "--alter"),
            *("--entity-type", "users", "--entity-name", USER),
            *("--add-config", f"SCRAM-SHA-512=[password={NEW}]"),
        ]
        await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)

    async def diagnose(self, site: Installation) -> Sequence[Step]:
        """Ask all services why they are not ready."""
        return await _why_not_ready(site)

    async def repair(self, site: Installation) -> None:
        """Give the services the new password, and restart them."""
        for service in ("worker", "router", "fallback"):
            await site.pods.roll(service, sasl_password=NEW)


class CertificateExpired(Scenario):
    """The certificates of the broker and of a client expire; half a minute later the broker is restarted."""

    name = "certificate-expired"
    title = "certificates of broker and worker expired, then the broker restarted"
    must_ring: ClassVar[frozenset[str]] = frozenset({"TriageNotReady"})
    may_ring: ClassVar[frozenset[str]] = SecretRotated.may_ring
    cause = r"certificate has expired"

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[Installation]:
        """Run workers with client certificates, and the other services on a listener whose certificate expires."""
        self._authority = Authority(folder)
        self._expires_at = time.time() + VALID_S
        long = self._authority.sign("long")
        self._sign(VALID_S)
        settings = {
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self._authority.certificate),
            "listener.name.mutual.ssl.client.auth": "required",
            **self._store("mutual", long.store),
            **self._store("tls", folder / "broker.store.pem"),
        }
        listeners = {"MUTUAL": "SSL", "TLS": "SSL"}
        cluster = running_cluster(folder / "kafka", 1, settings, listeners=listeners)
        async with cluster as brokers, installation(folder, brokers, self._plan(brokers[0], folder)) as site:
            yield site

    def _plan(self, node: Broker, folder: Path) -> Plan:
        trust = {"security_protocol": "SSL", "ssl_cafile": str(self._authority.certificate)}
        own = {
            **FAKE_WORKER,
            "bootstrap_servers": f"127.0.0.1:{node.listeners['MUTUAL'][0]}",
            "ssl_certfile": str(folder / "client.certificate.pem"),
            "ssl_keyfile": str(folder / "client.key.pem"),
        }
        workers = [(f"worker-{number}", "worker", LOCAL, own) for number in (1, 2)]
        pods = [*workers, *(pod for pod in USUAL_PODS if pod[1] != "worker")]
        return Plan(pods, {**trust, "bootstrap_servers": f"127.0.0.1:{node.listeners['TLS'][0]}"})

    async def before(self, site: Installation) -> None:
        """Wait until the certificates expire."""
        left_s = self._expires_at - time.time()
        assert left_s > 0, f"the installation was not healthy before its certificates expired, {-left_s:.0f} s ago"
        await asyncio.sleep(left_s)

    async def fault(self, site: Installation) -> None:
        """End all connections by a restart of the broker."""
        await asyncio.sleep(HELD_S)
        await self._restart(site)

    async def diagnose(self, site: Installation) -> Sequence[Step]:
        """Ask all services why they are not ready."""
        return await _why_not_ready(site)

    async def repair(self, site: Installation) -> None:
        """Renew the certificates in place, restart the broker, and restart the services that have one."""
        self._sign(DAY_S)
        await self._restart(site)
        await site.pods.roll("worker")

    async def _restart(self, site: Installation) -> None:
        (node,) = site.brokers
        await asyncio.to_thread(node.stop, 15)
        node.start()
        await asyncio.to_thread(node.wait)

    def _sign(self, seconds: float) -> None:
        for name in ("broker", "client"):
            self._authority.sign(name, days=seconds / DAY_S)

    def _store(self, listener: str, store: Path) -> dict[str, str]:
        prefix = f"listener.name.{listener}.ssl.keystore"
        return {f"{prefix}.type": "PEM", f"{prefix}.location": str(store)}
