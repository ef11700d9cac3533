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


def _family(pid):
    """A process and its children, each with its CPU seconds."""
    stats = {int(name): _stat(name) for name in os.listdir('/proc') if name.isdigit()}
    return {other: found[1] for other, found in stats.items()
            if found and pid in (other, found[0])}


def cpu_seconds(pid):
    """CPU seconds of a process and its children, running or ended."""
    return sum(_family(pid).values())


def pss(pid):
    """Bytes of memory of a process and its children, shared pages divided by those who share."""
    rollups = [Path(f'/proc/{member}/smaps_rollup').read_text() for member in _family(pid)]
    return sum(int(kb) * 1024 for rollup in rollups
               for kb in re.findall(r'^Pss:\s+(\d+) kB', rollup, re.M))


class CpuMeter:
    """CPU seconds of named processes since it was made."""

    def __init__(self, **pids):
        self.pids = pids
        self.before = {name: cpu_seconds(pid) for name, pid in pids.items()}

    def read(self):
        return {name: round(cpu_seconds(pid) - self.before[name], 2)
                for name, pid in self.pids.items()}
