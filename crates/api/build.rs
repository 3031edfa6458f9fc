//! Compiles the protobuf contracts in `proto/` without a `protoc`: protox parses them.

use std::path::{Path, PathBuf};
use std::{env, error, fs};

const FILES: [&str; 2] =
    ["gatehouse/v1/admin_service.proto", "gatehouse/v1/portal_auth_service.proto"];
const ENVOY_FILES: [&str; 1] = ["envoy/service/auth/v3/external_auth.proto"];

fn main() -> Result<(), Box<dyn error::Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto");
    println!("cargo:rerun-if-changed={}", root.display());
    compile(&root, &FILES, "gatehouse.v1.bin")?;
    compile(&root.join("third_party"), &ENVOY_FILES, "envoy.bin")
}

/// Generates code for `files` and what they import, and writes their descriptors.
fn compile(root: &Path, files: &[&str], descriptors: &str) -> Result<(), Box<dyn error::Error>> {
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // With all options, `debug_redact` among them: prost's own types have not heard of it.
    fs::write(out.join(descriptors), compiler.encode_file_descriptor_set())?;

    let mut config = tonic_prost_build::Config::new();
    // A message knows its name, by which the contract tells how to print it as JSON.
    config.enable_type_names();
    tonic_prost_build::configure()
        // Deriving Debug would print passwords and tokens: prost ignores `debug_redact`.
        .skip_debug(["."])
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}
