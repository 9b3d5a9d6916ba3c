#!/usr/bin/env python3
"""CPU and events a second of linkhook with webhooks and a state directory.

    unshare -n benches/webhooks.py target/release/linkhook FLOOD [--events 200000] [--webhooks 1] [--rate 200000]
                                   [--filter EXPRESSION] [--state DIRECTORY]

As root, or by `unshare -Urn`. FLOOD is a program that, called with `route N RATE BATCH`, adds N routes of the interface fl0 and deletes
them. A receiver that counts lines takes batches of `ndjson`. Prints events a second from the first to the last that arrives,
microseconds of CPU an event in all of linkhook's threads and its children, memory, and the database's size afterwards.
"""

import argparse
import os
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import time

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("linkhook")
parser.add_argument("flood")
parser.add_argument("--events", type=int, default=200000)
parser.add_argument("--rate", type=int, default=200000)
parser.add_argument("--webhooks", type=int, default=1)
parser.add_argument("--filter")
parser.add_argument("--state", default=None)
parser.add_argument("--no-state", action="store_true")
parser.add_argument("--more", default="", help="more lines of [watch]")
arguments = parser.parse_args()


class Receiver:
    """Counts lines, and answers 204."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.lines, self.requests, self.first, self.last = 0, 0, None, None
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        rest = b""
        while True:
            while b"\r\n\r\n" not in rest:
                octets = connection.recv(1 << 20)
                if not octets:
                    return
                rest += octets
            head, rest = rest.split(b"\r\n\r\n", 1)
            length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            parts, have = [rest], len(rest)
            while have < length:
                octets = connection.recv(1 << 20)
                if not octets:
                    return
                parts.append(octets)
                have += len(octets)
            body = b"".join(parts)
            body, rest = body[:length], body[length:]
            self.last = time.monotonic()
            self.first = self.first or self.last
            self.lines += body.count(b"\n")
            self.requests += 1
            connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def main():
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "link", "add", "fl0", "type", "veth", "peer", "name", "fl1"], check=True)
    for link in ("fl0", "fl1"):
        subprocess.run(["ip", "link", "set", link, "up"], check=True)
    folder = tempfile.mkdtemp(dir=arguments.state)
    receivers = [Receiver() for _ in range(arguments.webhooks)]
    path = os.path.join(folder, "linkhook.toml")
    with open(path, "w", encoding="ascii") as file:
        state = "" if arguments.no_state else f'state_dir = "{folder}/state"\n'
        file.write(f'[watch]\nkinds = ["route"]\n{state}{arguments.more}\n[output]\npath = "none"\n')
        for number, receiver in enumerate(receivers):
            file.write(
                f'[[webhook]]\nname = "w{number}"\nurl = "http://127.0.0.1:{receiver.port}/"\nproxy = "none"\nformat = "ndjson"\n'
                'batch = { events = 5000, bytes = "4MiB" }\n' + (f"filter = '{arguments.filter}'\n" if arguments.filter else "")
            )
    process = subprocess.Popen([arguments.linkhook, "--config", path], stdout=subprocess.DEVNULL)
    clock = (~process.pid << 3) | 2
    time.sleep(2)
    before, began = time.clock_gettime(clock), time.monotonic()
    subprocess.run([arguments.flood, "route", str(arguments.events // 2), str(arguments.rate), "256"], check=True)
    flooded = time.monotonic() - began
    while any(receiver.lines < arguments.events for receiver in receivers):
        time.sleep(0.05)
        if process.poll() is not None or time.monotonic() - began > 120:
            print("not all came:", [receiver.lines for receiver in receivers])
            break
    used = time.clock_gettime(clock) - before
    status = open(f"/proc/{process.pid}/status", encoding="ascii").read()
    memory = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    time.sleep(2)
    database = os.path.join(folder, "state", "linkhook.db")
    size = sum(os.path.getsize(database + end) for end in ("", "-wal") if os.path.exists(database + end))
    process.terminate()
    process.wait()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    last = max(receiver.last for receiver in receivers)
    print(
        f"{arguments.events / (last - began):.0f} events a second ({arguments.events / flooded:.0f} made), "
        f"{used / arguments.events * 1e6:.2f} us of CPU an event, {int(memory) >> 10} MiB, database {size / (1 << 20):.1f} MiB, "
        f"{sum(receiver.requests for receiver in receivers)} requests; with children {children.ru_utime + children.ru_stime:.2f} s"
    )
    shutil.rmtree(folder)


main()
