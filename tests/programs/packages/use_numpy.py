"""numpy: arrays in files, mapped and not, linear algebra in the threads of its BLAS."""

import threading

import numpy as np

rng = np.random.default_rng(7)
matrix = rng.random((200, 200))
np.linalg.svd(matrix @ matrix.T)
np.linalg.solve(matrix, rng.random(200))

np.save("one.npy", matrix)
np.savez_compressed("many.npz", a=matrix, b=matrix.T)
np.savetxt("text.csv", matrix[:5], delimiter=",")
matrix.tofile("raw.bin")
assert np.load("one.npy", mmap_mode="r")[3, 4] == matrix[3, 4]
with np.load("many.npz") as loaded:
    assert loaded["b"].shape == (200, 200)
assert np.loadtxt("text.csv", delimiter=",").shape == (5, 200)
assert np.fromfile("raw.bin").size == 40_000
mapped = np.memmap("mapped.bin", dtype="f8", mode="w+", shape=(64, 64))
mapped[:] = 1.5
mapped.flush()

threads = [threading.Thread(target=lambda: np.sort(rng.random(50_000))) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

import numpy.fft, numpy.polynomial, numpy.testing  # noqa: E401 - late, as programs do

numpy.testing.assert_allclose(np.fft.ifft(np.fft.fft(matrix[0])).real, matrix[0])
