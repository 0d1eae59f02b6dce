//! The derive macros of `naru-protocol`: an annotated struct becomes a versioned codec.
//!
//! A definition reads like Kafka's protocol documentation:
//!
//! ```text
//! #[derive(Clone, Debug, PartialEq, Message)]
//! #[message(key = 12, versions = "0-4", flexible = "4+")]
//! pub struct HeartbeatRequest {
//!     pub group_id: ByteString,
//!     pub generation_id: i32,
//!     pub member_id: ByteString,
//!     #[field(versions = "3+", nullable, default = null)]
//!     pub group_instance_id: Option<ByteString>,
//! }
//! ```
//!
//! `Wire` makes the codec of any struct inside a message; `Message` does the same for a whole message, which also has a
//! version range. Both generate `Default` (with the defaults of the schema) and, under the feature `json` of the crate that
//! uses them, the JSON form that Kafka's own tools print.
//!
//! # `#[message(...)]`
//!
//! | attribute | meaning |
//! |---|---|
//! | `versions = "0-4"` | the versions that exist |
//! | `flexible = "4+"` | the versions with compact lengths and tagged fields; left out: none |
//! | `key = 12` | the API key; the struct's name must be the API's name plus `Request` or `Response` |
//! | `record = 3` | the type of a record of an internal topic; the name must end with `Key`, `Value` or `Record` |
//!
//! # `#[field(...)]`
//!
//! | attribute | meaning |
//! |---|---|
//! | `versions = "3+"` | the versions that carry the field; left out: all |
//! | `nullable` or `nullable = "3+"` | the versions in which the field may be null; required for an `Option` |
//! | `tag = 0` | the field is a tagged field |
//! | `default = -1` | the value where the wire has none; left out: zero, empty, false |
//! | `ignorable` | a value that the version cannot carry is dropped; without it, encoding such a value is an error |
#![forbid(unsafe_code)]

mod attributes;
mod codec;
mod json;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

use crate::attributes::Definition;

/// Derives the codec of a struct that is part of a message.
#[proc_macro_derive(Wire, attributes(field))]
pub fn derive_wire(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), false)
}

/// Derives the codec of a whole message and its version range.
#[proc_macro_derive(Message, attributes(message, field))]
pub fn derive_message(input: TokenStream) -> TokenStream {
    expand(&parse_macro_input!(input as DeriveInput), true)
}

fn expand(input: &DeriveInput, whole_message: bool) -> TokenStream {
    let expanded = Definition::parse(input, whole_message).map(|definition| {
        let mut tokens = codec::expand(&definition);
        tokens.extend(json::expand(&definition));
        tokens
    });
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
