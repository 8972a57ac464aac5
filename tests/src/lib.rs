//! End-to-end tests over HTTP against the local stack.
