"""A broker with listeners for all logins and for TLS with valid and invalid certificates, and with access control.

At first no user has any rights. Clients of the open listener, which are the tests and the broker itself, may do
everything.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from tests.kafka import broker
from tests.kafka.acls import Acl
from tests.kafka.admin import admin_client
from tests.kafka.certificates import Authority, Certificate

USERS = (
    *(
        "triage",
        "worker",
        "router",
        "fallback",
        "review",
        "helpdesk",
        "intake",
        "replay",
        "forget",
        "learn",
        "audit",
        "operator",
        "check",
        "doctor",
    ),
    "stranger",
)
LISTENERS = {
    "PASSWORD": "SASL_PLAINTEXT",
    "TLS": "SSL",
    "MUTUAL": "SSL",
    "PASSWORD_TLS": "SASL_SSL",
    "EXPIRED": "SSL",
    "ELSEWHERE": "SSL",
    "PLAIN_ONLY": "SASL_PLAINTEXT",
}

RESOURCES = {"topic": 2, "group": 3, "transactional id": 5}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Delete": 6, "Describe": 8, "DescribeConfigs": 10}
LITERAL, PREFIXED, ALLOW = 3, 4, 3


def password(user: str) -> str:
    """Return a user's password; its beginning, "hush", occurs in no other output."""
    return f"hush-{user}-7f3a"


@dataclass(frozen=True)
class SecuredBroker:
    """A running broker with its certificates.

    Attributes:
        node: the broker.
        authority: signs the certificates of the broker and of its clients.
        client: a client's certificate.
        encrypted_client: the same, with an encrypted key.
    """

    node: broker.Broker
    authority: Authority
    client: Certificate
    encrypted_client: Certificate

    @property
    def bootstrap(self) -> str:
        """The address of the open listener."""
        return self.node.bootstrap

    def settings(self, listener: str, **more: str) -> dict[str, str]:
        """Return the settings of a client of a listener, by their names in lower case."""
        protocol = LISTENERS[listener]
        given = {
            "bootstrap_servers": f"127.0.0.1:{self.node.listeners[listener][0]}",
            "security_protocol": protocol,
        }
        if protocol.endswith("SSL"):
            given["ssl_cafile"] = str(self.authority.certificate)
        if listener == "MUTUAL":
            given |= {"ssl_certfile": str(self.client.certificate), "ssl_keyfile": str(self.client.key)}
        return {**given, **more}

    def login(self, user: str, mechanism: str = "PLAIN", listener: str = "PASSWORD", **more: str) -> dict[str, str]:
        """Return the settings of a user who logs in by password."""
        given = {"sasl_mechanism": mechanism, "sasl_username": user, "sasl_password": password(user)}
        return self.settings(listener, **{**given, **more})

    async def grant(self, user: str, acls: Iterable[Acl]) -> None:
        """Give rights to a user."""
        async with admin_client(self.bootstrap) as admin:
            for acl in acls:
                response = await admin._send_to_controller(CreateAclsRequest(*_entry(user, acl)))
                assert all(code == 0 for code, *_ in response.creation_responses), response

    async def revoke(self, user: str, acls: Iterable[Acl], *, missing_ok: bool = False) -> None:
        """Take rights from a user, who must have them unless they may be missing."""
        async with admin_client(self.bootstrap) as admin:
            for acl in acls:
                response = await admin._send_to_controller(DeleteAclsRequest(*_entry(user, acl)))
                ((code, _, found),) = response.filter_responses
                assert code == 0
                assert missing_ok or len(found) == 1, acl


def _entry(user: str, acl: Acl) -> tuple[int, str, int, str, str, int, int]:
    pattern = PREFIXED if acl.prefix else LITERAL
    return RESOURCES[acl.kind], acl.name, pattern, f"User:{user}", "*", OPERATIONS[acl.operation], ALLOW


@contextmanager
def running(folder: Path) -> Iterator[SecuredBroker]:
    """Run a secured broker within the context."""
    authority = Authority(folder)
    certificates = {
        "TLS": authority.sign("broker"),
        "EXPIRED": authority.sign("expired", days=-1),
        "ELSEWHERE": authority.sign("elsewhere", host="kafka.example.org"),
    }
    (node,) = broker.cluster(
        folder, listeners=LISTENERS, settings=_settings(authority, certificates), scram={"triage": password("triage")}
    )
    node.start()
    try:
        node.wait()
        yield SecuredBroker(
            node, authority, authority.sign("client"), authority.sign("encrypted", password=password("key"))
        )
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
        "auto.create.topics.enable": "true",  # as on many clusters: only access control prevents new topics
    }
    for listener, protocol in LISTENERS.items():
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
            store = certificates.get(listener, certificates["TLS"]).store
            settings |= {f"{prefix}.ssl.keystore.type": "PEM", f"{prefix}.ssl.keystore.location": str(store)}
    return settings
