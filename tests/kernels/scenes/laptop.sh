# A laptop: Wi-Fi that associates, sleeps and comes back, a cable that is plugged in and out, and a WireGuard VPN with its policy
# routing.
# needs: mac80211_hwsim wireguard veth
# place: machine
run ip link set lo up
run modprobe -r mac80211_hwsim
run modprobe mac80211_hwsim radios=2
await "there are two radios" test -e /sys/class/net/wlan1
run ip netns add ap
run iw phy "$(cat /sys/class/net/wlan1/phy80211/name)" set netns name ap
run ip -n ap link set lo up
cat >/tmp/hostapd.conf <<'CONFIGURATION'
interface=wlan1
driver=nl80211
ssid=cafe
hw_mode=g
channel=1
CONFIGURATION
ip netns exec ap hostapd /tmp/hostapd.conf >/tmp/hostapd.log 2>&1 &
access_point=$!
await "the access point works" grep -q AP-ENABLED /tmp/hostapd.log
run ip -n ap address add 192.0.2.1/24 dev wlan1
run ip link set wlan0 up
associate() {
    run iw dev wlan0 connect cafe
    await "Wi-Fi has a carrier" grep -q 1 /sys/class/net/wlan0/carrier
}
associate
run ip address add 192.0.2.2/24 dev wlan0
run ip route add default via 192.0.2.1 metric 600
run ping -c 2 -W 2 192.0.2.1
check wifi

# The VPN, as wg-quick makes it.
run ip netns exec ap ip link add wg0 type wireguard
wg genkey >/tmp/key.laptop
wg genkey >/tmp/key.server
run ip link add wg0 type wireguard
run wg set wg0 private-key /tmp/key.laptop fwmark 51820 peer "$(wg pubkey </tmp/key.server)" endpoint 192.0.2.1:51820 allowed-ips 0.0.0.0/0,::/0
run ip netns exec ap wg set wg0 private-key /tmp/key.server listen-port 51820 peer "$(wg pubkey </tmp/key.laptop)" allowed-ips 10.7.0.2/32
run ip -n ap address add 10.7.0.1/24 dev wg0
run ip -n ap link set wg0 up
run ip address add 10.7.0.2/24 dev wg0
run ip link set wg0 mtu 1420 up
run ip route add default dev wg0 table 51820
run ip rule add not fwmark 51820 table 51820
run ip rule add table main suppress_prefixlength 0
run ping -c 2 -W 3 10.7.0.1
check vpn

# Lid shut, lid open; the cable in, the cable out.
world office eth9
run ip -n office address add 198.51.100.1/24 dev eth0
for round in 1 2 3; do
    run iw dev wlan0 disconnect
    run ip link set wlan0 down
    run ip link set eth9 down
    run ip link set wlan0 up
    run ip link set eth9 up
    try ip address add 198.51.100.2/24 dev eth9
    run ip route replace default via 198.51.100.1 dev eth9 metric 100
    associate
    run ip -n office link set eth0 down
    run ip -n office link set eth0 up
done
run ping -c 2 -W 2 198.51.100.1
check awake
run ip link del wg0
run ip rule del not fwmark 51820 table 51820
run ip link set wlan0 down
kill $access_point
check asleep
