//! Finds out who a visitor is, by a code that is sent to the address on the visitor's contact.

mod end_conversation;
mod send_visitor_code;
mod verify_visitor;

use toolkit::{Collect, Tools};

const GROUP: &str = "visitor";

/// The tools that find out who a visitor is.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<send_visitor_code::SendVisitorCode>(GROUP)
        .with::<verify_visitor::VerifyVisitor>(GROUP)
}

/// What the platform calls besides tools.
pub fn operations<C: Collect<Tools>>(operations: C) -> C {
    operations.with::<end_conversation::EndConversation>(GROUP)
}
