#!/usr/bin/env python3
"""Has linkhook do what it does all day: what scripts/optimize takes its measure of.

    unshare -n benches/workload.py target/release/linkhook

As root, or by `unshare -Urn`. Links, addresses, neighbours and routes of a namespace come, change and go: one by one, two at once, and
hundreds at once. They are told to a pipe, to /dev/null, to a file, through filters, and to a webhook on loopback from a state directory,
which a look back reads afterwards; then what there is is listed. About half a minute.
"""
import argparse, http.server, os, signal, socket, subprocess, tempfile, threading, time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("linkhook", type=Path)
PROGRAM = str(parser.parse_args().linkhook.resolve())
SECONDS = 60  # No step takes so long.
ROUTES = 20_000  # So many are listed.


class Changes:
    """One `ip` that makes what it is given, line by line."""

    def __init__(self):
        self.ip = subprocess.Popen(["ip", "-force", "-batch", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def make(self, *lines, pause=0.003):
        """All of it at once, then a pause, so that the next ones wake whoever listens anew."""
        self.ip.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self.ip.stdin.flush()
        time.sleep(pause)

    def everything(self, rounds=1):
        """A round has single events of each kind, pairs, and bursts."""
        for number in range(rounds * 40):
            self.make(f"link set v0 mtu {1400 + number % 50}")
            self.make(f"address add 192.0.2.{number % 200 + 1}/24 dev v0")
            self.make(f"neighbour replace 198.51.100.{number % 200 + 1} lladdr 02:00:00:00:00:01 dev v0")
            self.make(f"address delete 192.0.2.{number % 200 + 1}/24 dev v0")
            self.make(f"route replace 203.0.113.0/24 dev v0 metric {number % 3 + 1}")
            routes = [f"10.0.{number % 250}.{last}/32 dev v0" for last in (1, 2)]
            self.make(*(f"route add {route}" for route in routes))
            self.make(*(f"route delete {route}" for route in routes))
        for number in range(rounds * 5):
            self.make("link set v0 down", pause=0.02)
            self.make("link set v0 up", pause=0.02)
            self.make("address replace 198.51.100.254/24 dev v0")
            for what in ("add", "delete"):
                self.make(*(f"route {what} 10.{number}.1.{last}/32 via 198.51.100.9 dev v0 onlink" for last in range(250)), pause=0.03)
                self.make(*(f"route {what} 2001:db8:{number}:{last:x}::/64 dev v0" for last in range(100)), pause=0.03)

    def end(self):
        self.ip.stdin.close()
        self.ip.wait(SECONDS)


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes every batch."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def watch(arguments, changes, rounds=1, stdout=subprocess.DEVNULL):
    """linkhook beside a round of changes, from the moment when it is ready until it is asked to end."""
    with tempfile.TemporaryDirectory() as folder:
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.bind(f"{folder}/ready")
        ready.settimeout(SECONDS)
        program = subprocess.Popen([PROGRAM, *arguments], stdout=stdout, env={**os.environ, "NOTIFY_SOCKET": f"{folder}/ready"})
        if program.stdout:
            threading.Thread(target=lambda: [None for _ in iter(lambda: program.stdout.read1(), b"")], daemon=True).start()
        while b"READY=1" not in ready.recv(4096):
            pass
        changes.everything(rounds)
        time.sleep(0.3)
        program.send_signal(signal.SIGTERM)
        status = program.wait(SECONDS)
        assert status in (0, -signal.SIGTERM, 128 + signal.SIGTERM), f"{arguments}: status {status}"


def say(*arguments):
    """What linkhook says at once."""
    subprocess.run([PROGRAM, *arguments], stdout=subprocess.DEVNULL, check=True, timeout=SECONDS)


for command in ("link set lo up", "link add v0 type veth peer name v1", "link set v1 up", "link set v0 up"):
    subprocess.run(["ip", *command.split()], check=True)
changes = Changes()
with tempfile.TemporaryDirectory() as folder:
    watch([], changes, rounds=2, stdout=subprocess.PIPE)
    watch(["route"], changes, stdout=subprocess.PIPE)
    watch([], changes)
    watch(["-o", f"{folder}/events.jsonl"], changes)
    watch(["--text", "--severity", "notice"], changes, stdout=subprocess.PIPE)
    watch(["--filter", '.event == "route"'], changes)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    configuration = f"""[watch]
state_dir = "{folder}/state"
[history]
keep = "1h"
[security]
sandbox = false  # What counts writes its own files.
[[webhook]]
name = "receiver"
url = "http://127.0.0.1:{server.server_port}/"
format = "ndjson"
"""
    Path(f"{folder}/linkhook.toml").write_text(configuration)
    watch(["--config", f"{folder}/linkhook.toml", "-o", f"{folder}/more.jsonl"], changes, rounds=2)
    say("history", "--quiet", "--state-dir", f"{folder}/state", "--since", "1h")

    changes.make(*(f"route add 10.{100 + number // 65536}.{number // 256 % 256}.{number % 256}/32 dev v0" for number in range(ROUTES)))
    changes.end()
    say("list")
    say("list", "route")
    say("list", "--text", "link", "addr")
