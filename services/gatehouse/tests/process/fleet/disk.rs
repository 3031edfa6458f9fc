//! A disk of its own for a data folder, which can be filled.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::geteuid;

/// In bytes. What a long run stores has to fit.
const SIZE: &str = "256m";

/// A file system in memory, mounted on a folder for those programs alone that are run
/// inside. It is gone with this value or with the test process.
pub struct SmallDisk {
    /// Keeps it mounted until its standard input is closed.
    holder: Child,
    folder: PathBuf,
}

impl SmallDisk {
    /// On `folder`, which is there.
    pub fn mount(folder: &Path) -> Self {
        let script = format!("mount -t tmpfs -o mode=0700,size={SIZE} tmpfs \"$0\" && echo && cat");
        let mut command = Command::new("unshare");
        // Whoever is not root may mount where they are root.
        command.arg(if geteuid().is_root() { "-m" } else { "-rm" });
        command.args(["sh", "-c", &script]).arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "\n", "nothing was mounted");
        Self { holder, folder: folder.to_owned() }
    }

    /// `command`, to be run where the disk is mounted. It stays one process.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--target={}", self.holder.id())).arg("--mount");
        if !geteuid().is_root() {
            inside.args(["--user", "--preserve-credentials"]);
        }
        // Where the caller stood is another folder there.
        inside.arg(format!("--wd={}", self.folder.parent().unwrap().display()));
        inside.arg("--").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    /// The folder as it is seen from outside.
    pub fn folder(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.folder.strip_prefix("/").unwrap())
    }

    /// Leaves no room on it.
    pub fn fill(&self) {
        let mut filler = File::options().create(true).append(true).open(self.filler()).unwrap();
        for block in [1 << 20, 1 << 12] {
            let block = vec![0; block];
            while filler.write_all(&block).is_ok() {}
        }
        let error = filler.write_all(&[0; 1 << 12]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    /// Takes away what fills it.
    pub fn free(&self) {
        fs::remove_file(self.filler()).unwrap();
    }

    fn filler(&self) -> PathBuf {
        self.folder().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}
