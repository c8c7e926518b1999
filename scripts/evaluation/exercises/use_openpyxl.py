"""openpyxl: a workbook with formulas, styles and a chart, written and read back."""

import tempfile
from pathlib import Path

import openpyxl
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Font


def main():
    """Write and read."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Cities"
    for number in range(1, 1501):
        sheet.append([f"city {number}", number * 7, f"=B{number}*2"])
    sheet["A1"].font = Font(bold=True)
    chart = BarChart()
    chart.add_data(Reference(sheet, min_col=2, min_row=1, max_row=20))
    sheet.add_chart(chart, "E2")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cities.xlsx"
        book.save(path)
        read = openpyxl.load_workbook(path)["Cities"]
        assert read["C7"].value == "=B7*2"
        assert read["A1"].font.bold
        lazily = openpyxl.load_workbook(path, read_only=True)
        assert sum(row[1] for row in lazily["Cities"].iter_rows(values_only=True)) == 7 * sum(range(1, 1501))
        lazily.close()


if __name__ == "__main__":
    main()
