//! Expressions: what a rule is made of, and what sets do with their elements. `NFTA_EXPR_*`, and a set of attributes an expression.
//! Numbers of registers are the kernel's; words are those of `nft --debug=netlink`.

use super::FAMILIES;
use crate::decode::context::Context;
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Among, Choice, Decoded, Is, Level, Names, Part, Set, Shape, TEXT, row};
use crate::decode::value::{unsigned, write_bits};
use crate::decode::walk::write_value;
use crate::json::Json;

/// An expression: its name, and what it does.
pub static EXPRESSION: Set = Set::new(
    "NFTA_EXPR",
    &[
        row(1, "name", Is::Text),
        row(2, "data", Is::Chosen(&Choice { level: Level::Here, by: 1, among: Among::Text(&EXPRESSIONS) })),
    ],
);
/// One inside another.
static INNER_EXPRESSION: Set = Set::new(
    "NFTA_EXPR",
    &[
        row(1, "name", Is::Text),
        row(2, "data", Is::Chosen(&Choice { level: Level::Here, by: 1, among: Among::Text(&SINGLE) })),
    ],
);

static WHOLE: Is = Is::Set(&EXPRESSION);

/// What [`single`] writes.
pub const SINGLE_PARTS: &[Part] = &[Part::Member("expressions", &Shape::List(&Shape::As(&WHOLE)))];

/// One expression where there may be a list of them, as the only one of the list.
pub fn single(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    out.key("expressions");
    out.begin_list();
    write_value(out, context, &WHOLE, payload)?;
    out.end_list();
    Ok(())
}

const SINGLE_COUNT: usize = 40;
/// Expressions that hold no others.
static SINGLE: [(&str, Is); SINGLE_COUNT] = SINGLE_LIST;
const SINGLE_LIST: [(&str, Is); SINGLE_COUNT] = [
    ("bitwise", Is::Set(&BITWISE)),
    ("byteorder", Is::Set(&BYTEORDER)),
    ("cmp", Is::Set(&CMP)),
    ("connlimit", Is::Set(&CONNLIMIT)),
    ("counter", Is::Set(&COUNTER)),
    ("ct", Is::Set(&CT)),
    ("dup", Is::Set(&DUP)),
    ("exthdr", Is::Set(&EXTHDR)),
    ("fib", Is::Set(&FIB)),
    ("flow_offload", Is::Set(&FLOW)),
    ("fwd", Is::Set(&FWD)),
    ("hash", Is::Set(&HASH)),
    ("immediate", Is::Set(&IMMEDIATE)),
    ("last", Is::Set(&LAST)),
    ("limit", Is::Set(&LIMIT)),
    ("log", Is::Set(&LOG)),
    ("lookup", Is::Set(&LOOKUP)),
    ("masq", Is::Set(&MASQ)),
    ("match", Is::Set(&MATCH)),
    ("meta", Is::Set(&META)),
    ("nat", Is::Set(&NAT)),
    ("notrack", Is::Set(&NOTHING)),
    ("numgen", Is::Set(&NUMGEN)),
    ("objref", Is::Set(&OBJREF)),
    ("osf", Is::Set(&OSF)),
    ("payload", Is::Set(&PAYLOAD)),
    ("queue", Is::Set(&QUEUE)),
    ("quota", Is::Set(&QUOTA)),
    ("range", Is::Set(&RANGE)),
    ("redir", Is::Set(&REDIR)),
    ("reject", Is::Set(&REJECT)),
    ("rt", Is::Set(&RT)),
    ("secmark", Is::Set(&SECMARK)),
    ("socket", Is::Set(&SOCKET)),
    ("synproxy", Is::Set(&SYNPROXY)),
    ("target", Is::Set(&TARGET)),
    ("tproxy", Is::Set(&TPROXY)),
    ("tunnel", Is::Set(&TUNNEL)),
    ("xfrm", Is::Set(&XFRM)),
    ("flow", Is::Set(&FLOW)),
];

const COUNT: usize = SINGLE_COUNT + 2;
/// All.
static EXPRESSIONS: [(&str, Is); COUNT] = {
    let mut all = [("dynset", Is::Set(&DYNSET)); COUNT];
    all[1] = ("inner", Is::Set(&INNER));
    let mut place = 0;
    while place < SINGLE_COUNT {
        all[place + 2] = SINGLE_LIST[place];
        place += 1;
    }
    all
};

/// A register's content, as it stands in the packet or the register: octets, or what becomes of the packet.
pub static DATA: Set = Set::new("NFTA_DATA", &[row(1, "value", Is::Hex), row(2, "verdict", Is::Inline(&VERDICT))]);
/// What becomes of a packet.
pub static VERDICT: Set = Set::new(
    "NFTA_VERDICT",
    &[row(1, "verdict", Is::Named(I32Be, VERDICTS)), row(2, "chain", Is::Text), row(3, "chain_id", Is::Number(U32Be))],
);
/// `NF_*` (`linux/netfilter.h`) and `enum nft_verdicts`.
const VERDICTS: &Names = &[
    (0, "drop"),
    (1, "accept"),
    (2, "stolen"),
    (3, "queue"),
    (4, "repeat"),
    (5, "stop"),
    (-1i64 as u64, "continue"),
    (-2i64 as u64, "break"),
    (-3i64 as u64, "jump"),
    (-4i64 as u64, "goto"),
    (-5i64 as u64, "return"),
];

static NOTHING: Set = Set::new("none", &[]);

static BITWISE: Set = Set::new(
    "NFTA_BITWISE",
    &[
        row(1, "sreg", Is::Number(U32Be)),
        row(2, "dreg", Is::Number(U32Be)),
        row(3, "len", Is::Number(U32Be)),
        row(4, "mask", Is::Set(&DATA)),
        row(5, "xor", Is::Set(&DATA)),
        row(6, "op", Is::Named(U32Be, BITWISE_OPERATIONS)),
        row(7, "data", Is::Set(&DATA)),
        row(8, "sreg2", Is::Number(U32Be)),
    ],
);
const BITWISE_OPERATIONS: &Names = &[(0, "mask_xor"), (1, "lshift"), (2, "rshift"), (3, "and"), (4, "or"), (5, "xor")];

static BYTEORDER: Set = Set::new(
    "NFTA_BYTEORDER",
    &[
        row(1, "sreg", Is::Number(U32Be)),
        row(2, "dreg", Is::Number(U32Be)),
        row(3, "op", Is::Named(U32Be, &[(0, "ntoh"), (1, "hton")])),
        row(4, "len", Is::Number(U32Be)),
        row(5, "size", Is::Number(U32Be)),
    ],
);

static CMP: Set = Set::new(
    "NFTA_CMP",
    &[
        row(1, "sreg", Is::Number(U32Be)),
        row(2, "op", Is::Named(U32Be, &[(0, "eq"), (1, "neq"), (2, "lt"), (3, "lte"), (4, "gt"), (5, "gte")])),
        row(3, "data", Is::Set(&DATA)),
    ],
);

/// How many connections there may be.
pub static CONNLIMIT: Set =
    Set::new("NFTA_CONNLIMIT", &[row(1, "count", Is::Number(U32Be)), row(2, "flags", Is::Bits(U32Be, INVERTED))]);
/// `NFT_CONNLIMIT_F_INV`, `NFT_LIMIT_F_INV`, `NFT_LOOKUP_F_INV`.
const INVERTED: &Names = &[(0x1, "inv")];

/// What a counter has counted.
pub static COUNTER: Set = Set::new(
    "NFTA_COUNTER",
    &[
        row(1, "bytes", Is::Number(U64Be)).volatile(),
        row(2, "packets", Is::Number(U64Be)).volatile(),
        row(3, "pad", Is::Known),
    ],
);

static CT: Set = Set::new(
    "NFTA_CT",
    &[
        row(1, "dreg", Is::Number(U32Be)),
        row(2, "key", Is::Named(U32Be, CT_KEYS)),
        row(3, "direction", Is::Named(U8, &[(0, "original"), (1, "reply")])),
        row(4, "sreg", Is::Number(U32Be)),
    ],
);
/// `NFT_CT_*`.
const CT_KEYS: &Names = &[
    (0, "state"),
    (1, "direction"),
    (2, "status"),
    (3, "mark"),
    (4, "secmark"),
    (5, "expiration"),
    (6, "helper"),
    (7, "l3protocol"),
    (8, "src"),
    (9, "dst"),
    (10, "protocol"),
    (11, "proto_src"),
    (12, "proto_dst"),
    (13, "label"),
    (14, "packets"),
    (15, "bytes"),
    (16, "avgpkt"),
    (17, "zone"),
    (18, "event"),
    (19, "src_ip"),
    (20, "dst_ip"),
    (21, "src_ip6"),
    (22, "dst_ip6"),
    (23, "ct_id"),
];

static DUP: Set =
    Set::new("NFTA_DUP", &[row(1, "sreg_addr", Is::Number(U32Be)), row(2, "sreg_dev", Is::Number(U32Be))]);

static DYNSET: Set = Set::new(
    "NFTA_DYNSET",
    &[
        row(1, "set_name", Is::Text),
        row(2, "set_id", Is::Number(U32Be)),
        row(3, "op", Is::Named(U32Be, &[(0, "add"), (1, "update"), (2, "delete")])),
        row(4, "sreg_key", Is::Number(U32Be)),
        row(5, "sreg_data", Is::Number(U32Be)),
        row(6, "timeout", Is::Number(U64Be)),
        row(7, "expr", Is::Set(&INNER_EXPRESSION)),
        row(8, "pad", Is::Known),
        row(9, "flags", Is::Bits(U32Be, &[(0x1, "inv"), (0x2, "expr")])),
        row(10, "expressions", Is::Each(&Is::Set(&INNER_EXPRESSION))),
    ],
);

static EXTHDR: Set = Set::new(
    "NFTA_EXTHDR",
    &[
        row(1, "dreg", Is::Number(U32Be)),
        row(2, "type", Is::Number(U8)),
        row(3, "offset", Is::Number(U32Be)),
        row(4, "len", Is::Number(U32Be)),
        row(5, "flags", Is::Bits(U32Be, &[(0x1, "present")])),
        row(6, "op", Is::Named(U32Be, &[(0, "ipv6"), (1, "tcpopt"), (2, "ipv4"), (3, "sctp"), (4, "dccp")])),
        row(7, "sreg", Is::Number(U32Be)),
    ],
);

static FIB: Set = Set::new(
    "NFTA_FIB",
    &[
        row(1, "dreg", Is::Number(U32Be)),
        row(2, "result", Is::Named(U32Be, &[(0, "unspec"), (1, "oif"), (2, "oifname"), (3, "type")])),
        row(3, "flags", Is::Bits(U32Be, FIB_FLAGS)),
    ],
);
/// `NFTA_FIB_F_*`.
const FIB_FLAGS: &Names =
    &[(0x1, "saddr"), (0x2, "daddr"), (0x4, "mark"), (0x8, "iif"), (0x10, "oif"), (0x20, "present")];

static FLOW: Set = Set::new("NFTA_FLOW", &[row(1, "name", Is::Text)]);

static FWD: Set = Set::new(
    "NFTA_FWD",
    &[
        row(1, "sreg_dev", Is::Number(U32Be)),
        row(2, "sreg_addr", Is::Number(U32Be)),
        row(3, "nfproto", Is::Number(U32Be)),
    ],
);

static HASH: Set = Set::new(
    "NFTA_HASH",
    &[
        row(1, "sreg", Is::Number(U32Be)),
        row(2, "dreg", Is::Number(U32Be)),
        row(3, "len", Is::Number(U32Be)),
        row(4, "modulus", Is::Number(U32Be)),
        row(5, "seed", Is::Number(U32Be)),
        row(6, "offset", Is::Number(U32Be)),
        row(7, "type", Is::Named(U32Be, &[(0, "jhash"), (1, "symhash")])),
        row(8, "set_name", Is::Text),
        row(9, "set_id", Is::Number(U32Be)),
    ],
);

static IMMEDIATE: Set =
    Set::new("NFTA_IMMEDIATE", &[row(1, "dreg", Is::Number(U32Be)), row(2, "data", Is::Set(&DATA))]);

/// An expression on the inside of a tunnel.
static INNER: Set = Set::new(
    "NFTA_INNER",
    &[
        row(1, "num", Is::Number(U32Be)),
        row(2, "type", Is::Number(U32Be)),
        row(3, "flags", Is::Bits(U32Be, &[(0x1, "hdrsize"), (0x2, "ll"), (0x4, "nh"), (0x8, "th")])),
        row(4, "hdrsize", Is::Number(U32Be)),
        row(5, "expr", Is::Set(&INNER_EXPRESSION)),
    ],
);

static LAST: Set = Set::new(
    "NFTA_LAST",
    &[
        row(1, "set", Is::Number(U32Be)).volatile(),
        row(2, "msecs", Is::Number(U64Be)).volatile(),
        row(3, "pad", Is::Known),
    ],
);

static LIMIT: Set = Set::new(
    "NFTA_LIMIT",
    &[
        row(1, "rate", Is::Number(U64Be)),
        row(2, "per", Is::Named(U64Be, UNITS)),
        row(3, "burst", Is::Number(U32Be)),
        row(4, "type", Is::Named(U32Be, &[(0, "packets"), (1, "bytes")])),
        row(5, "flags", Is::Bits(U32Be, INVERTED)),
        row(6, "pad", Is::Known),
    ],
);
/// Units of time, in seconds.
pub const UNITS: &Names = &[(1, "second"), (60, "minute"), (3600, "hour"), (86_400, "day"), (604_800, "week")];

static LOG: Set = Set::new(
    "NFTA_LOG",
    &[
        row(1, "group", Is::Number(U16Be)),
        row(2, "prefix", Is::Text),
        row(3, "snaplen", Is::Number(U32Be)),
        row(4, "qthreshold", Is::Number(U16Be)),
        row(5, "level", Is::Number(U32Be)),
        row(6, "flags", Is::Bits(U32Be, LOG_FLAGS)),
    ],
);
/// `NF_LOG_*` (`linux/netfilter/nf_log.h`).
const LOG_FLAGS: &Names =
    &[(0x1, "tcpseq"), (0x2, "tcpopt"), (0x4, "ipopt"), (0x8, "uid"), (0x10, "nflog"), (0x20, "macdecode")];

static LOOKUP: Set = Set::new(
    "NFTA_LOOKUP",
    &[
        row(1, "set", Is::Text),
        row(2, "sreg", Is::Number(U32Be)),
        row(3, "dreg", Is::Number(U32Be)),
        row(4, "set_id", Is::Number(U32Be)),
        row(5, "flags", Is::Bits(U32Be, INVERTED)),
    ],
);

static MASQ: Set = Set::new(
    "NFTA_MASQ",
    &[
        row(1, "flags", Is::Bits(U32Be, NAT_FLAGS)),
        row(2, "reg_proto_min", Is::Number(U32Be)),
        row(3, "reg_proto_max", Is::Number(U32Be)),
    ],
);
/// `NF_NAT_RANGE_*` (`linux/netfilter/nf_nat.h`).
const NAT_FLAGS: &Names = &[
    (0x1, "map_ips"),
    (0x2, "proto_specified"),
    (0x4, "random"),
    (0x8, "persistent"),
    (0x10, "fully-random"),
    (0x20, "proto_offset"),
    (0x40, "netmap"),
];

/// A match of iptables (`linux/netfilter/nf_tables_compat.h`).
static MATCH: Set =
    Set::new("NFTA_MATCH", &[row(1, "name", Is::Text), row(2, "rev", Is::Number(U32Be)), row(3, "info", Is::Hex)]);
/// A target of iptables.
static TARGET: Set =
    Set::new("NFTA_TARGET", &[row(1, "name", Is::Text), row(2, "rev", Is::Number(U32Be)), row(3, "info", Is::Hex)]);

static META: Set = Set::new(
    "NFTA_META",
    &[row(1, "dreg", Is::Number(U32Be)), row(2, "key", Is::Named(U32Be, META_KEYS)), row(3, "sreg", Is::Number(U32Be))],
);
/// `NFT_META_*`.
const META_KEYS: &Names = &[
    (0, "len"),
    (1, "protocol"),
    (2, "priority"),
    (3, "mark"),
    (4, "iif"),
    (5, "oif"),
    (6, "iifname"),
    (7, "oifname"),
    (8, "iiftype"),
    (9, "oiftype"),
    (10, "skuid"),
    (11, "skgid"),
    (12, "nftrace"),
    (13, "rtclassid"),
    (14, "secmark"),
    (15, "nfproto"),
    (16, "l4proto"),
    (17, "bri_iifname"),
    (18, "bri_oifname"),
    (19, "pkttype"),
    (20, "cpu"),
    (21, "iifgroup"),
    (22, "oifgroup"),
    (23, "cgroup"),
    (24, "prandom"),
    (25, "secpath"),
    (26, "iifkind"),
    (27, "oifkind"),
    (28, "bri_iifpvid"),
    (29, "bri_iifvproto"),
    (30, "time"),
    (31, "day"),
    (32, "hour"),
    (33, "sdif"),
    (34, "sdifname"),
    (35, "broute"),
];

static NAT: Set = Set::new(
    "NFTA_NAT",
    &[
        row(1, "type", Is::Named(U32Be, &[(0, "snat"), (1, "dnat")])),
        row(2, "family", Is::Named(U32Be, FAMILIES)),
        row(3, "reg_addr_min", Is::Number(U32Be)),
        row(4, "reg_addr_max", Is::Number(U32Be)),
        row(5, "reg_proto_min", Is::Number(U32Be)),
        row(6, "reg_proto_max", Is::Number(U32Be)),
        row(7, "flags", Is::Bits(U32Be, NAT_FLAGS)),
    ],
);

static NUMGEN: Set = Set::new(
    "NFTA_NG",
    &[
        row(1, "dreg", Is::Number(U32Be)),
        row(2, "modulus", Is::Number(U32Be)),
        row(3, "type", Is::Named(U32Be, &[(0, "inc"), (1, "random")])),
        row(4, "offset", Is::Number(U32Be)),
        row(5, "set_name", Is::Text),
        row(6, "set_id", Is::Number(U32Be)),
    ],
);

static OBJREF: Set = Set::new(
    "NFTA_OBJREF",
    &[
        row(1, "imm_type", Is::Number(U32Be)),
        row(2, "imm_name", Is::Text),
        row(3, "set_sreg", Is::Number(U32Be)),
        row(4, "set_name", Is::Text),
        row(5, "set_id", Is::Number(U32Be)),
    ],
);

static OSF: Set = Set::new(
    "NFTA_OSF",
    &[
        row(1, "dreg", Is::Number(U32Be)),
        row(2, "ttl", Is::Number(U8)),
        row(3, "flags", Is::Bits(U32Be, &[(0x1, "version")])),
    ],
);

static PAYLOAD: Set = Set::new(
    "NFTA_PAYLOAD",
    &[
        row(1, "dreg", Is::Number(U32Be)),
        row(2, "base", Is::Named(U32Be, BASES)),
        row(3, "offset", Is::Number(U32Be)),
        row(4, "len", Is::Number(U32Be)),
        row(5, "sreg", Is::Number(U32Be)),
        row(6, "csum_type", Is::Number(U32Be)),
        row(7, "csum_offset", Is::Number(U32Be)),
        row(8, "csum_flags", Is::Number(U32Be)),
    ],
);
/// `enum nft_payload_bases`.
const BASES: &Names = &[(0, "ll"), (1, "network"), (2, "transport"), (3, "inner"), (4, "tun")];

static QUEUE: Set = Set::new(
    "NFTA_QUEUE",
    &[
        row(1, "num", Is::Number(U16Be)),
        row(2, "total", Is::Number(U16Be)),
        row(3, "flags", Is::Bits(U16Be, &[(0x1, "bypass"), (0x2, "fanout")])),
        row(4, "sreg_qnum", Is::Number(U32Be)),
    ],
);

static QUOTA: Set = Set::new(
    "NFTA_QUOTA",
    &[
        row(1, "bytes", Is::Number(U64Be)),
        row(2, "flags", Is::Value(quota_flags, &Shape::List(TEXT))),
        row(3, "pad", Is::Known),
        row(4, "consumed", Is::Number(U64Be)).volatile(),
    ],
);
/// `NFT_QUOTA_F_INV`.
pub const NFT_QUOTA_F_INV: u64 = 0x1;
/// `NFT_QUOTA_F_DEPLETED`, which packets set.
pub const NFT_QUOTA_F_DEPLETED: u64 = 0x2;

fn quota_flags(out: &mut Json, context: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(U32Be, payload)?;
    let flags = if context.comparing { flags & !NFT_QUOTA_F_DEPLETED } else { flags };
    write_bits(out, &[(NFT_QUOTA_F_INV, "inv"), (NFT_QUOTA_F_DEPLETED, "depleted")], flags);
    Ok(())
}

static RANGE: Set = Set::new(
    "NFTA_RANGE",
    &[
        row(1, "sreg", Is::Number(U32Be)),
        row(2, "op", Is::Named(U32Be, &[(0, "eq"), (1, "neq")])),
        row(3, "from_data", Is::Set(&DATA)),
        row(4, "to_data", Is::Set(&DATA)),
    ],
);

static REDIR: Set = Set::new(
    "NFTA_REDIR",
    &[
        row(1, "reg_proto_min", Is::Number(U32Be)),
        row(2, "reg_proto_max", Is::Number(U32Be)),
        row(3, "flags", Is::Bits(U32Be, NAT_FLAGS)),
    ],
);

static REJECT: Set = Set::new("NFTA_REJECT", &[row(1, "type", Is::Number(U32Be)), row(2, "icmp_code", Is::Number(U8))]);

static RT: Set = Set::new("NFTA_RT", &[row(1, "dreg", Is::Number(U32Be)), row(2, "key", Is::Named(U32Be, RT_KEYS))]);
/// `NFT_RT_*`.
const RT_KEYS: &Names = &[(0, "classid"), (1, "nexthop4"), (2, "nexthop6"), (3, "tcpmss"), (4, "ipsec")];

/// A label for packets.
pub static SECMARK: Set = Set::new("NFTA_SECMARK", &[row(1, "context", Is::Text)]);

static SOCKET: Set = Set::new(
    "NFTA_SOCKET",
    &[
        row(1, "key", Is::Named(U32Be, &[(0, "transparent"), (1, "mark"), (2, "wildcard"), (3, "cgroupv2")])),
        row(2, "dreg", Is::Number(U32Be)),
        row(3, "level", Is::Number(U32Be)),
    ],
);

/// How a connection is answered in a server's place.
pub static SYNPROXY: Set = Set::new(
    "NFTA_SYNPROXY",
    &[
        row(1, "mss", Is::Number(U16Be)),
        row(2, "wscale", Is::Number(U8)),
        row(3, "flags", Is::Value(synproxy_flags, &Shape::List(TEXT))),
    ],
);

/// `NF_SYNPROXY_OPT_*` (`linux/netfilter/nf_synproxy.h`); the first two say that `mss` and `wscale` are there.
fn synproxy_flags(out: &mut Json, _: &Context<'_>, payload: &[u8]) -> Decoded {
    let flags = unsigned(U32Be, payload)?;
    write_bits(out, &[(0x4, "sack-perm"), (0x8, "timestamp"), (0x10, "ecn")], flags & !0x3);
    Ok(())
}

static TPROXY: Set = Set::new(
    "NFTA_TPROXY",
    &[
        row(1, "family", Is::Named(U32Be, FAMILIES)),
        row(2, "reg_addr", Is::Number(U32Be)),
        row(3, "reg_port", Is::Number(U32Be)),
    ],
);

static TUNNEL: Set = Set::new(
    "NFTA_TUNNEL",
    &[
        row(1, "key", Is::Named(U32Be, &[(0, "path"), (1, "id")])),
        row(2, "dreg", Is::Number(U32Be)),
        row(3, "mode", Is::Named(U32Be, &[(0, "none"), (1, "rx"), (2, "tx")])),
    ],
);

static XFRM: Set = Set::new(
    "NFTA_XFRM",
    &[
        row(1, "dreg", Is::Number(U32Be)),
        row(2, "key", Is::Named(U32Be, XFRM_KEYS)),
        row(3, "dir", Is::Named(U8, &[(0, "in"), (1, "out"), (2, "fwd")])),
        row(4, "spnum", Is::Number(U32Be)),
    ],
);
/// `NFT_XFRM_KEY_*`.
const XFRM_KEYS: &Names =
    &[(0, "unspec"), (1, "daddr4"), (2, "daddr6"), (3, "saddr4"), (4, "saddr6"), (5, "reqid"), (6, "spi")];
