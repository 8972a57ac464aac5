//! Tools: contacts.
