# Who asks about multicast on a bridge: it does so by itself, from an address that it has got meanwhile; another one asks, in the
# whole bridge and in a VLAN; a guest wants two senders of a group, and no longer one of them. The kernel tells next to nothing of it.
# needs: bridge veth
run ip link set lo up
# Something that is told: what it has overtaken is looked at a second later.
told=0
tell() { told=$((told + 1)); run ip address add 10.255.255.$told/32 dev lo; }
links_say() { "${LINKHOOK[@]}" list link | grep -q "$1"; }
vlans_say() { "${LINKHOOK[@]}" list vlan | grep -q "$1"; }

run ip link add br0 address 06:00:00:00:00:01 type bridge vlan_filtering 1 mcast_querier 1 mcast_igmp_version 3
run ip link set br0 type bridge mcast_startup_query_interval 500 mcast_query_response_interval 100 mcast_last_member_interval 100
run ip link set br0 up
for number in 1 2; do
    world guest$number tap$number
    run ip link set tap$number master br0
    run ip -n guest$number address add 192.0.2.$number/24 dev eth0
done
# Linux 5.15 and newer say who asks.
said=; ! links_say mcast_querier_state || said=yes
[ -z "$said" ] || await "the bridge asks from its own address" links_say '"mcast_querier_ipv6_addr":"fe80:'
tell
check itself

# The second guest wants what two senders send to a group, and then what one of them does.
ip netns exec guest2 smcrouted -n -f /dev/null -u /run/smcroute.sock >/tmp/smcrouted.log 2>&1 &
daemon=$!
await "the daemon listens" test -S /run/smcroute.sock
for sender in 1 2; do run smcroutectl -u /run/smcroute.sock join eth0 10.0.0.$sender 232.1.1.1; done
group() { bridge -d mdb show dev br0 | grep -q "$1"; }
await "the bridge knows of both senders" group "10.0.0.2"
check senders
run smcroutectl -u /run/smcroute.sock leave eth0 10.0.0.2 232.1.1.1
has_left() { ! group "10.0.0.2"; }
await "the bridge has forgotten one" has_left
check sender
kill $daemon
wait $daemon

# Another bridge asks from the first guest, with addresses that win against none and against a higher one.
run ip -n guest1 link add asker address 02:00:00:00:00:01 type bridge mcast_querier 1 mcast_query_use_ifaddr 1
run ip -n guest1 link set asker type bridge mcast_startup_query_interval 300 mcast_startup_query_count 10
heard_in() { "$1" '"mcast_querier_ipv4_addr":"192.0.2.3"' && "$1" '"mcast_querier_ipv6_port"'; }
run ip -n guest1 address add 192.0.2.3/24 dev asker
run ip -n guest1 link set asker up
run ip -n guest1 link set eth0 master asker
[ -z "$said" ] || await "the bridge has heard another one" heard_in links_say
tell
check another

# Each VLAN by itself.
if [ -n "$said" ]; then
    run ip link set br0 type bridge mcast_vlan_snooping 1
    run bridge vlan global set vid 1 dev br0 mcast_querier 1 mcast_startup_query_interval 500
    run ip -n guest1 link set asker down
    run ip -n guest1 link set asker up
    await "the VLAN has heard the other one" heard_in vlans_say
    tell
    check vlans
    run ip link set br0 type bridge mcast_vlan_snooping 0
fi

run ip link del br0
