//! What the end-to-end tests in `tests/end_to_end` share with the benchmarks.

pub mod budgets;
