# Keys of IPsec and of WireGuard: what linkhook writes of them has no octet of a key, whatever it is: lines, a database with its history,
# dead letters, what waits, logs, and recordings.
# needs: xfrm_user esp4 esp6 ah4 dummy wireguard
run ip link set lo up
run ip link add d0 type dummy
run ip address add 192.0.2.1/24 dev d0
run ip link set d0 up

# A key and what it looks like: octets, hexadecimal digits (as ip prints them, or apart), numbers, base64 at each of three places.
key=00112233445566778899aabbccddeeff
octets='\x11\x22\x33\x44\x55\x66\x77\x88'
looks='1122334455667788|11[:, ]22[:, ]33[:, ]44|17, ?34, ?51, ?68, ?85|ABEiM0RVZneImaq7|ESIzRFVmd4iZqrvM|IjNEVWZ3iJmqu8zd|\\u0011\\"3DUfw'
shows_key() { # shows_key PLACE…: the files that have one
    LC_ALL=C grep -rlaP "$octets" "$@"
    grep -rlaiE "$looks" "$@"
}
secret=/tmp/secret
kept=/tmp/kept
mkdir $secret $kept
# What 'wg' reads: those 16 octets twice.
printf '%s\n' ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8= >$secret/wireguard
printf '%s\n' $key >$secret/hexadecimal
printf "${octets}" >$secret/octets
for name in wireguard hexadecimal octets; do [ -n "$(shows_key $secret/$name)" ] || fail "the search does not see $name"; done

# Nobody listens at that address: batches are given up at once, and what comes later waits.
cat >$secret/linkhook.toml <<'TOML'
[watch]
kinds = ["xfrm", "wireguard"]
state_dir = "/tmp/kept/state"
poll = "200ms"
[output]
path = "/tmp/kept/events.jsonl"
[history]
keep = "1d"
[[webhook]]
name = "nobody"
url = "http://127.0.0.1:9/"
retry = { first = "10ms", most = "10ms", give_up_after = "1s" }
[[webhook]]
name = "waits"
url = "http://127.0.0.1:9/"
TOML
"${LINKHOOK[@]}" watch -vvv --initial --config $secret/linkhook.toml >$kept/stdout 2>$kept/log &
service=$!
"${LINKHOOK[@]}" watch -vvv --format text --initial --poll 200ms xfrm wireguard >$kept/text 2>$kept/text.log &
text=$!
"${LINKHOOK[@]}" record -o $kept/recording.pcap xfrm wireguard 2>$kept/record.log &
record=$!
"${LINKHOOK[@]}" record --keys -o $secret/recording.pcap xfrm 2>/dev/null &
record_keys=$!
await "linkhook is ready" grep -q '"ready"' $kept/events.jsonl
await "the text is" test -s $kept/text
await "recordings have begun" test -s $kept/recording.pcap -a -s $secret/recording.pcap

long=0x$key$key
batch ip <<LINES
xfrm state add src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 reqid 1 mode tunnel auth hmac(sha256) $long enc cbc(aes) 0x$key
xfrm state add src 192.0.2.2 dst 192.0.2.1 proto esp spi 0x1002 reqid 1 mode tunnel aead rfc4106(gcm(aes)) 0x${key}00112233 128 limit time-hard 3
xfrm state add src 192.0.2.1 dst 192.0.2.3 proto ah spi 0x1003 mode transport auth-trunc hmac(sha256) $long 128
xfrm state add src 2001:db8::1 dst 2001:db8::2 proto esp spi 0x1004 mode transport enc cbc(aes) $long auth hmac(sha1) 0x${key}00112233
xfrm policy add src 192.0.2.1 dst 192.0.2.2 dir out tmpl src 192.0.2.1 dst 192.0.2.2 proto esp reqid 1 mode tunnel
xfrm policy add src 192.0.2.1 dst 192.0.2.9 dir out tmpl src 192.0.2.1 dst 192.0.2.9 proto esp reqid 9 mode tunnel
xfrm state update src 192.0.2.1 dst 192.0.2.2 proto esp spi 0x1001 reqid 1 mode tunnel auth hmac(sha256) $long enc cbc(aes) $long
LINES
run ip link add wg0 type wireguard
run wg set wg0 private-key $secret/wireguard listen-port 51820 peer "$(wg genkey | wg pubkey)" preshared-key $secret/wireguard allowed-ips 10.0.0.0/24
try ping -c 1 -W 1 192.0.2.9
await "an association expires" grep -q '"sa_expired"' $kept/events.jsonl
await "WireGuard's peer is told" grep -q '"wireguard_peer","action":"add"' $kept/events.jsonl
await "an acquire is told" grep -q '"xfrm_acquire"' $kept/events.jsonl
"${LINKHOOK[@]}" list -vvv xfrm wireguard >$kept/list 2>$kept/list.log || fail "linkhook list: $(tail -n 1 $kept/list.log)"
run ip xfrm state delete src 192.0.2.1 dst 192.0.2.3 proto ah spi 0x1003
run ip xfrm state flush
await "the flush is told" grep -q '"xfrm_state","action":"remove","origin":"inferred"' $kept/events.jsonl
await "there are dead letters" grep -q '"xfrm_state"' $kept/state/dead/nobody.jsonl
"${LINKHOOK[@]}" history --state-dir $kept/state >$kept/history 2>&1 || fail "linkhook history: $(tail -n 1 $kept/history)"
"${LINKHOOK[@]}" spool --state-dir $kept/state dead show nobody >$kept/dead 2>&1 || fail "linkhook spool: $(tail -n 1 $kept/dead)"
for process in $service $text $record $record_keys; do
    kill -TERM "$process"
    wait "$process" || fail "linkhook ends with status $?"
done
"${LINKHOOK[@]}" decode -vvv $kept/recording.pcap >$kept/decoded 2>&1 || fail "linkhook decode: $(tail -n 1 $kept/decoded)"
# What a recording with keys becomes has none either.
"${LINKHOOK[@]}" decode -vvv --unchanged $secret/recording.pcap >$kept/decoded.keys 2>&1 || fail "linkhook decode: $(tail -n 1 $kept/decoded.keys)"

[ -n "$(shows_key $secret/recording.pcap)" ] || fail "the keys were not recorded: there was nothing to find"
for name in events.jsonl text history dead decoded decoded.keys list; do grep -q 0x1001 $kept/$name || grep -q 4097 $kept/$name || fail "$name has no association"; done
found=$(shows_key $kept $EVENTS $OUT/*.err $VERIFIED)
[ -z "$found" ] || fail "keys are in $found"
say "searched: $(find $kept -type f | sort | tr '\n' ' ')"
