"""Table II of the paper, as printed there."""

# extension, policy, F, N, D, O, B, suggestion
TABLE_II = {
    "numpy": ("Numpy 1.6.0", "D-O-B", "-", "-", "Y", "Y", "Y", "Accept"),
    "cx_Freeze": (
        "Cx_Freeze 4.2.2",
        "F-O-B",
        "Y",
        "Violation(1): import socket, socket.gethostname()",
        "-",
        "Y",
        "Y",
        "CodeReview",
    ),
    "pyisbn": ("Pyisbn", "None", "-", "Violation(1): email module", "-", "-", "-", "CodeReview"),
    "Pyro4": ("Pyro 4.4.6", "N-O-B", "-", "Y", "Violation(1)", "Y", "-", "CodeReview"),
    "MDP": ("MDP 3.1", "F-D-O-B", "Y", "-", "import ctypes in Numpy", "Y", "Y", "Accept"),
    "crcmod": ("crcmod 1.7", "D-O", "-", "-", "Y", "Y", "-", "Accept"),
    "xlrd3": ("xlrd3 0.1.4", "F-O", "Y", "-", "-", "Y", "-", "Accept"),
}
