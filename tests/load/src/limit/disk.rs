//! What it takes to make a small write durable, which every commit waits for.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;

/// As much as SQLite adds to its log for a small transaction: a page and its header.
const WRITE_BYTES: usize = 4_096 + 24;
const WRITES: u32 = 200;

/// The mean time of fdatasync after a small append to a file in `folder`.
pub fn sync_time(folder: &Path) -> Result<Duration> {
    let path = folder.join("sync-time");
    let mut file = File::create(&path)?;
    let mut sum = Duration::ZERO;
    for _ in 0..WRITES {
        file.write_all(&[0x5a; WRITE_BYTES])?;
        let begun = Instant::now();
        file.sync_data()?;
        sum += begun.elapsed();
    }
    drop(file);
    std::fs::remove_file(path)?;
    Ok(sum / WRITES)
}
