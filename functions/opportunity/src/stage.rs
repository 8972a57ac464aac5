//! The stage of the pipeline, as it is written.
//!
//! An opportunity has it twice: as a choice (`salesstage`) and as the text that Dynamics shows as
//! its pipeline phase (`stepname`, "2-Develop"). A business process flow has stages of its own in
//! a table of its own, which is left alone: not every organization uses one.

use crm::labels::{Choice as _, SalesStage};

/// The pipeline phase that goes with a stage.
pub(crate) fn pipeline_phase(stage: SalesStage) -> String {
    format!("{}-{}", stage.value() + 1, stage.label())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_are_numbered_as_dynamics_does() {
        assert_eq!(pipeline_phase(SalesStage::Qualify), "1-Qualify");
        assert_eq!(pipeline_phase(SalesStage::Close), "4-Close");
    }
}
