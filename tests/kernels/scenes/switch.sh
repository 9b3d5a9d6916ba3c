# A rack switch: uplinks in an LACP bond, a VLAN-aware bridge with states of spanning trees, servers, vxlan with what an EVPN
# daemon puts into it, and routes over groups of nexthops, resilient ones too.
# needs: bonding 8021q bridge vxlan veth
run ip link set lo up
run ip address add 10.255.0.1/32 dev lo

# The uplinks, with LACP on both sides.
run ip netns add spine
run ip link add bond0 type bond mode 802.3ad lacp_rate fast miimon 100 xmit_hash_policy layer3+4
run ip -n spine link add bond0 type bond mode 802.3ad lacp_rate fast miimon 100
for number in 1 2; do
    run ip link add uplink$number type veth peer name port$number netns spine
    run ip link set uplink$number master bond0
    run ip -n spine link set port$number master bond0
    run ip link set uplink$number up
    run ip -n spine link set port$number up
done
run ip link set bond0 up
run ip -n spine link set bond0 up
aggregated() { [ "$(cat /sys/class/net/bond0/bonding/ad_num_ports)" = 2 ]; }
await "LACP has joined both uplinks" aggregated

# The bridge, its VLANs and the servers.
run ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0 mcast_snooping 1 vlan_stats_enabled 1
# States of spanning trees came with Linux 5.18.
try ip link set br0 type bridge mst_enabled 1
run ip link set br0 up
run ip link set bond0 master br0
batch bridge <<'LINES'
vlan add vid 10 dev bond0
vlan add vid 20 dev bond0
vlan add vid 10 dev br0 self
vlan add vid 20 dev br0 self
LINES
for number in 1 2 3 4; do
    vlan=$((10 + number % 2 * 10))
    world server$number swp$number
    run ip link set swp$number master br0
    run bridge vlan add vid $vlan dev swp$number pvid untagged
    run ip -n server$number address add 10.$vlan.0.$number/24 dev eth0
done
for vlan in 10 20; do
    run ip link add link br0 name vlan$vlan type vlan id $vlan
    run ip link set vlan$vlan up
    run ip address add 10.$vlan.0.254/24 dev vlan$vlan
    try bridge vlan global set vid $vlan dev br0 msti $((vlan / 10))
done
# Odd servers are in VLAN 20, which is tree 2; where there are no trees, a VLAN has the state of its port.
for number in 1 2 3 4; do
    for tree in 1 2; do try bridge mst set dev swp$number msti $tree state forwarding; done
done
try bridge mst set dev swp1 msti 1 state learning
try bridge mst set dev swp2 msti 2 state blocking
try bridge vlan set vid 20 dev swp3 state forwarding

# What an EVPN daemon does: a tunnel without learning, flooding lists, addresses of others.
run ip link add vxlan10 type vxlan id 10010 local 10.255.0.1 dstport 4789 nolearning
run ip link set vxlan10 master br0
run ip link set vxlan10 type bridge_slave learning off neigh_suppress on
run bridge vlan add vid 10 dev vxlan10 pvid untagged
run ip link set vxlan10 up
for leaf in 2 3 4; do run bridge fdb append 00:00:00:00:00:00 dev vxlan10 dst 10.255.0.$leaf; done
for host in $(seq 10 39); do
    echo "fdb replace 02:00:00:00:10:$host dev vxlan10 dst 10.255.0.$((host % 3 + 2)) self extern_learn"
    echo "fdb replace 02:00:00:00:10:$host dev vxlan10 vlan 10 master extern_learn"
done | batch bridge
for host in $(seq 10 39); do
    echo "neigh replace 10.10.0.1$host lladdr 02:00:00:00:10:$host dev vlan10 nud $([ $((host % 2)) = 0 ] && echo noarp || echo reachable) extern_learn"
done | batch ip

# Routes over two uplinks; resilient groups came with Linux 5.13.
for number in 1 2; do
    world router$number wan$number
    run ip address add 10.254.$number.0/31 dev wan$number
    run ip -n router$number address add 10.254.$number.1/31 dev eth0
    run ip nexthop add id $number via 10.254.$number.1 dev wan$number
done
run ip nexthop add id 10 group 1,3/2,1
if try ip nexthop add id 20 group 1/2 type resilient buckets 32 idle_timer 2 unbalanced_timer 0; then resilient=20; else resilient=10; fi
for number in $(seq 1 40); do echo "route add 10.100.$number.0/24 nhid $([ $((number % 2)) = 0 ] && echo 10 || echo $resilient)"; done | batch ip

run ip netns exec server2 ping -c 2 -W 2 10.10.0.4
run ip netns exec server1 ping -c 2 -W 2 10.20.0.3
run ip netns exec server2 ping -c 1 -W 2 10.10.0.254
check up

# A port of the bond loses its partner, a server moves, addresses move between leaves, an uplink fails.
run ip -n spine link set port2 down
run bridge fdb replace 02:00:00:00:10:10 dev vxlan10 dst 10.255.0.4 self extern_learn
run bridge fdb del 02:00:00:00:10:11 dev vxlan10 vlan 10 master
run bridge fdb del 02:00:00:00:10:11 dev vxlan10 dst 10.255.0.4 self
run ip neigh del 10.10.0.111 dev vlan10
run ip link set swp4 nomaster
run ip link set swp4 master br0
run bridge vlan add vid 20 dev swp4 pvid untagged
run ip link set wan1 down
check failed
run ip link set wan1 up
run ip nexthop replace id 1 via 10.254.1.1 dev wan1
run ip nexthop replace id 10 group 1/2
run ip -n spine link set port2 up
await "LACP has joined both uplinks again" aggregated
check mended
run ip netns del server1
run ip link del br0
