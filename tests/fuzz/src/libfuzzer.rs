//! One target, with inputs that libFuzzer makes: `just fuzz` builds and runs it.

#![no_main]

use std::env;
use std::sync::LazyLock;

use gatehouse_fuzz::Target;

/// One program has all targets: each of its own would be linked and kept for itself.
static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = env::var("FUZZ_TARGET").unwrap_or_default();
    Target::find(&name).unwrap_or_else(|| {
        eprintln!("FUZZ_TARGET: there is no target {name:?}");
        std::process::exit(2)
    })
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| (TARGET.check)(input));
