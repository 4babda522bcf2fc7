"""A broker with every way in: passwords, TLS with good and bad certificates, and an authoriser that starts with none.

Whoever comes in by the open listener is the superuser: the tests themselves, and the broker's own traffic.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from tests.kafka import broker
from tests.kafka.admin import administrator
from tests.kafka.certificates import Authority, Certificate
from tests.kafka.rights import Right

USERS = (
    *("triage", "worker", "router", "fallback", "review", "helpdesk", "replay", "learn", "operator", "check"),
    "stranger",
)
WAYS_IN = {
    "PASSWORD": "SASL_PLAINTEXT",
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "PASSWORD_TLS": "SASL_SSL",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
    "PLAIN_ONLY": "SASL_PLAINTEXT",
}

RESOURCES = {"topic": 2, "group": 3, "transactional id": 5}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
LITERAL, PREFIXED, ALLOW = 3, 4, 3


def password(user: str) -> str:
    """What a user logs in with; nothing else that is printed anywhere looks like it."""
    return f"hush-{user}-7f3a"


@dataclass(frozen=True)
class Secured:
    """A running broker, its listeners and what a client needs to be let in."""

    node: broker.Broker
    authority: Authority
    client: Certificate
    locked: Certificate

    @property
    def bootstrap(self) -> str:
        """The open listener."""
        return self.node.bootstrap

    def settings(self, listener: str, **more: str) -> dict[str, str]:
        """The settings of a client of a listener, in lower case."""
        protocol = WAYS_IN[listener]
        given = {
            "bootstrap_servers": f"127.0.0.1:{self.node.ways_in[listener][0]}",
            "security_protocol": protocol,
        }
        if protocol.endswith("SSL"):
            given["ssl_cafile"] = str(self.authority.certificate)
        if listener == "MUTUAL":
            given |= {"ssl_certfile": str(self.client.certificate), "ssl_keyfile": str(self.client.key)}
        return {**given, **more}

    def login(self, user: str, mechanism: str = "PLAIN", listener: str = "PASSWORD", **more: str) -> dict[str, str]:
        """The settings of a user who logs in by password."""
        given = {"sasl_mechanism": mechanism, "sasl_username": user, "sasl_password": password(user)}
        return self.settings(listener, **{**given, **more})

    async def allow(self, user: str, rights: Iterable[Right]) -> None:
        """Give rights."""
        async with administrator(self.bootstrap) as admin:
            for right in rights:
                response = await admin._send_to_controller(CreateAclsRequest(*_entry(user, right)))
                assert all(code == 0 for code, *_ in response.creation_responses), response

    async def take(self, user: str, rights: Iterable[Right]) -> None:
        """Take rights away."""
        async with administrator(self.bootstrap) as admin:
            for right in rights:
                response = await admin._send_to_controller(DeleteAclsRequest(*_entry(user, right)))
                ((code, _, found),) = response.filter_responses
                assert code == 0
                assert len(found) == 1, right


def _entry(user: str, right: Right) -> tuple[int, str, int, str, str, int, int]:
    pattern = PREFIXED if right.prefix else LITERAL
    return RESOURCES[right.kind], right.name, pattern, f"User:{user}", "*", OPERATIONS[right.operation], ALLOW


@contextmanager
def running(folder: Path) -> Iterator[Secured]:
    """Start one; it ends with the context."""
    authority = Authority(folder)
    certificates = {
        "TLS": authority.sign("broker"),
        "EXPIRED": authority.sign("expired", days=-1),
        "ELSEWHERE": authority.sign("elsewhere", host="kafka.example.org"),
    }
    (node,) = broker.cluster(
        folder, ways_in=WAYS_IN, settings=_settings(authority, certificates), scram={"triage": password("triage")}
    )
    node.start()
    try:
        node.wait()
        yield Secured(node, authority, authority.sign("client"), authority.sign("locked", password=password("key")))
    finally:
        node.stop()


def _settings(authority: Authority, certificates: Mapping[str, Certificate]) -> dict[str, str]:
    users = " ".join(f'user_{user}="{password(user)}"' for user in USERS)
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
        "listener.name.plain_only.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.mutual.ssl.principal.mapping.rules": "RULE:^CN=(.*)$/$1/",
        "auto.create.topics.enable": "true",  # as many clusters have it: rights are what keeps topics from being made
    }
    for listener, protocol in WAYS_IN.items():
        prefix = f"listener.name.{listener.lower()}"
        if protocol.startswith("SASL"):
            scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            plain = f"org.apache.kafka.common.security.plain.PlainLoginModule required {users};"
            settings |= {
                f"{prefix}.plain.sasl.jaas.config": plain,
                f"{prefix}.scram-sha-256.sasl.jaas.config": scram,
                f"{prefix}.scram-sha-512.sasl.jaas.config": scram,
            }
        if protocol.endswith("SSL"):
            shown = certificates.get(listener, certificates["TLS"])
            settings |= {f"{prefix}.ssl.keystore.type": "PEM", f"{prefix}.ssl.keystore.location": str(shown.store)}
    return settings
