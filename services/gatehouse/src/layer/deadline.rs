//! How long a call may take.

use std::time::Duration;

use gatehouse_domain::field::{FieldViolation, Malformed};
use http::HeaderMap;
use tokio::time::Instant;

const HEADER: &str = "grpc-timeout";
const MALFORMED: Malformed = Malformed("must be 1 to 8 digits and one of H, M, S, m, u, n");

/// However long the caller would wait.
const LIMIT: Duration = Duration::from_secs(10);

/// When a call with these headers, arriving now, has to be answered.
///
/// # Errors
/// A `grpc-timeout` that cannot be read; to guess would be to overrun it.
pub(super) fn of(headers: &HeaderMap) -> Result<Instant, FieldViolation> {
    let asked = match headers.get(HEADER) {
        None => LIMIT,
        Some(value) => parse(value.as_bytes()).ok_or_else(|| MALFORMED.at(HEADER))?,
    };
    Ok(Instant::now() + asked.min(LIMIT))
}

/// "gRPC over HTTP2", `Timeout`.
fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if !(1..=8).contains(&digits.len()) || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_hours(count)),
        b'M' => Some(Duration::from_mins(count)),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, expected) in [
            ("2H", Duration::from_hours(2)),
            ("2M", Duration::from_mins(2)),
            ("2S", Duration::from_secs(2)),
            ("2m", Duration::from_millis(2)),
            ("2u", Duration::from_micros(2)),
            ("00000002n", Duration::from_nanos(2)),
        ] {
            assert_eq!(parse(text.as_bytes()), Some(expected), "{text}");
        }
        assert!(parse(b"99999999H").is_some());
    }

    #[test]
    fn refuses_garbage() {
        for text in ["", "S", "5", "5s", "-5S", "+5S", "5 S", "123456789S", "1.5S"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
