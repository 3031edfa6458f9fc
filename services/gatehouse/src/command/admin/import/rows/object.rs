//! JSON as `serde_json` reads it, but for a field that is there twice: it would take the last of
//! them, and nobody knows which is meant.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A value, and the fields of its objects that are there more than once, with dots between what
/// is nested.
///
/// # Errors
/// If it is not JSON.
pub(super) fn parse(raw: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    let mut repeated = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(raw);
    let reader = Reader { within: String::new(), repeated: &mut repeated };
    let value = reader.deserialize(&mut json)?;
    json.end()?;
    Ok((value, repeated))
}

struct Reader<'a> {
    within: String,
    repeated: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn within(&mut self, within: String) -> Reader<'_> {
        Reader { within, repeated: self.repeated }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut from: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        let within = self.within.clone();
        while let Some(value) = from.next_element_seed(self.within(within.clone()))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut from: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = from.next_key::<String>()? {
            let path = format!("{}{name}", self.within);
            if object.contains_key(&name) && !self.repeated.contains(&path) {
                self.repeated.push(path.clone());
            }
            let value = from.next_value_seed(self.within(format!("{path}.")))?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_once_is_read_as_serde_json_reads_it() {
        for text in [
            r#" {"a": {"b": [1, -2, 0.5, "x", "\u00e9\n", null, true]}, "c": {"b": 1}, "": 1e99} "#,
            "[]",
            "18446744073709551615",
            "\"a\"",
        ] {
            let (value, repeated) = parse(text.as_bytes()).unwrap();
            assert_eq!(value, serde_json::from_str::<Value>(text).unwrap(), "{text}");
            assert_eq!(repeated, Vec::<String>::new(), "{text}");
        }
        for text in ["", "{", "{\"a\": 1} x", "{\"a\": SECRET}", "{\"a\"}", "[1,]"] {
            let own = parse(text.as_bytes()).unwrap_err();
            let serdes = serde_json::from_str::<Value>(text).unwrap_err();
            let place = |error: &serde_json::Error| (error.classify(), error.column());
            assert_eq!(place(&own), place(&serdes), "{text}");
        }
    }

    #[test]
    fn a_field_that_is_there_twice_is_named_once_with_what_it_is_within() {
        let text =
            r#"{"a": 1, "b": {"c": 1, "a": 2, "c": 3}, "a": 4, "a": 5, "d": [{"e": 1, "e": 2}]}"#;
        let (_, repeated) = parse(text.as_bytes()).unwrap();
        assert_eq!(repeated, ["b.c", "a", "d.e"]);
    }
}
