//! Writes the stage of the pipeline.
//!
//! An opportunity has the stage twice: as a choice (`salesstage`), and as the text that Dynamics
//! shows as the pipeline phase (`stepname`, such as "2-Develop"). The stages of a business process
//! flow are in another table. The tools do not touch these, because not every organization uses
//! such a flow.

use crm::labels::{Choice as _, SalesStage};

/// The pipeline phase of a stage.
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
