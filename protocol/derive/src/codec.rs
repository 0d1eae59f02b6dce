//! The binary codec and the default value.
//!
//! The generated code is a list of calls to the small generic functions of `wire`, so that a message costs little to compile.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;

use crate::attributes::{DefaultValue, Definition, Field, MessageAttributes, Versions};

pub(crate) fn expand(definition: &Definition) -> TokenStream {
    let name = &definition.name;
    let default = default_value(definition);
    let min_size = definition.fields.iter().filter(|f| f.versions.is_all() && f.tag.is_none()).map(|f| &f.ty);
    let decode = decode(definition);
    let encode = encode(definition);
    let message = definition.message.as_ref().map(|attributes| message(definition, attributes));
    quote! {
        #[automatically_derived]
        impl ::core::default::Default for #name {
            fn default() -> Self { #default }
        }
        #[automatically_derived]
        impl ::naru_protocol::wire::Wire for #name {
            const MIN_SIZE: usize = 0 #(+ <#min_size as ::naru_protocol::wire::Wire>::MIN_SIZE)*;
            #decode
            #encode
        }
        #[automatically_derived]
        impl ::naru_protocol::wire::Struct for #name {}
        #message
    }
}

/// `v.number >= 3` and the like; `None` when the range covers every version.
pub(crate) fn condition(versions: Versions) -> Option<TokenStream> {
    let Versions { first, last } = versions;
    match last {
        None if first == 0 => None,
        None => Some(quote!(v.number >= #first)),
        Some(last) if first == 0 => Some(quote!(v.number <= #last)),
        Some(last) if first == last => Some(quote!(v.number == #last)),
        Some(last) => Some(quote!((#first..=#last).contains(&v.number))),
    }
}

/// The condition under which null is allowed, if that is narrower than the condition of the field itself.
fn null_condition(field: &Field) -> Option<TokenStream> {
    let nullable = field.nullable?;
    let covers = nullable.first <= field.versions.first
        && nullable.last.is_none_or(|last| field.versions.last.is_some_and(|field_last| field_last <= last));
    if covers { None } else { condition(nullable) }
}

pub(crate) fn default_of(field: &Field) -> TokenStream {
    match (&field.default, field.nullable) {
        (DefaultValue::Empty, None) => quote!(::core::default::Default::default()),
        (DefaultValue::Empty, Some(_)) => quote!(::core::option::Option::Some(::core::default::Default::default())),
        (DefaultValue::Null, _) => quote!(::core::option::Option::None),
        (DefaultValue::Value(value), _) => value.to_token_stream(),
    }
}

pub(crate) fn is_default(field: &Field) -> TokenStream {
    let name = &field.name;
    match (&field.default, field.nullable) {
        (DefaultValue::Empty, None) => quote!(::naru_protocol::wire::is_default(&self.#name)),
        (DefaultValue::Empty, Some(_)) => quote!(self.#name.as_ref().is_some_and(::naru_protocol::wire::is_default)),
        (DefaultValue::Null, _) => quote!(self.#name.is_none()),
        (DefaultValue::Value(value), _) => quote!(self.#name == #value),
    }
}

fn default_value(definition: &Definition) -> TokenStream {
    let fields = definition.fields.iter().map(|field| {
        let name = &field.name;
        let value = default_of(field);
        quote!(#name: #value)
    });
    quote!(Self { #(#fields),* })
}

fn decode(definition: &Definition) -> TokenStream {
    let plain = definition.fields.iter().filter(|f| f.tag.is_none()).map(|field| {
        let name = &field.name;
        let value = decode_field(field);
        match condition(field.versions) {
            None => quote!(let #name = #value;),
            Some(condition) => {
                let default = default_of(field);
                quote!(let #name = if #condition { #value } else { #default };)
            }
        }
    });
    let tagged = definition.fields.iter().filter(|f| f.tag.is_some());
    let declarations = tagged.clone().map(|field| {
        let (name, ty) = (&field.name, &field.ty);
        let default = default_of(field);
        quote!(let mut #name: #ty = #default;)
    });
    let arms = tagged.clone().map(|field| {
        let (name, tag) = (&field.name, field.tag);
        let guard = condition(field.versions).map(|condition| quote!(if #condition));
        let value = decode_field(field);
        quote!(#tag #guard => #name = #value,)
    });
    let tags = if tagged.clone().next().is_some() {
        quote! {
            #(#declarations)*
            r.tagged_fields(v, &mut |r, tag| {
                match tag {
                    #(#arms)*
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
    } else {
        quote!(r.skip_tagged_fields(v)?;)
    };
    let names = definition.fields.iter().map(|f| &f.name);
    quote! {
        fn decode(
            r: &mut ::naru_protocol::wire::Reader,
            v: ::naru_protocol::wire::Version,
        ) -> ::core::result::Result<Self, ::naru_protocol::wire::DecodeError> {
            #(#plain)*
            #tags
            Ok(Self { #(#names),* })
        }
    }
}

fn decode_field(field: &Field) -> TokenStream {
    let ty = &field.ty;
    match null_condition(field) {
        None => quote!(<#ty as ::naru_protocol::wire::Wire>::decode(r, v)?),
        Some(nullable) => {
            let name = field.name.unraw().to_string();
            quote!(::naru_protocol::wire::decode_nullable_if(#nullable, #name, r, v)?)
        }
    }
}

fn encode(definition: &Definition) -> TokenStream {
    let plain = definition.fields.iter().filter(|f| f.tag.is_none()).map(|field| {
        let value = encode_field(field);
        match condition(field.versions) {
            None => value,
            Some(condition) if field.ignorable => quote!(if #condition { #value }),
            Some(condition) => {
                let lost = refuse_lost_value(field);
                quote!(if #condition { #value } else #lost)
            }
        }
    });
    let mut tagged: Vec<&Field> = definition.fields.iter().filter(|f| f.tag.is_some()).collect();
    tagged.sort_by_key(|f| f.tag);
    let refused = tagged.iter().filter(|f| !f.ignorable).map(|field| {
        let lost = refuse_lost_value(field);
        condition(field.versions).map(|condition| quote!(if !(#condition) #lost))
    });
    let tags = if tagged.is_empty() {
        quote!(w.put_no_tagged_fields(v);)
    } else {
        let puts = tagged.iter().map(|field| {
            let (name, tag) = (&field.name, field.tag);
            let is_default = is_default(field);
            let present = condition(field.versions).map(|condition| quote!(#condition &&));
            quote!(if #present !(#is_default) { tags.put(w, #tag, &self.#name, v)?; })
        });
        quote! {
            #(#refused)*
            if v.flexible {
                let mut tags = ::naru_protocol::wire::TaggedFields::begin(w);
                #(#puts)*
                tags.end(w);
            }
        }
    };
    quote! {
        fn encode(
            &self,
            w: &mut ::naru_protocol::wire::Writer,
            v: ::naru_protocol::wire::Version,
        ) -> ::core::result::Result<(), ::naru_protocol::wire::EncodeError> {
            #(#plain)*
            #tags
            Ok(())
        }
    }
}

fn encode_field(field: &Field) -> TokenStream {
    let name = &field.name;
    match null_condition(field) {
        None => quote!(::naru_protocol::wire::Wire::encode(&self.#name, w, v)?;),
        Some(nullable) => {
            let text = name.unraw().to_string();
            quote!(::naru_protocol::wire::encode_nullable_if(#nullable, #text, &self.#name, w, v)?;)
        }
    }
}

/// A block that fails when the field holds something that the version cannot carry.
fn refuse_lost_value(field: &Field) -> TokenStream {
    let name = field.name.unraw().to_string();
    let is_default = is_default(field);
    quote!({ if !(#is_default) { return Err(::naru_protocol::wire::EncodeError::lost_field(#name, v)); } })
}

fn message(definition: &Definition, attributes: &MessageAttributes) -> TokenStream {
    let name = &definition.name;
    let text = name.to_string();
    let first = attributes.versions.first;
    let last = attributes.versions.last.unwrap_or(i16::MAX);
    let flexible_from = if let Some(version) = attributes.flexible_from {
        quote!(::core::option::Option::Some(#version))
    } else {
        quote!(::core::option::Option::None)
    };
    let key = attributes.key.map(|key| api(definition, key));
    let record = attributes.record.map(|record| record_type(definition, record));
    quote! {
        #[automatically_derived]
        impl ::naru_protocol::wire::Message for #name {
            const NAME: &'static str = #text;
            const VERSIONS: ::core::ops::RangeInclusive<i16> = #first..=#last;
            const FLEXIBLE_FROM: ::core::option::Option<i16> = #flexible_from;
        }
        #key
        #record
    }
}

/// Access to the field `throttle_time_ms`, if there is one.
fn throttle(definition: &Definition) -> Option<TokenStream> {
    definition.fields.iter().any(|field| field.name == "throttle_time_ms").then(|| {
        quote! {
            fn throttle_time_ms(&self) -> i32 { self.throttle_time_ms }
            fn set_throttle_time_ms(&mut self, ms: i32) { self.throttle_time_ms = ms; }
        }
    })
}

/// `Request` or `Response`, by the end of the struct's name; the number must be the one that `ApiKey` has for that name.
fn api(definition: &Definition, key: i16) -> TokenStream {
    let name = &definition.name;
    let text = name.unraw().to_string();
    let (api, implementation) = if let Some(api) = text.strip_suffix("Request") {
        let response = format_ident!("{api}Response");
        (format_ident!("{api}"), quote!(::naru_protocol::Request for #name { type Response = #response; }))
    } else if let Some(api) = text.strip_suffix("Response") {
        let throttle = throttle(definition);
        (format_ident!("{api}"), quote!(::naru_protocol::Response for #name { #throttle }))
    } else {
        return quote!(::core::compile_error!("a message with a key is called ...Request or ...Response"););
    };
    quote! {
        const _: () = assert!(::naru_protocol::ApiKey::#api as i16 == #key, "the key of another API");
        #[automatically_derived]
        impl ::naru_protocol::ApiMessage for #name {
            const KEY: ::naru_protocol::ApiKey = ::naru_protocol::ApiKey::#api;
        }
        #[automatically_derived]
        impl #implementation
    }
}

/// What a record of an internal topic is, by the end of the struct's name.
fn record_type(definition: &Definition, record: i16) -> TokenStream {
    let name = &definition.name;
    let text = name.to_string();
    if let Some(kind) = text.strip_suffix("Key") {
        let value = format_ident!("{kind}Value");
        quote! {
            #[automatically_derived]
            impl ::naru_protocol::state::CoordinatorKey for #name {
                const TYPE: i16 = #record;
                type Value = #value;
            }
        }
    } else if text.ends_with("Value") {
        quote! {
            #[automatically_derived]
            impl ::naru_protocol::state::CoordinatorValue for #name {}
        }
    } else if text.ends_with("Record") {
        quote! {
            #[automatically_derived]
            impl ::naru_protocol::state::cluster_metadata::RecordBody for #name {
                const TYPE: i16 = #record;
            }
        }
    } else {
        quote!(::core::compile_error!("a message with a record type is called ...Key, ...Value or ...Record");)
    }
}
