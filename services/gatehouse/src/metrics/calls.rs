//! Calls, counted where every one of them comes by.

use std::sync::Arc;
use std::time::Instant;

use gatehouse_api::v1::ErrorReason;
use http::HeaderMap;
use prometheus::{Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, Registry, Result};
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::{Code, Status};

use super::catalog;
use crate::error::REASON_HEADER;

/// What stands for a method that there is not: callers name those as they like.
const OTHER: &str = "other";
/// What stands for no reason.
const NONE: &str = "";
/// How the names of reasons begin in the contract.
const REASON_PREFIX: &str = "ERROR_REASON_";

/// Counts calls. What a success counts in is looked up by path without an allocation, and
/// known beforehand: a session check costs less than such a look-up by labels would.
pub struct CallMetrics {
    /// By path, in order.
    methods: Vec<Method>,
    other: Method,
    calls: IntCounterVec,
    seconds: HistogramVec,
    in_flight: Gauge,
}

struct Method {
    path: String,
    service: String,
    name: String,
    succeeded: IntCounter,
    seconds: Histogram,
}

impl CallMetrics {
    pub(crate) fn new() -> Result<Self> {
        let calls = catalog::CALLS.counters()?;
        let seconds = catalog::CALL_SECONDS.histograms()?;
        let method = |service: &str, name: &str| {
            Ok(Method {
                path: format!("/{service}/{name}"),
                succeeded: calls.get_metric_with_label_values(&[service, name, "OK", NONE])?,
                seconds: seconds.get_metric_with_label_values(&[service, name])?,
                service: service.to_owned(),
                name: name.to_owned(),
            })
        };
        let known = methods();
        let mut methods = known
            .iter()
            .map(|(service, name)| method(service, name))
            .collect::<Result<Vec<_>>>()?;
        methods.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let other = method(OTHER, OTHER)?;
        Ok(Self { methods, other, calls, seconds, in_flight: catalog::CALLS_IN_FLIGHT.gauge()? })
    }

    pub(super) fn register(&self, registry: &Registry) -> Result<()> {
        registry.register(Box::new(self.calls.clone()))?;
        registry.register(Box::new(self.seconds.clone()))?;
        registry.register(Box::new(self.in_flight.clone()))
    }

    /// A call of the method at `path` begins, and ends at the latest when what is given is
    /// dropped.
    #[must_use]
    pub fn begin(self: &Arc<Self>, path: &str) -> CallUnderWay {
        self.in_flight.inc();
        let found = self.methods.binary_search_by(|method| method.path.as_str().cmp(path));
        CallUnderWay {
            of: Arc::clone(self),
            method: found.ok(),
            start: Instant::now(),
            is_answered: false,
        }
    }
}

/// A call that is not answered yet.
pub struct CallUnderWay {
    of: Arc<CallMetrics>,
    /// Where it is among those that are known.
    method: Option<usize>,
    start: Instant,
    is_answered: bool,
}

impl CallUnderWay {
    fn method(&self) -> &Method {
        self.method.and_then(|at| self.of.methods.get(at)).unwrap_or(&self.of.other)
    }

    /// The method as `package.Service/Method`, if there is such.
    #[must_use]
    pub fn rpc_method(&self) -> Option<&str> {
        self.of.methods.get(self.method?)?.path.strip_prefix('/')
    }

    /// It is answered.
    pub fn answered(mut self, Answered { code, reason }: Answered) {
        self.is_answered = true;
        let method = self.method();
        method.seconds.observe(self.start.elapsed().as_secs_f64());
        match code {
            Code::Ok => method.succeeded.inc(),
            code => self.count(code, reason),
        }
    }

    fn count(&self, code: Code, reason: &str) {
        let method = self.method();
        let labels = [method.service.as_str(), &method.name, Answered::code_word(code), reason];
        self.of.calls.with_label_values(&labels).inc();
    }
}

impl Drop for CallUnderWay {
    fn drop(&mut self) {
        self.of.in_flight.dec();
        if !self.is_answered {
            self.count(Code::Cancelled, NONE);
        }
    }
}

/// What a call was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The gRPC code.
    pub code: Code,
    /// The contract's reason without what all of them begin with; empty for none.
    pub reason: &'static str,
}

impl Answered {
    /// As the headers of an answer say: with a status among them where the call failed.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        let code = headers.get(Status::GRPC_STATUS);
        match code.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes())) {
            Code::Ok => Self { code: Code::Ok, reason: NONE },
            code => Self { code, reason: reason(headers) },
        }
    }

    /// A code as the contract and the specification of gRPC spell it.
    #[must_use]
    pub const fn code_word(code: Code) -> &'static str {
        match code {
            Code::Ok => "OK",
            Code::Cancelled => "CANCELLED",
            Code::Unknown => "UNKNOWN",
            Code::InvalidArgument => "INVALID_ARGUMENT",
            Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Code::NotFound => "NOT_FOUND",
            Code::AlreadyExists => "ALREADY_EXISTS",
            Code::PermissionDenied => "PERMISSION_DENIED",
            Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Code::FailedPrecondition => "FAILED_PRECONDITION",
            Code::Aborted => "ABORTED",
            Code::OutOfRange => "OUT_OF_RANGE",
            Code::Unimplemented => "UNIMPLEMENTED",
            Code::Internal => "INTERNAL",
            Code::Unavailable => "UNAVAILABLE",
            Code::DataLoss => "DATA_LOSS",
            Code::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

/// The contract's reason in `headers`, or none: of services that are not of the contract.
fn reason(headers: &HeaderMap) -> &'static str {
    let reason = headers.get(REASON_HEADER).and_then(|reason| reason.to_str().ok());
    reason
        .and_then(ErrorReason::from_str_name)
        .map_or(NONE, |reason| reason_word(reason.as_str_name()))
}

/// A reason without what all of them begin with.
pub(crate) fn reason_word(reason: &'static str) -> &'static str {
    reason.strip_prefix(REASON_PREFIX).unwrap_or(reason)
}

/// Every method that a server may have, as service and name.
fn methods() -> Vec<(String, String)> {
    let sets = [
        gatehouse_api::FILE_DESCRIPTOR_SET,
        gatehouse_api::ENVOY_FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    // They are built in: that they can be read is a test's to say.
    let files = sets.iter().filter_map(|set| FileDescriptorSet::decode(*set).ok());
    let services = files.flat_map(|set| set.file).flat_map(|file| {
        let package = file.package().to_owned();
        file.service
            .into_iter()
            .map(move |service| (format!("{package}.{}", service.name()), service))
    });
    services
        .flat_map(|(name, service)| {
            let methods = service.method.into_iter();
            methods.map(move |method| (name.clone(), method.name().to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use tonic::metadata::MetadataMap;

    use super::*;
    use crate::error::AppError;

    fn headers(error: AppError) -> HeaderMap {
        Status::from(error).into_http::<()>().into_parts().0.headers
    }

    fn count(metrics: &CallMetrics, labels: [&str; 4]) -> u64 {
        metrics.calls.with_label_values(&labels).get()
    }

    #[test]
    fn every_method_is_known_by_its_path() {
        let metrics = Arc::new(CallMetrics::new().unwrap());
        for path in [
            "/gatehouse.v1.PortalAuthService/ValidateSession",
            "/gatehouse.v1.AdminService/CreatePortal",
            "/grpc.health.v1.Health/Check",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            assert_eq!(metrics.begin(path).method().path, path);
        }
        for path in ["", "/", "/gatehouse.v1.AdminService/Createportal", "/x/ValidateSession"] {
            assert_eq!(metrics.begin(path).method().path, "/other/other", "{path}");
        }
    }

    #[test]
    fn a_call_is_counted_once_by_code_and_reason() {
        let metrics = Arc::new(CallMetrics::new().unwrap());
        let (service, method) = ("gatehouse.v1.PortalAuthService", "VerifyPassword");
        let begin = || metrics.begin("/gatehouse.v1.PortalAuthService/VerifyPassword");
        begin().answered(Answered::of(&HeaderMap::new()));
        begin().answered(Answered::of(&MetadataMap::new().into_headers()));
        let rejected = AppError::CredentialsRejected { attempts_remaining: None };
        begin().answered(Answered::of(&headers(rejected)));
        drop(begin());
        let one = begin();
        assert_eq!(metrics.in_flight.get().to_string(), "1");
        drop(one);
        assert_eq!(metrics.in_flight.get().to_string(), "0");
        assert_eq!(count(&metrics, [service, method, "OK", ""]), 2);
        let rejected = [service, method, "UNAUTHENTICATED", "CREDENTIALS_REJECTED"];
        assert_eq!(count(&metrics, rejected), 1);
        assert_eq!(count(&metrics, [service, method, "CANCELLED", ""]), 2);
        assert_eq!(begin().method().seconds.get_sample_count(), 3);
    }

    #[test]
    fn a_reason_that_is_none_of_the_contract_is_no_label() {
        let mut headers = headers(AppError::ApiKeyInvalid);
        assert_eq!(reason(&headers), "API_KEY_INVALID");
        headers.insert(REASON_HEADER, "ana@example.com".parse().unwrap());
        assert_eq!(reason(&headers), "");
    }
}
