//! One line of the table, and how the table is written.

use std::fmt;
use std::pin::Pin;

use gatehouse_api::v1::ErrorReason;

use gatehouse_tests::Acme;

/// What a call comes to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Refused(ErrorReason),
}

/// As the contract's comments write it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success => f.write_str("success"),
            Self::Refused(reason) => {
                f.write_str(reason.as_str_name().trim_start_matches("ERROR_REASON_"))
            }
        }
    }
}

/// Brings a portal that is the case's alone into a state, and gives the encoded
/// request that then comes to the outcome. A success is prepared without letting
/// time pass.
pub type Prepare = for<'a> fn(&'a Acme) -> Pin<Box<dyn Future<Output = Vec<u8>> + Send + 'a>>;

/// A method and what it may come to.
#[derive(Clone, Copy)]
pub struct Case {
    pub method: &'static str,
    pub outcome: Outcome,
    pub prepare: Prepare,
}

/// A table: methods, their outcomes, and the request for each, which is made of
/// the portal that is called as the first line says.
macro_rules! cases {
    ($acme:ident; $($method:ident { $($outcome:ident => $request:expr,)* })*) => {
        vec![$($($crate::reasons::case::Case {
            method: stringify!($method),
            outcome: cases!(@ $outcome),
            prepare: |$acme| {
                // Not every request needs it.
                let _ = $acme;
                Box::pin(async move { prost::Message::encode_to_vec(&$request) })
            },
        },)*)*]
    };
    (@ Success) => { $crate::reasons::case::Outcome::Success };
    (@ $reason:ident) => {
        $crate::reasons::case::Outcome::Refused(gatehouse_api::v1::ErrorReason::$reason)
    };
}
