#!/bin/sh
# CPU of linkhook for a link that goes down and up while many routes lead elsewhere.
#
#   unshare -n benches/flap.sh target/release/linkhook [ROUTES]
#
# In a namespace of its own, as root or by `unshare -Urn`. Prints milliseconds of CPU for each step, all threads.
set -eu
linkhook=$1 routes=${2:-1000000}
lines=$(mktemp)
trap 'kill $! 2>/dev/null; rm -f "$lines"' EXIT

cpu() { python3 -c 'import sys, time; print(time.clock_gettime((~int(sys.argv[1]) << 3) | 2))' "$process"; }
step() {
    before=$(cpu)
    shown=$1
    shift
    "$@"
    # What comes by itself is looked at a second after it is quiet.
    sleep 4
    python3 -c 'import sys; print(f"{sys.argv[3]:24} {(float(sys.argv[2]) - float(sys.argv[1])) * 1000:7.1f} ms")' \
        "$before" "$(cpu)" "$shown"
}

ip link set lo up
ip link add e0 type veth peer name e1
ip link add p0 type veth peer name p1
for link in e0 e1 p0 p1; do ip link set $link up; done
seq "$routes" | awk '{ printf "route add 11.%d.%d.%d/32 dev e0\n", $1 / 65536, $1 / 256 % 256, $1 % 256 }' | ip -batch -
"$linkhook" watch >"$lines" 2>/dev/null &
process=$!
until grep -q '"hello"' "$lines"; do sleep 0.2; done
sleep 4

step "no address, down" ip link set p0 down
step "no address, up" ip link set p0 up
ip addr add 192.0.2.1/24 dev p0
sleep 4
step "IPv4 address, down" ip link set p0 down
step "IPv4 address, up" ip link set p0 up
step "carrier lost" ip link set p1 down
step "carrier back" ip link set p1 up
ip route add 198.51.100.0/24 via 192.0.2.2
sleep 4
step "address removed" ip addr del 192.0.2.1/24 dev p0
kill "$process"
wait "$process" || true
