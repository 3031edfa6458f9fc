//! A credential of a Keycloak realm export: JSON, in which the parts are JSON in texts.

use argon2::Version;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Digest};
use super::encoding::{base64, number};
use super::{ForeignHash, Preparation};
use crate::field::Malformed;

const FORM: Malformed = Malformed(
    "a Keycloak credential: JSON with credentialData and secretData as its realm export has them",
);
const FUNCTION: Malformed =
    Malformed("a Keycloak credential of pbkdf2, pbkdf2-sha256, pbkdf2-sha512 or argon2");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential {
    secret_data: Value,
    credential_data: Value,
}

#[derive(Deserialize)]
struct SecretData {
    value: Zeroizing<String>,
    salt: Zeroizing<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CredentialData {
    algorithm: String,
    hash_iterations: u32,
    #[serde(default)]
    additional_parameters: Parameters,
}

/// Keycloak keeps a list for each.
#[derive(Default, Deserialize)]
struct Parameters {
    #[serde(rename = "type", default)]
    variant: Vec<String>,
    #[serde(default)]
    version: Vec<String>,
    #[serde(default)]
    memory: Vec<String>,
    #[serde(default)]
    parallelism: Vec<String>,
}

/// A text that begins with `{`.
pub(super) fn parse(text: &str) -> Result<ForeignHash, Malformed> {
    let credential: Credential = serde_json::from_str(text).map_err(|_| FORM)?;
    let secret: SecretData = part(credential.secret_data)?;
    let data: CredentialData = part(credential.credential_data)?;
    let (salt, output) = base64(&secret.salt).zip(base64(&secret.value)).ok_or(FORM)?;
    let pbkdf2 = |digest| Algorithm::pbkdf2(digest, data.hash_iterations);
    let algorithm = match data.algorithm.as_str() {
        "pbkdf2" => pbkdf2(Digest::Sha1)?,
        "pbkdf2-sha256" => pbkdf2(Digest::Sha256)?,
        "pbkdf2-sha512" => pbkdf2(Digest::Sha512)?,
        "argon2" => data.argon2()?,
        _ => return Err(FUNCTION),
    };
    ForeignHash::new(Preparation::Raw, algorithm, salt, output)
}

/// JSON, or JSON in a text.
fn part<T: DeserializeOwned>(value: Value) -> Result<T, Malformed> {
    let part = match value {
        Value::String(text) => serde_json::from_str(&Zeroizing::new(text)),
        value => serde_json::from_value(value),
    };
    part.map_err(|_| FORM)
}

impl CredentialData {
    fn argon2(&self) -> Result<Algorithm, Malformed> {
        let Parameters { variant, version, memory, parallelism } = &self.additional_parameters;
        let variant = match only(variant) {
            Some("id") => argon2::Algorithm::Argon2id,
            Some("i") => argon2::Algorithm::Argon2i,
            _ => return Err(Malformed("a Keycloak credential of argon2 of type id or i")),
        };
        let version = match only(version) {
            Some("1.3") => Version::V0x13,
            Some("1.0") => Version::V0x10,
            _ => return Err(Malformed("a Keycloak credential of argon2 of version 1.3 or 1.0")),
        };
        let number = |list| only(list).and_then(number).ok_or(FORM);
        let (memory_kib, lanes) = (number(memory)?, number(parallelism)?);
        Algorithm::argon2(variant, version, memory_kib, self.hash_iterations, lanes)
    }
}

fn only(list: &[String]) -> Option<&str> {
    match list {
        [only] => Some(only),
        _ => None,
    }
}
