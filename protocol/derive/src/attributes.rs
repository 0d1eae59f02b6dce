//! What the attributes of a struct say, checked as far as the macro can see.

use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Expr, Fields, Ident, LitInt, LitStr, Result, Type};

/// A range of versions, written `"2"`, `"2-4"` or `"2+"`.
#[derive(Clone, Copy)]
pub(crate) struct Versions {
    pub(crate) first: i16,
    pub(crate) last: Option<i16>,
}

impl Versions {
    pub(crate) const ALL: Versions = Versions { first: 0, last: None };

    fn parse(text: &LitStr) -> Result<Versions> {
        let value = text.value();
        let number =
            |s: &str| s.parse::<i16>().map_err(|_| Error::new(text.span(), "expected \"2\", \"2-4\" or \"2+\""));
        if let Some(first) = value.strip_suffix('+') {
            Ok(Versions { first: number(first)?, last: None })
        } else if let Some((first, last)) = value.split_once('-') {
            Ok(Versions { first: number(first)?, last: Some(number(last)?) })
        } else {
            let only = number(&value)?;
            Ok(Versions { first: only, last: Some(only) })
        }
    }

    pub(crate) fn is_all(self) -> bool {
        self.first == 0 && self.last.is_none()
    }
}

/// A struct with its fields in wire order.
pub(crate) struct Definition {
    pub(crate) name: Ident,
    pub(crate) message: Option<MessageAttributes>,
    pub(crate) fields: Vec<Field>,
}

/// What `#[message(...)]` says.
pub(crate) struct MessageAttributes {
    pub(crate) versions: Versions,
    pub(crate) flexible_from: Option<i16>,
    pub(crate) key: Option<i16>,
    pub(crate) record: Option<i16>,
}

/// One field and what `#[field(...)]` says about it.
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) versions: Versions,
    /// The versions in which null is allowed; `None` for a field that is never null.
    pub(crate) nullable: Option<Versions>,
    pub(crate) tag: Option<u32>,
    pub(crate) default: DefaultValue,
    pub(crate) ignorable: bool,
}

pub(crate) enum DefaultValue {
    /// Zero, empty, false.
    Empty,
    Null,
    Value(Expr),
}

impl Definition {
    pub(crate) fn parse(input: &DeriveInput, whole_message: bool) -> Result<Definition> {
        let Data::Struct(data) = &input.data else {
            return Err(Error::new(input.span(), "only a struct can be a message"));
        };
        let fields = match &data.fields {
            Fields::Named(named) => named.named.iter().map(Field::parse).collect::<Result<Vec<_>>>()?,
            Fields::Unit => Vec::new(),
            Fields::Unnamed(_) => return Err(Error::new(input.span(), "the fields of a message have names")),
        };
        let message = if whole_message { Some(MessageAttributes::parse(input)?) } else { None };
        Ok(Definition { name: input.ident.clone(), message, fields })
    }
}

impl MessageAttributes {
    fn parse(input: &DeriveInput) -> Result<MessageAttributes> {
        let mut versions = None;
        let mut attributes =
            MessageAttributes { versions: Versions::ALL, flexible_from: None, key: None, record: None };
        for attribute in input.attrs.iter().filter(|a| a.path().is_ident("message")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("versions") {
                    versions = Some(Versions::parse(&meta.value()?.parse()?)?);
                } else if meta.path.is_ident("flexible") {
                    attributes.flexible_from = Some(Versions::parse(&meta.value()?.parse()?)?.first);
                } else if meta.path.is_ident("key") {
                    attributes.key = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?);
                } else if meta.path.is_ident("record") {
                    attributes.record = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?);
                } else {
                    return Err(meta.error("expected `versions`, `flexible`, `key` or `record`"));
                }
                Ok(())
            })?;
        }
        attributes.versions =
            versions.ok_or_else(|| Error::new(input.span(), "`#[message(versions = \"...\")]` is missing"))?;
        Ok(attributes)
    }
}

impl Field {
    fn parse(field: &syn::Field) -> Result<Field> {
        let name = field.ident.clone().ok_or_else(|| Error::new(field.span(), "the fields of a message have names"))?;
        let mut parsed = Field {
            name,
            ty: field.ty.clone(),
            versions: Versions::ALL,
            nullable: None,
            tag: None,
            default: DefaultValue::Empty,
            ignorable: false,
        };
        for attribute in field.attrs.iter().filter(|a| a.path().is_ident("field")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("versions") {
                    parsed.versions = Versions::parse(&meta.value()?.parse()?)?;
                } else if meta.path.is_ident("nullable") {
                    let always = meta.input.is_empty() || meta.input.peek(syn::Token![,]);
                    parsed.nullable =
                        Some(if always { Versions::ALL } else { Versions::parse(&meta.value()?.parse()?)? });
                } else if meta.path.is_ident("tag") {
                    parsed.tag = Some(meta.value()?.parse::<LitInt>()?.base10_parse()?);
                } else if meta.path.is_ident("default") {
                    parsed.default = DefaultValue::new(meta.value()?.parse()?);
                } else if meta.path.is_ident("ignorable") {
                    parsed.ignorable = true;
                } else {
                    return Err(meta.error("expected `versions`, `nullable`, `tag`, `default` or `ignorable`"));
                }
                Ok(())
            })?;
        }
        if is_option(&field.ty) != parsed.nullable.is_some() {
            return Err(Error::new(field.span(), "`nullable` and `Option` belong together"));
        }
        Ok(parsed)
    }
}

impl DefaultValue {
    fn new(value: Expr) -> DefaultValue {
        match &value {
            Expr::Path(path) if path.path.is_ident("null") => DefaultValue::Null,
            _ => DefaultValue::Value(value),
        }
    }
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Option"))
}
