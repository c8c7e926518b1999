"""numpy: linear algebra, transforms, random numbers, and arrays saved and loaded."""

import tempfile
from pathlib import Path

import numpy as np


def main():
    """Solve, transform, sort, save and load."""
    generator = np.random.RandomState(7)
    for size in (100, 200, 300, 400):
        matrix = generator.rand(size, size) + np.eye(size)
        right = generator.rand(size)
        assert np.allclose(matrix @ np.linalg.solve(matrix, right), right)
        assert np.linalg.svd(matrix, compute_uv=False).shape == (size,)
    signal = np.sin(np.linspace(0, 400, 1 << 17))
    for _ in range(10):
        assert np.allclose(np.fft.irfft(np.fft.rfft(signal)), signal)
    table = generator.rand(20_000, 10)
    for _ in range(10):
        order = np.argsort(table, axis=0)
        means = np.take_along_axis(table, order, axis=0).reshape(100, 200, 10).mean(axis=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "means.npz"
        np.savez(path, means=means, order=order)
        with np.load(path) as stored:
            assert np.array_equal(stored["means"], means)
        np.savetxt(Path(folder) / "means.txt", means)
        assert np.allclose(np.loadtxt(Path(folder) / "means.txt"), means)


if __name__ == "__main__":
    main()
