//! `nft_table`: a table of nf_tables. `NFTA_TABLE_*`.

use super::{GROUPS, HEADER, SUBSYSTEM, dump_of, userdata};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{Hooks, Identity, Is, Kind, Names, Set, SeverityRow, row};
use crate::decode::title::{detail, word};
use crate::event::severity::Severity;

const NFT_MSG_NEWTABLE: u16 = 0;
const NFT_MSG_GETTABLE: u16 = 1;
const NFT_MSG_DELTABLE: u16 = 2;
const NFTA_TABLE_NAME: u16 = 1;

/// `NFT_MSG_NEWTABLE` and `NFT_MSG_DELTABLE`.
pub static TABLE: Kind = Kind {
    name: "nft_table",
    about: "tables of nf_tables",
    title: &[word("family"), word("name"), detail("comment")],
    groups: GROUPS,
    new: SUBSYSTEM | NFT_MSG_NEWTABLE,
    delete: SUBSYSTEM | NFT_MSG_DELTABLE,
    header: &HEADER,
    set: &ATTRIBUTES,
    identity: Some(Identity { header: &[(0, 1)], attributes: &[NFTA_TABLE_NAME], members: &["family", "name"] }),
    dumps: &[dump_of(NFT_MSG_GETTABLE)],
    hooks: Hooks { severity: &[SeverityRow::all(Severity::Notice)], ..Hooks::NONE },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "NFTA_TABLE",
    &[
        row(NFTA_TABLE_NAME, "name", Is::Text),
        row(2, "flags", Is::Bits(U32Be, FLAGS)),
        row(3, "use", Is::Number(U32Be)).volatile(),
        row(4, "handle", Is::Number(U64Be)),
        row(5, "pad", Is::Known),
        row(6, "userdata", Is::Members(userdata::comment, userdata::COMMENT_PARTS)),
        row(7, "owner", Is::Number(U32Be)),
    ],
);

/// `NFT_TABLE_F_*`.
const FLAGS: &Names = &[(0x1, "dormant"), (0x2, "owner"), (0x4, "persist")];
