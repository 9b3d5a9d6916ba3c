//! Signals: what a change means, in short names. This table makes their set, their constants and their documentation; the
//! exact condition of each stands with its kind.

/// A set of signals, a bit each, by their place in [`SIGNALS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals(u32);

/// One signal.
#[derive(Debug)]
pub struct Signal {
    /// Its name in the line.
    pub name: &'static str,
    /// What happened, in words, for the text format; `{}` in it is the action's word.
    pub words: &'static str,
    /// The kinds that have it, with commas between them.
    pub kinds: &'static str,
    /// When it comes.
    pub condition: &'static str,
}

/// A row a signal: its constant, its name, what the text format says, the kinds that have it, and when it comes.
macro_rules! signals {
    ($($constant:ident $name:literal says $words:literal of $kinds:literal: $condition:literal;)*) => {
        /// Every signal.
        pub static SIGNALS: &[Signal] = &[$(Signal { name: $name, words: $words, kinds: $kinds, condition: $condition }),*];

        /// The place of each signal in the table.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Bit { $($constant),* }

        impl Signals {
            $(#[doc = concat!("`", $name, "`: ", $condition, ".")]
            pub const $constant: Signals = Signals(1 << Bit::$constant as u32);)*
        }

        #[cfg(test)]
        const CONSTANTS: &[(Signals, &str)] = &[$((Signals::$constant, $name)),*];
    };
}

signals! {
    UP "up" says "is up" of "link": "the flag UP (IFF_UP) was not set and is now";
    DOWN "down" says "is down" of "link": "the flag UP (IFF_UP) was set and is not now, or the link was removed while it was set";
    CARRIER_UP "carrier_up" says "has carrier" of "link": "the flag LOWER_UP (IFF_LOWER_UP) was not set and is now";
    CARRIER_LOST "carrier_lost" says "carrier lost" of "link":
        "the flag LOWER_UP (IFF_LOWER_UP) was set and is not now, or the link was removed while it was set";
    RENAMED "renamed" says "renamed" of "link": "its name (IFLA_IFNAME) differs";
    ENSLAVED "enslaved" says "has a master" of "link": "it has a master (IFLA_MASTER) and had none, or another";
    RELEASED "released" says "left its master" of "link": "it had a master (IFLA_MASTER) and has none, or another";
    MOVED_NETNS "moved_netns" says "moved between namespaces" of "link":
        "it was removed because it moved to another network namespace (IFLA_NEW_NETNSID or IFLA_NEW_IFINDEX), or came from another watched one";
    MTU_CHANGED "mtu_changed" says "MTU changed" of "link": "its MTU (IFLA_MTU) differs";
    ADDRESS_CHANGED "address_changed" says "address changed" of "link": "its link-layer address (IFLA_ADDRESS) differs";
    PROMISC_ON "promisc_on" says "promiscuous" of "link": "its count of promiscuous users (IFLA_PROMISCUITY) was 0 and is not now";
    PROMISC_OFF "promisc_off" says "not promiscuous" of "link": "its count of promiscuous users (IFLA_PROMISCUITY) was not 0 and is now";
    ADDR_READY "addr_ready" says "is ready" of "addr":
        "it is not tentative (IFA_F_TENTATIVE, or optimistic) and has not failed, and before it was, or was not there";
    DAD_FAILED "dad_failed" says "duplicate address" of "addr": "duplicate address detection has failed (IFA_F_DADFAILED) and had not before";
    DEPRECATED "deprecated" says "deprecated" of "addr": "it is deprecated (IFA_F_DEPRECATED) and was not before";
    DEFAULT_ROUTE "default_route" says "default route {}" of "route": "a unicast default route of the main table was added, changed or removed";
    NEIGH_FAILED "neigh_failed" says "failed" of "neigh": "its state is FAILED (NUD_FAILED) and was not before";
    NEIGH_REACHABLE "neigh_reachable" says "reachable" of "neigh":
        "its state is REACHABLE (NUD_REACHABLE), and before it was FAILED or INCOMPLETE, or was not there";
    NEIGH_MOVED "neigh_moved" says "moved" of "neigh, fdb":
        "its link-layer address differs (neigh), or its interface or remote (fdb)";
}

impl Signals {
    /// None.
    pub const NONE: Signals = Signals(0);

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any signal is in both.
    pub fn meets(self, other: Signals) -> bool {
        self.0 & other.0 != 0
    }

    /// The signal of that name.
    pub fn by_name(name: &str) -> Option<Signals> {
        SIGNALS.iter().position(|signal| signal.name == name).map(|place| Signals(1 << place))
    }

    /// The names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        SIGNALS.iter().enumerate().filter(move |(place, _)| self.0 & (1 << place) != 0).map(|(_, signal)| signal.name)
    }

    /// Both sets together.
    pub fn with(self, other: Signals) -> Signals {
        Signals(self.0 | other.0)
    }

    /// Adds a signal where its condition holds.
    pub fn when(&mut self, holds: bool, signal: Signals) {
        if holds {
            self.0 |= signal.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_constant_has_its_name_and_a_bit_of_its_own() {
        let mut all = Signals::NONE;
        for &(signal, name) in CONSTANTS {
            assert_eq!(Signals::by_name(name), Some(signal), "{name}: two rows have that name");
            assert_eq!(signal.names().collect::<Vec<_>>(), [name]);
            assert!(!all.meets(signal), "{name}");
            all = all.with(signal);
        }
        assert_eq!(all.names().count(), SIGNALS.len());
    }
}
