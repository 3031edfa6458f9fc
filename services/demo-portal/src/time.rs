//! What time it is, and times as pages show them: in UTC, since a server does not know where its reader is.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

/// The form in which `<input type="datetime-local">` takes and gives a time.
const INPUT: &str = "%Y-%m-%dT%H:%M";

/// What to say of a text that is no such time.
pub const INPUT_RULE: &str = "A date and a time, like 2026-12-01T14:05.";

/// This program's one clock.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// What a message says; None where that is no time at all.
pub fn read(timestamp: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    let prost_types::Timestamp { seconds, nanos } = timestamp?;
    Timestamp::new(seconds, nanos).ok()
}

/// For a message.
pub fn message(time: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }
}

/// A moment: `1 December 2026, 14:05 UTC`.
pub fn moment(time: Timestamp) -> Markup {
    html! {
        time datetime=(time) { (time.strftime("%-d %B %Y, %H:%M UTC")) }
    }
}

/// When a wait is over: `14:05:09 UTC (in 15 minutes)`. Where scripts run, what stands in brackets
/// counts down.
pub fn countdown(until: Timestamp, now: Timestamp) -> Markup {
    let wait = until.duration_since(now);
    html! {
        time datetime=(until) { (until.strftime("%H:%M:%S UTC")) }
        " (" span data-countdown=(until) { "in " (amount(wait)) } ")"
    }
}

/// When a wait of so long is over.
pub fn countdown_of(wait: Duration) -> Markup {
    let now = now();
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO);
    countdown(now.checked_add(wait).unwrap_or(now), now)
}

/// `15 minutes`: rounded up, so that nobody comes back too early.
fn amount(wait: SignedDuration) -> String {
    let seconds = wait.as_secs().max(0) + i64::from(wait.subsec_nanos() > 0);
    match seconds {
        ..=1 => "1 second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        91..=5_400 => format!("{} minutes", (seconds + 59) / 60),
        _ => format!("{} hours", (seconds + 3_599) / 3_600),
    }
}

/// As a form field shows it.
pub fn to_input(time: Timestamp) -> String {
    time.strftime(INPUT).to_string()
}

/// What a form field gave, read as UTC.
pub fn from_input(text: &str) -> Option<Timestamp> {
    let time = jiff::civil::DateTime::strptime(INPUT, text).ok()?;
    Some(time.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_moment_is_told_with_its_day_and_zone() {
        let shown = moment(at("2026-12-01T14:05:09Z")).into_string();
        assert!(shown.contains("1 December 2026, 14:05 UTC"), "{shown}");
    }

    #[test]
    fn a_wait_is_rounded_up() {
        let amounts = [
            (-5, "1 second"),
            (1, "1 second"),
            (90, "90 seconds"),
            (91, "2 minutes"),
            (5_400, "90 minutes"),
            (5_401, "2 hours"),
        ];
        for (seconds, text) in amounts {
            assert_eq!(amount(SignedDuration::from_secs(seconds)), text);
        }
        assert_eq!(amount(SignedDuration::from_millis(2_001)), "3 seconds");
    }

    #[test]
    fn a_form_gives_back_what_it_was_shown() {
        let time = at("2026-12-01T14:05:00Z");
        assert_eq!(to_input(time), "2026-12-01T14:05");
        assert_eq!(from_input(&to_input(time)), Some(time));
        for bad in ["", "yesterday", "2026-13-01T14:05", "2026-12-01"] {
            assert_eq!(from_input(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_message_keeps_the_time() {
        let time = at("2026-12-01T14:05:09.000001Z");
        assert_eq!(read(Some(message(time))), Some(time));
        assert_eq!(read(None), None);
        let never = prost_types::Timestamp { seconds: i64::MAX, nanos: 0 };
        assert_eq!(read(Some(never)), None);
    }
}
