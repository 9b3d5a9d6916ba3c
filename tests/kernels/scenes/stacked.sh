# Links upon links: VLANs within VLANs, macvlan, ipvlan, bonds of several modes, teams, VRFs, and what becomes of them when the one
# below goes down, changes its MTU, moves or leaves.
# needs: veth 8021q macvlan ipvlan bonding vrf dummy ifb
run ip link set lo up
world switch base0
batch ip <<'LINES'
link add link base0 name base0.10 type vlan id 10
link add link base0.10 name base0.10.20 type vlan id 20 protocol 802.1ad
link add link base0 name mac0 type macvlan mode bridge
link add link base0 name tap0 type macvtap mode vepa
link add link base0.10 name ipv0 type ipvlan mode l3
link add bond1 type bond mode active-backup miimon 100
link add spare0 type dummy
link add spare1 type dummy
link set spare0 master bond1
link set spare1 master bond1
link set spare0 up
link set spare1 up
link set bond1 up
link add red type vrf table 50
link set red up
link set bond1 master red
link add ifb9 type ifb
LINES
for link in base0.10 base0.10.20 mac0 tap0 ipv0; do run ip link set $link up; done
batch ip <<'LINES'
address add 192.0.2.1/24 dev base0
address add 192.0.2.17/28 dev base0.10
address add 2001:db8:10::1/64 dev base0.10 nodad
address add 198.51.100.1/24 dev bond1
address add 2001:db8:50::1/64 dev bond1 nodad
route add 203.0.113.0/24 via 198.51.100.9 vrf red
LINES
run ip -6 route add 2001:db8:99::/48 via 2001:db8:50::9 vrf red
check up
run ip link set bond1 type bond active_slave spare1
run ip link set spare1 down
run ip link set base0 mtu 1400
run ip -n switch link set eth0 down
check down
run ip link set bond1 nomaster
run ip -n switch link set eth0 up
run ip link set base0 address 02:00:00:00:00:77
run ip link set mac0 netns switch
check moved
run ip link set bond1 master red
run ip link set dev base0.10 alias uplink
run ip link property add dev bond1 altname outside
check back
run ip link del red
run ip link del base0
