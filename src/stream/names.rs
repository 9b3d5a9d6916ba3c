//! By which names the interfaces that an event concerns may be asked for.

use smallvec::SmallVec;

use super::Told;
use crate::decode::Links;
use crate::filter::Name;
use crate::kinds::rtnetlink::link::LINK;
use crate::mirror::{alternative_names_in, name_in};

/// Each name of each interface, an interface's beside each other.
pub type Names<'a> = SmallVec<[Name<'a>; 4]>;

/// The names of all interfaces that an object concerns; of a link what it was called before and what it is called now, each
/// as an interface's: whoever asked for one of them hears of a rename.
pub fn of<'a>(told: &Told<'a>, shown: &'a [u8], links: &'a dyn Links) -> Names<'a> {
    let mut names = Names::new();
    let table = told.kind.table();
    if table.is(&LINK) {
        let sides = told.old.into_iter().chain([told.new]);
        for (interface, link) in sides.enumerate() {
            let all = [name_in(link)].into_iter().chain(alternative_names_in(link));
            names.extend(all.filter(|name| !name.is_empty()).map(|name| Name { interface, name }));
        }
        return names;
    }
    if let Some(name) = table.hooks.interface_name {
        // It lives no longer than the object.
        return name(shown).map(|name| Name { interface: 0, name }).into_iter().collect();
    }
    for (interface, ifindex) in table.interfaces_of(shown).into_iter().enumerate() {
        let alternatives = links.alternative_names(ifindex).iter().map(|name| &**name);
        let all = links.name(ifindex).into_iter().chain(alternatives);
        names.extend(all.map(|name| Name { interface, name }));
    }
    names
}
