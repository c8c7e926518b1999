"""pandas: a table grouped, joined, resampled, written as CSV, JSON and pickle, and read back."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd


def main():
    """Compute, write, read."""
    generator = np.random.RandomState(5)
    times = pd.date_range("2026-01-01", periods=40_000, freq="min")
    table = pd.DataFrame(
        {
            "time": times,
            "city": generator.choice(["Oslo", "Rome", "Lima"], times.size),
            "value": generator.rand(times.size),
        }
    )
    for _ in range(5):
        means = table.groupby("city")["value"].agg(["mean", "max"])
        assert list(means.index) == ["Lima", "Oslo", "Rome"]
        assert len(table.set_index("time")["value"].resample("D").sum()) == 28
        assert table.merge(means, left_on="city", right_index=True).shape == (40_000, 5)
        assert table.pivot_table(index=table["time"].dt.hour, columns="city", values="value").shape == (24, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table"
        table.to_csv(path, index=False)
        assert np.allclose(pd.read_csv(path, parse_dates=["time"])["value"], table["value"])
        table.head(1000).to_json(path, orient="records", date_format="iso")
        assert len(pd.read_json(path, orient="records")) == 1000
        table.to_pickle(path)
        assert pd.read_pickle(path).equals(table)


if __name__ == "__main__":
    main()
