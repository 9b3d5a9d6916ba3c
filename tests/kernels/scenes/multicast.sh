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
smcrouted -n -N -f /dev/null -u /run/smcroute.sock >/tmp/smcrouted.log 2>&1 &
daemon=$!
await "the daemon listens" test -S /run/smcroute.sock
route() { run smcroutectl -u /run/smcroute.sock "$@"; }
