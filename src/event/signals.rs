//! Signals: what a change means, in short names. This table makes their set, their constants and their documentation; the
//! exact condition of each stands with its kind. The most telling one is the first, in the table as in a line.

use super::severity::Severity;

/// A set of signals, a bit each, by their place in [`SIGNALS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals(u64);

/// One signal.
#[derive(Debug)]
pub struct Signal {
    /// Its name in the line.
    pub name: &'static str,
    /// What happened, in words, for the text format; `{}` in it is the action's word.
    pub words: &'static str,
    /// The kinds that have it, with commas between them.
    pub kinds: &'static str,
    /// How much an event with it matters, at least.
    pub severity: Severity,
    /// When it comes.
    pub condition: &'static str,
}

/// A row a signal: its constant, its name, what the text format says, the kinds that have it, its severity, and when it comes.
macro_rules! signals {
    ($($constant:ident $name:literal says $words:literal of $kinds:literal, $severity:ident: $condition:literal;)*) => {
        /// Every signal.
        pub static SIGNALS: &[Signal] = &[$(Signal { name: $name, words: $words, kinds: $kinds, severity: Severity::$severity, condition: $condition }),*];

        /// The place of each signal in the table.
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Bit { $($constant),* }

        impl Signals {
            $(#[doc = concat!("`", $name, "`: ", $condition, ".")]
            pub const $constant: Signals = Signals(1 << Bit::$constant as u64);)*
        }

        #[cfg(test)]
        const CONSTANTS: &[(Signals, &str)] = &[$((Signals::$constant, $name)),*];
    };
}

signals! {
    MOVED_NETNS "moved_netns" says "moved between namespaces" of "link", Notice:
        "it was removed because it moved to another network namespace (IFLA_NEW_NETNSID or IFLA_NEW_IFINDEX), or came from another watched one";
    RENAMED "renamed" says "renamed" of "link", Notice: "its name (IFLA_IFNAME) differs";
    DOWN "down" says "is down" of "link", Warning:
        "the flag UP (IFF_UP) was set and is not now, or the link was removed while it was set";
    UP "up" says "is up" of "link", Notice: "the flag UP (IFF_UP) was not set and is now";
    CARRIER_LOST "carrier_lost" says "carrier lost" of "link", Warning:
        "the flag LOWER_UP (IFF_LOWER_UP) was set and is not now, or the link was removed while it was set";
    CARRIER_UP "carrier_up" says "has carrier" of "link", Notice: "the flag LOWER_UP (IFF_LOWER_UP) was not set and is now";
    NOT_RUNNING "not_running" says "not running" of "link", Warning:
        "the flag RUNNING (IFF_RUNNING) was set and is not now, or the link was removed while it was set";
    RUNNING "running" says "is running" of "link", Notice: "the flag RUNNING (IFF_RUNNING) was not set and is now";
    ACTIVE_CHANGED "active_changed" says "active port changed" of "link", Notice: "it is a bond, and its active port (IFLA_BOND_ACTIVE_SLAVE) differs";
    ENSLAVED "enslaved" says "has a master" of "link", Notice: "it has a master (IFLA_MASTER) and had none, or another";
    RELEASED "released" says "left its master" of "link", Notice: "it had a master (IFLA_MASTER) and has none, or another";
    ADDRESS_CHANGED "address_changed" says "address changed" of "link", Notice: "its link-layer address (IFLA_ADDRESS) differs";
    MTU_CHANGED "mtu_changed" says "MTU changed" of "link", Notice: "its MTU (IFLA_MTU) differs";
    PROMISC_ON "promisc_on" says "promiscuous" of "link", Notice:
        "its count of promiscuous users (IFLA_PROMISCUITY) was 0 and is not now, and it is no bridge's port";
    PROMISC_OFF "promisc_off" says "not promiscuous" of "link", Notice:
        "its count of promiscuous users (IFLA_PROMISCUITY) was not 0 and is now, and it was no bridge's port";
    DAD_FAILED "dad_failed" says "duplicate address" of "addr", Warning:
        "duplicate address detection has failed (IFA_F_DADFAILED) and had not before";
    ADDR_READY "addr_ready" says "is ready" of "addr", Notice:
        "it is not tentative (IFA_F_TENTATIVE, or optimistic) and has not failed, and before it was, or was not there";
    DEPRECATED "deprecated" says "deprecated" of "addr", Notice: "it is deprecated (IFA_F_DEPRECATED) and was not before";
    DEFAULT_LOST "default_lost" says "default route lost" of "route", Warning:
        "the last live unicast default route of its family in the main table was removed, or has no live leg any more";
    DEFAULT_BACK "default_back" says "default route back" of "route", Notice:
        "there was no live unicast default route of its family in the main table, and this is one now";
    LEG_LOST "leg_lost" says "leg lost" of "route", Warning:
        "a leg has become dead or linkdown (RTNH_F_DEAD, RTNH_F_LINKDOWN), or is not among the several legs any more; of a unicast route that the kernel has not made itself";
    LEG_BACK "leg_back" says "leg back" of "route", Notice:
        "a leg is neither dead nor linkdown any more, or has come to a route that had others; of such a route";
    DEFAULT_ROUTE "default_route" says "default route {}" of "route", Notice:
        "a unicast default route of the main table was added, changed or removed";
    NEIGH_FAILED "neigh_failed" says "failed" of "neigh", Warning: "its state is FAILED (NUD_FAILED) and was not before";
    NEIGH_MOVED "neigh_moved" says "moved" of "neigh, fdb", Notice:
        "its link-layer address differs (neigh), or its interface or remote (fdb)";
    NEIGH_NEW "neigh_new" says "new address" of "neigh", Notice:
        "it has a link-layer address and had none, or was not there; it is neither permanent nor NOARP";
    NEIGH_REACHABLE "neigh_reachable" says "reachable" of "neigh", Notice:
        "its state is REACHABLE (NUD_REACHABLE), and before it was FAILED or INCOMPLETE, or was not there";
    RULESET_FLUSHED "ruleset_flushed" says "ruleset flushed" of "nft_gen", Warning:
        "there were tables before the commit, and none is left; where nft_table is followed, too";
    RULESET_CHANGED "ruleset_changed" says "ruleset changed" of "nft_gen", Notice: "a commit has changed the ruleset";
    POLICY_DROP "policy_drop" says "drops" of "nft_chain", Notice: "the policy of a base chain is drop, and was not";
    POLICY_ACCEPT "policy_accept" says "accepts" of "nft_chain", Warning: "the policy of a base chain is accept, and was not";
    FLOW_NAT "flow_nat" says "with NAT" of "conntrack", Info: "it is new, and its addresses or ports are translated (IPS_SRC_NAT, IPS_DST_NAT)";
    SA_EXPIRED_SOFT "sa_expired_soft" says "is to be renewed" of "xfrm_expire", Notice:
        "a soft limit of a security association is reached (XFRM_MSG_EXPIRE with hard 0): a key daemon renews it now";
    SA_EXPIRED "sa_expired" says "has expired" of "xfrm_expire", Warning:
        "a hard limit of a security association is reached (XFRM_MSG_EXPIRE with hard 1): it is gone";
    SA_ACQUIRE "sa_acquire" says "is wanted" of "xfrm_acquire", Notice:
        "traffic wants a security association that is not there";
    ENFORCING_ON "enforcing_on" says "enforces" of "selinux", Notice: "SELinux enforces its policy (SELNL_MSG_SETENFORCE with 1)";
    ENFORCING_OFF "enforcing_off" says "does not enforce" of "selinux", Warning: "SELinux does not enforce its policy (SELNL_MSG_SETENFORCE with 0)";
    FLOW_CLOSED "flow_closed" says "closed" of "conntrack", Info: "it is gone";
    DEVICE_ADDED "device_added" says "is there" of "uevent", Notice: "the kernel says add";
    DEVICE_REMOVED "device_removed" says "is gone" of "uevent", Notice: "the kernel says remove";
    DEVICE_MOVED "device_moved" says "moved" of "uevent", Notice: "the kernel says move: it has another path, as an interface with another name";
    DRIVER_BOUND "driver_bound" says "has a driver" of "uevent", Notice: "the kernel says bind";
    DRIVER_UNBOUND "driver_unbound" says "has no driver" of "uevent", Notice: "the kernel says unbind";
    LINK_SETTINGS_CHANGED "link_settings_changed" says "link settings changed" of "ethtool_linkmodes", Notice: "its speed, duplex or auto-negotiation differs";
    FEATURES_CHANGED "features_changed" says "features changed" of "ethtool_features", Notice: "other features are active";
    HEALTH_ERROR "health_error" says "reports an error" of "devlink_health", Warning: "its state is error, and was not";
    HEALTH_RECOVERED "health_recovered" says "has recovered" of "devlink_health", Notice: "its state was error, and is healthy";
    WIFI_CONNECTED "wifi_connected" says "is connected" of "nl80211", Notice: "an interface has joined a wireless network (NL80211_CMD_CONNECT)";
    WIFI_DISCONNECTED "wifi_disconnected" says "is disconnected" of "nl80211", Warning: "an interface has left its wireless network, or lost it (NL80211_CMD_DISCONNECT)";
    CLOCK_LOCKED "clock_locked" says "is locked" of "dpll_device", Notice: "its lock-status is locked, and was unlocked or holdover";
    CLOCK_UNLOCKED "clock_unlocked" says "is not locked" of "dpll_device", Warning: "its lock-status is unlocked or holdover, and was locked";
    HANDSHAKE "handshake" says "handshake" of "wireguard_peer", Info: "its last handshake is another one: the tunnel works";
    ENDPOINT_MOVED "endpoint_moved" says "moved" of "wireguard_peer", Notice: "it is heard from another address or port";
    REGDOM_CHANGED "regdom_changed" says "rules changed" of "nl80211", Notice:
        "other rules say which frequencies may be used (NL80211_CMD_REG_CHANGE, NL80211_CMD_WIPHY_REG_CHANGE)";
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

    /// How much an event with these matters: as much as the one that matters most; nothing where there are none.
    pub fn severity(self) -> Severity {
        const WARNINGS: Signals = Signals::of(Severity::Warning);
        const NOTICES: Signals = Signals::of(Severity::Notice);
        match self {
            Signals::NONE => Severity::Debug,
            signals if signals.meets(WARNINGS) => Severity::Warning,
            signals if signals.meets(NOTICES) => Severity::Notice,
            _ => Severity::Info,
        }
    }

    /// All signals of a severity.
    const fn of(severity: Severity) -> Signals {
        let (mut signals, mut place) = (0, 0);
        while place < SIGNALS.len() {
            if SIGNALS[place].severity as u8 == severity as u8 {
                signals |= 1 << place;
            }
            place += 1;
        }
        Signals(signals)
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
