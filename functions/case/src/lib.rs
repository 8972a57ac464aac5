//! Tools: cases.
