//! Webhooks: events in batches, signed, in order, again until they are taken. No room here knows netlink.
//!
//! [`batch`], [`retry`], [`sign`] and [`formats`] are pure: clock, random numbers and answers come in as arguments.

pub mod batch;
pub mod formats;
pub mod retry;
pub mod sign;
