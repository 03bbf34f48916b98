"""Certificates for the peer: one of a test authority's, and one that nobody vouches for.

Microsoft's driver looks for authorities where OpenSSL does: a process with
``SSL_CERT_FILE=<trusted()>`` trusts the peer, without TrustServerCertificate.
"""

import atexit
import ipaddress
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pysqlbridge.certificate import Certificate

_LIFE = timedelta(days=2)
_BITS = 2048
_folder: list[Path] = []


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signed(
    subject: str, issuer: str, key: rsa.RSAPrivateKey, by: rsa.RSAPrivateKey, *, authority: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)  # a clock may be late
        .not_valid_after(now + _LIFE)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
        )
    )
    if authority:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = builder.add_extension(usage, critical=True)
    else:
        places = [
            x509.DNSName("localhost"),
            # Microsoft's driver compares names with the address as it is written.
            x509.DNSName("127.0.0.1"),
            x509.IPAddress(ipaddress.IPv4Address("127.0.0.1")),
        ]
        builder = builder.add_extension(x509.SubjectAlternativeName(places), critical=False)
    return builder.sign(by, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _made(key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> Certificate:
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return Certificate(_pem(certificate), private)


@lru_cache(maxsize=1)
def _authority() -> tuple[Certificate, Certificate]:
    """The server's certificate, and the authority's."""
    root, key = (rsa.generate_private_key(65537, _BITS) for _ in range(2))
    name = "Pliers test authority"
    authority = _signed(name, name, root, root, authority=True)
    server = _signed("localhost", name, key, root, authority=False)
    return _made(key, server), _made(root, authority)


def vouched_for() -> Certificate:
    """The certificate of 127.0.0.1 and localhost that the test authority signed."""
    return _authority()[0]


@lru_cache(maxsize=1)
def self_signed() -> Certificate:
    """A certificate of the same names that nobody vouches for."""
    key = rsa.generate_private_key(65537, _BITS)
    return _made(key, _signed("localhost", "localhost", key, key, authority=False))


@lru_cache(maxsize=1)
def trusted() -> Path:
    """The file with the test authority's certificate, for SSL_CERT_FILE.

    Each process has an authority of its own. Under pytest the file is in its temporary folder, of
    which it keeps the last three; elsewhere it goes when the process ends.
    """
    folder = _folder[0] if _folder else Path(tempfile.mkdtemp(prefix="pliers-ca-"))
    if not _folder:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "authority.pem"
    path.write_bytes(_authority()[1].cert_pem)
    return path


def keep_in(folder: Path) -> None:
    """Say where the file is to be."""
    _folder[:] = [folder]
