//! What has to hold whatever comes in, and what makes it come in.
//!
//! A target takes an input apart in its own way, and panics where one of its
//! properties does not hold. libFuzzer looks for such inputs, guided by what code they
//! reach (`just fuzz`); what it keeps lies in `corpus/`, and every test run goes through
//! that and a bounded number of changes of it, the same every time (`replay.rs`).

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a target ends where a property does"
)]

mod input;
pub mod targets;

pub use input::Input;

/// One property or several, and the inputs that they hold for.
#[derive(Clone, Copy)]
pub struct Target {
    /// Also the name of its corpus.
    pub name: &'static str,
    /// Panics if a property does not hold for this input.
    pub check: fn(&[u8]),
}

impl Target {
    /// The target of this name.
    #[must_use]
    pub fn find(name: &str) -> Option<Self> {
        targets::ALL.iter().copied().find(|target| target.name == name)
    }
}
