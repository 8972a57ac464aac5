//! The tools for activities and notes.

mod create_activity;
mod create_note;
mod get_activities;
mod get_entity_notes;
mod record;

use toolkit::{Collect, Tools};

const GROUP: &str = "activity";

/// The tools for activities and notes.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<create_note::CreateNote>(GROUP)
        .with::<get_activities::GetActivities>(GROUP)
        .with::<create_activity::CreateActivity>(GROUP)
        .with::<get_entity_notes::GetEntityNotes>(GROUP)
}
