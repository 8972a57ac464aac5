//! JSON schemas of types that are one plain value in JSON.

/// Gives a type the JSON schema of a plain value: of a string, a number or an integer.
#[macro_export]
macro_rules! plain_schema {
    ($name:ident $(<const $limit:ident: usize>)?, $kind:literal) => {
        impl $(<const $limit: usize>)? schemars::JsonSchema for $name $(<$limit>)? {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": $kind })
            }
        }

        impl $(<const $limit: usize>)? $crate::visible::Visible for $name $(<$limit>)? {
            fn shape() -> $crate::visible::Shape {
                $crate::visible::Shape::default()
            }
        }
    };
}
