"""PyNaCl: boxes, secret boxes, signatures, hashes and passwords."""

import nacl.exceptions
import nacl.hash
import nacl.public
import nacl.pwhash
import nacl.secret
import nacl.signing


def main():
    """Seal, open, sign, verify."""
    ours, theirs = nacl.public.PrivateKey.generate(), nacl.public.PrivateKey.generate()
    sending = nacl.public.Box(ours, theirs.public_key)
    receiving = nacl.public.Box(theirs, ours.public_key)
    secret = nacl.secret.SecretBox(nacl.hash.blake2b(b"seed", digest_size=32, encoder=nacl.encoding.RawEncoder))
    key = nacl.signing.SigningKey.generate()
    for number in range(1500):
        message = f"message {number}".encode()
        assert receiving.decrypt(sending.encrypt(message)) == message
        assert secret.decrypt(secret.encrypt(message)) == message
        assert key.verify_key.verify(key.sign(message)) == message
    stored = nacl.pwhash.argon2id.str(b"password", opslimit=2, memlimit=1 << 25)
    assert nacl.pwhash.verify(stored, b"password")
    try:
        key.verify_key.verify(b"x" * 80)
    except nacl.exceptions.BadSignatureError:
        return
    raise AssertionError("took a wrong signature")


if __name__ == "__main__":
    main()
