"""A witness served on the loopback in a thread of its own, and certificates for it."""

from __future__ import annotations

import asyncio
import ipaddress
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hub.witness.judge import Witness
from hub.witness.server import Certificate, WitnessServer


@contextmanager
def serving(witness: Witness, *, port: int = 0, certificate: Certificate | None = None) -> Iterator[str]:
    """The address of a witness while it is served."""
    urls: list[str] = []
    is_ready = threading.Event()
    server = WitnessServer(witness)

    def ready(url: str) -> None:
        urls.append(url)
        is_ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(server.run("127.0.0.1", port, certificate, ready)))
    thread.start()
    try:
        assert is_ready.wait(20), "the witness did not start"
        yield urls[0]
    finally:
        server.stop()
        thread.join(30)
        assert not thread.is_alive()


def certificate_for(folder: Path, address: str = "127.0.0.1") -> Certificate:
    """A certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "witness")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(certificate.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(chain), str(private)
