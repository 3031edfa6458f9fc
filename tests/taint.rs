//! Looks for the secrets that tests saw in everything that they left: see tests/support/taint.rs.
//! Says how much was searched; exits with 1 where a secret is found, or where nothing was watched.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test ends where its expectation does"
)]

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use aho_corasick::AhoCorasick;
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

/// Shorter ones would be found by chance, or are words: tests set `password` as a password.
const SHORTEST: usize = 12;
/// Enough of a secret to know it by.
const NEEDLE_BYTES: usize = 16;
/// Of what is found, so many are shown.
const SHOWN: usize = 20;
/// What each kind of process leaves.
const KINDS: [&str; 5] = ["answers", "database", "log", "metrics", "traces"];

/// A form in which a secret could stand somewhere, and what it is of.
type Needles = BTreeMap<Vec<u8>, String>;

fn main() -> ExitCode {
    let folder = PathBuf::from(env::args_os().nth(1).unwrap());
    let (secrets, needles) = needles(&folder);
    let automaton = AhoCorasick::new(needles.keys()).unwrap();
    let names: Vec<_> = needles.values().collect();

    let (mut found, mut searched) = (0, BTreeMap::new());
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Some(kind) = KINDS.into_iter().find(|kind| name.starts_with(kind)) else { continue };
        let content = fs::read(&path).unwrap();
        let (files, bytes) = searched.entry(kind).or_insert((0_usize, 0_usize));
        (*files, *bytes) = (*files + 1, *bytes + content.len());
        for at in automaton.find_iter(&content) {
            found += 1;
            if found > SHOWN {
                continue;
            }
            let from = at.start().saturating_sub(80);
            let around = &content[from..(at.end() + 20).min(content.len())];
            let around = String::from_utf8_lossy(around);
            println!("{name}: {}: {around:?}", names[at.pattern().as_usize()]);
        }
    }
    print!("taint: {secrets} secrets in {} forms looked for", needles.len());
    for (kind, (files, bytes)) in &searched {
        print!(", {files} {kind} ({} MB)", bytes / 1_000_000);
    }
    println!(": {found} found");
    let all_there = searched.len() == KINDS.len() && searched.values().all(|(_, bytes)| *bytes > 0);
    if found == 0 && secrets > 0 && all_there { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What to look for: all that was sent as a secret, and never as anything else.
fn needles(folder: &Path) -> (usize, Needles) {
    let (mut secrets, mut public) = (BTreeMap::new(), HashSet::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_str().unwrap().starts_with("values") {
            continue;
        }
        for line in fs::read_to_string(path).unwrap().lines() {
            let mut parts = line.split(' ');
            let (kind, rest) = (parts.next().unwrap(), parts.collect::<Vec<_>>());
            let (hex, what) = rest.split_last().unwrap();
            let value = HEXLOWER.decode(hex.as_bytes()).unwrap();
            if kind == "secret" {
                secrets.insert(value, what.join(" "));
            } else {
                public.insert(value);
            }
        }
    }
    secrets.retain(|value, _| {
        // A number is in every log.
        let is_number = value.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ');
        value.len() >= SHORTEST && !is_number && !public.contains(value)
    });
    let mut needles = Needles::new();
    for (value, what) in &secrets {
        for form in forms(value).into_iter().filter(|form| !is_filling(form)) {
            let lists = format!("{form:?}");
            let lists = lists.trim_matches(['[', ']']).as_bytes().to_vec();
            let [lower, upper] = [HEXLOWER.encode(&form), HEXUPPER.encode(&form)];
            for mut needle in [form, lists, lower.into_bytes(), upper.into_bytes()] {
                // The list and the hex of as many bytes are longer.
                needle.truncate(NEEDLE_BYTES * 5);
                needles.insert(needle, what.clone());
            }
        }
    }
    (secrets.len(), needles)
}

/// Whether it is one byte over and over, as of a token that a test made up. Files are full of such.
fn is_filling(form: &[u8]) -> bool {
    form.iter().all(|byte| *byte == form[0])
}

/// The value as it is, and what it is made of or is made into.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![value[..value.len().min(NEEDLE_BYTES)].to_vec()];
    let text = String::from_utf8_lossy(value);
    if let Some(token) = text.get(4..).filter(|_| text.starts_with("gh")) {
        // Of a start, which is no secret by itself until it is signed for, it is the beginning.
        forms = vec![token.as_bytes()[..token.len().min(NEEDLE_BYTES)].to_vec()];
        forms.extend(BASE64URL_NOPAD.decode(token.as_bytes()).ok().filter(|it| it.len() == 32));
    }
    forms.extend(BASE32_NOPAD.decode(value).ok());
    if text.len() == 19 && text.matches('-').count() == 3 {
        forms.push(text.replace('-', "").into_bytes());
        forms.push(text.replace('-', "").to_lowercase().into_bytes());
    }
    forms
}
