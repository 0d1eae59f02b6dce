//! The JSON form, as Kafka's own converters write it: every field of the version, tagged fields only when they are not at
//! their default.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

use crate::attributes::{Definition, Field};
use crate::codec::{condition, default_of, is_default};

pub(crate) fn expand(definition: &Definition) -> TokenStream {
    let name = &definition.name;
    let writes = definition.fields.iter().map(write);
    let reads = definition.fields.iter().map(|field| {
        let (name, key) = (&field.name, camel_case(field));
        let default = default_of(field);
        quote!(#name: object.take(#key, v)?.unwrap_or_else(|| #default))
    });
    quote! {
        #[cfg(feature = "json")]
        #[automatically_derived]
        impl ::naru_protocol::json::Json for #name {
            fn to_json(&self, v: ::naru_protocol::wire::Version) -> ::naru_protocol::json::Value {
                let mut object = ::naru_protocol::json::Map::new();
                #(#writes)*
                ::naru_protocol::json::Value::Object(object)
            }
            fn from_json(
                value: &::naru_protocol::json::Value,
                v: ::naru_protocol::wire::Version,
            ) -> ::core::result::Result<Self, ::naru_protocol::json::JsonError> {
                let mut object = ::naru_protocol::json::Fields::new(value)?;
                let message = Self { #(#reads),* };
                object.finish()?;
                Ok(message)
            }
        }
    }
}

fn write(field: &Field) -> TokenStream {
    let (name, key) = (&field.name, camel_case(field));
    let insert = quote!(object.insert(#key.to_owned(), ::naru_protocol::json::Json::to_json(&self.#name, v)););
    let unless_default = field.tag.map(|_| {
        let is_default = is_default(field);
        quote!(!(#is_default))
    });
    match (condition(field.versions), unless_default) {
        (None, None) => insert,
        (Some(condition), None) | (None, Some(condition)) => quote!(if #condition { #insert }),
        (Some(version), Some(value)) => quote!(if #version && #value { #insert }),
    }
}

fn camel_case(field: &Field) -> String {
    let name = field.name.unraw().to_string();
    let mut words = name.split('_');
    let mut text = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        text.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        text.push_str(letters.as_str());
    }
    text
}
