"""matplotlib: several kinds of plots, drawn without a screen and saved as PNG, SVG and PDF."""

import os
import tempfile
from pathlib import Path

_FOLDER = tempfile.TemporaryDirectory()
os.environ["MPLCONFIGDIR"] = _FOLDER.name

import matplotlib  # noqa: E402 - its folder comes first

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402


def main():
    """Draw and save."""
    grid = np.linspace(0, 10, 500)
    figure, axes = plt.subplots(2, 2, figsize=(8, 6))
    axes[0, 0].plot(grid, np.sin(grid), label=r"$\sin x$")
    axes[0, 0].legend()
    axes[0, 1].hist(np.random.RandomState(0).randn(5000), bins=40)
    axes[1, 0].imshow(np.outer(np.sin(grid), np.cos(grid)), aspect="auto")
    axes[1, 1].scatter(np.cos(grid), np.sin(3 * grid), c=grid)
    axes[1, 1].set_title("Lissajous")
    for suffix in ("png", "svg", "pdf"):
        path = Path(_FOLDER.name) / f"figure.{suffix}"
        figure.savefig(path)
        assert path.stat().st_size > 5000
    plt.close(figure)


if __name__ == "__main__":
    main()
