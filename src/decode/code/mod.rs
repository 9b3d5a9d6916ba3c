//! The few values that no table can say: functions that rows name.
//!
//! Each is a [`WriteValue`](super::schema::WriteValue): it writes one value (`Is::Value`) or members (`Is::Members`),
//! or says what is wrong; the walker then keeps the attribute as hex.

pub mod tc;
