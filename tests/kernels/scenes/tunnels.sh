# Tunnels of every sort, as a gateway has them, over a network with a peer that answers.
# needs: veth ipip ip_gre sit ip6_tunnel ip6_gre vxlan geneve wireguard macsec
run ip link set lo up
world peer wan0
run ip address add 192.0.2.1/24 dev wan0
run ip address add 2001:db8::1/64 dev wan0 nodad
run ip -n peer address add 192.0.2.2/24 dev eth0
run ip -n peer address add 2001:db8::2/64 dev eth0 nodad
ends="local 192.0.2.1 remote 192.0.2.2"
ends6="local 2001:db8::1 remote 2001:db8::2"
batch ip <<LINES
link add ipip9 type ipip $ends ttl 64
link add gre9 type gre $ends key 7 ttl 64
link add gretap9 type gretap $ends key 8
link add sit9 type sit $ends ttl 64
link add six9 type ip6tnl $ends6 mode ip6ip6
link add six4 type ip6tnl local 2001:db8::1 remote 2001:db8::3 mode ipip6
link add gre6 type ip6gre $ends6 key 9
link add vxlan9 type vxlan id 9 $ends dstport 4789
link add geneve9 type geneve id 9 remote 192.0.2.2
link add wg9 type wireguard
link add link wan0 macsec9 type macsec encrypt on
LINES
number=0
for link in ipip9 gre9 gretap9 sit9 six9 six4 gre6 vxlan9 geneve9 wg9 macsec9; do
    number=$((number + 1))
    run ip link set $link up
    case $link in sit9 | six9) run ip address add 2001:db8:$number::1/64 dev $link nodad ;; *) run ip address add 10.$number.0.1/24 dev $link ;; esac
done
run ip -n peer link add gre9 type gre local 192.0.2.2 remote 192.0.2.1 key 7
run ip -n peer link set gre9 up
run ip -n peer address add 10.2.0.2/24 dev gre9
run ping -c 2 -W 2 10.2.0.2
check up
batch ip <<LINES
link set gre9 type gre $ends key 17 ttl 32
link set ipip9 mtu 1300
link set vxlan9 type vxlan id 9 ageing 60
link set wan0 down
LINES
check down
run ip link set wan0 up
run ip link set six4 down
run ip link del gretap9
check again
run ip netns del peer
