"""psutil: reads /proc for everything that it tells, and asks the kernel by system calls of its own."""

import os
import socket
import subprocess
import sys

import psutil

listener = socket.create_server(("127.0.0.1", 0))
process = psutil.Process()
with process.oneshot():
    process.name(), process.cmdline(), process.cpu_times(), process.memory_full_info(), process.status()
process.open_files()
process.threads()
process.environ()
process.memory_maps()
process.num_fds()
process.io_counters()
process.cpu_affinity()
process.rlimit(psutil.RLIMIT_NOFILE)
process.nice()
process.ionice()
assert process.net_connections()
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
watched = psutil.Process(child.pid)
assert watched.ppid() == os.getpid()
assert [one.pid for one in process.children()] == [child.pid]
watched.suspend()
watched.resume()
watched.terminate()
psutil.wait_procs([watched], timeout=20)
child.communicate()
psutil.cpu_count(logical=False), psutil.cpu_times(percpu=True), psutil.cpu_freq(), psutil.getloadavg()
psutil.virtual_memory(), psutil.swap_memory()
psutil.disk_partitions(), psutil.disk_usage("/"), psutil.disk_io_counters()
psutil.net_if_addrs(), psutil.net_if_stats(), psutil.net_io_counters(pernic=True)
psutil.sensors_temperatures(), psutil.users(), psutil.boot_time()
assert psutil.pid_exists(os.getpid())
