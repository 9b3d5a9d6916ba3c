//! Encapsulations of routes and nexthops, `RTA_ENCAP`: what `RTA_ENCAP_TYPE` says.
//! `include/uapi/linux/lwtunnel.h` and the header of each.

use crate::decode::code::network;
use crate::decode::schema::{Is, Scalar::*, Set, row};

/// By `LWTUNNEL_ENCAP_*`: the name, and the attributes.
pub static BY_TYPE: &[(u64, &str, &Set)] = &[(1, "mpls", &MPLS)];

/// `MPLS_IPTUNNEL_*`: `include/uapi/linux/mpls_iptunnel.h`.
static MPLS: Set =
    Set::new("MPLS_IPTUNNEL", &[row(1, "dst", Is::Value(network::label_stack)), row(2, "ttl", Is::Number(U8))]);
