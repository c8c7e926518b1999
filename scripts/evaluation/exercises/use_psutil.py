"""psutil: the machine's load, memory and disks, this process and a child that is started and ended."""

import subprocess
import sys

import psutil


def main():
    """Ask for everything that a monitor shows."""
    for _ in range(400):
        assert psutil.virtual_memory().total > 0
        assert psutil.cpu_times().user >= 0
        psutil.disk_io_counters()
        psutil.net_io_counters()
        psutil.swap_memory()
    assert psutil.cpu_count() >= 1
    assert psutil.boot_time() > 0
    psutil.disk_partitions()
    assert psutil.disk_usage("/").total > 0
    assert "lo" in psutil.net_if_addrs()
    own = psutil.Process()
    for _ in range(100):
        with own.oneshot():
            assert own.memory_info().rss > 0
            own.cpu_percent()
            own.open_files()
            own.net_connections()
            own.threads()
    assert own.pid in {process.pid for process in psutil.process_iter(["name", "username"])}
    child = psutil.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert child.ppid() == own.pid
    assert child.pid in [one.pid for one in own.children()]
    child.suspend()
    child.resume()
    child.terminate()
    gone, alive = psutil.wait_procs([child], timeout=20)
    assert (len(gone), alive) == (1, [])


if __name__ == "__main__":
    main()
