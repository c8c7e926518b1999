"""bcrypt: computes, and takes its salt from the kernel."""

import threading

import bcrypt


def work():
    hashed = bcrypt.hashpw(b"password", bcrypt.gensalt(rounds=5))
    assert bcrypt.checkpw(b"password", hashed)
    with open(f"hash-{threading.get_native_id()}", "wb") as out:
        out.write(hashed)


work()
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
bcrypt.kdf(b"password", b"salt", desired_key_bytes=32, rounds=50)
