# Policy routing: rules of every sort, whose interfaces and goals come and go, and routes of every type in several tables.
# needs: veth
run ip link set lo up
run ip link add lan0 type veth peer name far0
run ip link set far0 up
run ip link set lan0 up
run ip address add 10.0.0.1/24 dev lan0
run ip address add 2001:db8::1/64 dev lan0 nodad
for family in 4 6; do
    net=$([ $family = 4 ] && echo 10.9.0.0/16 || echo 2001:db8:9::/48)
    batch ip -$family <<LINES
rule add from $net table 100 priority 100
rule add to $net table 101 priority 101
rule add fwmark 0x10/0xf0 table 102 priority 102
rule add iif lan0 table 103 priority 103
rule add oif gone0 table 104 priority 104
rule add uidrange 1000-2000 table 105 priority 105
rule add ipproto tcp dport 80-90 table 106 priority 106
rule add table main suppress_prefixlength 0 priority 107
rule add not from $net blackhole priority 108
rule add from $net prohibit priority 109
rule add from $net goto 200 priority 110
rule add iif nowhere0 unreachable priority 111
route add $net dev lan0 table 100
route add blackhole $net table 101
route add prohibit $net table 102
route add unreachable $net table 103
route add throw $net table 104
route add default dev lan0 table 105 metric 50
LINES
done
run ip rule add from all table 200 priority 200 tos 0x10
run ip route add 10.10.0.0/16 via 10.0.0.9 mtu lock 1300 advmss 1200 initcwnd 20 hoplimit 9
run ip route add 10.11.0.0/16 nexthop via 10.0.0.9 dev lan0 weight 3 nexthop via 10.0.0.10 dev lan0
run ip -6 route add 2001:db8:11::/48 nexthop via 2001:db8::9 dev lan0 nexthop via 2001:db8::10 dev lan0 weight 4
check up
run ip link add gone0 type veth peer name gone1
run ip link add nowhere0 type veth peer name nowhere1
run ip link set nowhere0 name elsewhere0
run ip -6 rule add from all table 200 priority 200
run ip route replace 10.10.0.0/16 via 10.0.0.11 dev lan0
run ip -6 route del 2001:db8:11::/48 nexthop via 2001:db8::9 dev lan0
run ip rule del priority 200
check changed
run ip link set lan0 down
check down
run ip link set lan0 up
run ip link del gone0
run ip link del lan0
