#!/usr/bin/env -S python3 -IS
# Copyright: (c) 2026, Tidegate contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands where Ansible expects ssh: passes everything on, except for the one request that an order is about.

The order is a file in the folder that FAULTS_LINE names (`hold.Line`). It becomes ``held`` once it is obeyed; what is held
goes on when that is gone.
"""

import json
import os
import subprocess
import sys
import threading
import time

FOLDER = os.environ["FAULTS_LINE"]
ORDER, HELD = os.path.join(FOLDER, "order"), os.path.join(FOLDER, "held")
LOST = 255  # ssh's own exit status for a lost connection
COMMAND = ["ssh", *sys.argv[1:]]


def main():
    """Be ssh."""
    order = read_order()
    if order is None or "tidegate-host" not in sys.argv[-1] or order["address"] not in sys.argv:
        os.execvp(COMMAND[0], COMMAND)  # noqa: S606 - as Ansible would
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    answer = []
    first = threading.Event()
    reader = threading.Thread(target=read_answer, args=(process, answer, first))
    reader.start()
    request = sys.stdin.buffer.read()  # Ansible sends it once the first line of the answer says that sudo let it in
    step = json.loads(request.split(b"\n", 1)[0])["step"]
    with open(os.path.join(FOLDER, "log"), "a") as log:
        log.write(step + "\n")
    what = order["what"] if step == order["step"] and obeyed() else ""
    send(process, request, what)
    reader.join()
    status = process.wait()
    if what == "reply":
        wait()
    if what == "lose":
        sys.exit(LOST)
    sys.stdout.buffer.write(b"".join(answer))
    sys.exit(status)


def read_order():
    """What is to happen, if anything."""
    try:
        with open(ORDER) as file:
            return json.load(file)
    except (FileNotFoundError, ValueError):
        return None


def obeyed():
    """Whether it is we who obey: one does."""
    try:
        os.rename(ORDER, HELD + ".new")
    except FileNotFoundError:
        return False
    return True


def wait():
    """Say that it is so far, and wait until we may go on."""
    os.rename(HELD + ".new", HELD)
    while os.path.exists(HELD):
        time.sleep(0.03)


def send(process, request, what):
    """Pass the request on."""
    half = len(request) - (len(request) - request.index(b"\n")) // 2
    if what == "flip":
        request = request[:half] + bytes([request[half] ^ 1]) + request[half + 1 :]
    if what == "before":
        wait()
    try:
        process.stdin.write(request[:half])
        process.stdin.flush()
        if what == "mid":
            wait()
        process.stdin.write(request[half:])
        process.stdin.close()
    except BrokenPipeError:
        pass
    if what in ("lose", "flip"):
        os.rename(HELD + ".new", HELD)


def read_answer(process, answer, first):
    """Pass the first line on at once, keep the rest."""
    for line in process.stdout:
        if first.is_set():
            answer.append(line)
        else:
            first.set()
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
