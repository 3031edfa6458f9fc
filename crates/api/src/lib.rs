//! The code generated from `proto/`, and nothing else.

/// Messages, clients and servers of the package `gatehouse.v1`.
#[expect(missing_docs, clippy::pedantic, clippy::allow_attributes, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("gatehouse.v1");
}

/// The encoded `google.protobuf.FileDescriptorSet` of the contract, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/gatehouse.v1.bin"));
