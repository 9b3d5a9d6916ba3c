//! The silent changes that linkhook knows of, a row each.

use libc::{
    RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_IFINFO, RTNLGRP_IPV6_NETCONF,
    RTNLGRP_IPV6_PREFIX, RTNLGRP_NEXTHOP, RTNLGRP_TC,
};

use super::{At, FoundBy, Silent, When};
use crate::kinds::generic::ethtool;
use crate::kinds::netfilter::nft;
use crate::kinds::rtnetlink::{addr, link, maddr, mdb, mroute, netconf, nexthop, prefix, route, rule, tc, vlan};

/// What the kernel changes without telling, in the order of the table in `docs/truth.md`.
pub const SILENT: &[Silent] = &[
    Silent {
        what: "IPv4 routes leave with their link",
        kernel: &["fib_sync_down_dev"],
        found: FoundBy::Otherwise("nothing: it is certain", "`link` that goes down or for good"),
    },
    Silent {
        what: "legs and routes become `dead` or `linkdown`, and recover, some only when the link is told once more",
        kernel: &["fib_sync_down_dev", "fib_sync_up", "rt6_sync_down_dev"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::FlagsDifferOrKernelTells,
            look: &[&route::ROUTE],
            at: At::ItsLinkByFlags,
            joins: &[],
        },
    },
    Silent {
        what: "routes of scope `host` of a link that enters or leaves a VRF",
        kernel: &["fib_netdev_event", "fib_disable_ip"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::HasOtherMaster,
            look: &[&route::ROUTE],
            at: At::ItsLink,
            joins: &[],
        },
    },
    Silent {
        what: "a route of several legs loses one",
        kernel: &["fib6_del", "fib_sync_down_dev"],
        found: FoundBy::Otherwise("`route` of all its links", "a look at one of them that no longer shows it"),
    },
    Silent {
        what: "what the next leg of an IPv6 route of several came with (protocol, metrics), when the first one leaves",
        kernel: &["rt6_fill_node"],
        found: FoundBy::Otherwise("IPv6 `route` of the links that are left", "`route` that loses its first leg"),
    },
    Silent {
        what: "nexthops leave with their link",
        kernel: &["nexthop_flush_dev"],
        found: FoundBy::Otherwise("nothing: it is certain", "`link` that goes down or for good"),
    },
    Silent {
        what: "nexthops leave with their link, when it loses its carrier; groups leave with their last nexthop",
        kernel: &["nexthop_flush_dev", "remove_nexthop_from_groups"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::FlagsDifferOrKernelTells,
            look: &[&nexthop::NEXTHOP],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "buckets of nexthops that leave with their link",
        kernel: &["remove_nexthop_from_groups"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::FlagsDiffer,
            look: &[&nexthop::NEXTHOP_BUCKET],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "a rule's `iif_detached`, `oif_detached`: it names an interface that may be there or not",
        kernel: &["detach_rules", "attach_rules"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::ComesGoesOrIsRenamed,
            look: &[&rule::RULE],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "multicast groups, multicast entries, VLANs and multicast routes of a link that goes",
        kernel: &["ipv6_mc_destroy_dev", "br_vlan_flush", "vif_delete"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::Gone,
            look: &[&maddr::MADDR, &mdb::MDB, &vlan::VLAN, &mroute::MROUTE],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "the multicast routers behind a port's VLANs, when it leaves its bridge (seen on 6.1, not on 6.12)",
        kernel: &["br_multicast_port_ctx_deinit", "nbp_vlan_flush"],
        found: FoundBy::Otherwise("nothing: it is certain", "`link` that has another master or goes"),
    },
    Silent {
        what: "multicast groups and anycast addresses, where the kernel has no group for them (before 6.14)",
        kernel: &["ip_mc_inc_group", "__ipv6_dev_mc_inc", "__ipv6_dev_ac_inc"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::Unheard,
            look: &[&maddr::MADDR, &maddr::ANYCAST],
            at: At::AllAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "classes, filters and chains that leave with a link",
        kernel: &["qdisc_destroy", "dev_shutdown"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::Gone,
            look: &[&tc::CLASS, &tc::FILTER, &tc::CHAIN],
            at: At::ItsLink,
            joins: &[],
        },
    },
    Silent {
        what: "the default queueing discipline, when a link goes up",
        kernel: &["attach_default_qdiscs"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::FlagsDiffer,
            look: &[&tc::QDISC],
            at: At::AllAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "what a dump says of a bridge itself among its ports; a port's MTU",
        kernel: &["br_getlink", "br_device_event"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::IsOfBridge,
            look: &[&link::BRIDGE_PORT],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "what VLANs say of multicast, which comes and goes with the bridge's `mcast_vlan_snooping` (since 5.15)",
        kernel: &["br_multicast_toggle_vlan_snooping", "br_vlan_opts_fill"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::IsBridge,
            look: &[&vlan::VLAN],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "a link's `link`, when its peer comes, goes or moves",
        kernel: &["veth_newlink", "dev_change_net_namespace"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::KernelTells,
            look: &[&link::LINK],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "what a bridge's port says of its bridge",
        kernel: &["br_fill_info", "br_port_fill_attrs"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::KernelTells,
            look: &[&link::LINK],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "a link that is down (alias, group, a port's cost)",
        kernel: &["netdev_state_change"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::KernelTells,
            look: &[&link::LINK],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "IPv4 routes leave with the last address",
        kernel: &["fib_inetaddr_event"],
        found: FoundBy::Look {
            after: &addr::ADDR,
            when: When::Ipv4Goes,
            look: &[&route::ROUTE],
            at: At::ItsLink,
            joins: &[RTNLGRP_IPV4_IFADDR],
        },
    },
    Silent {
        what: "legs recover with a new address",
        kernel: &["fib_inetaddr_event"],
        found: FoundBy::Look {
            after: &addr::ADDR,
            when: When::Ipv4Comes,
            look: &[&route::ROUTE],
            at: At::ItsLinkByFlags,
            joins: &[RTNLGRP_IPV4_IFADDR],
        },
    },
    Silent {
        what: "nexthops of a link whose IPv4 addresses come or go",
        kernel: &["fib_inetaddr_event"],
        found: FoundBy::Look {
            after: &addr::ADDR,
            when: When::IsIpv4,
            look: &[&nexthop::NEXTHOP],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "an IPv6 address that is still tentative",
        kernel: &["inet6_addr_modify"],
        found: FoundBy::Look { after: &addr::ADDR, when: When::Always, look: &[&addr::ADDR], at: At::All, joins: &[] },
    },
    Silent {
        what: "a link that is down (alias, group, alternative names)",
        kernel: &["netdev_state_change"],
        found: FoundBy::Look { after: &addr::ADDR, when: When::Always, look: &[&link::LINK], at: At::All, joins: &[] },
    },
    Silent {
        what: "multicast groups and anycast addresses that come with an address, where the kernel has no group for them",
        kernel: &["ip_mc_inc_group", "__ipv6_dev_mc_inc", "__ipv6_dev_ac_inc"],
        found: FoundBy::Look {
            after: &addr::ADDR,
            when: When::Unheard,
            look: &[&maddr::MADDR, &maddr::ANYCAST],
            at: At::AllAndNew,
            joins: &[RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
        },
    },
    Silent {
        what: "nexthop groups, and buckets, leave with their last nexthop",
        kernel: &["remove_nexthop_from_groups"],
        found: FoundBy::Look {
            after: &nexthop::NEXTHOP,
            when: When::Always,
            look: &[&nexthop::NEXTHOP, &nexthop::NEXTHOP_BUCKET],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "buckets of a resilient group, which come with it",
        kernel: &["nh_res_group_rebalance", "nh_res_table_upkeep"],
        found: FoundBy::Look {
            after: &nexthop::NEXTHOP,
            when: When::IsResilientGroup,
            look: &[&nexthop::NEXTHOP_BUCKET],
            at: At::AllAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "routes leave with the nexthop object that they use",
        kernel: &["fib_flush", "fib6_del"],
        found: FoundBy::Look {
            after: &nexthop::NEXTHOP,
            when: When::RoutesUseNexthops,
            look: &[&route::ROUTE],
            at: At::All,
            joins: &[RTNLGRP_NEXTHOP],
        },
    },
    Silent {
        what: "a rule's `unresolved`: another rule may be its goal",
        kernel: &["fib_nl_newrule", "fib_nl_delrule"],
        found: FoundBy::Look { after: &rule::RULE, when: When::Always, look: &[&rule::RULE], at: At::All, joins: &[] },
    },
    Silent {
        what: "metrics that a router advertisement gives a route (hop limit, MTU)",
        kernel: &["ndisc_router_discovery"],
        found: FoundBy::Look {
            after: &route::ROUTE,
            when: When::IsFromRouter,
            look: &[&route::ROUTE],
            at: At::ItsLinkOfIpv6,
            joins: &[],
        },
    },
    Silent {
        what: "the same, when the advertisement comes again",
        kernel: &["ndisc_router_discovery"],
        found: FoundBy::Look {
            after: &prefix::PREFIX,
            when: When::Always,
            look: &[&route::ROUTE],
            at: At::ItsLinkOfIpv6,
            joins: &[RTNLGRP_IPV6_PREFIX],
        },
    },
    Silent {
        what: "the same, with IPv6's settings of the interface",
        kernel: &["ndisc_router_discovery", "rt6_mtu_change"],
        found: FoundBy::Look {
            after: &link::INET6_LINK,
            when: When::KernelTells,
            look: &[&route::ROUTE],
            at: At::ItsLinkOfIpv6,
            joins: &[RTNLGRP_IPV6_IFINFO],
        },
    },
    Silent {
        what: "a link's `inet_conf` and `inet6_conf`, and that a routing daemon takes all multicast from it (`allmulti`)",
        kernel: &["devinet_conf_proc", "addrconf_sysctl_forward", "vif_add"],
        found: FoundBy::Look {
            after: &netconf::NETCONF,
            when: When::KernelTells,
            look: &[&link::LINK],
            at: At::All,
            joins: &[RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF],
        },
    },
    Silent {
        what: "routes without carrier are dead, or not any more, since `ignore_routes_with_linkdown` was set",
        kernel: &["fib_nexthop_info", "devinet_conf_proc", "addrconf_sysctl_ignore_routes_with_linkdown"],
        found: FoundBy::Look {
            after: &netconf::NETCONF,
            when: When::SetsLinkdown,
            look: &[&route::ROUTE],
            at: At::All,
            joins: &[RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF],
        },
    },
    Silent {
        what: "multicast routes lose an interface that a routing daemon gives up",
        kernel: &["vif_delete"],
        found: FoundBy::Look {
            after: &netconf::NETCONF,
            when: When::HasMulticastForwarding,
            look: &[&mroute::MROUTE],
            at: At::All,
            joins: &[RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF],
        },
    },
    Silent {
        what: "multicast groups leave with IPv6, where the MTU becomes too small for it",
        kernel: &["addrconf_ifdown"],
        found: FoundBy::Look {
            after: &netconf::NETCONF,
            when: When::Gone,
            look: &[&maddr::MADDR],
            at: At::All,
            joins: &[RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF],
        },
    },
    Silent {
        what: "those of routers (`ff02::2`), where the kernel has no group for them",
        kernel: &["dev_forward_change", "addrconf_join_anycast"],
        found: FoundBy::Look {
            after: &netconf::NETCONF,
            when: When::Unheard,
            look: &[&maddr::MADDR, &maddr::ANYCAST],
            at: At::AllAndNew,
            joins: &[RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF],
        },
    },
    Silent {
        what: "a bridge's options for a VLAN, which come with its first port and leave with its last one; which VLAN is the untagged or the default one; states of spanning trees",
        kernel: &["br_vlan_put_master", "__vlan_add_pvid", "__br_vlan_set_default_pvid", "br_mst_set_state"],
        found: FoundBy::Look { after: &vlan::VLAN, when: When::Always, look: &[&vlan::VLAN], at: At::All, joins: &[] },
    },
    Silent {
        what: "the same, when a port is told",
        kernel: &["br_vlan_put_master", "__vlan_add_pvid", "__br_vlan_set_default_pvid", "br_mst_set_state"],
        found: FoundBy::Look {
            after: &link::BRIDGE_PORT,
            when: When::Always,
            look: &[&vlan::VLAN],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "a source that a port's group no longer asks for, once nobody has asked for so long",
        kernel: &["br_multicast_group_src_expired"],
        found: FoundBy::Look { after: &mdb::MDB, when: When::Gone, look: &[&mdb::MDB], at: At::All, joins: &[] },
    },
    Silent {
        what: "who asks about multicast on a bridge and in its VLANs (`mcast_querier_state`, since 5.15)",
        kernel: &["br_multicast_select_own_querier", "br_multicast_update_querier"],
        found: FoundBy::Otherwise("`link` and `vlan`", "whatever is told, 1 to 127 s after it"),
    },
    Silent {
        what: "the state of a port in the VLANs of a tree (`bridge mst set`, since 5.18; found on 6.12)",
        kernel: &["br_mst_set_state"],
        found: FoundBy::Otherwise("`vlan`", "the same"),
    },
    Silent {
        what: "how many want all packets of a link or all multicast (`promiscuity`, `allmulti`)",
        kernel: &["__dev_set_rx_mode", "packet_dev_mc", "netif_set_allmulti"],
        found: FoundBy::Otherwise("`link`", "the same"),
    },
    Silent {
        what: "a program of XDP that comes, changes or goes with a file descriptor (`xdp`)",
        kernel: &["bpf_xdp_link_attach", "bpf_xdp_link_update", "bpf_xdp_link_release"],
        found: FoundBy::Otherwise("`link`", "the same"),
    },
    Silent {
        what: "the room that a tunnel needs around its packets, and grows with them (`headroom`, `tailroom`, since 6.16)",
        kernel: &["ip_tunnel_adj_headroom"],
        found: FoundBy::Otherwise("`link`", "the same"),
    },
    Silent {
        what: "the state of a CAN controller (from the source: no machine here has one)",
        kernel: &["can_change_state"],
        found: FoundBy::Otherwise("`link`", "the same"),
    },
    Silent {
        what: "the schedule of `taprio` for later, which becomes the one that it follows",
        kernel: &["switch_schedules"],
        found: FoundBy::Otherwise("`qdisc`", "the same"),
    },
    Silent {
        what: "a port's options, in its link",
        kernel: &["br_ifinfo_notify"],
        found: FoundBy::Look {
            after: &link::BRIDGE_PORT,
            when: When::Always,
            look: &[&link::LINK],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "a link's `qdisc`",
        kernel: &["dev_graft_qdisc"],
        found: FoundBy::Look {
            after: &tc::QDISC,
            when: When::Always,
            look: &[&link::LINK],
            at: At::All,
            joins: &[RTNLGRP_TC],
        },
    },
    Silent {
        what: "inner disciplines that come and leave with a queueing discipline, and the default one, which comes back when another one is deleted",
        kernel: &["qdisc_destroy", "attach_default_qdiscs"],
        found: FoundBy::Look {
            after: &tc::QDISC,
            when: When::Always,
            look: &[&tc::QDISC],
            at: At::AllAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "classes, filters and chains that come and leave with a queueing discipline",
        kernel: &["qdisc_destroy"],
        found: FoundBy::Look {
            after: &tc::QDISC,
            when: When::Always,
            look: &[&tc::CLASS, &tc::FILTER, &tc::CHAIN],
            at: At::ItsLinkAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "inner disciplines that leave with a class",
        kernel: &["qdisc_destroy"],
        found: FoundBy::Look {
            after: &tc::CLASS,
            when: When::Gone,
            look: &[&tc::QDISC],
            at: At::AllAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "filters and chains that leave with a class",
        kernel: &["qdisc_destroy"],
        found: FoundBy::Look {
            after: &tc::CLASS,
            when: When::Gone,
            look: &[&tc::FILTER, &tc::CHAIN],
            at: At::ItsLink,
            joins: &[],
        },
    },
    Silent {
        what: "the chain of the same number in the other direction of `clsact`, of which the kernel says the same",
        kernel: &["tc_chain_fill_node"],
        found: FoundBy::Look {
            after: &tc::CHAIN,
            when: When::Gone,
            look: &[&tc::CHAIN],
            at: At::ItsLinkAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "filters that leave with all of their chain",
        kernel: &["tfilter_notify_chain"],
        found: FoundBy::Look { after: &tc::CHAIN, when: When::Gone, look: &[&tc::FILTER], at: At::ItsLink, joins: &[] },
    },
    Silent {
        what: "a filter's handle and options, where it is told before it has them (`matchall`, `cgroup`)",
        kernel: &["mall_change", "cls_cgroup_change", "tfilter_notify"],
        found: FoundBy::Look {
            after: &tc::FILTER,
            when: When::HasNoHandle,
            look: &[&tc::FILTER],
            at: At::ItsLinkAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "the row of a whole priority, which may be a filter by itself",
        kernel: &["fw_change", "tcf_chain_dump"],
        found: FoundBy::Look {
            after: &tc::FILTER,
            when: When::IsFw,
            look: &[&tc::FILTER],
            at: At::ItsLinkAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "filters that leave with all of their priority",
        kernel: &["tfilter_notify_chain"],
        found: FoundBy::Look {
            after: &tc::FILTER,
            when: When::PriorityGone,
            look: &[&tc::FILTER],
            at: At::ItsLink,
            joins: &[],
        },
    },
    Silent {
        what: "chains of a device, and a device's name in chains and flowtables, on kernels before 6.16",
        kernel: &["nf_tables_netdev_event", "nf_tables_flowtable_event"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::ComesGoesOrIsRenamed,
            look: &[&nft::chain::CHAIN, &nft::flowtable::FLOWTABLE],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "rules that leave with a device's chain",
        kernel: &["__nft_release_basechain"],
        found: FoundBy::Look {
            after: &nft::chain::CHAIN,
            when: When::Gone,
            look: &[&nft::rule::RULE],
            at: At::All,
            joins: &[],
        },
    },
    Silent {
        what: "ethtool's settings of an interface, which come and go with it and have its name",
        kernel: &["ethnl_default_notify"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::ComesGoesOrIsRenamed,
            look: ethtool::SETTINGS,
            at: At::AllAndNew,
            joins: &[],
        },
    },
    Silent {
        what: "an interface's speed and duplex, when its carrier comes or goes",
        kernel: &["netif_carrier_on", "netif_carrier_off"],
        found: FoundBy::Look {
            after: &link::LINK,
            when: When::FlagsDiffer,
            look: &[&ethtool::link::LINKMODES],
            at: At::All,
            joins: &[],
        },
    },
];
