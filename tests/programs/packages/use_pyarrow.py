"""pyarrow: Parquet, Feather, CSV and datasets, written and read by the threads of Arrow itself."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.dataset as ds
import pyarrow.feather
import pyarrow.fs
import pyarrow.parquet as pq

table = pa.table(
    {"n": list(range(2000)), "part": [n % 3 for n in range(2000)], "text": [f"row {n}" for n in range(2000)]}
)
pq.write_table(table, "table.parquet", compression="zstd", row_group_size=500)
assert pq.read_table("table.parquet").num_rows == 2000
assert pq.read_table("table.parquet", memory_map=True, columns=["n"]).num_columns == 1
pyarrow.feather.write_feather(table, "table.feather")
pyarrow.feather.read_table("table.feather")
pyarrow.csv.write_csv(table, "table.csv")
assert pyarrow.csv.read_csv("table.csv").num_rows == 2000
ds.write_dataset(table, "parts", format="parquet", partitioning=["part"], partitioning_flavor="hive")
assert ds.dataset("parts", partitioning="hive").to_table(filter=pc.field("part") == 1).num_rows == 667
with pa.OSFile("stream.arrow", "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table)
with pa.memory_map("stream.arrow") as source:
    assert pa.ipc.open_stream(source).read_all().num_rows == 2000
local = pyarrow.fs.LocalFileSystem()
local.create_dir("made/deep")
local.copy_file("table.csv", "made/deep/copy.csv")
local.move("made/deep/copy.csv", "made/moved.csv")
assert len(local.get_file_info(pyarrow.fs.FileSelector(".", recursive=True))) > 8
local.delete_file("made/moved.csv")
local.delete_dir("made")
try:
    pq.read_table("absent.parquet")
except FileNotFoundError:
    pass
