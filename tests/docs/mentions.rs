//! What documents mention between blocks is there: commands, settings, recipes, and what they link to.

use std::collections::BTreeSet;
use std::fs;

use clap::error::ErrorKind;
use clap::{Arg, Command};
use gatehouse::command::definition;

use crate::blocks::{documents, repository};

/// A document without its blocks.
fn prose(document: &str) -> String {
    let mut is_block = false;
    let lines = document.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        is_block ^= is_fence;
        !is_block && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// What stands between backticks in the prose of every document, each with the document.
fn code_spans() -> Vec<(String, String)> {
    let mut spans = Vec::new();
    for (document, text) in documents() {
        let prose = prose(&text);
        let of_it = prose.split('`').skip(1).step_by(2);
        // A span may be broken over two lines.
        let words = of_it.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" "));
        spans.extend(words.map(|span| (document.clone(), span)));
    }
    spans
}

/// Commands of the program, with those below them.
fn commands(command: &Command, found: &mut Vec<Command>) {
    found.push(command.clone());
    command.get_subcommands().for_each(|below| commands(below, found));
}

fn all_commands() -> Vec<Command> {
    let mut found = Vec::new();
    commands(&definition(), &mut found);
    found
}

/// `ID`, in the place of what a reader has.
fn is_placeholder(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_uppercase())
}

#[test]
fn commands_that_are_mentioned_are_understood() {
    let mut checked = 0;
    for (document, span) in code_spans() {
        let words: Vec<_> = span.split(' ').collect();
        if words[0] != "gatehouse" || words.len() < 2 {
            continue;
        }
        checked += 1;
        let Err(error) = definition().try_get_matches_from(&words) else { continue };
        let is_understood = match error.kind() {
            // One that is only named has not all that it needs.
            ErrorKind::DisplayHelp
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            | ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand => true,
            ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
                words.iter().any(|word| is_placeholder(word))
            }
            _ => false,
        };
        assert!(is_understood, "{document}: `{span}`: {error}");
    }
    assert!(checked > 50, "{checked} are found");
}

/// The variable of every setting, and of what single commands take besides.
pub fn variables() -> BTreeSet<String> {
    let commands = all_commands();
    let variables = commands.iter().flat_map(Command::get_arguments).filter_map(Arg::get_env);
    variables.map(|name| name.to_str().unwrap().to_owned()).collect()
}

#[test]
fn settings_that_are_mentioned_are_there() {
    let variables = variables();
    for (document, text) in documents() {
        for (at, _) in text.match_indices("GATEHOUSE_") {
            let is_of_name = |c: char| c.is_ascii_uppercase() || c == '_';
            let name = text[at..].split(|c| !is_of_name(c)).next().unwrap();
            // `GATEHOUSE_…` is all of them.
            assert!(variables.contains(name) || name.ends_with('_'), "{document}: {name}");
        }
    }
    let commands = all_commands();
    let arguments = commands.iter().flat_map(Command::get_arguments);
    let flags: BTreeSet<_> = arguments.filter_map(Arg::get_long).collect();
    for (document, span) in code_spans() {
        let Some(flag) = span.split([' ', '=']).next().unwrap().strip_prefix("--") else {
            continue;
        };
        let is_others = OF_OTHERS.contains(&flag);
        assert!(flags.contains(flag) || is_others, "{document}: --{flag}");
    }
}

/// Flags of other programs: Docker's, and Keycloak's.
const OF_OTHERS: [&str; 2] = ["volumes", "users"];

#[test]
fn recipes_that_are_mentioned_are_there() {
    let recipes = fs::read_to_string(repository().join("justfile")).unwrap();
    let names: BTreeSet<_> = recipes
        .lines()
        .filter(|line| !line.starts_with([' ', '#', '[']) && line.contains(':'))
        .filter_map(|line| line.split([' ', ':']).next())
        .collect();
    for (document, span) in code_spans() {
        if let Some(recipe) = span.strip_prefix("just ") {
            let name = recipe.split(' ').next().unwrap();
            assert!(names.contains(name), "{document}: just {name}");
        }
    }
}

/// How GitHub names a heading in links.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[test]
fn links_lead_to_files_and_headings_that_are_there() {
    let documents = documents();
    let mut checked = 0;
    for (document, text) in &documents {
        let prose = prose(text);
        let folder = repository().join(document).parent().unwrap().to_owned();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            checked += 1;
            let (file, heading) = link.split_once('#').map_or((link, None), |(f, h)| (f, Some(h)));
            let path =
                if file.is_empty() { repository().join(document) } else { folder.join(file) };
            assert!(path.exists(), "{document}: {link}");
            if let Some(heading) = heading {
                let there = self::prose(&fs::read_to_string(path).unwrap());
                let headings = there.lines().filter(|line| line.starts_with('#'));
                let mut anchors = headings.map(|line| anchor(line.trim_start_matches('#').trim()));
                assert!(anchors.any(|anchor| anchor == heading), "{document}: {link}");
            }
        }
    }
    assert!(checked > 100, "{checked} are found");
}

#[test]
fn the_readme_leads_to_every_document() {
    let documents = documents();
    for document in documents.keys().filter(|name| name.starts_with("docs/")) {
        assert!(documents["README.md"].contains(&format!("]({document}")), "{document}");
    }
}
