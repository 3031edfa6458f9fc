//! The log: to standard error, one event a line whatever the event says.

use std::io::{self, Write};
use std::time::Duration;

use gatehouse_domain::text::is_deceptive;
use tokio::time::Instant;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::{LogFormat, LogSettings};

/// Statements carry digests and addresses, frames carry tokens: only who names
/// these targets gets them. h2 warns of what a client does, as often as it does it.
const QUIET: &str = "sqlx=warn,sqlx::query=off,sea_orm=warn,sea_orm_migration=warn,\
                     h2=error,hyper=warn,hyper_util=warn";

/// Between two lines that say the same, however often it happens.
const PAUSE: Duration = Duration::from_mins(1);

/// What may happen many times a second is told when it begins, then once a minute.
#[derive(Default)]
pub(crate) struct Seldom {
    told: Option<Instant>,
    unsaid: u64,
}

impl Seldom {
    /// Notes that it has happened. How often it did so without a line, if it is to have one now.
    pub(crate) fn tell(&mut self) -> Option<u64> {
        if self.told.is_some_and(|told| told.elapsed() < PAUSE) {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.told = Some(Instant::now());
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// Starts logging for the whole process. Later calls change nothing.
///
/// # Errors
/// A filter that cannot be read.
pub fn start(settings: &LogSettings) -> Result<(), ParseError> {
    let subscriber = subscriber(settings, io::stderr)?;
    // Fails only where there is a subscriber already.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// The same log to another place; `writer` gives one value for each event.
///
/// # Errors
/// A filter that cannot be read.
pub fn subscriber<W: Write>(
    settings: &LogSettings,
    writer: impl Fn() -> W + Send + Sync + 'static,
) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError> {
    let writer = move || Escaping(writer());
    let filter = EnvFilter::builder().parse(format!("{QUIET},{}", settings.filter))?;
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(writer);
    Ok(match settings.format {
        LogFormat::Text => Box::new(log.finish()),
        LogFormat::Json => Box::new(log.json().finish()),
    })
}

/// Escapes what could fake a line or turn text around, in the form that is
/// also right within JSON strings. Gets one whole event at a time.
struct Escaping<W>(W);

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut escaped = Vec::with_capacity(event.len());
        for c in line.chars() {
            if is_deceptive(c) {
                write!(escaped, "\\u{:04x}", u32::from(c))?;
            } else {
                write!(escaped, "{c}")?;
            }
        }
        escaped.push(b'\n');
        self.0.write_all(&escaped)?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged when `event` happens.
    fn logged(filter: &str, format: LogFormat, event: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let settings = LogSettings { filter: filter.to_owned(), format };
        let subscriber = subscriber(&settings, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, event);
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    /// CR, LF, an ANSI sequence, its one-byte form, and a right-to-left override.
    const HOSTILE: &str = "a\r\nb\u{1b}[31mc\u{9b}31md\u{202e}e";

    #[test]
    fn a_text_field_cannot_leave_its_line() {
        let event = || {
            let _span = tracing::info_span!("call", path = HOSTILE).entered();
            tracing::info!(name = %HOSTILE, quoted = HOSTILE, "{HOSTILE}");
        };
        for format in [LogFormat::Text, LogFormat::Json] {
            let log = logged("info", format, event);
            let line = log.strip_suffix('\n').unwrap();
            assert!(!line.chars().any(is_deceptive), "{line:?}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&logged("info", LogFormat::Json, event)).unwrap();
        assert_eq!(json["fields"]["name"], HOSTILE);
    }

    #[tokio::test(start_paused = true)]
    async fn what_goes_on_is_told_when_it_begins_and_then_counted() {
        let mut seldom = Seldom::default();
        assert_eq!(seldom.tell(), Some(0));
        for _ in 0..600 {
            assert_eq!(seldom.tell(), None);
        }
        tokio::time::advance(PAUSE).await;
        assert_eq!(seldom.tell(), Some(600));
        assert_eq!(seldom.tell(), None);
    }

    #[test]
    fn statements_are_logged_only_by_name() {
        let event = || tracing::debug!(target: "sqlx::query", "SELECT 1");
        assert_eq!(logged("debug", LogFormat::Text, event), "");
        assert!(logged("sqlx::query=debug", LogFormat::Text, event).contains("SELECT 1"));
    }
}
