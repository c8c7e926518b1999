"""xlrd3: an .xlsx workbook, made here of its XML parts, read cell by cell."""

import tempfile
import zipfile
from pathlib import Path

import xlrd3

_PARTS = {
    "[Content_Types].xml": (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        '<sheets><sheet name="Cities" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}
_SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
)
_ROW = (
    '<row r="{row}"><c r="A{row}" t="inlineStr"><is><t>city {index}</t></is></c>'
    '<c r="B{row}"><v>{population}</v></c><c r="C{row}"><v>{area}</v></c></row>'
)


def _write(path, rows):
    """Write rows of a name, seven times its number and half its number."""
    cells = "".join(
        _ROW.format(row=index + 1, index=index, population=index * 7, area=index / 2) for index in range(rows)
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in _PARTS.items():
            archive.writestr(name, text)
        archive.writestr("xl/worksheets/sheet1.xml", _SHEET.format(cells))


def main():
    """Read it several times."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cities.xlsx"
        _write(path, rows=2000)
        for _ in range(10):
            book = xlrd3.open_workbook(str(path))
            assert book.sheet_names() == ["Cities"]
            sheet = book.sheet_by_index(0)
            assert sheet.nrows == 2000
            assert sheet.row_values(7) == ["city 7", 49.0, 3.5]
            assert sum(sheet.col_values(1)) == 7.0 * sum(range(2000))
            assert sheet.cell(3, 0).ctype == xlrd3.XL_CELL_TEXT


if __name__ == "__main__":
    main()
