//! Tests of the whole, as one program.

mod kernel_numbers;
