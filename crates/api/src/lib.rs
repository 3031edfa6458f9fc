//! The code generated from `proto/`, and nothing else.

/// Messages, clients and servers of the package `gatehouse.v1`.
#[expect(missing_docs, clippy::pedantic, clippy::allow_attributes, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("gatehouse.v1");
}

/// What gatehouse uses of Envoy's packages. The modules are as deep as the names: the code
/// of one finds that of another by them.
#[expect(missing_docs, clippy::pedantic, clippy::allow_attributes, reason = "generated code")]
pub mod envoy {
    pub mod config {
        pub mod core {
            pub mod v3 {
                tonic::include_proto!("envoy.config.core.v3");
            }
        }
    }

    pub mod service {
        pub mod auth {
            pub mod v3 {
                tonic::include_proto!("envoy.service.auth.v3");
            }
        }
    }

    pub mod r#type {
        pub mod v3 {
            tonic::include_proto!("envoy.r#type.v3");
        }
    }
}

/// What gatehouse uses of Google's packages.
#[expect(missing_docs, reason = "generated code")]
pub mod google {
    pub mod rpc {
        tonic::include_proto!("google.rpc");
    }
}

/// The encoded `google.protobuf.FileDescriptorSet` of the contract, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/gatehouse.v1.bin"));

/// The same of [`envoy`].
pub const ENVOY_FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/envoy.bin"));
