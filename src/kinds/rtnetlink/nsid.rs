//! `nsid`: the numbers by which this network namespace knows others. `struct rtgenmsg`, `NETNSA_*`:
//! `include/uapi/linux/net_namespace.h`.

use libc::{RTM_DELNSID, RTM_GETNSID, RTM_NEWNSID, RTNLGRP_NSID};

use crate::decode::schema::{DumpRequest, Identity, Is, Kind, Scalar::*, Set, Structure, row};
use crate::decode::title::{detail, word};

/// `RTM_NEWNSID` and `RTM_DELNSID`.
pub static NSID: Kind = Kind {
    name: "nsid",
    about: "numbers of other network namespaces",
    title: &[word("nsid"), detail("current-nsid"), detail("pid"), detail("fd")],
    groups: &[RTNLGRP_NSID],
    new: RTM_NEWNSID,
    delete: RTM_DELNSID,
    header: &HEADER,
    set: &ATTRIBUTES,
    identity: Some(Identity { header: &[], attributes: &[1], members: &["nsid"] }),
    dumps: &[DumpRequest { message: RTM_GETNSID, header: &[0; 4], attributes: &[], per_link: None }],
    ..Kind::PLAIN
};

static HEADER: Structure = Structure::new("rtgenmsg", 1, &[]);

static ATTRIBUTES: Set = Set::new(
    "NETNSA",
    &[
        // -1 is NETNSA_NSID_NOT_ASSIGNED.
        row(1, "nsid", Is::Number(I32)),
        row(2, "pid", Is::Number(U32)),
        row(3, "fd", Is::Number(U32)),
        row(4, "target_nsid", Is::Number(I32)),
        row(5, "current-nsid", Is::Number(I32)),
    ],
);
