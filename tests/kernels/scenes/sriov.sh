# A host with SR-IOV: a network card's virtual functions are made, set up, used and taken away. The card is qemu's igb: Debian's kernels
# have no netdevsim.
# needs: igb igbvf
# place: machine
card=
for link in /sys/class/net/*; do [ -e "$link/device/sriov_numvfs" ] && card=${link##*/}; done
[ -n "$card" ] || fail "there is no card with virtual functions"
run ip link set lo up
run ip link set "$card" up
run ip address add 192.0.2.1/24 dev "$card"
functions() { [ "$(ls -d /sys/class/net/*/device/physfn 2>/dev/null | wc -l)" = "$1" ]; }
sys "/sys/class/net/$card/device/sriov_numvfs" 4
await "the functions have their links" functions 4
batch ip <<LINES
link set $card vf 0 mac 02:00:00:00:00:10
link set $card vf 1 mac 02:00:00:00:00:11 vlan 100
link set $card vf 2 spoofchk off
link set $card vf 3 trust on
LINES
check functions
first=$(basename "$(dirname "$(dirname "$(ls -d /sys/class/net/*/device/physfn | head -n 1)")")")
run ip link set "$first" up
run ip address add 198.51.100.1/24 dev "$first"
run ip link set "$card" vf 1 vlan 0
try ip link set "$card" vf 0 max_tx_rate 100
run ip netns add guest
second=$(basename "$(dirname "$(dirname "$(ls -d /sys/class/net/*/device/physfn | tail -n 1)")")")
run ip link set "$second" netns guest
check used
run ip link set "$card" down
run ip netns del guest
sys "/sys/class/net/$card/device/sriov_numvfs" 0
await "the functions are gone" functions 0
run ip link set "$card" up
check gone
