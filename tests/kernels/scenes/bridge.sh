# A bridge as a host of virtual machines has it: ports that come and go, VLANs, addresses that it learns, multicast groups.
# needs: bridge veth dummy
run ip link set lo up
run ip link add br0 type bridge stp_state 0 mcast_querier 1 mcast_query_response_interval 100
run ip address add 192.0.2.254/24 dev br0
run ip link set br0 up
for number in 1 2 3; do
    world guest$number tap$number
    run ip link set tap$number master br0
    run ip -n guest$number address add 192.0.2.$number/24 dev eth0
done
run ip netns exec guest1 ping -c 2 -W 2 192.0.2.2
run ip netns exec guest3 ping -c 1 -W 2 192.0.2.254
run ip -n guest2 address add 239.7.7.7/32 dev eth0 autojoin
run bridge mdb add dev br0 port tap1 grp 239.8.8.8 permanent
run bridge link set dev tap2 isolated on learning off cost 7
check up
run ip link set br0 type bridge vlan_filtering 1
run bridge vlan add vid 100-104 dev tap1
run bridge vlan add vid 7 dev tap2 pvid untagged
run bridge vlan del vid 102 dev tap1
run ip link set tap3 down
run ip link set br0 mtu 1400
check filtering
run ip netns del guest2
try bridge mdb del dev br0 port tap1 grp 239.8.8.8 permanent
run ip link set tap1 nomaster
check left
run ip link del br0
