//! Errors for names that do not exist.

use strum::VariantNames;

/// The error for a text that is not the name of a variant.
pub(crate) fn no_variant<T: VariantNames>(_: &str) -> String {
    none_of(T::VARIANTS)
}

/// The error for a value that is none of these.
pub(crate) fn none_of(values: &[&str]) -> String {
    format!("must be one of {}", values.join(", "))
}
