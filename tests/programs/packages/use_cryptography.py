"""cryptography: keys and certificates in files, and TLS over loopback with them."""

import datetime
import socket
import ssl
import threading

from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.x509.oid import NameOID

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (
    x509.CertificateBuilder()
    .subject_name(name)
    .issuer_name(name)
    .public_key(key.public_key())
    .serial_number(7)
    .not_valid_before(now - datetime.timedelta(days=1))
    .not_valid_after(now + datetime.timedelta(days=1))
    .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    .sign(key, hashes.SHA256())
)
with open("key.pem", "wb") as out:
    out.write(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
with open("certificate.pem", "wb") as out:
    out.write(certificate.public_bytes(serialization.Encoding.PEM))

assert Fernet(Fernet.generate_key()).encrypt(b"text")
AESGCM(AESGCM.generate_key(128)).encrypt(b"0" * 12, b"text", None)
Scrypt(salt=b"salt", length=32, n=2**10, r=8, p=1).derive(b"password")
ed25519.Ed25519PrivateKey.generate().sign(b"text")
rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key().encrypt(
    b"x", padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
)

server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server_context.load_cert_chain("certificate.pem", "key.pem")
listener = socket.create_server(("127.0.0.1", 0))


def serve():
    connection, _ = listener.accept()
    with server_context.wrap_socket(connection, server_side=True) as secured:
        secured.sendall(secured.recv(100).upper())


thread = threading.Thread(target=serve)
thread.start()
context = ssl.create_default_context(cafile="certificate.pem")
with socket.create_connection(listener.getsockname()) as plain:
    with context.wrap_socket(plain, server_hostname="localhost") as secured:
        secured.sendall(b"hello")
        assert secured.recv(100) == b"HELLO"
thread.join()
