# Links, addresses, routes and neighbours as every machine has them: they come, change and go.
run ip link set lo up
run ip link add veth0 type veth peer name veth1
run ip link set veth0 up
run ip link set veth1 up
run ip address add 192.0.2.1/24 dev veth0
run ip address add 2001:db8::1/64 dev veth0 nodad
run ip route add default via 192.0.2.254
run ip neigh add 192.0.2.254 lladdr 02:00:00:00:00:fe dev veth0
run ip rule add fwmark 7 table 77
run ip route add 198.51.100.0/24 via 192.0.2.9 table 77
check up
run ip link set veth0 down
run ip link set veth0 name lan0
run ip link set lan0 up mtu 1400
run ip address del 192.0.2.1/24 dev lan0
check down
run ip link del lan0
