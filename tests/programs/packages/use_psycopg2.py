"""psycopg2: libpq looks for its files, resolves names and connects, to nobody."""

import os
import threading

import psycopg2
import psycopg2.extensions

with open("passwords", "w") as out:
    out.write("127.0.0.1:9:*:*:secret\n")
os.chmod("passwords", 0o600)
os.environ["PGPASSFILE"] = os.path.abspath("passwords")


def attempt(**how):
    try:
        psycopg2.connect(dbname="none", user="nobody", connect_timeout=2, **how)
    except psycopg2.OperationalError as error:
        return str(error)
    raise AssertionError("there is a server where there should be none")


attempt(host="127.0.0.1", port=9)
attempt(host="::1", port=9)
attempt(host="localhost", port=9)
attempt(host=os.getcwd(), port=5432)
attempt(host="127.0.0.1,127.0.0.1", port="9,7", sslmode="require")
thread = threading.Thread(target=attempt, kwargs={"host": "127.0.0.1", "port": 11})
thread.start()
thread.join()
assert psycopg2.extensions.parse_dsn("host=a port=1")["port"] == "1"
assert psycopg2.extensions.libpq_version() > 0
