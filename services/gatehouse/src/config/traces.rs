//! Where traces go, and which calls are traced: settings of ours, or the variables that every
//! OpenTelemetry SDK knows (OpenTelemetry specification, "Environment Variable Specification").

use std::env;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;

use super::{ConfigError, Given, Sources, Text, path};

/// Where traces go, and which calls are traced.
#[derive(Clone, Debug)]
pub struct TracesSettings {
    /// The collector's OTLP over gRPC: `http` or `https`, and a host.
    pub endpoint: Uri,
    /// The CAs that its certificate may be by; none for those of the web.
    pub ca: Option<PathBuf>,
    /// Which calls.
    pub sampling: Sampling,
    /// What the operator calls the server; none for what OpenTelemetry's variables say else.
    pub service_name: Option<String>,
}

/// Which calls are traced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Those of a caller's trace as that says.
    pub of_parent: bool,
    /// Which share of the others, 0 to 1; of all, where no parent is asked.
    pub share: f64,
}

impl Sources<'_> {
    /// None where no collector is named.
    pub(super) fn traces(&self) -> Option<TracesSettings> {
        let endpoint = self
            .value("traces_endpoint", |given| &given.traces_endpoint, endpoint)
            .or_else(|| self.noted(standard_endpoint()).flatten());
        // Where nothing is traced, the variables are others' business, whatever they say.
        let of_others = |variables: &'static [&'static str]| {
            if endpoint.is_some() { variables } else { &[][..] }
        };
        let sampling = self.sampling(of_others);
        let ca = self.or_standard(
            "traces_ca",
            |given| &given.traces_ca,
            of_others(&["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"]),
            path,
        );
        let service_name = of_others(&["OTEL_SERVICE_NAME"]);
        let service_name =
            standard("service.name", service_name, |name| Ok::<_, &str>(name.to_owned()));
        let service_name = self.noted(service_name).flatten();
        Some(TracesSettings { endpoint: endpoint?, ca, sampling, service_name })
    }

    fn sampling(
        &self,
        of_others: impl Fn(&'static [&'static str]) -> &'static [&'static str],
    ) -> Sampling {
        let share = self
            .or_standard(
                "traces_sampler_arg",
                |given| &given.traces_sampler_arg,
                of_others(&["OTEL_TRACES_SAMPLER_ARG"]),
                share,
            )
            .unwrap_or(1.0);
        let sampler = self.or_standard(
            "traces_sampler",
            |given| &given.traces_sampler,
            of_others(&["OTEL_TRACES_SAMPLER"]),
            |text| sampler(text, share),
        );
        sampler.unwrap_or(Sampling { of_parent: true, share: 1.0 })
    }

    /// A setting, or else the first of these variables that says something.
    fn or_standard<T, E: Display>(
        &self,
        setting: &'static str,
        of: impl Fn(&Given) -> &Option<Text>,
        variables: &[&'static str],
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.value(setting, of, &parse)
            .or_else(|| self.noted(standard(setting, variables, parse)).flatten())
    }
}

/// The collector that the standard variables name, unless they also say that there is to be none.
fn standard_endpoint() -> Result<Option<Uri>, ConfigError> {
    const SETTING: &str = "traces_endpoint";
    let exporter = standard(SETTING, &["OTEL_TRACES_EXPORTER"], |text| match text {
        "otlp" => Ok(true),
        "none" => Ok(false),
        _ => Err("must be otlp or none"),
    })?;
    // By the specification whatever is not "true" is false.
    let is_disabled = standard(SETTING, &["OTEL_SDK_DISABLED"], |text| {
        Ok::<_, &str>(text.eq_ignore_ascii_case("true"))
    })?;
    if exporter == Some(false) || is_disabled == Some(true) {
        return Ok(None);
    }
    let variables = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
    let endpoint = standard(SETTING, &variables, endpoint)?;
    if endpoint.is_some() {
        let variables = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
        standard(SETTING, &variables, |text| match text {
            "grpc" => Ok(()),
            _ => Err("must be grpc; name the collector's port for it, mostly 4317"),
        })?;
    }
    Ok(endpoint)
}

/// What the first of `variables` that is not empty says of `setting`.
fn standard<T, E: Display>(
    setting: &'static str,
    variables: &[&'static str],
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, ConfigError> {
    // By the specification one that is empty says nothing.
    let said = |name| env::var_os(name).filter(|text| !text.is_empty());
    let given = variables.iter().find_map(|name| Some((*name, said(name)?)));
    let Some((name, text)) = given else { return Ok(None) };
    let invalid = |why: String| ConfigError::Value { setting, origin: name.to_owned(), why };
    let text = text.to_str().ok_or_else(|| invalid("must be UTF-8".to_owned()))?;
    parse(text).map(Some).map_err(|why| invalid(why.to_string()))
}

fn endpoint(text: &str) -> Result<Uri, &'static str> {
    let uri = Uri::from_str(text).ok();
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    // Whoever is asked for a password there must be told so by a header.
    let uri = uri.filter(|uri| uri.authority().is_some_and(|at| !at.as_str().contains('@')));
    uri.ok_or("must be http:// or https://, a host and a port, such as http://localhost:4317")
}

fn share(text: &str) -> Result<f64, &'static str> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or("must be a number from 0 to 1")
}

fn sampler(text: &str, share: f64) -> Result<Sampling, &'static str> {
    let (of_parent, root) = match text.strip_prefix("parentbased_") {
        Some(root) => (true, root),
        None => (false, text),
    };
    let share = match root {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => share,
        _ => {
            return Err("must be always_on, always_off or traceidratio, each also with \
                        parentbased_ before it");
        }
    };
    Ok(Sampling { of_parent, share })
}
