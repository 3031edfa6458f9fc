//! Documents whose commands people type as they stand.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Server, Site, gatehouse};

/// The blocks of commands in `document`; of the section with this heading, where one is given.
pub fn commands<'a>(document: &'a str, section: Option<&str>) -> Vec<&'a str> {
    let text = section.map_or(document, |section| {
        let (_, after) = document.split_once(&format!("\n## {section}\n")).unwrap();
        after.split("\n## ").next().unwrap()
    });
    text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A shell that types `script` beside `server`, with the data of `site`.
pub fn shell(site: &Site, server: &Server, options: &str, script: &str) -> Command {
    let program = gatehouse();
    let folder = Path::new(program.get_program()).parent().unwrap().to_owned();
    let path = [folder, env::var_os("PATH").unwrap().into()].map(PathBuf::into_os_string);
    let mut shell = site.as_operator("sh");
    shell
        .args([options, "-c", script])
        .env("PATH", path.join(":".as_ref()))
        .env("GATEHOUSE_LISTEN", server.address.to_string());
    shell
}
