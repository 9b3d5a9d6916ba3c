# Queueing disciplines of every sort, with their classes and what they bring with them: they are set up, changed, replaced by others,
# and go with their link.
# needs: dummy sch_htb sch_hfsc sch_fq_codel
run ip link set lo up
links=0
# discipline WORDS…: on a link of its own, which has four queues.
discipline() {
    links=$((links + 1))
    run ip link add q$links numtxqueues 4 numrxqueues 4 type dummy
    run ip link set q$links up
    try tc qdisc add dev q$links root handle 1: "$@"
}
discipline pfifo limit 30
discipline bfifo limit 30000
discipline pfifo_fast
discipline prio bands 4
discipline multiq
discipline htb default 20
discipline hfsc default 1
discipline drr
discipline qfq
discipline ets bands 4 strict 2 quanta 1500 3000
discipline tbf rate 1mbit burst 10kb latency 70ms
discipline red limit 60kb min 15kb max 25kb avpkt 1000 burst 20 bandwidth 10mbit
discipline sfq perturb 10
discipline choke limit 1000 min 10 max 30 avpkt 1000 bandwidth 10mbit
discipline gred setup DPs 3 default 2 grio
discipline sfb
discipline netem delay 100ms 10ms loss 1%
discipline codel limit 500
discipline fq_codel limit 500
discipline fq limit 500
discipline pie limit 500
discipline fq_pie limit 500
discipline hhf limit 500
discipline cake bandwidth 10mbit
discipline skbprio limit 64
discipline plug limit 1000
discipline mq
discipline mqprio num_tc 2 map 0 1 queues 2@0 2@2 hw 0
discipline taprio num_tc 2 map 0 1 queues 1@0 1@1 base-time 0 sched-entry S 01 300000 sched-entry S 02 300000 clockid CLOCK_TAI
discipline cbs idleslope 98688 sendslope -901312 hicredit 153 locredit -1389 offload 0
discipline etf clockid CLOCK_TAI delta 300000
discipline noqueue
# Its probability adapts itself to a queue that is empty, twice a second.
discipline red limit 60kb min 15kb max 25kb avpkt 1000 burst 20 bandwidth 10mbit probability 0.5 adaptive
# A schedule for later, of which nothing tells when its time has come; the link's address is told, and what it has overtaken looked at.
discipline taprio num_tc 2 map 0 1 queues 1@0 1@1 base-time $(($(date +%s) + 15))000000000 sched-entry S 01 300000 sched-entry S 02 300000 \
    clockid CLOCK_REALTIME
later=q$links
has_begun() { ! tc -d -j qdisc show dev $later | grep -q '"admin"'; }
await "the schedule has begun" has_begun
run ip address add 10.255.255.1/32 dev $later
check made
batch tc <<'LINES'
class add dev q6 parent 1: classid 1:1 htb rate 10mbit ceil 20mbit
class add dev q6 parent 1:1 classid 1:20 htb rate 1mbit ceil 5mbit
class add dev q6 parent 1:1 classid 1:21 htb rate 2mbit
qdisc add dev q6 parent 1:20 handle 20: fq_codel
qdisc add dev q6 parent 1:21 handle 21: sfq
class add dev q7 parent 1: classid 1:1 hfsc sc rate 1mbit ul rate 2mbit
class add dev q7 parent 1:1 classid 1:2 hfsc ls rate 500kbit
class add dev q8 parent 1: classid 1:1 drr quantum 2000
class add dev q9 parent 1: classid 1:1 qfq weight 10 maxpkt 1500
qdisc add dev q4 parent 1:1 handle 41: bfifo limit 3000
qdisc add dev q4 parent 1:2 handle 42: tbf rate 1mbit burst 10kb latency 70ms
qdisc add dev q5 parent 1:1 handle 51: pfifo limit 33
qdisc add dev q1 clsact
LINES
check classes
# Packets: flows become classes of some.
for link in 4 6 13 19 20 22 24; do
    run ip address add 10.$link.0.1/24 dev q$link
    run ip neigh add 10.$link.0.2 lladdr 02:00:00:00:00:02 dev q$link
    for port in 1001 1002 1003; do echo hello >/dev/udp/10.$link.0.2/$port; done
done
batch tc <<'LINES'
class change dev q6 parent 1:1 classid 1:20 htb rate 2mbit ceil 3mbit
class del dev q8 classid 1:1
qdisc change dev q1 root handle 1: pfifo limit 40
qdisc replace dev q12 root handle 2: fq_codel
qdisc del dev q4 parent 1:1
qdisc del dev q6 parent 1:21
LINES
check changed
for link in 4 5 7 10 11 24 25 27 28; do try tc qdisc del dev q$link root; done
run ip link set q6 down
run ip link set q9 mtu 1400
run ip link del q13
check fewer
for link in 6 9 20; do run ip link del q$link; done
