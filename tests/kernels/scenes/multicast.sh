# Multicast routing: a daemon routes groups between networks, for IPv4 and IPv6, and packets come that have a route and that have
# none; hosts join and leave.
# needs: veth dummy
run ip link set lo up
sys /proc/sys/net/ipv4/ip_forward 1
sys /proc/sys/net/ipv6/conf/all/forwarding 1
for number in 1 2 3; do
    world net$number lan$number
    run ip address add 10.$number.0.254/24 dev lan$number
    run ip address add 2001:db8:$number::fe/64 dev lan$number nodad
    run ip -n net$number address add 10.$number.0.1/24 dev eth0
    run ip -n net$number address add 2001:db8:$number::1/64 dev eth0 nodad
    run ip -n net$number route add default via 10.$number.0.254
    run ip -n net$number -6 route add default via 2001:db8:$number::fe
done
smcrouted -n -f /dev/null -u /run/smcroute.sock >/tmp/smcrouted.log 2>&1 &
daemon=$!
await "the daemon listens" test -S /run/smcroute.sock
route() { run smcroutectl -u /run/smcroute.sock "$@"; }
route add lan1 10.1.0.1 239.1.1.1 lan2 lan3
route add lan1 10.1.0.1 239.1.1.2 lan2
route add lan1 2001:db8:1::1 ff3e::1 lan2 lan3
run ip -n net2 address add 239.1.1.1/32 dev eth0 autojoin
run ip -n net3 address add ff3e::1/128 dev eth0 autojoin
run ip address add 239.9.9.9/32 dev lan3 autojoin
# Answers come from hosts that have joined; that packets are forwarded is what matters.
send() { ip netns exec net1 ping -c 3 -i 0.3 -W 1 -t 8 "$@" >/dev/null 2>&1; }
send 239.1.1.1
send 239.1.1.2
send 239.1.1.77
send -6 ff3e::1
check routed
route remove lan1 10.1.0.1 239.1.1.2 lan2
route add lan1 10.1.0.1 239.1.1.1 lan3
send 239.1.1.1
run ip link set lan2 down
run ip address del 239.9.9.9/32 dev lan3
check changed
run ip link set lan2 up
run ip netns del net3
check less
kill $daemon
wait $daemon
check ended
