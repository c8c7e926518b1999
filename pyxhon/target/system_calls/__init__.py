"""System calls of x86-64 kernels: their names, which are sensitive, and what their arguments say."""
