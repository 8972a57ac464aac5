//! Feeds our readers of text from outside with texts that nobody would write.
//!
//! `cargo run -p fuzz -- 60` makes new texts of those in `corpus` for a minute and checks each;
//! `.ci/run fuzz` does that. `libfuzzer` is the same check for cargo-fuzz, which follows the paths
//! of the code and needs a nightly compiler. It is a workspace of its own, and the workflow's
//! schedule runs it. If either finds a fault, put the text into the corpus, and into a test beside
//! the code.
//!
//! For another reader of text from outside, add a [`Check`].

mod shapes;
pub mod text;

pub use shapes::hostile;

/// Checks what a reader makes of an input.
pub type Check = fn(&str) -> Result<(), Fault>;

/// The readers, by the names of their folders in `corpus`.
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
