//! What comes from outside and is read by code of ours, fed with what nobody would write.
//!
//! `cargo run -p fuzz -- 60` makes new texts of those in `corpus` for a minute and checks each;
//! `.ci/run fuzz` does that. `libfuzzer` is the same check for cargo-fuzz, which looks where the code
//! goes and needs a nightly compiler; it is a workspace of its own, and the workflow's schedule
//! runs it. What either finds belongs into the corpus, and into a test beside the code.
//!
//! Another reader of what comes from outside is another [`Check`].

mod shapes;
pub mod text;

pub use shapes::hostile;

/// What is checked of what a reader makes of an input.
pub type Check = fn(&str) -> Result<(), Fault>;

/// The readers by their names, which are those of their folders in `corpus`.
pub const READERS: [(&str, Check); 1] = [("text", text::check)];

/// What a reader got wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault(pub String);

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Fault {}
