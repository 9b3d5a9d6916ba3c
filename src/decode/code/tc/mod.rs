//! Values of traffic control, on their way to their tables.

pub mod disciplines;

#[cfg(test)]
use crate::kinds::rtnetlink::tc::testing as tests;
use crate::kinds::rtnetlink::tc::value::*;
