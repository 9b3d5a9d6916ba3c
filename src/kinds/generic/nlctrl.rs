//! `genl_family`: families of generic netlink, as modules bring them. `CTRL_*`: `linux/genetlink.h`.

use super::{GENLMSGHDR, NLCTRL, message};
use crate::decode::schema::Scalar::*;
use crate::decode::schema::{DumpRequest, Hooks, Identity, Is, Kind, Names, Set, row};
use crate::decode::title::{detail, word};

/// `CTRL_CMD_NEWFAMILY` and `CTRL_CMD_DELFAMILY`; a group that comes or goes is told of its family.
pub static GENL_FAMILY: Kind = Kind {
    name: "genl_family",
    about: "families of generic netlink",
    title: &[word("name"), detail("id"), detail("version")],
    new: message(NLCTRL, 1),
    delete: message(NLCTRL, 2),
    header: &GENLMSGHDR,
    set: &ATTRIBUTES,
    identity: Some(Identity { header: &[], attributes: &[1], members: &["id"] }),
    // Where a group has come or gone, its family is told with its groups alone.
    partial: true,
    dumps: &[DumpRequest { message: message(NLCTRL, 3), header: &[3, 2, 0, 0], attributes: &[], per_link: None }],
    hooks: Hooks { family: Some(|_| 0), ..Hooks::NONE },
    ..Kind::PLAIN
};

static ATTRIBUTES: Set = Set::new(
    "CTRL_ATTR",
    &[
        row(1, "id", Is::Number(U16)),
        row(2, "name", Is::Text),
        row(3, "version", Is::Number(U32)),
        row(4, "hdrsize", Is::Number(U32)),
        row(5, "maxattr", Is::Number(U32)),
        row(6, "ops", Is::Each(&Is::Set(&OPERATION))),
        row(7, "mcast_groups", Is::Each(&Is::Set(&GROUP))),
    ],
);
static OPERATION: Set =
    Set::new("CTRL_ATTR_OP", &[row(1, "id", Is::Number(U32)), row(2, "flags", Is::Bits(U32, OPERATION_FLAGS))]);
/// `GENL_*` (`linux/genetlink.h`).
const OPERATION_FLAGS: &Names =
    &[(0x1, "admin_perm"), (0x2, "cmd_do"), (0x4, "cmd_dump"), (0x8, "cmd_haspol"), (0x10, "uns_admin_perm")];
static GROUP: Set = Set::new("CTRL_ATTR_MCAST_GRP", &[row(1, "name", Is::Text), row(2, "id", Is::Number(U32))]);
