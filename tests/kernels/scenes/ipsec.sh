# An IPsec gateway, as rtnetlink sees it: interfaces for policies (xfrm) and tunnels (vti), routes through them, and states and
# policies that are renewed.
# needs: xfrm_interface xfrm_user esp4 esp6 ip_vti ip6_vti veth
run ip link set lo up
sys /proc/sys/net/ipv4/ip_forward 1
world branch wan0
run ip address add 192.0.2.1/24 dev wan0
run ip address add 2001:db8::1/64 dev wan0 nodad
run ip -n branch address add 192.0.2.2/24 dev eth0
key=0x0102030405060708090a0b0c0d0e0f1011121314
state() { # state SPI: one in each direction on both sides
    local side
    for side in "" "-n branch"; do
        # shellcheck disable=SC2086
        run ip $side xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi "$1" reqid 1 mode tunnel if_id 7 aead 'rfc4106(gcm(aes))' $key 128
        # shellcheck disable=SC2086
        run ip $side xfrm state add src 192.0.2.2 dst 192.0.2.1 proto esp spi "$1" reqid 1 mode tunnel if_id 7 aead 'rfc4106(gcm(aes))' $key 128
    done
}
state 0x1001
for side in "" "-n branch"; do
    [ -z "$side" ] && here=1 there=2 link=wan0 || { here=2 there=1; link=eth0; }
    # shellcheck disable=SC2086
    batch ip $side <<LINES
link add ipsec0 type xfrm dev $link if_id 7
link set ipsec0 up
address add 10.8.0.$here/24 dev ipsec0
route add 10.8$there.0.0/16 dev ipsec0
xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir out if_id 7 tmpl src 192.0.2.$here dst 192.0.2.$there proto esp reqid 1 mode tunnel
xfrm policy add src 0.0.0.0/0 dst 0.0.0.0/0 dir in if_id 7 tmpl src 192.0.2.$there dst 192.0.2.$here proto esp reqid 1 mode tunnel
LINES
done
run ping -c 2 -W 2 10.8.0.2
# Its ends are others than those of the states: it would take their packets (vti_input).
batch ip <<'LINES'
link add vti9 type vti local 192.0.2.1 remote 192.0.2.3 key 9
link set vti9 up
address add 10.9.0.1/30 dev vti9
route add 10.90.0.0/16 dev vti9
link add vti6 type vti6 local 2001:db8::1 remote 2001:db8::2 key 10
link set vti6 up
address add 2001:db8:9::1/64 dev vti6 nodad
LINES
check up
run ip xfrm state flush
run ip -n branch xfrm state flush
state 0x2002
run ping -c 1 -W 2 10.8.0.2
run ip link set wan0 down
check down
run ip link set wan0 up
run ip link set vti9 type vti local 192.0.2.1 remote 192.0.2.3 key 19
run ip link set ipsec0 mtu 1380
check again
run ip link del ipsec0
run ip link del vti9
