//! The few values that no table can say: functions that rows name.
//!
//! Each is a [`WriteValue`](super::schema::WriteValue): it writes one value (`Is::Value`) or members (`Is::Members`),
//! or says what is wrong; the walker then keeps the attribute as hex.

pub mod bridge;
pub mod can;
pub mod discovery;
pub mod encap;
pub mod links;
pub mod multicast;
pub mod settings;
pub mod tc;
pub mod tunnels;
pub mod vlan;
