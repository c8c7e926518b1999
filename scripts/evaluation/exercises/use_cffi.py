"""cffi: functions of the C library called, structures and memory, and callbacks into Python."""

import cffi


def main():
    """Call, sort, allocate."""
    ffi = cffi.FFI()
    ffi.cdef(
        "double cos(double); int abs(int); size_t strlen(const char *);"
        "void qsort(void *, size_t, size_t, int (*)(const void *, const void *));"
        "struct point { int x; double y; };"
    )
    library = ffi.dlopen(None)
    mathematics = ffi.dlopen("libm.so.6")
    for number in range(100_000):
        assert library.abs(-number) == number
    assert mathematics.cos(0.0) == 1.0
    assert library.strlen(b"four") == 4
    points = ffi.new("struct point[]", 1000)
    for number in range(1000):
        points[number].x = number * 7919 % 1000

    @ffi.callback("int(const void *, const void *)")
    def compare(left, right):
        return ffi.cast("struct point *", left).x - ffi.cast("struct point *", right).x

    for _ in range(10):
        library.qsort(points, len(points), ffi.sizeof("struct point"), compare)
    assert [point.x for point in points] == list(range(1000))
    assert bytes(ffi.buffer(ffi.new("char[]", b"text"), 4)) == b"text"


if __name__ == "__main__":
    main()
