//! What documents have between fences is typed, or compared with what it stands for, by a test that
//! takes it out of the document and is named here. What nothing here can run stands in a list of
//! its own, with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use gatehouse_api::FILE_DESCRIPTOR_SET;
use prost_reflect::{DescriptorPool, DynamicMessage};

use crate::security::{exists, source_of_test};

/// An entry of one of the lists.
type Entry = (&'static str, &'static str, &'static str);

/// By document: a section, what follows the backticks of its blocks in their order, and who runs
/// them. Of the section `*` are all blocks of one kind, wherever they stand and however many.
const RUN: &[(&str, &[Entry])] = &[
    ("ARCHITECTURE.md", &[("", "text", "docs::architecture::every_file_that_it_names_exists")]),
    (
        "README.md",
        &[
            ("Start it", "sh", "tests/clients/readme/run"),
            ("Look at it", "sh", "tests/clients/readme/run"),
            ("The first enforced sign-in", "sh, sh, sh, sh, json", "tests/clients/readme/run"),
            ("Keys", "sh", "tests/clients/readme/run"),
            ("When something is wrong", "sh", "tests/clients/readme/run"),
            ("*", "sh tests", ".ci/run"),
            ("Work on it", "sh recipes", "tests/clients/readme/run"),
        ],
    ),
    (
        "docs/administering.md",
        &[
            ("*", "sh", "process::admin::the_guide_works_as_it_stands"),
            (
                "A server with TLS",
                "sh tls",
                "process::admin_tls::the_guide_shows_how_a_server_with_tls_is_administered",
            ),
        ],
    ),
    (
        "docs/envoy.md",
        &[
            ("*", "yaml", "docs::envoy::what_it_shows_is_what_is_deployed"),
            ("Set it up", "sh, sh, sh", "tests/clients/envoy/run"),
        ],
    ),
    (
        "docs/importing.md",
        &[
            (
                "A file",
                "sh, text, sh, text",
                "process::admin::import::sources::what_is_printed_is_what_the_guide_shows",
            ),
            ("A row", "json", "docs::blocks::the_row_that_is_shown_is_one"),
            ("By a call", "sh", "tests/clients/importing/run"),
            ("Keycloak", "sh", "process::admin::import::sources::keycloak"),
            ("Django", "sh export, sh", "tests/clients/importing/run"),
            ("better-auth", "js, sh export, sh", "tests/clients/importing/run"),
            ("Auth0", "sh", "process::admin::import::sources::auth0"),
            ("ZITADEL", "sh", "process::admin::import::sources::zitadel"),
            ("Ory Kratos", "sh", "process::admin::import::sources::ory_kratos"),
            ("Any other", "sh", "process::admin::import::sources::any_other"),
        ],
    ),
    (
        "docs/installing.md",
        &[
            (
                "Debian's package",
                "sh install, sh healthy, sh owner, sh database, sh restart, \
                 sh credential, sh reload, ini port, sh remove, sh purge, sh forget",
                "tests/package/run",
            ),
            ("*", "sh recipes", "tests/clients/readme/run"),
            ("Containers", "sh secrets", "tests/package/run"),
            ("From source", "sh", "tests/clients/readme/run"),
        ],
    ),
    (
        "docs/integrating.md",
        &[
            ("*", "python of a file", "tests/guide/run"),
            ("*", "ts of a file", "tests/guide/run"),
            ("*", "go of a file", "tests/guide/run"),
            ("*", "json of a file", "tests/guide/run"),
            ("Before the first page", "sh", "tests/clients/protoset/run"),
        ],
    ),
    ("docs/measuring.md", &[("", "sh recipes", "tests/clients/readme/run")]),
    (
        "docs/operations.md",
        &[
            (
                "Several servers",
                "sh",
                "process::operations::two_servers_serve_over_one_database_and_one_ring",
            ),
            (
                "Looking for what is wrong",
                "sh",
                "process::operations::the_doctor_is_asked_beside_a_server",
            ),
            ("TLS", "sh, sh, sh, sh, sh, sh", "tests/clients/tls/run"),
            ("*", "sh backup-sqlite", "process::operations::sqlite_is_backed_up_and_restored"),
            ("*", "sh restore-sqlite", "process::operations::sqlite_is_backed_up_and_restored"),
            ("*", "sh backup-postgres", "process::operations::postgres_is_backed_up_and_restored"),
            ("*", "sh restore-postgres", "process::operations::postgres_is_backed_up_and_restored"),
            (
                "The audit trail",
                "sh, sh",
                "process::operations::the_trail_is_checked_exported_and_its_head_noted_elsewhere",
            ),
            ("Logs", "json", "e2e::request_ids::a_call_is_logged_as_the_manual_shows_it"),
        ],
    ),
    (
        "docs/runbooks.md",
        &[
            (
                "Administrators are locked out",
                "sh",
                "process::runbooks::administrators_are_locked_out",
            ),
            (
                "A customer is locked out",
                "sh, sh, sh",
                "process::runbooks::a_customer_is_locked_out",
            ),
            ("The key ring is lost", "sh, sh", "process::runbooks::the_key_ring_is_lost"),
            ("The database is away", "sh, sh", "process::runbooks::the_database_is_away"),
            ("A key has leaked", "sh, sh, sh, sh", "process::runbooks::a_key_has_leaked"),
            ("A portal's key was used", "sh, sh", "process::runbooks::a_portals_key_was_used"),
            (
                "Everybody behind one address",
                "sh, sh",
                "process::runbooks::everybody_behind_one_address",
            ),
        ],
    ),
    ("proto/README.md", &[("A whole client", "python", "tests/clients/python/test_sign_in.py")]),
];

/// A document, how a block of it begins, and why nothing here runs it. Commands among these are
/// `console`: they have a `$` before them, and a link to who says so above them.
const NOT_RUN: &[Entry] = &[
    ("docs/importing.md", "$ kc.sh export", "Keycloak is in no package registry"),
    ("docs/importing.md", "$ curl --fail -o zitadel.json", "ZITADEL is in no package registry"),
    ("docs/importing.md", "$ curl --fail -o kratos.json", "Ory Kratos is in no package registry"),
    ("docs/installing.md", "$ podman build", "needs an engine for containers, and images"),
    ("docs/installing.md", "$ docker compose up", "needs an engine for containers, and images"),
    ("docs/measuring.md", "SQLite: sign-in 16 callers", "the figures of one run"),
    ("docs/measuring.md", "$ RUSTFLAGS=", "for processors that this machine may not have"),
    ("docs/operations.md", "receivers:", "no package registry has a collector"),
    ("proto/README.md", "StartSignIn ──>", "a picture"),
];

struct Block {
    section: String,
    /// What follows the backticks; `of a file` where a comment above says which.
    fence: String,
    text: String,
    /// The paragraph above it.
    above: String,
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every document there is, by its path.
pub fn documents() -> BTreeMap<String, String> {
    let (root, mut folders) = (repository(), vec![repository()]);
    let mut documents = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules"
            {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                documents.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    documents
}

fn blocks(document: &str) -> Vec<Block> {
    let (mut section, mut above) = (String::new(), String::new());
    let mut lines = document.lines();
    let mut blocks = Vec::new();
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("## ") {
            heading.clone_into(&mut section);
        }
        let Some(fence) = line.trim_start().strip_prefix("```") else {
            // A blank line ends a paragraph once another one begins.
            if !line.is_empty() {
                if above.ends_with("\n\n") {
                    above.clear();
                }
                above.push_str(line);
            }
            above.push('\n');
            continue;
        };
        let text: Vec<_> = lines.by_ref().take_while(|line| line.trim_start() != "```").collect();
        let of_a_file = if above.trim_end().ends_with("-->") { " of a file" } else { "" };
        let label = if fence.is_empty() { "no label" } else { fence };
        let fence = format!("{label}{of_a_file}");
        let text = text.join("\n");
        blocks.push(Block { section: section.clone(), fence, text, above: above.clone() });
    }
    blocks
}

/// Where a block stands in the list of those that are not run.
fn excuse(document: &str, block: &Block) -> Option<&'static Entry> {
    NOT_RUN.iter().find(|(name, begin, _)| *name == document && block.text.starts_with(begin))
}

#[test]
fn every_block_is_run_by_a_test_or_listed_with_the_reason_why_not() {
    let mut wrong = Vec::new();
    let (mut found, mut excused) = (0, BTreeSet::new());
    for (document, text) in documents() {
        let listed = RUN.iter().find(|(name, _)| *name == document);
        let listed = listed.map_or(&[][..], |(_, sections)| *sections);
        let anywhere = |block: &Block| {
            listed.iter().any(|(section, fence, _)| *section == "*" && *fence == block.fence)
        };
        let mut sections = BTreeMap::<String, Vec<String>>::new();
        for block in blocks(&text) {
            found += 1;
            if let Some(excuse) = excuse(&document, &block) {
                excused.insert(excuse);
                if !is_marked(&block) {
                    wrong.push(format!("{document}: {} is typed or has no source", block.text));
                }
            } else if !anywhere(&block) {
                sections.entry(block.section).or_default().push(block.fence);
            }
        }
        let listed = listed.iter().filter(|(section, _, _)| *section != "*");
        let listed = listed.map(|(section, fences, _)| ((*section).to_owned(), *fences));
        let mut listed: BTreeMap<_, _> = listed.collect();
        for (section, fences) in sections {
            let (fences, listed) = (fences.join(", "), listed.remove(&section).unwrap_or_default());
            if fences != listed {
                wrong.push(format!("{document}, {section}: has {fences:?}, {listed:?} is run"));
            }
        }
        wrong.extend(listed.keys().map(|section| format!("{document} has no {section}")));
    }
    assert!(found > 100, "{found} are found");
    assert_eq!(wrong, [""; 0]);
    assert_eq!(excused, NOT_RUN.iter().collect(), "what is listed is there");
}

/// Whether whoever reads a block that is not run can see it: as somebody else's command, or as no
/// command at all.
fn is_marked(block: &Block) -> bool {
    match block.fence.as_str() {
        "console" => block.text.starts_with("$ ") && block.above.contains("](https://"),
        "text" | "yaml" => true,
        _ => false,
    }
}

#[test]
fn whoever_runs_a_block_is_there_and_takes_it_from_the_document() {
    let documents = documents();
    for (document, sections) in RUN {
        let blocks = blocks(&documents[*document]);
        let name = document.rsplit('/').next().unwrap();
        for (section, fence, runner) in *sections {
            let is_there = *section != "*" || blocks.iter().any(|block| block.fence == *fence);
            assert!(is_there, "{document} has no {fence}");
            let text = if runner.contains("::") {
                assert!(exists(runner), "{document}, {section}: {runner}");
                source_of_test(runner)
            } else {
                fs::read_to_string(repository().join(runner)).unwrap()
            };
            assert!(text.contains(name), "{document}, {section}: {runner} does not read it");
        }
    }
}

#[test]
fn the_row_that_is_shown_is_one() {
    let importing = &documents()["docs/importing.md"];
    let row = blocks(importing).into_iter().find(|block| block.fence == "json").unwrap().text;
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let of_row = pool.get_message_by_name("gatehouse.v1.CustomerImport").unwrap();
    let mut json = serde_json::Deserializer::from_str(&row);
    let row = DynamicMessage::deserialize(of_row, &mut json).unwrap();
    json.end().unwrap();
    for field in ["email", "display_name", "password_hash", "totp"] {
        assert!(row.has_field_by_name(field), "{field}");
    }
}
