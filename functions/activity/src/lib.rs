//! The tools for activities and notes.

mod create_activity;
mod create_note;
mod get_activities;
mod get_entity_notes;
mod record;

use toolkit::Gather;

/// The tools for activities and notes.
pub fn group<G: Gather>() -> G {
    G::new("activity")
        .tool::<create_note::CreateNote>()
        .tool::<get_activities::GetActivities>()
        .tool::<create_activity::CreateActivity>()
        .tool::<get_entity_notes::GetEntityNotes>()
}
