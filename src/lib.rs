//! linkhook tells what changes in Linux networking, the moment it changes.
//!
//! The rooms, in the order in which data flows through them: see ARCHITECTURE.md.

pub mod actor;
pub mod backlog;
pub mod changed;
pub mod cli;
pub mod command;
pub mod config;
pub mod decode;
pub mod deliver;
pub mod dumps;
pub mod error;
pub mod event;
pub mod fault;
pub mod figures;
pub mod filter;
pub mod json;
pub mod kinds;
pub mod line;
pub mod manager;
pub mod mirror;
pub mod moment;
pub mod netlink;
pub mod netns;
pub mod octets;
pub mod output;
pub mod past;
pub mod recording;
pub mod reference;
pub mod retell;
pub mod sandbox;
pub mod schema;
pub mod serve;
pub mod settle;
pub mod signals;
pub mod spool;
pub mod store;
pub mod stream;
pub mod threads;
pub mod units;
pub mod watch;
pub mod words;
