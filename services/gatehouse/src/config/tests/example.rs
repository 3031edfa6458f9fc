//! deploy/gatehouse.toml has every setting, as it is described, with the default that it has.

use clap::{Args, Command};

use super::*;

const EXAMPLE: &str = include_str!("../../../../../deploy/gatehouse.toml");

/// A setting as the example has it.
struct Entry {
    name: &'static str,
    value: &'static str,
    /// What is said of it above, on one line.
    comment: String,
    is_set: bool,
}

impl Entry {
    /// Of a paragraph whose last line is a setting, perhaps commented out.
    fn of(paragraph: &'static str) -> Option<Self> {
        let (comment, line) = paragraph.trim_end().rsplit_once('\n')?;
        let (name, value) = line.trim_start_matches('#').split_once(" = ")?;
        let words = comment.lines().map(|line| line.trim_start_matches(['#', ' ']));
        let comment = words.collect::<Vec<_>>().join(" ");
        Some(Self { name, value, comment, is_set: !line.starts_with('#') })
    }

    fn line(&self) -> String {
        format!("{} = {}\n", self.name, self.value)
    }

    /// What the description says that the default is.
    fn described_default(&self) -> Option<&str> {
        self.comment.split_once("[default: ")?.1.strip_suffix(']')
    }

    /// Whether there is a default that is the same everywhere.
    fn has_default(&self) -> bool {
        let varies = |default: &str| {
            let by_another = default.starts_with("none") || default.starts_with("OTEL_");
            by_another || default.contains("as many as")
        };
        self.described_default().is_some_and(|default| !varies(default))
    }
}

fn entries() -> Vec<Entry> {
    EXAMPLE.split("\n\n").filter_map(Entry::of).collect()
}

/// What `entries` say, given as the file of the settings.
fn loaded(entries: &[Entry]) -> Settings {
    load(&[], &entries.iter().map(Entry::line).collect::<String>()).unwrap()
}

#[test]
fn it_has_every_setting_as_it_is_described() {
    let command = Given::augment_args(Command::new("gatehouse"));
    let defined: Vec<_> = command
        .get_arguments()
        .map(|arg| (arg.get_id().as_str(), arg.get_help().unwrap().to_string()))
        .collect();
    let entries = entries();
    let shown: Vec<_> = entries.iter().map(|entry| (entry.name, entry.comment.clone())).collect();
    for (name, help) in &defined {
        let is_there = shown.contains(&(*name, help.clone()));
        assert!(is_there, "deploy/gatehouse.toml lacks this:\n\n# {help}\n#{name} = \n");
    }
    assert_eq!(shown, defined);
}

#[test]
fn it_can_be_used_as_it_is_and_sets_the_data_folder_alone() {
    let settings = load(&[], EXAMPLE).unwrap();
    assert_eq!(settings.data_dir, Path::new("/var/lib/gatehouse"));
    let set: Vec<_> = entries().into_iter().filter(|entry| entry.is_set).collect();
    assert_eq!(set.iter().map(|entry| entry.name).collect::<Vec<_>>(), ["data_dir"]);
}

#[test]
fn every_default_in_it_is_the_one_that_there_is() {
    let as_it_is = format!("{:?}", load(&[], EXAMPLE).unwrap());
    let mut with_defaults = entries();
    with_defaults.retain(|entry| entry.is_set || entry.has_default());
    assert!(with_defaults.len() > 8, "they are found at all");
    assert_eq!(format!("{:?}", loaded(&with_defaults)), as_it_is);

    // Where the description says it in one word, it is that word.
    for entry in entries().iter().filter(|entry| entry.has_default() && !entry.is_set) {
        let default = entry.described_default().unwrap();
        assert!(default.contains(' ') || default == entry.value.trim_matches('"'), "{default}");
    }
}

#[test]
fn every_example_in_it_can_be_used() {
    let mut examples = entries();
    examples.retain(|entry| entry.is_set || !entry.has_default());
    // A file with a secret is read at once: there is none yet.
    let (files, others): (Vec<_>, Vec<_>) =
        examples.into_iter().partition(|entry| entry.name.ends_with("_file"));
    for file in files {
        let refusal = refusal(&[], &file.line());
        assert!(refusal.contains(&format!("{}: No such file", file.value.trim_matches('"'))));
    }
    let with_examples = format!("{:?}", loaded(&others));
    for setting in ["tls: Some(", "metrics_listen: Some("] {
        assert!(with_examples.contains(setting), "{setting}: {with_examples}");
    }
}
