//! The latest activities, and those that lie ahead.

use crm::activity::{ActivitySummary, Timeline};
use dataverse::{Error, Filter, Page, Record};

use crate::{Answers, Context, Reads, Slot};

/// The places of the answers to the queries of a [`Timeline`].
pub struct SeekingTimeline {
    past: Vec<Slot>,
    ahead: Slot,
}

impl Reads<'_> {
    /// Adds the queries for these activities, of which this many rows are wanted.
    pub fn seek_timeline(
        &mut self,
        context: &Context,
        wanted: &Filter,
        rows: u32,
    ) -> SeekingTimeline {
        let Timeline { past, ahead } = Timeline::of(wanted, context.now(), rows);
        let past = past.into_iter().map(|query| self.add(query)).collect();
        SeekingTimeline { past, ahead: self.add(ahead) }
    }
}

impl Answers<'_> {
    /// What took place, the latest first, and what lies ahead, the next first.
    pub fn timeline(&mut self, slots: SeekingTimeline) -> Result<(Page, Page), Error> {
        let mut all = Page::default();
        for slot in slots.past {
            all.records.extend(self.result(slot)?.records);
        }
        Timeline::sort(&mut all.records);
        Ok((all, self.result(slots.ahead)?))
    }
}

impl Context {
    /// Activities as this call may see them.
    pub fn timeline(&self, activities: &[Record]) -> Vec<ActivitySummary> {
        ActivitySummary::list(activities, self.now(), self.is_for_visitor())
    }
}
