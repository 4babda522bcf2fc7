"""A private certificate authority and the certificates that it signs, created for one test run."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """PEM files: the certificate, its key, and both in one file, as a broker's key store needs them."""

    certificate: Path
    key: Path
    store: Path


class Authority:
    """Signs certificates; its own ``certificate`` is what clients and brokers trust.

    Args:
        folder: for all files.
        name: its common name, and the name of its file.
    """

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _common_name(name)
        now = datetime.now(UTC)
        signed = (
            _builder(self._name, self._name, self._key, now - DAY, now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .add_extension(_key_usage(signs_others=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.certificate = folder / f"{name}.pem"
        self.certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def sign(self, name: str, *, host: str = "127.0.0.1", days: float = 30, password: str | None = None) -> Certificate:
        """Make a new key and its certificate.

        Args:
            name: its common name, and the name of its files.
            host: the IP address or the DNS name that it is valid for.
            days: until it expires; negative if it expired before.
            password: encrypts the key file.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        address = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        signed = (
            _builder(_common_name(name), self._name, key, now - 20 * DAY, now + days * DAY)
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .add_extension(authority_key, critical=False)
            .add_extension(_key_usage(signs_others=False), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        files = Certificate(*(self._folder / f"{name}.{kind}.pem" for kind in ("certificate", "key", "store")))
        certificate = signed.public_bytes(serialization.Encoding.PEM)
        files.certificate.write_bytes(certificate)
        files.key.write_bytes(_pem(key, password))
        files.store.write_bytes(_pem(key, None) + certificate)
        return files


def _common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
    )


def _key_usage(*, signs_others: bool) -> x509.KeyUsage:
    others = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only")
    usage = {**dict.fromkeys((*others, "decipher_only"), False), "digital_signature": True}
    return x509.KeyUsage(**usage, key_cert_sign=signs_others, crl_sign=signs_others)


def _pem(key: ec.EllipticCurvePrivateKey, password: str | None) -> bytes:
    encryption = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
