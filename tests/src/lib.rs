//! The end-to-end tests are in `tests/end_to_end`.
