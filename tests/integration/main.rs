//! End-to-end tests, few and real: the program itself, in namespaces that they make, and over recordings.
//!
//! The harness is libtest-mimic, so that a test that cannot run on this machine is listed as ignored, with the reason.

// A test that fails may panic.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod again;
mod bodies;
mod clickhouse;
mod commands;
mod deliver;
mod docs;
mod families;
mod formats;
mod history;
mod imitations;
mod ipsec;
mod jq;
mod kernel_numbers;
mod live;
mod malformed;
mod manual;
mod namespace;
mod netns;
mod nflog;
mod nft;
mod output;
mod outputs;
mod page;
mod program;
mod proxy;
mod receiver;
mod receivers;
mod recipes;
mod recordings;
mod reference;
mod sandbox;
mod schema;
mod serve;
mod service;
mod settle;
mod shapes;
mod signals;
mod sockets;
mod spool;
mod store;
mod tls;
mod tools;
mod trouble;
mod untold;
mod usage;
mod wait;
mod walls;
mod window;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// A test: its name and what it does.
pub type Test = (&'static str, fn() -> Result<(), Failed>);

fn main() -> ExitCode {
    if receiver::serve_if_asked() {
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (room, tests) in [
        ("again", again::TESTS),
        ("deliver", deliver::TESTS),
        ("docs", docs::TESTS),
        ("ipsec", ipsec::TESTS),
        ("jq", jq::TESTS),
        ("malformed", malformed::TESTS),
        ("program", program::TESTS),
        ("proxy", proxy::TESTS),
        ("reference", reference::TESTS),
        ("sandbox", sandbox::TESTS),
        ("service", service::TESTS),
        ("schema", schema::TESTS),
        ("serve", serve::TESTS),
        ("shapes", shapes::TESTS),
        ("walls", walls::TESTS),
        ("signals", signals::TESTS),
        ("spool", spool::TESTS),
        ("tls", tls::TESTS),
        ("usage", usage::TESTS),
    ] {
        trials.extend(tests.iter().map(|&(name, run)| Trial::test(format!("{room}::{name}"), run)));
    }
    trials.extend(recordings::trials());
    trials.extend(tools::trials("manual", manual::TESTS, arguments.list));
    trials.extend(tools::trials("service", service::TOOL_TESTS, arguments.list));
    trials.extend(tools::trials("outputs", outputs::TOOL_TESTS, arguments.list));
    trials.extend(tools::trials("receivers", receivers::TESTS, arguments.list));
    // Asked only when a live test is wanted: it makes a namespace.
    let listing = arguments.list;
    let obstacle = if listing { None } else { namespace::obstacle() };
    if let Some(reason) = &obstacle {
        eprintln!("the live tests are ignored: {reason}");
    }
    trials.extend(recipes::trials(obstacle.is_some(), listing));
    let logrotate = output::obstacle();
    if let (false, Some(reason)) = (listing, &logrotate) {
        eprintln!("the test with logrotate is ignored: {reason}");
    }
    let promtool = serve::obstacle();
    if let (false, Some(reason)) = (listing, &promtool) {
        eprintln!("the test with promtool is ignored: {reason}");
    }
    let browser = if listing { None } else { page::obstacle() };
    if let Some(reason) = &browser {
        eprintln!("the tests of the page are ignored: {reason}");
    }
    let nft = if listing { None } else { nft::obstacle() };
    if let Some(reason) = &nft {
        eprintln!("the tests of nf_tables are ignored: {reason}");
    }
    let headers = kernel_numbers::obstacle();
    if let (false, Some(reason)) = (listing, &headers) {
        eprintln!("the tests of the kernel's numbers are ignored: {reason}");
    }
    for (room, tests, missing) in
        [("serve", serve::PROMTOOL_TESTS, &promtool), ("kernel_numbers", kernel_numbers::TESTS, &headers)]
    {
        let trial = |&(name, run): &Test| Trial::test(format!("{room}::{name}"), run);
        trials.extend(tests.iter().map(|test| trial(test).with_ignored_flag(missing.is_some())));
    }
    for (room, tests) in [
        ("live", live::TESTS),
        ("untold", untold::TESTS),
        ("netns", netns::TESTS),
        ("nft", nft::TESTS),
        ("nflog", nflog::TESTS),
        ("again", again::LIVE_TESTS),
        ("deliver", deliver::LIVE_TESTS),
        ("docs", docs::LIVE_TESTS),
        ("bodies", bodies::LIVE_TESTS),
        ("commands", commands::LIVE_TESTS),
        ("settle", settle::LIVE_TESTS),
        ("families", families::LIVE_TESTS),
        ("formats", formats::LIVE_TESTS),
        ("ipsec", ipsec::LIVE_TESTS),
        ("jq", jq::LIVE_TESTS),
        ("output", output::LIVE_TESTS),
        ("outputs", outputs::LIVE_TESTS),
        ("service", service::LIVE_TESTS),
        ("schema", schema::LIVE_TESTS),
        ("serve", serve::LIVE_TESTS),
        ("logrotate", output::LOGROTATE_TESTS),
        ("sandbox", sandbox::LIVE_TESTS),
        ("signals", signals::LIVE_TESTS),
        ("sockets", sockets::LIVE_TESTS),
        ("spool", spool::LIVE_TESTS),
        ("history", history::LIVE_TESTS),
        ("window", window::LIVE_TESTS),
        ("page", page::BROWSER_TESTS),
        ("store", store::LIVE_TESTS),
        ("trouble", trouble::LIVE_TESTS),
        ("usage", usage::LIVE_TESTS),
        ("wait", wait::TESTS),
    ] {
        let trial = |&(name, run): &Test| Trial::test(format!("{room}::{name}"), run);
        let ignored = obstacle.is_some()
            || (room == "logrotate" && logrotate.is_some())
            || (room == "page" && browser.is_some())
            || (["nft", "nflog"].contains(&room) && nft.is_some());
        trials.extend(tests.iter().map(|test| trial(test).with_ignored_flag(ignored)));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
