//! Documents whose commands people type as they stand.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Server, Site, gatehouse};

/// The blocks of commands in `document`; of the section with this heading, where one is given.
pub fn commands<'a>(document: &'a str, section: Option<&str>) -> Vec<&'a str> {
    blocks(section.map_or(document, |heading| self::section(document, heading)), "sh")
}

/// The text under a heading.
pub fn section<'a>(document: &'a str, heading: &str) -> &'a str {
    let (_, after) = document.split_once(&format!("\n## {heading}\n")).unwrap();
    after.split("\n## ").next().unwrap()
}

/// The blocks of `text` that begin with this fence, such as `sh` or `sh backup`.
pub fn blocks<'a>(text: &'a str, fence: &str) -> Vec<&'a str> {
    let begin = format!("```{fence}\n");
    let after = text.split(&begin).skip(1);
    after.map(|rest| rest.split("```").next().unwrap()).collect()
}

/// A shell that types `script` beside `server`, with the data of `site`.
pub fn shell(site: &Site, server: &Server, options: &str, script: &str) -> Command {
    let mut shell = shell_alone(site, options, script);
    shell.env("GATEHOUSE_LISTEN", server.address.to_string());
    shell
}

/// A shell that types `script` with the data of `site`, where no server is that it knows.
pub fn shell_alone(site: &Site, options: &str, script: &str) -> Command {
    let program = gatehouse();
    let folder = Path::new(program.get_program()).parent().unwrap().to_owned();
    let path = [folder, env::var_os("PATH").unwrap().into()].map(PathBuf::into_os_string);
    let mut shell = site.as_operator("sh");
    shell.args([options, "-c", script]).env("PATH", path.join(":".as_ref()));
    shell
}
