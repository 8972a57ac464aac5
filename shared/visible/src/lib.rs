//! `#[derive(Visible)]`: who may see each field of an answer, and who may give each argument.
//!
//! Every field says it with one of four attributes. A field without one does not compile.
//!
//! - `#[open]`: everybody, also a visitor whom nobody knows.
//! - `#[verified]`: a visitor who is known, about what is theirs.
//! - `#[chosen(Choice)]`: a visitor who is known, where the connection has chosen so.
//! - `#[staff]`: the company's own people. Before the struct, it holds for all fields.
//!
//! The names are those in JSON: `#[serde(rename)]` and `#[serde(flatten)]` are respected.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, LitStr, Result, parse_macro_input};

/// Derives `crm::visible::Visible`.
#[proc_macro_derive(Visible, attributes(open, verified, chosen, staff))]
pub fn visible(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    implementation(&input).unwrap_or_else(Error::into_compile_error).into()
}

fn implementation(input: &DeriveInput) -> Result<TokenStream> {
    let name = &input.ident;
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            other => return Err(Error::new(other.span(), "only named fields can be visible")),
        },
        _ => return Err(Error::new(name.span(), "only a struct can be visible")),
    };
    let (generics, types, bounds) = input.generics.split_for_impl();
    let of_all = access(&input.attrs)?;
    let fields: Vec<_> =
        fields.iter().map(|field| shape_of(field, of_all.as_ref())).collect::<Result<_>>()?;
    Ok(quote! {
        impl #generics ::crm::visible::Visible for #name #types #bounds {
            fn shape() -> ::crm::visible::Shape {
                let mut shape = ::crm::visible::Shape::default();
                #(#fields)*
                shape
            }
        }
    })
}

/// The statement that adds a field to the shape.
fn shape_of(field: &Field, of_all: Option<&TokenStream>) -> Result<TokenStream> {
    let missing = "say who may see it: #[open], #[verified], #[chosen(…)] or #[staff]";
    let own = access(&field.attrs)?;
    let access = own.as_ref().or(of_all).ok_or_else(|| Error::new(field.span(), missing))?;
    let Serde { name, is_flattened } = Serde::of(field)?;
    let of = &field.ty;
    // What staff alone see needs no shape of its own.
    let inner = if access.to_string() == "Staff" {
        quote!(::crm::visible::Shape::default())
    } else {
        quote_spanned!(of.span()=> <#of as ::crm::visible::Visible>::shape())
    };
    Ok(if is_flattened {
        quote!(shape.flatten(::crm::visible::Access::#access, #inner);)
    } else {
        quote!(shape.add(#name, ::crm::visible::Access::#access, #inner);)
    })
}

/// The access that one of the attributes gives.
fn access(attributes: &[Attribute]) -> Result<Option<TokenStream>> {
    let mut found = None;
    for attribute in attributes {
        let path = attribute.path();
        let access = if path.is_ident("open") {
            quote!(Open)
        } else if path.is_ident("verified") {
            quote!(Verified)
        } else if path.is_ident("staff") {
            quote!(Staff)
        } else if path.is_ident("chosen") {
            let choice: Ident = attribute.parse_args()?;
            quote!(Chosen(::crm::visible::Choice::#choice))
        } else {
            continue;
        };
        if found.replace(access).is_some() {
            return Err(Error::new(attribute.span(), "say it once"));
        }
    }
    Ok(found)
}

/// What serde does with a field.
struct Serde {
    name: String,
    is_flattened: bool,
}

impl Serde {
    fn of(field: &Field) -> Result<Serde> {
        let name = field.ident.as_ref().map(|name| name.unraw().to_string());
        let mut serde = Serde { name: name.unwrap_or_default(), is_flattened: false };
        for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("flatten") {
                    serde.is_flattened = true;
                } else if meta.path.is_ident("rename") {
                    serde.name = meta.value()?.parse::<LitStr>()?.value();
                } else if meta.input.peek(syn::Token![=]) {
                    meta.value()?.parse::<syn::Expr>()?;
                }
                Ok(())
            })?;
        }
        Ok(serde)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(text: &str) -> Result<String> {
        let input: DeriveInput = syn::parse_str(text)?;
        implementation(&input).map(|tokens| tokens.to_string())
    }

    #[test]
    fn a_field_that_does_not_say_who_may_see_it_does_not_compile() {
        for (text, expected) in [
            ("struct A { #[open] a: u8, b: u8 }", "say who may see it"),
            ("struct A { #[open] #[staff] a: u8 }", "say it once"),
            ("struct A(u8);", "only named fields"),
            ("enum A { B }", "only a struct"),
        ] {
            let error = derived(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let whole = derived("#[staff] struct A { a: u8, #[open] b: u8 }").unwrap();
        assert!(whole.contains("\"a\"") && whole.contains("Access :: Staff"), "{whole}");
        assert!(whole.contains("\"b\"") && whole.contains("Access :: Open"), "{whole}");
    }
}
