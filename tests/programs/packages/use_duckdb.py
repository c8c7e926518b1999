"""duckdb: a database in a file with its log, and files read and written by its own threads."""

import threading

import duckdb

database = duckdb.connect("store.duckdb", config={"threads": 2})
database.execute("CREATE TABLE t AS SELECT range AS n, 'row ' || range AS text FROM range(5000)")
database.execute("INSERT INTO t SELECT n + 5000, text FROM t")
database.execute("CHECKPOINT")
database.execute("COPY t TO 'out.csv' (HEADER)")
assert database.execute("SELECT count(*) FROM read_csv('out.csv')").fetchone() == (10000,)
try:
    database.execute("COPY t TO 'out.parquet' (FORMAT parquet)")
    assert database.execute("SELECT sum(n) FROM 'out.parquet'").fetchone() == (49995000,)
except duckdb.CatalogException:
    pass
try:
    database.execute("SELECT * FROM 'absent.csv'")
except duckdb.Error:
    pass


def work():
    cursor = database.cursor()
    assert cursor.execute("SELECT count(DISTINCT text) FROM t").fetchone() == (5000,)
    cursor.close()


threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
database.execute("EXPORT DATABASE 'exported' (FORMAT csv)")
database.close()
with duckdb.connect("store.duckdb", read_only=True) as again:
    assert again.execute("SELECT max(n) FROM t").fetchone() == (9999,)
