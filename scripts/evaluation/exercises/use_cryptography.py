"""cryptography: authenticated encryption, signatures, a certificate and a key in a file."""

import datetime
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.x509.oid import NameOID


def main():
    """Encrypt, sign, certify, store."""
    secret = PBKDF2HMAC(hashes.SHA256(), 32, b"salt", 200_000).derive(b"password")
    sealed = AESGCM(secret)
    token = Fernet(Fernet.generate_key())
    for number in range(4000):
        message = f"message {number}".encode() * 20
        assert sealed.decrypt(b"n" * 12, sealed.encrypt(b"n" * 12, message, None), None) == message
        assert token.decrypt(token.encrypt(message)) == message
    key = rsa.generate_private_key(65537, 2048)
    signature = key.sign(b"text", padding.PKCS1v15(), hashes.SHA256())
    key.public_key().verify(signature, b"text", padding.PKCS1v15(), hashes.SHA256())
    small = ed25519.Ed25519PrivateKey.generate()
    try:
        small.public_key().verify(small.sign(b"one"), b"two")
    except InvalidSignature:
        pass
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example.org")])
    start = datetime.datetime(2026, 1, 1)
    curve = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(name, name, curve.public_key(), 1, start, start + datetime.timedelta(days=9))
    certificate = builder.sign(curve, hashes.SHA256())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "key.pem"
        locked = serialization.BestAvailableEncryption(b"password")
        path.write_bytes(curve.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
        again = serialization.load_pem_private_key(path.read_bytes(), b"password")
    assert again.public_key().public_numbers() == certificate.public_key().public_numbers()


if __name__ == "__main__":
    main()
