//! ARCHITECTURE.md names files, types and functions: every one of them exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const TEXT: &str = include_str!("../../ARCHITECTURE.md");

/// Where a path of the document may begin.
const ROOTS: [&str; 5] =
    ["", "services/gatehouse/src", "crates/domain/src", "crates/persistence/src", "tests"];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What stands between backticks outside of the map.
fn code_spans() -> impl Iterator<Item = &'static str> {
    let prose = TEXT.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2))
}

fn is_path(span: &str) -> bool {
    let ending = [".rs", ".proto", ".toml", ".md", ".yaml", "/"];
    !span.contains(' ') && ending.iter().any(|ending| span.ends_with(ending))
}

/// The paths of the map: each line names some in a folder, which is the last line
/// before it with less indentation.
fn map_paths() -> Vec<String> {
    let map = TEXT.split("```").nth(1).expect("the map is in a block of its own");
    let mut folders = Vec::<(usize, String)>::new();
    let mut paths = Vec::new();
    for line in map.lines() {
        let indentation = line.len() - line.trim_start().len();
        folders.retain(|(depth, _)| *depth < indentation);
        let parent = folders.last().map(|(_, folder)| folder.clone()).unwrap_or_default();
        let names = line.split_whitespace().take_while(|word| is_path(word));
        let first = paths.len();
        paths.extend(names.map(|name| format!("{parent}{name}")));
        if let Some(folder) = paths.get(first).filter(|path| path.ends_with('/')) {
            folders.push((indentation, folder.clone()));
        }
    }
    paths
}

/// All source there is: Rust and the contract.
fn sources() -> String {
    let mut text = String::new();
    let mut folders =
        ["crates", "services", "tests", "proto"].map(|name| repository().join(name)).to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            match extension {
                _ if path.is_dir() => folders.push(path),
                Some("rs" | "proto") => text.push_str(&fs::read_to_string(path).unwrap()),
                _ => {}
            }
        }
    }
    text
}

#[test]
fn every_file_that_it_names_exists() {
    let root = repository();
    let named = code_spans().filter(|span| is_path(span)).map(str::to_owned);
    let paths: Vec<_> = named.chain(map_paths()).collect();
    assert!(paths.len() > 40, "they are found at all");
    for path in paths {
        let found = ROOTS.iter().any(|from| root.join(from).join(&path).exists());
        assert!(found, "{path}");
    }
}

#[test]
fn every_function_and_type_that_it_names_exists() {
    let sources = sources();
    let identifier = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words: BTreeSet<_> = sources.split(|c| !identifier(c)).collect();
    let defined = |name: &str| {
        let kinds = ["fn", "struct", "enum", "trait", "type", "const", "rpc", "message"];
        let ends = |rest: &str| !rest.starts_with(identifier);
        let found = |kind: &&str| {
            let needle = format!("{kind} {name}");
            sources.match_indices(&needle).any(|(at, _)| ends(&sources[at + needle.len()..]))
        };
        kinds.iter().any(found)
    };
    let mut checked = 0;
    for span in code_spans().filter(|span| !is_path(span)) {
        let parts: Vec<_> = span.split("::").collect();
        if !parts.iter().all(|part| !part.is_empty() && part.chars().all(identifier)) {
            continue; // a command, or a piece of SQL
        }
        let (name, owners) = parts.split_last().unwrap();
        // An arm or a field of the contract is named alone.
        assert!(defined(name) || owners.is_empty() && words.contains(name), "{span}");
        assert!(owners.iter().all(|owner| words.contains(owner)), "{span}");
        checked += 1;
    }
    assert!(checked > 20, "they are found at all");
}
