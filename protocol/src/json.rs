//! The JSON form of messages, as Kafka's own converters write it: for tests and tools.
//!
//! Field names in camel case, UUIDs in Kafka's base64, bytes and record sets in base64.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use bytestring::ByteString;
pub use serde_json::{Map, Value};
use thiserror::Error;
use uuid::Uuid;

use crate::wire::{DecodeError, EncodeError, Message, Reader, Records, Version, Writer};
use crate::{ErrorCode, Request};

/// JSON that is not the message it should be.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum JsonError {
    /// A value of another type, or out of range.
    #[error("expected {expected}, found {found}")]
    Unexpected {
        /// What should be there.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A field that the message does not have.
    #[error("the message has no field {0}")]
    UnknownField(String),
    /// An error inside a field.
    #[error("{field}: {error}")]
    InField {
        /// The field.
        field: &'static str,
        /// The error.
        error: Box<JsonError>,
    },
    /// The message does not fit the version.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl JsonError {
    fn unexpected(expected: &'static str, found: &Value) -> JsonError {
        JsonError::Unexpected { expected, found: found.to_string() }
    }
}

/// A value with a JSON form.
pub trait Json: Sized {
    /// The JSON form in a version.
    fn to_json(&self, v: Version) -> Value;

    /// Reads the JSON form. Absent fields get their default.
    fn from_json(value: &Value, v: Version) -> Result<Self, JsonError>;
}

/// The fields of an object while they are read.
#[derive(Debug)]
pub struct Fields<'a> {
    object: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The fields of `value`, which must be an object.
    pub fn new(value: &'a Value) -> Result<Fields<'a>, JsonError> {
        let object = value.as_object().ok_or_else(|| JsonError::unexpected("an object", value))?;
        Ok(Fields { object, known: Vec::new() })
    }

    /// The value of a field, if it is there.
    pub fn take<T: Json>(&mut self, field: &'static str, v: Version) -> Result<Option<T>, JsonError> {
        self.known.push(field);
        let value = self.object.get(field).map(|value| T::from_json(value, v)).transpose();
        value.map_err(|error| JsonError::InField { field, error: Box::new(error) })
    }

    /// Fails when there are fields that nobody asked for.
    pub fn finish(self) -> Result<(), JsonError> {
        match self.object.keys().find(|key| !self.known.contains(&key.as_str())) {
            Some(unknown) => Err(JsonError::UnknownField(unknown.clone())),
            None => Ok(()),
        }
    }
}

macro_rules! integers {
    ($($number:ty),*) => {$(
        impl Json for $number {
            fn to_json(&self, _: Version) -> Value {
                Value::from(*self)
            }

            fn from_json(value: &Value, _: Version) -> Result<$number, JsonError> {
                let number = value.as_i64().and_then(|number| <$number>::try_from(number).ok());
                number.ok_or_else(|| JsonError::unexpected(stringify!($number), value))
            }
        }
    )*};
}

integers!(i8, i16, u16, i32, u32, i64);

impl Json for f64 {
    fn to_json(&self, _: Version) -> Value {
        Value::from(*self)
    }

    fn from_json(value: &Value, _: Version) -> Result<f64, JsonError> {
        value.as_f64().ok_or_else(|| JsonError::unexpected("a number", value))
    }
}

impl Json for bool {
    fn to_json(&self, _: Version) -> Value {
        Value::from(*self)
    }

    fn from_json(value: &Value, _: Version) -> Result<bool, JsonError> {
        value.as_bool().ok_or_else(|| JsonError::unexpected("true or false", value))
    }
}

impl Json for ErrorCode {
    fn to_json(&self, v: Version) -> Value {
        self.0.to_json(v)
    }

    fn from_json(value: &Value, v: Version) -> Result<ErrorCode, JsonError> {
        i16::from_json(value, v).map(ErrorCode)
    }
}

impl Json for ByteString {
    fn to_json(&self, _: Version) -> Value {
        Value::from(&**self)
    }

    fn from_json(value: &Value, _: Version) -> Result<ByteString, JsonError> {
        Ok(value.as_str().ok_or_else(|| JsonError::unexpected("a string", value))?.into())
    }
}

impl Json for Bytes {
    fn to_json(&self, _: Version) -> Value {
        Value::from(BASE64_STANDARD.encode(self))
    }

    fn from_json(value: &Value, _: Version) -> Result<Bytes, JsonError> {
        let bytes = value.as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
        Ok(bytes.ok_or_else(|| JsonError::unexpected("base64", value))?.into())
    }
}

impl Json for Records {
    fn to_json(&self, v: Version) -> Value {
        self.to_bytes().to_json(v)
    }

    fn from_json(value: &Value, v: Version) -> Result<Records, JsonError> {
        Bytes::from_json(value, v).map(Records::from)
    }
}

impl Json for Uuid {
    fn to_json(&self, _: Version) -> Value {
        Value::from(BASE64_URL_SAFE_NO_PAD.encode(self.as_bytes()))
    }

    fn from_json(value: &Value, _: Version) -> Result<Uuid, JsonError> {
        let bytes = value.as_str().and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok());
        let uuid = bytes.and_then(|bytes| Uuid::from_slice(&bytes).ok());
        uuid.ok_or_else(|| JsonError::unexpected("a UUID in base64", value))
    }
}

impl<T: Json> Json for Option<T> {
    fn to_json(&self, v: Version) -> Value {
        self.as_ref().map_or(Value::Null, |value| value.to_json(v))
    }

    fn from_json(value: &Value, v: Version) -> Result<Option<T>, JsonError> {
        if value.is_null() { Ok(None) } else { T::from_json(value, v).map(Some) }
    }
}

impl<T: Json> Json for Vec<T> {
    fn to_json(&self, v: Version) -> Value {
        self.iter().map(|element| element.to_json(v)).collect()
    }

    fn from_json(value: &Value, v: Version) -> Result<Vec<T>, JsonError> {
        let elements = value.as_array().ok_or_else(|| JsonError::unexpected("an array", value))?;
        elements.iter().map(|element| T::from_json(element, v)).collect()
    }
}

/// The messages of one API, between bytes and JSON.
#[derive(Clone, Copy, Debug)]
pub struct ApiJson {
    /// The request.
    pub request: MessageJson,
    /// The response.
    pub response: MessageJson,
}

/// One message, between bytes and JSON: for callers that learn its type when they run.
#[derive(Clone, Copy, Debug)]
pub struct MessageJson {
    /// Reads a body; bytes behind it are an error.
    pub decode: fn(Bytes, i16) -> Result<Value, DecodeError>,
    /// Reads a body and forgets it; bytes behind it are ignored.
    pub parse: fn(Bytes, i16) -> Result<(), DecodeError>,
    /// Makes a body.
    pub encode: fn(&Value, i16) -> Result<Bytes, JsonError>,
}

impl ApiJson {
    pub(crate) fn of<R: Request + Json>() -> ApiJson
    where
        R::Response: Json,
    {
        ApiJson { request: MessageJson::of::<R>(), response: MessageJson::of::<R::Response>() }
    }
}

impl MessageJson {
    /// The functions for one type of message.
    pub fn of<M: Message + Json>() -> MessageJson {
        MessageJson { decode: decode::<M>, parse: parse::<M>, encode: encode::<M> }
    }
}

/// One message from bytes to JSON, for tools that show what they find and never make any.
#[derive(Clone, Copy, Debug)]
pub struct JsonReader {
    /// Kafka's name of the message.
    pub name: &'static str,
    /// Reads a body; bytes behind it are an error.
    pub decode: fn(Bytes, i16) -> Result<Value, DecodeError>,
}

impl JsonReader {
    /// The reader of one type of message.
    pub fn of<M: Message + Json>() -> JsonReader {
        JsonReader { name: M::NAME, decode: decode::<M> }
    }
}

fn decode<M: Message + Json>(body: Bytes, version: i16) -> Result<Value, DecodeError> {
    let version = M::version(version);
    let mut r = Reader::new(body);
    let message = M::decode(&mut r, version)?;
    r.expect_end()?;
    Ok(message.to_json(version))
}

fn parse<M: Message + Json>(body: Bytes, version: i16) -> Result<(), DecodeError> {
    M::decode(&mut Reader::new(body), M::version(version)).map(drop)
}

fn encode<M: Message + Json>(value: &Value, version: i16) -> Result<Bytes, JsonError> {
    let version = M::version(version);
    let mut w = Writer::new();
    M::from_json(value, version)?.encode(&mut w, version)?;
    Ok(w.into_bytes())
}
