"""What may differ, and why: facts in tables. Everything else that differs is a fault of linkhook's, or of a scene."""
import ipaddress, re

# Own events that a scene must not have.
TROUBLE = {"undecoded", "overrun"}

# Paths that hold an interface's name beside those of which docs/events.md says so.
NAMES = {"link": {"link"}, "netconf": {"interface"}, "neightbl": {"dev"}, "filter": {"dev"}, "chain": {"dev"},
         "mdb": {"port"}, "addr": {"label"}, "mroute": {"iif", "multipath.oif"}}

# Which kind a command's rows are (by the name that tests/kernels/guest/words gives its output), and under which of their keys.
COMMANDS = {
    "route4": ("route", None), "route6": ("route", None), "routempls": ("route", None),
    "rule4": ("rule", None), "rule6": ("rule", None), "mrule4": ("rule", None), "mrule6": ("rule", None),
    "netconf4": ("netconf", None), "netconf6": ("netconf", None),
    "mroute4": ("mroute", None), "mroute6": ("mroute", None), "proxy": ("neigh", None), "bucket": ("nexthop_bucket", None),
    "addr": ("addr", "addr_info"), "maddr": ("maddr", "maddr"), "mdb": ("mdb", "mdb"), "vlan": ("vlan", "vlans"),
    "vlan_global": ("vlan", "vlans"),
}

# A row and an object can be the same only where these agree; `a|b` is the first of both that is there.
SAME_BY = {
    "link": ["ifindex"], "bridge_port": ["ifindex"], "addr": ["local", "prefixlen", "ifname|dev"],
    "route": ["family", "dst", "table", "metric"], "rule": ["family", "priority"], "neigh": ["dst", "dev"],
    "fdb": ["mac", "ifname"], "nexthop": ["id"], "nexthop_bucket": ["id", "bucket.index"], "netconf": ["family", "interface"],
    "neightbl": ["family", "name", "dev"], "addrlabel": ["address", "prefixlen"], "nsid": ["nsid"], "mdb": ["dev", "port", "grp"],
    "vlan": ["ifname", "vlan"], "mroute": ["src", "dst"], "maddr": ["ifname", "address|link"],
    "qdisc": ["dev", "kind", "handle", "parent"], "class": ["dev", "class", "handle"], "filter": ["dev", "block", "pref", "protocol", "chain", "kind"],
    "chain": ["dev", "block", "chain", "parent"],
}

# (what tc prints, what stands in its place, why): text within the JSON.
MENDED = (
    (r"\n +(cmp|u32|nbyte|meta|ipset|ipt|canid|text)\(.*\)\n", "", "tc prints extended matches as text"),
    (r'("|true|\d)(sc|rt|ls|ul|weight) [^"{}\[\]]*\}', r"\1}", "tc prints the curves of hfsc's classes and the weights of qfq's as text"),
    (r'"options":\{[a-z][^"{}]*\}', '"options":{}', "tc prints the options of some queueing disciplines (multiq, hfsc, plug) as text"),
)

# (kind, path) of lists in which ip prints words that stand for no attribute: M-DOWN says that the link below is down.
WORDS_OF_IP = {("link", "flags"): {"M-DOWN"}}

# Keys that tc prints several times in one object.
REPEATED = {"match"}

# (kind, path, why): what counts for nobody, though docs/events.md does not say so of it.
NEVER_COUNTS = (
    ("neigh|fdb", "confirmed|used|updated|refcnt", "ages and users, in nda_cacheinfo"),
    ("addr", "valid_life_time|preferred_life_time|cstamp|tstamp", "they run; that one becomes finite is held by ip's rows"),
    ("route|mroute", "expires|used|users|cacheinfo.*|error|age", "ages and users, in rta_cacheinfo"),
    ("filter|chain", r"(.*\.)?(installed|last_used|first_used|expires|rule_hit|success|stats|hits)", "ages and counters of filters and actions"),
    ("qdisc", r"(?!(kind|handle|parent|root|ifindex|dev|options|ingress_block|egress_block)(\.|$)).+", "statistics stand among what was set up"),
    ("class", r"bytes|packets|drops|overlimits|requeues|backlog|qlen|lended|borrowed|giants|c?tokens|deficit|period|work|rtwork|xstats.*|stats.*",
     "counters of classes"),
    ("neightbl", "entries|last_flush|last_rand|hash_rnd|hash_mask|hash_chain_gc|proxy_qlen|allocs|destroys|hash_grows|lookups|hits|res_failed"
     "|rcv_probes_[mu]cast|periodic_gc_runs|forced_gc_runs|table_fulls", "what a table counts, in ndt_config and ndt_stats"),
)

# (kind, path, why): where ip, bridge and tc print something else.
PRINTS_OTHERWISE = (
    ("route", r"nh_info\..*", "ip asks for the nexthop beside the route"),
    ("route|mroute", "expires", "seconds run between both looks"),
    ("link", r"vfinfo_list\[\].*", "virtual functions are not asked for, since no notification has them: docs/truth.md"),
    ("nsid", "name", "the name of a file in /run/netns, which ip looks for"),
    ("filter", r"options\.name", "tc calls both realms of the classifier route so: `to` and `from` here"),
    ("filter", r"options\.actions\[\]\.priority", "skbedit's priority is class_priority, as in tc's text"),
    ("qdisc", r"options\.burst", "with -d, tbf's is a text with the size of cells"),
    ("qdisc", r"options\.queues\[\](\[\])?", "mqprio's queues are objects, as taprio's are (docs/events.md)"),
    ("filter", r"options\.bytecode\..*", "linkhook's bytecode is a list, without the object around it"),
    ("filter", r"options\.actions\[\]\.type", "the action nat has its kind under another key"),
    ("neigh|fdb", "confirmed|used|updated|refcnt|probes", "ages and users: they run between both looks"),
    ("addr", "(valid|preferred)_life_time", "seconds run between both looks"),
    ("maddr", "users", "how often it was joined: ip reads it from /proc, netlink has it since Linux 7 (IFA_MC_USERS)"),
)

# (kind, path, how it is read, why): values that ip writes in a way of its own.
WRITTEN_OTHERWISE = (
    ("link", r"linkinfo\.info_data\.[io]key", lambda text: int(ipaddress.IPv4Address(text)), "a key as if it were an address"),
    ("qdisc", r"options\.(offload|deadline_mode|skip_sock_check)", lambda text: {"on": True, "off": False}[text], "words for true and false"),
    ("filter", r"options\.(actions\[\]\.keys\[\]\.(val|mask)|key_ht|bkt|match\[\]\.(value|mask))", lambda text: int(text or "0", 16), "hexadecimal digits"),
)

# Queueing disciplines whose classes are the flows that have packets.
FLOWS = {"fq_codel", "fq_pie", "sfq", "fq", "cake", "choke"}

# (where, kind, a condition on the object and the kernel's version, why): objects that one side has alone. Where: `listed` (but not told), `told` (but not listed),
# `unprinted` (listed, but not printed), or the name of a command's output.
LEFT_OUT = (
    ("listed|unprinted", "neigh", lambda thing, kernel: thing.get("state") == ["NOARP"] and "extern_learn" not in thing,
     "the kernel makes them for itself and never says so: docs/truth.md; ip leaves them out, too"),
    ("unprinted", "bridge_port", lambda thing, kernel: thing.get("master") == thing.get("ifname"), "bridge leaves out the bridge itself"),
    ("unprinted", "mdb", lambda thing, kernel: "router" in thing, "bridge prints ports with routers behind them apart from the entries"),
    ("told", "mdb", lambda thing, kernel: any("vid" in port for port in thing.get("router", ())),
     "no dump has the routers behind a port's VLANs (br_rports_fill_info): `router_ports` of the VLAN says them"),
    ("filter", "filter", lambda row, kernel: "options" not in row, "the head of a priority's filters, which is no filter"),
    ("unprinted", "filter", lambda thing, kernel: thing.get("kind") == "fw" and "options" not in thing,
     "the head of a priority of fw, which may be a filter by itself: docs/truth.md"),
    ("filter|chain", "filter|chain", lambda row, kernel: "block" in row and "dev" in row, "shown by each link that shares the block"),
    ("filter", "filter", lambda row, kernel: re.fullmatch("8[0-9a-f]{2}:", str((row.get("options") or {}).get("fh"))) is not None,
     "the table that u32 makes for itself, of which the kernel does not tell"),
    ("listed|told|class", "class", lambda thing, kernel: thing.get("class") in FLOWS, "flows with packets in them: they come and go with packets"),
    ("maddr", "maddr", lambda row, kernel: "link" in row, "link-layer groups: ip reads them from /proc, netlink does not have them"),
    ("maddr", "maddr", lambda row, kernel: row.get("family") == "inet" and kernel < (6, 14),
     "IPv4's groups: ip reads them from /proc, netlink has them since Linux 6.14 (inet_dump_ifmcaddr)"),
)


# Kinds of which ip prints some rows several times: the kernel begins each datagram of a dump with the table (neightbl_dump_info).
ROWS_REPEATED = {"neightbl"}

# Kinds of which one object may stand for two rows: a chain of `clsact` in either direction, of which the kernel says the same
# (tc_chain_fill_node).
STANDS_FOR_SEVERAL = {"chain"}

# States in which a neighbour that is resolved goes on by itself: linkhook tells the steps that the kernel tells, and the kernel
# leaves some out (docs/truth.md).
BY_ITSELF = {"REACHABLE", "STALE", "DELAY", "PROBE"}


def the_same(kind, thing):
    """An object with what stands for the same made the same."""
    if kind == "neigh" and BY_ITSELF & set(thing.get("state", ())):
        return {**thing, "state": ["REACHABLE"]}
    # red_adaptative_timer: the probability follows the queue, twice a second.
    if kind == "qdisc" and isinstance(thing.get("options"), dict) and thing["options"].get("adaptive"):
        return {**thing, "options": {key: value for key, value in thing["options"].items() if key != "probability"}}
    return thing


def matches(table, kind, path):
    return any(re.fullmatch(row[0], kind) and re.fullmatch(row[1], path) for row in table)


def never_counts(kind, path):
    return matches(NEVER_COUNTS, kind, path)


def read(kind, path, value):
    """What ip printed, as linkhook would have it."""
    for row in WRITTEN_OTHERWISE:
        if isinstance(value, str) and re.fullmatch(row[0], kind) and re.fullmatch(row[1], path):
            return row[2](value)
    return value


def prints_otherwise(kind, path):
    return matches(PRINTS_OTHERWISE, kind, path)


def is_left_out(where, kind, thing, kernel):
    return any(re.fullmatch(row[0], where) and re.fullmatch(row[1], kind) and row[2](thing, kernel) for row in LEFT_OUT)
