//! What a command prints: a table for people, or JSON.

use std::error::Error;
use std::io::{self, BufRead, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets};
use gatehouse_domain::text::is_deceptive;
use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use prost_types::Timestamp;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Rows that a list shows unless it is told otherwise.
pub(super) const DEFAULT_LIMIT: usize = 50;
/// For a note that is written into a pipe.
const NOTE_LIMIT: Duration = Duration::from_secs(1);
/// The largest page that the server gives.
const MAX_PAGE: usize = 1_000;

static CONTRACT: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(gatehouse_api::FILE_DESCRIPTOR_SET).ok());

/// How to print, and whether to ask.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    /// JSON, an object on each line.
    pub(super) json: bool,
    /// Whoever typed it has been asked already.
    pub(super) yes: bool,
}

impl Output {
    /// Prints `rows` under `headings`, or `messages` as JSON.
    pub(super) fn list<M: Message + Name>(
        self,
        headings: &[&str],
        messages: &[M],
        row: impl Fn(&M) -> Vec<String>,
    ) -> Result<(), Box<dyn Error>> {
        let mut out = io::stdout().lock();
        if self.json {
            for message in messages {
                writeln!(out, "{}", json(message)?)?;
            }
            return Ok(());
        }
        if messages.is_empty() {
            // An empty table is also what a typing error gives.
            note("there is none")?;
        }
        let mut table = plain();
        table.set_header(headings.iter().map(|heading| heading.to_uppercase()));
        table.add_rows(messages.iter().map(|message| cells(&row(message))));
        print(&mut out, &table)
    }

    /// Prints the headings of a table whose rows come one by one, in columns of at least these
    /// `widths`; JSON has none.
    pub(super) async fn begin(self, widths: &[usize], headings: &[&str]) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        let headings = headings.iter().map(|heading| heading.to_uppercase());
        write(tokio::io::stdout(), &line_of(widths, &headings.collect::<Vec<_>>())).await
    }

    /// Prints rows of such a table, or `messages` as JSON. Whoever does not wait for the end of
    /// it is kept by no pipe that nobody reads.
    pub(super) async fn go_on<M: Message + Name>(
        self,
        widths: &[usize],
        messages: &[M],
        row: impl Fn(&M) -> Vec<String>,
    ) -> Result<(), Box<dyn Error>> {
        let mut text = String::new();
        for message in messages {
            if self.json {
                text.push_str(&json(message)?);
                text.push('\n');
            } else {
                text.push_str(&line_of(widths, &row(message)));
            }
        }
        Ok(write(tokio::io::stdout(), &text).await?)
    }

    /// Prints one thing, a property on each line.
    pub(super) fn one<M: Message + Name>(
        self,
        message: &M,
        properties: Vec<(&str, String)>,
    ) -> Result<(), Box<dyn Error>> {
        let mut out = io::stdout().lock();
        if self.json {
            writeln!(out, "{}", json(message)?)?;
            return Ok(());
        }
        let mut table = plain();
        let shown = properties.into_iter().filter(|(_, value)| !value.is_empty());
        table.add_rows(shown.map(|(name, value)| cells(&[name.to_owned(), value])));
        print(&mut out, &table)
    }

    /// Asks before what cannot be undone.
    ///
    /// # Errors
    /// If the answer is not yes, or nobody can be asked.
    pub(super) fn confirm(self, what: &str) -> Result<(), Box<dyn Error>> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() {
            return Err(format!("{what}: --yes is needed where nobody can be asked").into());
        }
        write!(io::stderr(), "{}\nThis cannot be undone. Type yes to go on: ", printable(what))?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        if answer.trim() != "yes" {
            return Err("nothing was changed".into());
        }
        Ok(())
    }
}

/// Says what was done, on standard error: standard output is for what was asked for.
pub(super) fn note(line: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{}", printable(line))
}

/// The same for who must not be kept by a pipe that nobody reads.
pub(super) async fn note_unless_full(line: &str) -> io::Result<()> {
    let line = format!("{}\n", printable(line));
    timeout(NOTE_LIMIT, write(tokio::io::stderr(), &line)).await.unwrap_or(Ok(()))
}

/// Ready once it has been written, by a thread that blocks in place of this one.
async fn write(mut out: impl AsyncWrite + Unpin, text: &str) -> io::Result<()> {
    out.write_all(text.as_bytes()).await?;
    out.flush().await
}

/// Columns side by side, and no lines between them.
fn plain() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn print(out: &mut impl Write, table: &Table) -> Result<(), Box<dyn Error>> {
    for line in table.lines() {
        writeln!(out, "{}", line.trim())?;
    }
    Ok(())
}

fn line_of(widths: &[usize], cells: &[String]) -> String {
    let columns = widths.iter().zip(cells);
    let columns = columns.map(|(width, value)| format!("{:<width$}", cell(value)));
    let line = columns.collect::<Vec<_>>().join("  ");
    format!("{}\n", line.trim_end())
}

fn cells(values: &[String]) -> Vec<String> {
    values.iter().map(|value| cell(value)).collect()
}

/// Two spaces are the end of a column: no value has them.
fn cell(value: &str) -> String {
    printable(value).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without what would steer the terminal: user agents and names come from outside.
pub(super) fn printable(text: &str) -> String {
    text.replace(is_deceptive, "\u{fffd}")
}

/// What the contract says of a message.
///
/// # Errors
/// If the contract cannot be read.
pub(super) fn descriptor<M: Name>() -> Result<MessageDescriptor, Box<dyn Error>> {
    let contract = CONTRACT.as_ref().ok_or("the contract cannot be read")?;
    let name = M::full_name();
    let found = contract.get_message_by_name(&name);
    Ok(found.ok_or_else(|| format!("{name} is not in the contract"))?)
}

/// The message as protobuf's JSON mapping has it, on one line.
fn json<M: Message + Name>(message: &M) -> Result<String, Box<dyn Error>> {
    let encoded = message.encode_to_vec();
    let dynamic = DynamicMessage::decode(descriptor::<M>()?, encoded.as_slice())?;
    let options = SerializeOptions::new().skip_default_fields(false);
    let mut line = Vec::new();
    dynamic.serialize_with_options(&mut serde_json::Serializer::new(&mut line), &options)?;
    Ok(String::from_utf8(line)?)
}

/// To the second, in UTC; empty without one.
pub(super) fn time(time: Option<&Timestamp>) -> String {
    time.map_or_else(String::new, |time| Timestamp { nanos: 0, ..*time }.to_string())
}

/// The name of an enumeration's value, without what its type's name repeats.
pub(super) fn value(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

/// The last part of a resource name.
pub(super) fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// How many rows to print: 0 would ask the server for as many as it likes.
///
/// # Errors
/// For no number, or 0.
pub(super) fn limit(text: &str) -> Result<usize, &'static str> {
    let limit = text.parse::<NonZeroUsize>().map_err(|_| "must be a number from 1 on")?;
    Ok(limit.get())
}

/// How many to ask for next, of `limit` in all with `so_far` here.
pub(super) fn page_size(limit: usize, so_far: usize) -> i32 {
    i32::try_from(limit.saturating_sub(so_far).min(MAX_PAGE)).unwrap_or(i32::MAX)
}

/// Collects pages until `$limit` rows are there, and notes where there are more.
macro_rules! pages {
    ($connection:ident . $method:ident ( $request:expr ) . $field:ident, $limit:expr) => {{
        let mut request = $request;
        let mut rows = Vec::new();
        loop {
            request.page_size = $crate::command::admin::output::page_size($limit, rows.len());
            let called = $connection.$method(request.clone()).await;
            let page = $crate::command::admin::connection::answer(called)?;
            rows.extend(page.$field);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break rows;
            }
            if rows.len() >= $limit {
                $crate::command::admin::output::note("there are more: --limit")?;
                break rows;
            }
        }
    }};
}
pub(super) use pages;

#[cfg(test)]
mod tests {
    use gatehouse_api::v1::{Customer, Session};

    use super::*;

    #[test]
    fn json_is_protobufs_mapping_on_one_line() {
        let customer = Customer {
            name: "portals/acme/customers/ada".to_owned(),
            create_time: Some(Timestamp { seconds: 0, nanos: 500_000_000 }),
            ..Customer::default()
        };
        let line = json(&customer).unwrap();
        assert!(line.contains(r#""createTime":"1970-01-01T00:00:00.500Z""#), "{line}");
        assert!(line.contains(r#""suspended":false"#), "{line}");
        assert!(!line.contains('\n'));
        assert!(json(&Session::default()).is_ok());
    }

    #[test]
    fn no_value_passes_for_the_next_columns() {
        assert_eq!(cells(&["root  127.0.0.1 \u{a0} ".to_owned()]), ["root 127.0.0.1"]);
        assert_eq!(line_of(&[4, 0], &["a  b".to_owned(), "c".to_owned()]), "a b   c\n");
    }

    #[test]
    fn nothing_that_is_printed_steers_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\u{202e}\n"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}");
    }

    #[test]
    fn a_page_is_no_larger_than_what_is_missing() {
        assert_eq!(page_size(50, 0), 50);
        assert_eq!(page_size(50, 30), 20);
        assert_eq!(page_size(5_000, 0), 1_000);
    }
}
