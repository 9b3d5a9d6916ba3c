# Classifiers and actions of every sort, chains, blocks that links share, and templates: they are set up, changed, replaced, and go one
# by one, by chain, by priority and with their parents.
# needs: dummy veth cls_flower cls_u32 cls_matchall act_gact sch_ingress
run ip link set lo up
for number in 0 1 2 3 4; do
    run ip link add f$number type dummy
    run ip link set f$number up
done
batch tc <<'LINES'
qdisc add dev f0 clsact
qdisc add dev f1 ingress_block 10 egress_block 11 clsact
qdisc add dev f2 ingress_block 10 clsact
qdisc add dev f3 root handle 1: htb default 1
class add dev f3 parent 1: classid 1:1 htb rate 1mbit
class add dev f3 parent 1: classid 1:2 htb rate 1mbit
qdisc add dev f3 parent 1:2 handle 2: prio
LINES
filter() { try tc filter add "$@"; }
filter dev f0 ingress protocol ip pref 1 matchall action drop
filter dev f0 ingress protocol ip pref 2 flower dst_ip 10.0.0.0/24 ip_proto tcp dst_port 80 action pass
filter dev f0 ingress protocol ip pref 2 flower dst_ip 10.0.1.0/24 action drop
filter dev f0 ingress protocol ip pref 3 u32 match ip src 10.0.0.0/8 match ip protocol 17 0xff action police rate 1mbit burst 10k drop
filter dev f2 egress protocol all pref 4 basic match 'meta(priority gt 3)' action pass
filter dev f0 ingress protocol ip pref 5 bpf bytecode '1,6 0 0 4294967295,' action pass
filter dev f0 egress protocol ip handle 0x7 pref 7 fw action pass
filter dev f3 parent 1: protocol ip pref 8 route to 10 classid 1:1
filter dev f3 parent 1: protocol ip pref 9 flow map key dst rshift 8 divisor 2 baseclass 1:1
filter dev f3 parent 1: protocol ip pref 10 u32 match ip dst 10.3.0.0/16 flowid 1:2
filter dev f3 parent 1: protocol all pref 11 matchall classid 1:1
filter dev f3 parent 2: protocol ip pref 12 flower src_ip 10.4.0.0/16 classid 2:1
filter dev f3 parent 1: handle 5: protocol ip pref 13 u32 divisor 16
filter dev f3 parent 1: protocol ip pref 13 u32 ht 5:3: match ip src 10.5.0.0/16 flowid 1:1
filter block 10 protocol ip pref 1 flower dst_ip 10.6.0.0/16 action drop
filter block 10 protocol ip pref 2 matchall action goto chain 7
filter block 10 chain 7 protocol ip pref 1 matchall action pass
filter block 11 protocol all pref 1 matchall action pass
try tc chain add dev f0 ingress chain 20 protocol ip flower dst_ip 0.0.0.0/16
filter dev f0 ingress chain 20 protocol ip pref 1 flower dst_ip 10.7.0.0/16 action drop
filter dev f0 ingress chain 21 protocol all pref 1 matchall action drop
# Actions of every sort.
number=100
action() { number=$((number + 1)); try tc filter add dev f4 ingress protocol ip pref $number matchall action "$@"; }
run tc qdisc add dev f4 clsact
action mirred egress redirect dev f0
action mirred ingress mirror dev f1
action skbedit priority 7 mark 8
action vlan push id 5 protocol 802.1Q
action vlan pop
action pedit ex munge ip ttl set 9
action csum ip
action nat ingress 10.8.0.0/16 192.0.2.1
action tunnel_key set src_ip 10.0.0.1 dst_ip 10.0.0.2 id 11 dst_port 4789
action sample rate 100 group 5
action connmark
action ct commit zone 3
action ctinfo dscp 0xfc000000 0x01000000
action mpls push protocol mpls_uc label 20
action gate clockid CLOCK_TAI sched-entry open 200000000 -1 -1
action ife encode type 0xED3E use mark 5
action skbmod set dmac 02:00:00:00:00:09
action simple sdata hello
action pass random determ drop 10
run tc actions add action police rate 2mbit burst 20k index 77
run tc actions add action gact drop index 78
check made
batch tc <<'LINES'
filter del dev f0 ingress protocol ip pref 1
filter add dev f0 ingress protocol ip pref 1 matchall action pass
filter replace block 10 protocol ip pref 1 handle 1 flower dst_ip 10.6.0.0/16 action pass
filter del dev f0 ingress pref 2
filter del dev f0 egress protocol ip pref 7 fw
filter add block 10 protocol ip pref 3 flower dst_ip 10.9.0.0/16 action drop
chain del block 10 chain 7
chain del dev f0 ingress chain 21
actions del action police index 77
LINES
check changed
batch tc <<'LINES'
qdisc del dev f2 clsact
filter del dev f3 parent 1: pref 10
qdisc del dev f3 parent 1:2
class del dev f3 classid 1:2
filter del dev f4 ingress
qdisc del dev f0 clsact
LINES
check fewer
run tc qdisc del dev f3 root
run ip link del f1
run ip link del f4
check gone
