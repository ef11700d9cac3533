"""What processes have cost so far, as /proc tells."""

import os
import re
from pathlib import Path

TICKS = os.sysconf('SC_CLK_TCK')


def _stat(pid):
    """Parent and CPU seconds, those of its ended children included; None when it is gone."""
    try:
        fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return None
    return int(fields[1]), sum(int(fields[n]) for n in range(11, 15)) / TICKS


def cpu_seconds(pid):
    """CPU seconds of a process and its children, running or ended."""
    stats = {int(name): _stat(name) for name in os.listdir('/proc') if name.isdigit()}
    return sum(seconds for other, found in stats.items() if found
               for parent, seconds in (found,) if other == pid or parent == pid)


def pss(pid):
    """Bytes of memory, with shared pages divided by those who share them."""
    rollup = Path(f'/proc/{pid}/smaps_rollup').read_text()
    return int(re.search(r'^Pss:\s+(\d+) kB', rollup, re.M)[1]) * 1024


class CpuMeter:
    """CPU seconds of named processes since it was made."""

    def __init__(self, **pids):
        self.pids = pids
        self.before = {name: cpu_seconds(pid) for name, pid in pids.items()}

    def read(self):
        return {name: round(cpu_seconds(pid) - self.before[name], 2)
                for name, pid in self.pids.items()}
