//! Tests of the rows.

use std::collections::BTreeSet;

use super::*;
use crate::decode::testing::{message, nest};
use crate::kinds::rtnetlink::{addr, maddr, mctp, neigh, neightbl, route, tc, vlan};
use crate::netlink::wire::{self, append_attribute};

fn bridge(flags: u32, timer: u32) -> Box<[u8]> {
    let mut payload = [[0; 4], 7u32.to_ne_bytes(), flags.to_ne_bytes(), [0; 4]].concat();
    let mut information = Vec::new();
    append_attribute(&mut information, link::IFLA_INFO_KIND, b"bridge\0");
    append_attribute(&mut information, 2, &timer.to_ne_bytes());
    append_attribute(&mut payload, link::IFLA_LINKINFO, &information);
    payload.into()
}

#[test]
fn a_bridges_timer_leads_to_no_further_look_at_links() {
    let looks = |old: Box<[u8]>, new: Box<[u8]>| {
        let mut looks = Vec::new();
        let difference = Difference { kind: KindIndex::of(&link::LINK), old: Some(old), new: Some(new) };
        looks_of_difference(&mut looks, &Mirror::new(), &difference, Some(3));
        looks
    };
    assert_eq!(looks(bridge(link::IFF_UP, 100), bridge(link::IFF_UP, 200)), []);
    let down = looks(bridge(link::IFF_UP, 100), bridge(0, 200));
    assert!(down.iter().any(|look| look.kind == KindIndex::of(&route::ROUTE) && look.cause == Some(3)));
    assert!(down.iter().all(|look| look.kind != KindIndex::of(&link::LINK)));
}

/// Found by `--verify`, which took them for defects: by a packet socket, a file descriptor that holds a program of XDP, and a bridge
/// whose VLANs have queriers of their own.
#[test]
fn what_changes_with_nothing_near_it_is_no_defect() {
    let up = [[0; 4], 7u32.to_ne_bytes(), link::IFF_UP.to_ne_bytes(), [0; 4]].concat();
    let with = |number: u16, value: &[u8]| {
        let mut payload = up.clone();
        append_attribute(&mut payload, number, value);
        payload
    };
    let is_untold = |kind: &'static Kind, old: &[u8], new: &[u8]| {
        let (old, new) = (Some(old.into()), Some(new.into()));
        is_untold(&Difference { kind: KindIndex::of(kind), old, new }, &Mirror::new())
    };
    let of_link = |number: u16| is_untold(&link::LINK, &up, &with(number, &[1, 0, 0, 0]));
    // `promiscuity`, `xdp`, `allmulti` and `headroom`.
    assert_eq!([30, 43, 61, 68].map(of_link), [true; 4]);
    assert!(!of_link(link::IFLA_MTU));
    let controller = |state: u8| {
        let mut information = Vec::new();
        append_attribute(&mut information, link::IFLA_INFO_KIND, b"can\0");
        append_attribute(&mut information, 2, &nest(&[(4, &[state, 0, 0, 0])]));
        with(link::IFLA_LINKINFO, &information)
    };
    assert!(is_untold(&link::LINK, &controller(0), &controller(1)));
    let querier = |octet: u8| {
        let state = nest(&[(1, &[10, 0, 0, octet])]);
        message(
            &[7, 0, 0, 0, 3, 0, 0, 0],
            &[(vlan::BRIDGE_VLANDB_GLOBAL_OPTIONS, &nest(&[(1, &[10, 0]), (17, &state)]))],
        )
    };
    assert!(is_untold(&vlan::VLAN, &querier(0), &querier(1)));
    let of_port = |flags: u8| {
        message(&[7, 0, 0, 0, 3, 0, 0, 0], &[(vlan::BRIDGE_VLANDB_ENTRY, &nest(&[(1, &[flags, 0, 10, 0])]))])
    };
    assert!(!is_untold(&vlan::VLAN, &of_port(0), &of_port(2)));
    // `bridge mst set`; not where anything else differs, too.
    let in_state = |flags: u8, state: u8| {
        let entry = nest(&[(1, &[flags, 0, 10, 0]), (3, &[state])]);
        message(&[7, 0, 0, 0, 3, 0, 0, 0], &[(vlan::BRIDGE_VLANDB_ENTRY, &entry)])
    };
    assert!(is_untold(&vlan::VLAN, &in_state(0, 0), &in_state(0, 3)));
    assert!(!is_untold(&vlan::VLAN, &in_state(0, 0), &in_state(2, 3)));
    let discipline = |kind: &[u8], options: &[u8]| message(&[0; 20], &[(tc::TCA_KIND, kind), (2, options)]);
    let changes = |kind: &[u8]| is_untold(&tc::QDISC, &discipline(kind, &[1]), &discipline(kind, &[2]));
    assert_eq!((changes(b"taprio\0"), changes(b"tbf\0")), (true, false));
}

/// Routes come in great numbers, and multicast routes and mctp's have the same messages.
#[test]
fn nothing_follows_from_a_route_but_from_a_router() {
    for kind in KindIndex::all().filter(|kind| kind.table().new == route::ROUTE.new) {
        assert!(CUES[kind].iter().all(|cue| cue.when == When::IsFromRouter), "{}", kind.table().name);
    }
}

#[test]
fn each_row_leads_to_its_looks() {
    let mut mirror = Mirror::new();
    mirror.set_unheard(KindIndex::all().collect());
    let mut by_nexthop = vec![2, 32, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0];
    append_attribute(&mut by_nexthop, route::RTA_NH_ID, &[7, 0, 0, 0]);
    mirror.apply(KindIndex::of(&route::ROUTE), false, 0, &by_nexthop);
    for (after, when, look, at, _) in looked_for() {
        let kind = KindIndex::of(after);
        let looked_at = KindIndex::of(look);
        assert!(can_be_compared(looked_at), "{}", look.name);
        let mut payload =
            if after.is(&link::LINK) { bridge(link::IFF_UP, 1).to_vec() } else { vec![0; after.header.bytes] };
        payload[0] = if after.is(&addr::ADDR) { 2 } else { payload[0] };
        if after.is(&netconf::NETCONF) {
            payload.resize(wire::align(payload.len()), 0);
            append_attribute(&mut payload, netconf::NETCONFA_MC_FORWARDING, &[1, 0, 0, 0]);
            append_attribute(&mut payload, netconf::NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN, &[1, 0, 0, 0]);
        }
        if after.is(&nexthop::NEXTHOP) {
            append_attribute(&mut payload, nexthop::NHA_RES_GROUP, &[]);
        }
        if when == When::IsFw {
            append_attribute(&mut payload, tc::TCA_KIND, b"fw\0");
        }
        if after.is(&route::ROUTE) {
            payload[route::PROTOCOL_AT] = route::RTPROT_RA;
        }
        let gone = matches!(when, When::Gone | When::Ipv4Goes | When::PriorityGone);
        let link =
            after.is(&link::LINK).then_some(LinkBefore { flags: None, is_renamed: false, has_other_master: true });
        let mut found = Vec::new();
        looks(&mut found, &mirror, &Occasion { kind, gone, payload: &payload, link, word: ToldBy::Kernel(Some(9)) });
        let by_flags = at == At::ItsLinkByFlags;
        let of_ipv6 = (at == At::ItsLinkOfIpv6).then_some(AF_INET6);
        let leads = |found: &Look| {
            let is_so = (found.kind, found.flags_alone, found.family) == (looked_at, by_flags, of_ipv6);
            is_so && found.cause == Some(9)
        };
        assert!(found.iter().any(leads), "{} {when:?}: {}", after.name, look.name);
    }
}

#[test]
fn groups_are_those_that_tell_of_silent_changes() {
    let groups = |kind: &'static Kind| groups(&crate::kinds::rtnetlink::PROTOCOL, &[KindIndex::of(kind)], &[]);
    assert_eq!(groups(&route::ROUTE), [1, 5, 7, 11, 12, 18, 24, 25, 27, 32]);
    assert_eq!(groups(&link::LINK), [1, 4, 24, 25]);
    let netfilter = &crate::kinds::netfilter::PROTOCOL;
    let conntrack = [KindIndex::of(&crate::kinds::netfilter::conntrack::CONNTRACK)];
    assert_eq!(super::groups(netfilter, &conntrack, &[]), [1, 2, 3]);
    // Connections come in great numbers: what nobody wants is not even received.
    assert_eq!(super::groups(netfilter, &conntrack, &[Action::Remove, Action::Present]), [3]);
    assert_eq!(groups(&neigh::NEIGH), [1, 3]);
    assert_eq!(groups(&neightbl::NEIGHTBL), [1]);
    assert_eq!(groups(&crate::kinds::rtnetlink::nexthop::NEXTHOP), [1, 32]);
    assert_eq!(groups(&crate::kinds::rtnetlink::maddr::MADDR), [1, 5, 9, 24, 25, 37, 38]);
    assert_eq!(groups(&crate::kinds::rtnetlink::mroute::MROUTE), [1, 6, 10, 24, 25]);
}

#[test]
fn kinds_that_may_come_where_none_is_known() {
    let near = looked_for().filter(|(_, _, _, at, _)| matches!(at, At::AllAndNew | At::ItsLinkAndNew));
    let mut near: Vec<&str> = near.map(|(_, _, look, _, _)| look.name).collect();
    near.sort_unstable();
    near.dedup();
    near.retain(|name| !name.starts_with("ethtool_"));
    assert_eq!(near, ["anycast", "chain", "class", "filter", "maddr", "nexthop_bucket", "qdisc"]);
    assert!(tc::QDISC.groups.contains(&4));
}

#[test]
fn kinds_that_no_group_tells_of_are_unheard() {
    let unheard = |groups: &[u32]| -> Vec<&str> {
        let all: Vec<KindIndex> = KindIndex::all().collect();
        unheard(&all, groups).into_iter().map(|kind| kind.table().name).collect()
    };
    let all: Vec<u32> = (1..=39).collect();
    assert_eq!(unheard(&all), ["neightbl", "addrlabel", "mctp_route", "mctp_neigh"]);
    assert_eq!(unheard(&all[..36]), ["neightbl", "addrlabel", "maddr", "anycast", "mctp_route", "mctp_neigh"]);
    // Linux 5.10 has neither VLANs' group nor what it tells of.
    assert_eq!(unheard(&all[..32]), unheard(&all[..36]));
}

#[test]
fn what_the_kernel_does_not_have_is_looked_at_no_more() {
    let kinds = [&maddr::MADDR, &mctp::MCTP_ROUTE].map(KindIndex::of);
    let mut mirror = Mirror::new();
    mirror.set_unheard(kinds.to_vec());
    kinds.into_iter().for_each(|kind| mirror.note_missing(kind));
    // It is asked for by family, of which the kernel may have one alone.
    assert_eq!(mirror.unheard(), [KindIndex::of(&maddr::MADDR)]);
}

#[test]
fn links_are_followed_where_what_they_lead_to_is() {
    let protocols = |kinds: &[&'static Kind]| -> Vec<&str> {
        let kinds: Vec<KindIndex> = kinds.iter().map(|kind| KindIndex::of(kind)).collect();
        followed(&kinds).into_iter().map(|(protocol, _)| protocol.name).collect()
    };
    assert_eq!(protocols(&[&crate::kinds::netfilter::nft::chain::CHAIN]), ["rtnetlink", "netfilter"]);
    assert_eq!(protocols(&[&crate::kinds::netfilter::conntrack::CONNTRACK]), ["netfilter"]);
    assert_eq!(protocols(&[&crate::kinds::generic::ethtool::features::FEATURES]), ["rtnetlink", "generic"]);
    assert_eq!(protocols(&[&link::LINK]), ["rtnetlink"]);
    // All kinds of settings of interfaces, and no other kind.
    let settings = KindIndex::all().filter(|kind| kind.table().name.starts_with("ethtool_"));
    let of_table = crate::kinds::generic::ethtool::SETTINGS.iter().map(|kind| KindIndex::of(kind));
    assert_eq!(settings.collect::<BTreeSet<_>>(), of_table.collect());
}
