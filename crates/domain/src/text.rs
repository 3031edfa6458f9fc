//! What is refused in any text that people are shown.

/// Whether `c` can make a text look like another one: a control character, or
/// one of Unicode's bidirectional formatting characters (UAX 9, table 4) or
/// line separators.
#[must_use]
pub fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
