//! Finds out who a visitor is, by a code that is sent to the address on the visitor's contact, and
//! carries out calls that waited until somebody said yes.

mod confirm;
mod end_conversation;
mod press_button;
mod send_visitor_code;
mod verify_visitor;

use toolkit::{Collect, Tools};

const GROUP: &str = "visitor";

/// The tools whose calls somebody can say yes to: all others.
pub fn confirmable<C: Collect<Tools>>(tools: C) -> C {
    let tools = contact::tools(tools);
    let tools = account::tools(tools);
    let tools = lead::tools(tools);
    let tools = opportunity::tools(tools);
    let tools = case::tools(tools);
    let tools = activity::tools(tools);
    engagement::tools(tools)
}

/// The tools that find out who a visitor is, and that carry out what they said yes to.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<send_visitor_code::SendVisitorCode>(GROUP)
        .with::<verify_visitor::VerifyVisitor>(GROUP)
        .with::<confirm::Confirm>(GROUP)
}

/// What the platform calls besides tools.
pub fn operations<C: Collect<Tools>>(operations: C) -> C {
    operations
        .with::<end_conversation::EndConversation>(GROUP)
        .with::<press_button::PressButton>(GROUP)
}
