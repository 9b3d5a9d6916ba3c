# A router with a hundred VRFs and the churn of BGP: interfaces enter and leave their VRF, routes come, change and go in thousands.
# needs: vrf dummy
run ip link set lo up
sys /proc/sys/net/ipv4/ip_forward 1
sys /proc/sys/net/ipv6/conf/all/forwarding 1
for number in $(seq 1 100); do
    echo "link add vrf$number type vrf table $((1000 + number))"
    echo "link set vrf$number up"
    echo "link add ge$number type dummy"
    echo "link set ge$number master vrf$number"
    echo "link set ge$number up"
    echo "address add 10.$number.0.1/24 dev ge$number"
    echo "address add 2001:db8:$number::1/64 dev ge$number nodad"
done | batch ip
# Rounds of an update: routes by several peers, better ones, withdrawals.
announce() {
    local peer=$1 verb=$2 metric=$3 vrf prefix
    for vrf in $(seq 1 100); do
        for prefix in $(seq 1 8); do
            echo "route $verb 172.$((16 + prefix)).$vrf.0/24 via 10.$vrf.0.$peer table $((1000 + vrf)) proto bgp metric $metric"
        done
        echo "route $verb 2001:db8:aaaa:$vrf::/64 via 2001:db8:$vrf::$peer table $((1000 + vrf)) proto bgp metric $metric"
    done | batch ip
}
announce 2 add 20
check announced
announce 3 replace 20
announce 4 append 30
withdraw() { for vrf in $(seq "$1" 3 100); do for prefix in 1 3 5; do echo "route del 172.$((16 + prefix)).$vrf.0/24 table $((1000 + vrf)) metric 20"; done; done | batch ip; }
withdraw 1
withdraw 2
check churned
# Interfaces leave their VRF and enter another one; some go down, one VRF is taken away.
for number in $(seq 1 10); do
    echo "link set ge$number nomaster"
    echo "link set ge$((number + 10)) master vrf$number"
    echo "link set ge$((number + 20)) down"
    echo "link set ge$((number + 30)) down"
    echo "link set ge$((number + 30)) up"
    echo "address del 10.$((number + 40)).0.1/24 dev ge$((number + 40))"
done | batch ip
run ip link del vrf99
check moved
for number in $(seq 1 10); do echo "link set ge$number master vrf$number"; done | batch ip
check back
