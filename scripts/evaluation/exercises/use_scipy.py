"""scipy: integration, optimisation, interpolation, sparse systems, statistics, and a file written and read."""

import tempfile
from pathlib import Path

import numpy as np
from scipy import integrate, interpolate, io, optimize, signal, sparse, spatial, stats
from scipy.sparse import linalg


def main():
    """Solve one problem of each kind."""
    assert abs(integrate.quad(np.sin, 0, np.pi)[0] - 2) < 1e-9
    path = integrate.solve_ivp(lambda _, state: [state[1], -state[0]], (0, 20), [1, 0], rtol=1e-8)
    assert abs(path.y[0, -1] - np.cos(20)) < 1e-4
    found = optimize.minimize(optimize.rosen, np.zeros(8), method="BFGS")
    assert np.allclose(found.x, 1, atol=1e-3)
    grid = np.linspace(0, 10, 200)
    assert abs(interpolate.CubicSpline(grid, np.sin(grid))(3.3) - np.sin(3.3)) < 1e-5
    size = 20_000
    matrix = sparse.diags([-1, 2.1, -1], [-1, 0, 1], shape=(size, size), format="csc")
    assert np.allclose(matrix @ linalg.spsolve(matrix, np.ones(size)), 1)
    generator = np.random.RandomState(1)
    points = generator.rand(5000, 3)
    assert spatial.cKDTree(points).query(points)[0].max() == 0
    assert stats.kstest(points[:, 0], "uniform").pvalue > 0.001
    assert signal.welch(np.sin(grid * 30), nperseg=128)[1].max() > 0
    with tempfile.TemporaryDirectory() as folder:
        stored = Path(folder) / "points.mat"
        io.savemat(stored, {"points": points})
        assert np.array_equal(io.loadmat(stored)["points"], points)


if __name__ == "__main__":
    main()
