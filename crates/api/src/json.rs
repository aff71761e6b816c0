//! JSON bodies, read strictly: UTF-8, no key twice, not nested too deeply.

use std::fmt;

use florin_engine::views::{ErrorCode, Refused};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

/// The members of a JSON object.
pub(crate) type Object = Map<String, Value>;

/// Reads a body that must be one JSON object. No body at all is an empty object.
pub(crate) fn parse_object(body: &[u8]) -> Result<Object, Refused> {
    if body.is_empty() {
        return Ok(Object::new());
    }
    match serde_json::from_slice::<Strict>(body) {
        Ok(Strict(Value::Object(object))) => Ok(object),
        Ok(Strict(other)) => {
            let message = format!("The body is {}; send one JSON object.", kind_of(&other));
            Err(Refused::new(ErrorCode::JsonInvalid, message))
        }
        // What serde_json says of broken JSON names places and expectations, never what was sent.
        Err(error) => Err(Refused::new(
            ErrorCode::JsonInvalid,
            format!("The body is not valid JSON: {error}. Send one JSON object."),
        )),
    }
}

/// SHA-256 of the object as canonical JSON: keys sorted, no blanks.
pub(crate) fn canonical_digest(object: &Object) -> [u8; 32] {
    let mut canonical = Vec::with_capacity(512);
    write_object(object, &mut canonical);
    Sha256::digest(&canonical).into()
}

fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(object) => write_object(object, out),
        Value::Array(items) => {
            out.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_canonical(item, out);
            }
            out.push(b']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => write_scalar(value, out),
    }
}

/// Sorts by itself: whether serde_json's map does depends on features that any dependency may turn on.
fn write_object(object: &Object, out: &mut Vec<u8>) {
    let mut members: Vec<_> = object.iter().collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    out.push(b'{');
    for (index, (key, value)) in members.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_scalar(key, out);
        out.push(b':');
        write_canonical(value, out);
    }
    out.push(b'}');
}

fn write_scalar<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("a scalar is always JSON, and a Vec takes every write");
}

/// What kind of value it is, in words for a message.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => {
            "a number with a fraction, an exponent or too many digits"
        }
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value in which no object has a key twice. Depth is limited by serde_json itself, to 128.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Object::new();
        while let Some((key, Strict(value))) = members.next_entry::<String, Strict>()? {
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("an object has the same key twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_is_written_and_read_again_is_the_same_also_where_its_numbers_are_beyond_all_measure() {
        // Found by the fuzzer of bodies: read less exactly, this one is another number each time.
        let body =
            br#"{"nt":6666666666666666666666666666666666666666666666666666662666666666666666666666661000}"#;
        let object = parse_object(body).unwrap();
        let written = Value::Object(object.clone()).to_string();
        assert_eq!(canonical_digest(&object), canonical_digest(&parse_object(written.as_bytes()).unwrap()));
    }

    #[test]
    fn only_one_strict_json_object_is_a_body() {
        let deep = format!("{}{}", "{\"a\":".repeat(200), "}".repeat(200));
        let cases: [(&[u8], Option<usize>); 13] = [
            (b"", Some(0)),
            (b"{}", Some(0)),
            (b" {\"a\": 1, \"b\": [{}]} ", Some(2)),
            (b"{\"a\":1,\"a\":2}", None),
            (b"{\"a\":{\"b\":1,\"b\":1}}", None),
            (b"[]", None),
            (b"null", None),
            (b"{\"a\":1}x", None),
            (b"{\"a\":", None),
            (b"{\"a\":\"\xff\"}", None),
            (b"{\"a\":1e999}", None),
            (b"{\"a\":\"\\ud800\"}", None),
            (deep.as_bytes(), None),
        ];
        for (body, members) in cases {
            let shown = String::from_utf8_lossy(body);
            match parse_object(body) {
                Ok(object) => assert_eq!(Some(object.len()), members, "{shown}"),
                Err(refused) => {
                    assert_eq!(members, None, "{shown}: {refused:?}");
                    assert_eq!(refused.code, ErrorCode::JsonInvalid);
                }
            }
        }
    }

    #[test]
    fn the_digest_does_not_see_order_or_blanks_and_sees_everything_else() {
        let digest = |text: &str| canonical_digest(&parse_object(text.as_bytes()).unwrap());
        let one = digest(r#"{"a":1,"b":{"x":"1","y":[true,null]}}"#);
        assert_eq!(one, digest("{ \"b\": {\"y\":[true, null],\"x\":\"\\u0031\"},\n\"a\":1}"));
        for other in [
            r#"{"a":2}"#,
            r#"{"a":"1","b":{"x":"1","y":[true,null]}}"#,
            r#"{"a":1,"b":{"x":"1","y":[null,true]}}"#,
        ] {
            assert_ne!(one, digest(other), "{other}");
        }
    }
}
