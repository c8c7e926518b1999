"""bcrypt: passwords hashed and checked, and a key derived."""

import bcrypt


def main():
    """Hash at several costs."""
    for cost in (4, 6, 8, 10):
        stored = bcrypt.hashpw(b"password", bcrypt.gensalt(cost))
        assert bcrypt.checkpw(b"password", stored)
        assert not bcrypt.checkpw(b"passwort", stored)
    assert bcrypt.hashpw(b"password", b"$2b$04$......................").startswith(b"$2b$04$")
    assert len(bcrypt.kdf(b"password", b"salt", desired_key_bytes=32, rounds=60)) == 32
    try:
        bcrypt.checkpw(b"password", b"nonsense")
    except ValueError:
        return
    raise AssertionError("took what is no hash")


if __name__ == "__main__":
    main()
