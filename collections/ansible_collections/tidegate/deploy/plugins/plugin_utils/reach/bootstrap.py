# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few lines that a host's Python runs to take the host program from standard input, once or to keep it."""

from __future__ import annotations

# Standard input: the package's length in decimal and a newline, the package, one request line, what follows it.
# Its one argument: "install", or "once" to leave nothing behind.
BOOTSTRAP = """\
import hashlib, os, sys
stream = sys.stdin.buffer
data = stream.read(int(stream.readline(20)))
fd = os.memfd_create("tidegate")
with open(fd, "wb", closefd=False) as file:
    file.write(data)
sys.path.insert(0, "/proc/self/fd/%d" % fd)
sys.dont_write_bytecode = True
from tidegate_host.host.program import main_from_bootstrap
main_from_bootstrap(fd, hashlib.sha256(data).hexdigest(), sys.argv[1] == "install")
"""
