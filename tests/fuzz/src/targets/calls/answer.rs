//! What every answer holds to.

use gatehouse_api::v1::ErrorReason;
use http::HeaderMap;
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::contract::Method;
use super::{holds, wire};

/// Reasons that are trouble of the server's own. Nothing here gives it any.
const TROUBLE: [ErrorReason; 3] =
    [ErrorReason::Internal, ErrorReason::StoreUnavailable, ErrorReason::Overloaded];

/// An answer, or why there is none.
pub struct Answer {
    pub code: Code,
    /// The message, where the call succeeded.
    pub message: Option<Vec<u8>>,
    status: Status,
    /// All of it as text and bytes.
    raw: Vec<u8>,
}

impl Answer {
    pub fn read(headers: &HeaderMap, trailers: &HeaderMap, body: &[u8]) -> Self {
        let status = Status::from_header_map(trailers).or_else(|| Status::from_header_map(headers));
        let status = status.expect("a status");
        let mut raw = body.to_vec();
        for value in headers.values().chain(trailers.values()) {
            raw.extend(value.as_bytes());
        }
        raw.extend(status.message().as_bytes());
        raw.extend(status.details());
        let message = (status.code() == Code::Ok).then(|| {
            let (head, message) = body.split_first_chunk::<5>().expect("a frame");
            assert_eq!(wire::frame(message)[..5], head[..]);
            message.to_vec()
        });
        Self { code: status.code(), message, status, raw }
    }

    /// A message, or an error of the contract.
    pub fn holds_to_the_contract(&self, method: &Method) {
        if self.code == Code::Ok {
            return;
        }
        let (path, status) = (&method.path, &self.status);
        let known = [
            Code::Internal,
            Code::Unknown,
            Code::DataLoss,
            Code::Cancelled,
            Code::DeadlineExceeded,
        ];
        assert!(!known.contains(&self.code), "{path}: {status:?}");
        let trailer = status.metadata().get("gatehouse-reason").map(MetadataValue::as_bytes);
        let details = status.get_error_details();
        let info = details.error_info().unwrap_or_else(|| panic!("{path}: {status:?}"));
        assert_eq!(trailer, Some(info.reason.as_bytes()), "{path}: {status:?}");
        let reason = ErrorReason::from_str_name(&info.reason);
        let reason = reason.unwrap_or_else(|| panic!("{path}: {status:?}"));
        assert!(
            !TROUBLE.contains(&reason) && reason != ErrorReason::Unspecified,
            "{path}: {status:?}"
        );
        // Clients accept 8 KiB of headers; the details are in them as base64.
        assert!(status.details().len() < 6_000, "{path}: {} bytes", status.details().len());
    }

    /// Nowhere in the answer is there any `secret`.
    pub fn repeats_nothing_of(&self, secret: &str) {
        assert!(!holds(&self.raw, secret.as_bytes()), "a password was answered: {:?}", self.status);
    }
}
