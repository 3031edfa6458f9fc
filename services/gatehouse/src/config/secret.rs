//! Secrets in files: systemd, container engines and Kubernetes hand them to a program so, where
//! neither a list of processes nor a dump of the environment shows them.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::{ConfigError, Given, Sources, Text, path};

/// What is longer is no secret but another file.
const MAX_BYTES: u64 = 8 * 1024;

/// The names of a setting that may be secret, and of the one that names a file with it.
pub(super) struct Secret {
    pub(super) setting: &'static str,
    pub(super) file_setting: &'static str,
}

impl Sources<'_> {
    /// The value of a setting that may be secret: as it stands, or in the file that its other
    /// setting names. Both at once are refused, from whatever sources: which one counts would
    /// be a guess.
    pub(super) fn secret<T, E: Display>(
        &self,
        Secret { setting, file_setting }: Secret,
        of: impl Fn(&Given) -> &Option<Text>,
        of_file: impl Fn(&Given) -> &Option<Text>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Some((_, origin)) = self.source(file_setting, &of_file) else {
            return self.value(setting, of, parse);
        };
        let refusal = |setting, origin, why| Err(ConfigError::Value { setting, origin, why });
        if let Some((_, other)) = self.source(setting, of) {
            let why = format!("{setting} (from {other}) is given, too: give one of them");
            return self.noted(refusal(file_setting, origin, why));
        }
        let file = self.value(file_setting, of_file, path)?;
        self.noted(match read_secret_file(&file) {
            Ok(text) => parse(&text)
                .or_else(|why| refusal(setting, file.display().to_string(), why.to_string())),
            Err(error) => refusal(file_setting, origin, format!("{}: {error}", file.display())),
        })
    }
}

/// The secret in the file at `path`.
///
/// # Errors
/// What the system says of the file; [`ErrorKind::InvalidData`] as [`read_secret`] has it.
pub(crate) fn read_secret_file(path: &Path) -> io::Result<Zeroizing<String>> {
    read_secret(File::open(path)?)
}

/// All of `source` but the end of its line, which an editor or `echo` adds.
///
/// # Errors
/// [`ErrorKind::InvalidData`] where there is nothing but blanks, more than one line or 8 KiB, or
/// no UTF-8.
pub(crate) fn read_secret(source: impl Read) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    source.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(ErrorKind::InvalidData, "it holds more than a secret"));
    }
    let end =
        text.strip_suffix('\n').map_or(&**text, |line| line.strip_suffix('\r').unwrap_or(line));
    if end.trim().is_empty() {
        return Err(io::Error::new(ErrorKind::InvalidData, "it is empty"));
    }
    // Whoever parses it may pass over the end of a line, and read one secret out of two.
    if end.trim_end().contains(['\n', '\r']) {
        return Err(io::Error::new(ErrorKind::InvalidData, "it has more than one line"));
    }
    let length = end.len();
    text.truncate(length);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use gatehouse_persistence::DatabaseLocation;

    use super::*;
    use crate::config::tests::{load, refusal};

    /// A file with `text`, in a folder that ends with it.
    fn secret_file(text: impl AsRef<[u8]>) -> (tempfile::TempDir, String) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("database-url");
        fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap().to_owned();
        (folder, path)
    }

    #[test]
    fn a_secret_is_what_its_file_holds_without_the_end_of_the_line() {
        let url = "postgres://gatehouse:hunter2@db/gatehouse";
        for end in ["", "\n", "\r\n"] {
            let (_folder, file) = secret_file(format!("{url}{end}"));
            for settings in [
                load(&["--database-url-file", &file], ""),
                load(&[], &format!("database_url_file = '{file}'")),
            ] {
                assert_eq!(settings.unwrap().database, DatabaseLocation::Postgres(url.to_owned()));
            }
        }
        assert_eq!(*read_secret(&b" a \n\n"[..]).unwrap(), " a \n");
    }

    #[test]
    fn a_secret_that_is_given_twice_is_refused_by_both_names_and_from_both_sources() {
        let (_folder, file) = secret_file("sqlite:a");
        let flags = ["--database-url=sqlite:b", &format!("--database-url-file={file}")];
        assert_eq!(
            refusal(&flags, ""),
            "database_url_file (from --database-url-file): database_url (from --database-url) is \
             given, too: give one of them"
        );
        let mixed = refusal(&flags[1..], "database_url = 'sqlite:b'");
        assert!(mixed.contains("database_url (from /") && mixed.contains("gatehouse.toml"));
        let mixed = refusal(&flags[..1], &format!("database_url_file = '{file}'"));
        assert!(mixed.starts_with("database_url_file (from /"), "{mixed}");
        assert!(mixed.contains("database_url (from --database-url) is given"), "{mixed}");
    }

    #[test]
    fn a_file_without_a_secret_is_refused_by_its_setting_and_its_path() {
        let (folder, file) = secret_file("");
        let absent = format!("{file}.absent");
        let folder = folder.path().to_str().unwrap().to_owned();
        let flag = |path: &str| refusal(&["--database-url-file", path], "");
        for (path, why) in [
            (&*absent, "No such file or directory"),
            (&folder, "Is a directory"),
            (&file, "it is empty"),
            ("/dev/zero", "it holds more than a secret"),
        ] {
            let said = flag(path);
            let start = format!("database_url_file (from --database-url-file): {path}: {why}");
            assert!(said.starts_with(&start), "{said}");
        }
        for blank in [&b"\n"[..], b" \r\n", b"\xff\xfe"] {
            fs::write(&file, blank).unwrap();
            let said = flag(&file);
            assert!(said.contains("it is empty") || said.contains("UTF-8"), "{said}");
        }
        for two in ["postgres://g:s@db/gatehouse\nextra", "a\r\nb\r\n", "a\rb"] {
            fs::write(&file, two).unwrap();
            let said = flag(&file);
            let start = format!("database_url_file (from --database-url-file): {file}: ");
            assert_eq!(said, format!("{start}it has more than one line"));
        }
        assert!(flag("").ends_with("must not be empty"));
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_named_by_its_file_and_not_repeated() {
        let (_folder, file) = secret_file("mysql://ana:hunter2@db/gatehouse\n");
        let said = refusal(&["--database-url-file", &file], "");
        assert!(said.starts_with(&format!("database_url (from {file}): must be sqlite:PATH")));
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn every_setting_of_a_file_stands_beside_the_one_that_it_is_for() {
        use clap::{Args, Command};
        let command = Given::augment_args(Command::new("gatehouse"));
        let names: Vec<_> = command.get_arguments().map(|arg| arg.get_id().as_str()).collect();
        let of_files: Vec<_> = names.iter().filter_map(|name| name.strip_suffix("_file")).collect();
        assert!(of_files.contains(&"database_url"), "they are found at all");
        for name in of_files {
            assert!(names.contains(&name), "{name}");
        }
    }
}
