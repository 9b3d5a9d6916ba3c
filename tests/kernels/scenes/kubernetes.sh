# A Kubernetes node: two hundred pods come and go with their namespaces, half on a bridge, half with a route to each; services are
# addresses of a link that is no link.
# needs: bridge veth dummy vxlan
run ip link set lo up
sys /proc/sys/net/ipv4/ip_forward 1
run ip link add cni0 type bridge
run ip address add 10.244.0.1/24 dev cni0
run ip link set cni0 up
run ip link add kube-ipvs0 type dummy
run ip link add eth9 type dummy
run ip address add 192.0.2.10/24 dev eth9
run ip link set eth9 up
run ip link add flannel.1 type vxlan id 1 dev eth9 local 192.0.2.10 dstport 8472 nolearning
run ip link set flannel.1 up
for node in $(seq 1 20); do
    echo "neigh replace 10.245.$node.0 lladdr 02:00:00:00:01:$((node + 10)) dev flannel.1 nud permanent"
    echo "route replace 10.245.$node.0/24 via 10.245.$node.0 dev flannel.1 onlink"
    echo "address add 10.96.0.$node/32 dev kube-ipvs0"
done | batch ip
for node in $(seq 1 20); do echo "fdb replace 02:00:00:00:01:$((node + 10)) dev flannel.1 dst 192.0.2.1$node self permanent"; done | batch bridge

# Pods FROM to TO come.
come() {
    local pod
    for pod in $(seq "$1" "$2"); do
        echo "netns add pod$pod"
        echo "link add veth$pod type veth peer name eth0 netns pod$pod"
        [ $((pod % 2)) = 0 ] && echo "link set veth$pod master cni0"
        echo "link set veth$pod up"
        [ $((pod % 2)) = 0 ] || echo "route add 10.246.0.$pod dev veth$pod scope link"
    done | batch ip
    for pod in $(seq "$1" "$2"); do
        { echo "link set lo up"; echo "link set eth0 up"; echo "address add 10.$((244 + pod % 2 * 2)).0.$((pod + 1))/24 dev eth0"; } | batch ip -n pod$pod
    done
}
go() { for pod in $(seq "$1" "$2"); do echo "netns del pod$pod"; done | batch ip; }
come 1 60
run ip netns exec pod2 ping -c 2 -W 2 10.244.0.1
run ip netns exec pod4 ping -c 1 -W 2 10.244.0.3
check some
come 61 120
go 1 40
come 121 200
go 41 160
run ip netns exec pod170 ping -c 1 -W 2 10.244.0.1
check churned
go 161 200
for service in $(seq 1 10); do echo "address del 10.96.0.$service/32 dev kube-ipvs0"; done | batch ip
check empty
