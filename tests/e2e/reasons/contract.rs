//! What each method may come to, from the comments of the contract.

use std::collections::BTreeMap;

use gatehouse_api::v1::ErrorReason;
use prost::Message;
use prost_types::{FileDescriptorProto, FileDescriptorSet};

use super::case::Outcome;

/// A method of the contract.
#[derive(Clone)]
pub struct Method {
    pub name: String,
    pub path: String,
    pub is_for_administrators: bool,
    /// Success, its own errors and the general ones.
    pub outcomes: Vec<Outcome>,
}

/// The numbers of fields in descriptors, of which source locations are made.
const SERVICE: i32 = 6;
const METHOD: i32 = 2;

/// Every method, by its name.
pub fn methods() -> BTreeMap<String, Method> {
    let set = FileDescriptorSet::decode(gatehouse_api::FILE_DESCRIPTOR_SET).unwrap();
    let mut methods = BTreeMap::new();
    for file in &set.file {
        for (at, service) in (0..).zip(&file.service) {
            let general = reasons(&comment(file, &[SERVICE, at]), "may fail with", ';');
            assert!(general.len() >= 5, "{}: {}", service.name(), general.len());
            for (n, method) in (0..).zip(&service.method) {
                let comment = comment(file, &[SERVICE, at, METHOD, n]);
                let mut outcomes = vec![Outcome::Success];
                outcomes.extend(
                    reasons(&comment, "Own errors:", '.').into_iter().chain(general.clone()),
                );
                let method = Method {
                    name: method.name().to_owned(),
                    path: format!("/gatehouse.v1.{}/{}", service.name(), method.name()),
                    is_for_administrators: service.name() == "AdminService",
                    outcomes,
                };
                methods.insert(method.name.clone(), method);
            }
        }
    }
    assert_eq!(methods.len(), 41);
    methods
}

/// The comment above what is at `path`.
fn comment(file: &FileDescriptorProto, path: &[i32]) -> String {
    let locations = &file.source_code_info.as_ref().expect("source info is kept").location;
    let location = locations.iter().find(|location| location.path == path).unwrap();
    location.leading_comments().to_owned()
}

/// The reasons that a comment lists after `start`, up to `end`.
fn reasons(comment: &str, start: &str, end: char) -> Vec<Outcome> {
    let Some((_, list)) = comment.split_once(start) else { return Vec::new() };
    let (list, _) = list.split_once(end).unwrap_or_else(|| panic!("{end} is missing: {comment}"));
    let words = list.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    let reason = |word: &str| {
        let name = format!("ERROR_REASON_{word}");
        let reason = ErrorReason::from_str_name(&name);
        Outcome::Refused(reason.unwrap_or_else(|| panic!("{word} is no reason: {comment}")))
    };
    words.filter(|word| *word != "or").map(reason).collect()
}
