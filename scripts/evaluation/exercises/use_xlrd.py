"""xlrd: an old .xls workbook, made here record by record, read cell by cell."""

import struct
import tempfile
from pathlib import Path

import xlrd


def _write(path, rows):
    """Write the same rows as a worksheet of Excel 2."""
    records = [_record(0x0009, struct.pack("<HH", 2, 0x10))]  # BOF, of a worksheet
    for index in range(rows):
        name = f"city {index}".encode()
        head = (index, 0, b"\0\0\0")
        records.append(_record(0x0004, struct.pack("<HH3sB", *head, len(name)) + name))  # LABEL
        records.append(_record(0x0003, struct.pack("<HH3sd", index, 1, b"\0\0\0", index * 7)))  # NUMBER
        records.append(_record(0x0003, struct.pack("<HH3sd", index, 2, b"\0\0\0", index / 2)))
    records.append(_record(0x000A, b""))  # EOF
    path.write_bytes(b"".join(records))


def _record(kind, content):
    return struct.pack("<HH", kind, len(content)) + content


def main():
    """Read it several times."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cities.xls"
        _write(path, rows=4000)
        for _ in range(20):
            book = xlrd.open_workbook(str(path), encoding_override="ascii")
            sheet = book.sheet_by_index(0)
            assert sheet.nrows == 4000
            assert sheet.row_values(7) == ["city 7", 49.0, 3.5]
            assert sum(sheet.col_values(1)) == 7.0 * sum(range(4000))
            assert sheet.cell(3, 0).ctype == xlrd.XL_CELL_TEXT
            assert xlrd.xldate_as_tuple(43831, book.datemode)[:3] == (2020, 1, 1)


if __name__ == "__main__":
    main()
