//! What a row may hold: the fields of `CustomerImport`, by the names of protobuf's JSON mapping.
//!
//! Whatever is wrong is said in our own words: serde's repeat the value, which may be a secret
//! in the wrong place.

use std::collections::BTreeSet;
use std::error::Error;

use gatehouse_api::v1::CustomerImport;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use crate::command::admin::output::descriptor;

/// The most of a name that nobody knows that is repeated.
const MAX_NAME: usize = 64;

/// The message of a row, as the contract describes it.
pub(super) struct Shape(MessageDescriptor);

/// That nobody knows which of a field's values is meant.
pub(super) fn twice(field: impl AsRef<str>) -> String {
    format!("{}: is there twice", shown(field.as_ref()))
}

/// As much of a name as is repeated.
fn shown(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

impl Shape {
    /// # Errors
    /// If the contract cannot be read.
    pub(super) fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self(descriptor::<CustomerImport>()?))
    }

    /// The names of all fields that are no messages, with dots between what is nested.
    pub(super) fn columns(&self) -> Vec<String> {
        let mut names = Vec::new();
        columns_of(&self.0, "", &mut names);
        names
    }

    /// A row of CSV: its cells, each under the name of one of [`Self::columns`]. An empty one
    /// is left out.
    pub(super) fn object<'a>(
        cells: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Map<String, Value> {
        let mut row = Map::new();
        for (column, cell) in cells.filter(|(_, cell)| !cell.is_empty()) {
            insert(&mut row, column, cell);
        }
        row
    }

    /// The message that `row` is.
    ///
    /// # Errors
    /// All that is wrong with it, as `field: what it must be`.
    pub(super) fn read(&self, row: Map<String, Value>) -> Result<CustomerImport, Vec<String>> {
        let mut wrong = Vec::new();
        check(&row, &self.0, "", &mut wrong);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        DynamicMessage::deserialize(self.0.clone(), Value::Object(row))
            .ok()
            .and_then(|message| message.transcode_to().ok())
            .ok_or_else(|| vec!["this is no CustomerImport in protobuf's JSON".to_owned()])
    }
}

fn insert(row: &mut Map<String, Value>, column: &str, cell: &str) {
    let Some((outer, inner)) = column.split_once('.') else {
        row.insert(column.to_owned(), Value::String(cell.to_owned()));
        return;
    };
    let nested = row.entry(outer).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(nested) = nested {
        insert(nested, inner, cell);
    }
}

fn columns_of(message: &MessageDescriptor, within: &str, names: &mut Vec<String>) {
    for field in message.fields() {
        let name = format!("{within}{}", field.json_name());
        match field.kind() {
            Kind::Message(inner) => columns_of(&inner, &format!("{name}."), names),
            _ => names.push(name),
        }
    }
}

/// Notes every field of `object` that `message` does not have, or has otherwise.
fn check(
    object: &Map<String, Value>,
    message: &MessageDescriptor,
    within: &str,
    wrong: &mut Vec<String>,
) {
    let mut seen = BTreeSet::new();
    for (name, value) in object {
        let path = format!("{within}{}", shown(name));
        let Some(field) = field(message, name) else {
            wrong.push(format!("{path}: there is no such field"));
            continue;
        };
        // By each of its names.
        if !seen.insert(field.number()) {
            wrong.push(twice(&path));
        }
        // As protobuf's JSON has it, null is a field left out.
        if value.is_null() {
            continue;
        }
        let must = match (field.kind(), value) {
            (Kind::Message(inner), Value::Object(object)) => {
                check(object, &inner, &format!("{path}."), wrong);
                None
            }
            (Kind::Message(_), _) => Some("must be an object".to_owned()),
            (Kind::String, _) => (!value.is_string()).then(|| "must be a string".to_owned()),
            (Kind::Int32, _) => (!is_int32(value)).then(|| "must be a whole number".to_owned()),
            (Kind::Enum(all), _) => {
                let known = value.as_str().and_then(|name| all.get_value_by_name(name));
                let names = all.values().map(|value| value.name().to_owned());
                let names = || names.collect::<Vec<_>>().join(", ");
                known.is_none().then(|| format!("must be one of {}", names()))
            }
            // The message has no fields of other kinds; whatever one gets is refused later.
            _ => None,
        };
        wrong.extend(must.map(|must| format!("{path}: {must}")));
    }
}

/// By either of its names: `displayName` or `display_name`.
fn field(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_json_name(name).or_else(|| message.get_field_by_name(name))
}

/// A number, or a text that is one, as it always is in CSV.
fn is_int32(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
        Value::String(text) => text.parse::<i32>().is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_api::v1::{TotpAlgorithm, TotpImport, TotpParameters};
    use serde_json::json;

    use super::*;

    fn read(row: Value) -> Result<CustomerImport, Vec<String>> {
        let Value::Object(row) = row else { panic!("no object") };
        Shape::new().unwrap().read(row)
    }

    fn whole() -> CustomerImport {
        let parameters = TotpParameters {
            algorithm: TotpAlgorithm::Sha256.into(),
            digits: 8,
            period_seconds: 60,
        };
        CustomerImport {
            customer_id: "ana".to_owned(),
            email: "ana@example.com".to_owned(),
            display_name: "Ana".to_owned(),
            password_hash: "$2b$".to_owned(),
            totp: Some(TotpImport { secret: "GEZD".to_owned(), parameters: Some(parameters) }),
        }
    }

    #[test]
    fn columns_are_the_leaves_of_the_message() {
        let columns = [
            "customerId",
            "email",
            "displayName",
            "passwordHash",
            "totp.secret",
            "totp.parameters.algorithm",
            "totp.parameters.digits",
            "totp.parameters.periodSeconds",
        ];
        assert_eq!(Shape::new().unwrap().columns(), columns);
    }

    #[test]
    fn reads_both_names_of_a_field_and_leaves_null_out() {
        let parameters =
            json!({"algorithm": "TOTP_ALGORITHM_SHA256", "digits": 8, "period_seconds": "60"});
        let row = json!({
            "customerId": "ana", "email": "ana@example.com", "display_name": "Ana",
            "passwordHash": "$2b$", "totp": {"secret": "GEZD", "parameters": parameters},
        });
        assert!(read(row) == Ok(whole()));
        let row = read(json!({"email": "a@b.c", "displayName": null, "totp": null})).ok().unwrap();
        assert!(row == CustomerImport { email: "a@b.c".to_owned(), ..CustomerImport::default() });
    }

    #[test]
    fn a_field_by_both_of_its_names_is_there_twice() {
        let row = json!({"displayName": "Ana", "email": "a@b.c", "display_name": "Bo"});
        assert_eq!(read(row).err().unwrap(), ["display_name: is there twice"]);
        let parameters = json!({"periodSeconds": 30, "period_seconds": 60});
        let row = json!({"email": "a@b.c", "totp": {"secret": "GEZD", "parameters": parameters}});
        let wrong = ["totp.parameters.period_seconds: is there twice"];
        assert_eq!(read(row).err().unwrap(), wrong);
    }

    #[test]
    fn cells_become_the_same_message() {
        let cells =
            ["ana", "ana@example.com", "Ana", "$2b$", "GEZD", "TOTP_ALGORITHM_SHA256", "8", "60"];
        let shape = Shape::new().unwrap();
        let columns = shape.columns();
        let row = Shape::object(columns.iter().map(String::as_str).zip(cells));
        assert!(shape.read(row) == Ok(whole()));
        let row = Shape::object(columns.iter().map(String::as_str).zip(["", "a@b.c", "", "", ""]));
        assert_eq!(Value::Object(row), json!({"email": "a@b.c"}));
    }

    #[test]
    fn names_every_wrong_field_and_repeats_no_value() {
        let parameters = json!({"algorithm": "SECRET", "digits": "SECRET", "periodSeconds": 30.5});
        let row = json!({
            "email": 1, "passwordHash": {"value": "SECRET"}, "mail": "SECRET",
            "totp": {"parameters": parameters, "key": "SECRET"}, "displayName": ["SECRET"],
        });
        let wrong = read(row).err().unwrap();
        let expected = [
            "displayName: must be a string",
            "email: must be a string",
            "mail: there is no such field",
            "passwordHash: must be a string",
            "totp.key: there is no such field",
            "totp.parameters.algorithm: must be one of TOTP_ALGORITHM_UNSPECIFIED, \
             TOTP_ALGORITHM_SHA1, TOTP_ALGORITHM_SHA256, TOTP_ALGORITHM_SHA512",
            "totp.parameters.digits: must be a whole number",
            "totp.parameters.periodSeconds: must be a whole number",
        ];
        assert_eq!(wrong, expected);
        let wrong = read(json!({"totp": "SECRET"})).err().unwrap();
        assert_eq!(wrong, ["totp: must be an object"]);
    }
}
