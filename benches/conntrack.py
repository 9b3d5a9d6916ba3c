#!/usr/bin/env python3
"""CPU of linkhook and of conntrack(8) for each event of connections that come and go.

    unshare -n benches/conntrack.py target/release/linkhook [FLOWS_PER_SECOND [SECONDS]]

As root. Datagrams of UDP go out of an interface where nothing hears them, each to another port or address: each is a
connection, which ends a second later. Both programs listen in the same run, each writes to a file that is thrown away. Prints
for each: events, those that it says it has lost, and microseconds of CPU an event, all threads.
"""

import os
import re
import socket
import subprocess
import sys
import tempfile
import time

BUFFER = 128 << 20
DEVICE = "ifb9"


def run(*words):
    subprocess.run(words, check=True)


def setting(name, value):
    with open(f"/proc/sys/net/netfilter/nf_conntrack_{name}", "w", encoding="ascii") as file:
        file.write(str(value))


def cpu(process):
    return time.clock_gettime((~process.pid << 3) | 2)


def flows(rate, seconds):
    """Sends, and gives back how many."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.bind(("192.0.2.1", 0))
    began = time.monotonic()
    sent = 0
    while True:
        passed = time.monotonic() - began
        if passed >= seconds:
            return sent, passed
        due = int(rate * passed)
        while sent < due:
            # So many connections that none is made twice before it has ended.
            sender.sendto(b"x", (f"198.51.100.{sent // 60000 % 250 + 1}", 1024 + sent % 60000))
            sent += 1
        time.sleep(0.0005)


def main():
    linkhook = sys.argv[1]
    rate = int(sys.argv[2]) if len(sys.argv) > 2 else 30000
    seconds = float(sys.argv[3]) if len(sys.argv) > 3 else 10
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", DEVICE, "type", "ifb")
    run("ip", "addr", "add", "192.0.2.1/32", "dev", DEVICE)
    run("ip", "link", "set", DEVICE, "up", "arp", "off")
    run("ip", "route", "add", "198.51.100.0/24", "dev", DEVICE)
    run("nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }; add rule inet t c ct state new counter")
    setting("udp_timeout", 1)
    size = int(open("/proc/sys/net/netfilter/nf_conntrack_max", encoding="ascii").read())
    print(f"nf_conntrack_max {size}, {rate} flows a second asked, {seconds:g} s")
    with tempfile.TemporaryDirectory() as folder:
        told = {name: open(os.path.join(folder, name), "w+b") for name in ("linkhook", "conntrack")}
        said = {name: open(os.path.join(folder, name + ".said"), "w+b") for name in told}
        commands = {
            "linkhook": [linkhook, "conntrack", "--receive-buffer", str(BUFFER // 2)],
            "conntrack": ["conntrack", "-E", "-o", "extended,id", "-b", str(BUFFER)],
        }
        processes = {
            name: subprocess.Popen(command, stdout=told[name], stderr=said[name]) for name, command in commands.items()
        }
        time.sleep(1)
        before = {name: cpu(process) for name, process in processes.items()}
        sent, passed = flows(rate, seconds)
        # Connections end within seconds, and are told.
        sizes = None
        while sizes != (sizes := [os.fstat(file.fileno()).st_size for file in told.values()]):
            time.sleep(3)
        print(f"{sent} flows in {passed:.1f} s: {sent / passed:.0f} a second")
        for name, process in processes.items():
            used = cpu(process) - before[name]
            ended = process.poll()
            process.terminate()
            process.wait()
            told[name].seek(0)
            lines = events = lost = 0
            for line in told[name]:
                lines += 1
                if name == "linkhook" and line.startswith(b'{"event":"overrun"') or b'"overrun":{' in line:
                    lost += int(re.search(rb'"lost":(\d+)', line)[1])
                elif name == "conntrack" or b'"event":"conntrack"' in line:
                    events += 1
            said[name].seek(0)
            words = said[name].read().decode().strip().splitlines()
            print(
                f"{name:9} {events} events, {lost} lost, {used:.2f} s of CPU, {used / max(events, 1) * 1e6:.2f} us an event, "
                f"{os.fstat(told[name].fileno()).st_size / max(lines, 1):.0f} octets a line"
                + (f"; ended by itself: {ended}" if ended is not None else ""),
                *words[-1:],
            )


main()
