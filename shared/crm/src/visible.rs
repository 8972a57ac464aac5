//! Who may see each field of an answer, and who may give each argument.
//!
//! [`Visible`] is derived: every field of arguments and answers says `#[open]`, `#[verified]`,
//! `#[chosen(…)]` or `#[staff]`, or it does not compile. All of that together is one matrix. Schemas,
//! calls and answers are cut by it, and the documentation shows it.

use std::any::TypeId;
use std::collections::{BTreeSet, HashMap};
use std::sync::{LazyLock, PoisonError, RwLock};

use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::{Map, Value};
use strum::{EnumString, IntoStaticStr, VariantArray, VariantNames};
use uuid::Uuid;

pub use ::visible::Visible;

/// Who may see a field, give an argument, or call a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Everybody, also a visitor whom nobody knows.
    Open,
    /// A visitor who is known, about what is theirs.
    Verified,
    /// A visitor who is known, where the connection has chosen so.
    Chosen(Choice),
    /// The company's own people.
    Staff,
}

/// What a connection can choose to let verified visitors do or see.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[strum(serialize_all = "snake_case")]
pub enum Choice {
    /// More of their deals than name, status and close date.
    DealDetails,
    /// Open a deal.
    CreateOpportunity,
    /// Change, win or lose their deals.
    UpdateOpportunity,
    /// Have a quote drafted.
    CreateQuote,
    /// Plan calls, tasks and meetings.
    CreateActivity,
    /// Schedule an appointment.
    Appointments,
    /// Read the notes whose subject has the connection's mark.
    PublicNotes,
}

impl Choice {
    /// All choices.
    pub const ALL: &'static [Choice] = <Choice as VariantArray>::VARIANTS;

    /// The choice's name, such as `deal_details`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl<'de> serde::Deserialize<'de> for Choice {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let names = <Choice as VariantNames>::VARIANTS;
        name.parse()
            .map_err(|_| serde::de::Error::custom(format!("must be one of: {}", names.join(", "))))
    }
}

impl schemars::JsonSchema for Choice {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "VisitorChoice".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names = <Choice as VariantNames>::VARIANTS;
        schemars::json_schema!({ "type": "string", "enum": names })
    }
}

impl Serialize for Choice {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Access {
    /// The word for it in the documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Access::Open => "open",
            Access::Verified => "verified",
            Access::Chosen(_) => "chosen",
            Access::Staff => "staff",
        }
    }
}

/// How much somebody may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// Everything.
    Staff,
    /// What a visitor may see who is known, with these choices of the connection.
    Verified(BTreeSet<Choice>),
    /// What everybody may see.
    Open,
}

impl Sight {
    /// Whether this is within it.
    pub fn includes(&self, access: Access) -> bool {
        match (self, access) {
            (Sight::Staff, _) | (_, Access::Open) | (Sight::Verified(_), Access::Verified) => true,
            (Sight::Verified(chosen), Access::Chosen(choice)) => chosen.contains(&choice),
            (Sight::Open, Access::Verified | Access::Chosen(_)) | (_, Access::Staff) => false,
        }
    }
}

/// The fields of arguments or of an answer, by their names in JSON, each with who may see it. A value
/// that is no object has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape(Vec<Field>);

/// A field of a [`Shape`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Who may see it.
    pub access: Access,
    /// What is inside it, or inside each of its items.
    pub shape: Shape,
}

/// Arguments, an answer, or a part of them.
pub trait Visible {
    /// Their fields.
    fn shape() -> Shape;
}

/// The shape of this type, which is made once.
pub fn shape_of<T: Visible + 'static>() -> &'static Shape {
    static SHAPES: LazyLock<RwLock<HashMap<TypeId, &'static Shape>>> =
        LazyLock::new(RwLock::default);
    let of = TypeId::of::<T>();
    let known = SHAPES.read().unwrap_or_else(PoisonError::into_inner).get(&of).copied();
    known.unwrap_or_else(|| {
        let mut shapes = SHAPES.write().unwrap_or_else(PoisonError::into_inner);
        // There are as many as there are types, and they are needed as long as there are calls.
        shapes.entry(of).or_insert_with(|| Box::leak(Box::new(T::shape())))
    })
}

/// The keyword of a JSON schema with those of its parts that have names.
const PARTS: &str = "$defs";

impl Shape {
    /// Adds a field.
    pub fn add(&mut self, name: &'static str, access: Access, shape: Shape) {
        self.0.push(Field { name, access, shape });
    }

    /// Adds the fields of a part that is not an object of its own. Each needs both accesses.
    pub fn flatten(&mut self, access: Access, Shape(fields): Shape) {
        let fields = fields.into_iter();
        self.0.extend(fields.map(|field| Field { access: field.access.max(access), ..field }));
    }

    /// Whether a value of it has no fields of its own.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Its fields.
    pub fn fields(&self) -> &[Field] {
        &self.0
    }

    /// The access of each field, by its path, such as `cases.number`.
    pub fn paths(&self) -> Vec<(String, Access)> {
        let mut paths = Vec::new();
        for Field { name, access, shape } in &self.0 {
            paths.push(((*name).to_owned(), *access));
            let inner = shape.paths().into_iter();
            paths.extend(inner.map(|(path, inner)| (format!("{name}.{path}"), inner.max(*access))));
        }
        paths
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| field.name == name)
    }

    /// Takes everything out of a value that is not within this sight. What no field declares goes,
    /// too.
    pub fn cut(&self, value: &mut Value, sight: &Sight) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.cut(item, sight)),
            Value::Object(object) if !self.0.is_empty() => {
                self.cut_members(object, sight);
                for (name, value) in object {
                    if let Some(field) = self.field(name) {
                        field.shape.cut(value, sight);
                    }
                }
            }
            _ => {}
        }
    }

    /// Takes the properties out of a JSON schema that are not within this sight. Those that are not
    /// within `least` need not be there. Its parts may stand in `$defs`.
    pub fn cut_schema(&self, schema: &mut Value, sight: &Sight, least: &Sight) {
        let mut parts = schema.get_mut(PARTS).map(Value::take).unwrap_or_default();
        self.cut_part(schema, &mut parts, sight, least);
        if let Some(place) = schema.get_mut(PARTS) {
            *place = parts;
        }
    }

    fn cut_part(&self, schema: &mut Value, parts: &mut Value, sight: &Sight, least: &Sight) {
        if self.0.is_empty() {
            return;
        }
        match schema {
            Value::Object(object) => {
                let place = object.get("$ref").and_then(Value::as_str);
                let name = place.and_then(|place| place.rsplit_once('/')).map(|(_, name)| name);
                // While a part is cut, it is not in its place, so one within itself ends this.
                if let Some(name) = name
                    && let Some(mut part) = parts.get_mut(name).map(Value::take)
                {
                    self.cut_part(&mut part, parts, sight, least);
                    parts[name] = part;
                }
                if let Some(Value::Object(properties)) = object.get_mut("properties") {
                    self.cut_members(properties, sight);
                    for (name, schema) in properties.iter_mut() {
                        if let Some(field) = self.field(name) {
                            field.shape.cut_part(schema, parts, sight, least);
                        }
                    }
                    if let Some(Value::Array(required)) = object.get_mut("required") {
                        required.retain(|name| {
                            let field = name.as_str().and_then(|name| self.field(name));
                            field.is_some_and(|field| least.includes(field.access))
                        });
                    }
                }
                for keyword in ["items", "anyOf", "oneOf", "allOf"] {
                    if let Some(inner) = object.get_mut(keyword) {
                        self.cut_part(inner, parts, sight, least);
                    }
                }
            }
            Value::Array(schemas) => {
                schemas.iter_mut().for_each(|it| self.cut_part(it, parts, sight, least));
            }
            _ => {}
        }
    }

    fn cut_members(&self, object: &mut Map<String, Value>, sight: &Sight) {
        object.retain(|name, _| self.field(name).is_some_and(|it| sight.includes(it.access)));
    }
}

impl<T: Visible> Visible for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }
}

impl<T: Visible> Visible for Vec<T> {
    fn shape() -> Shape {
        T::shape()
    }
}

/// Makes types visible that have no fields in JSON.
#[macro_export]
macro_rules! without_fields {
    ($($name:ty),* $(,)?) => {
        $(impl $crate::visible::Visible for $name {
            fn shape() -> $crate::visible::Shape {
                $crate::visible::Shape::default()
            }
        })*
    };
}

crate::without_fields!(
    bool,
    i64,
    u64,
    f64,
    &'static str,
    String,
    Uuid,
    Decimal,
    Value,
    jiff::civil::Date,
);

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde_json::json;

    use super::*;

    #[derive(Serialize, JsonSchema, Visible)]
    struct Case {
        #[open]
        number: String,
        #[verified]
        #[serde(rename = "type")]
        kind: Option<String>,
        #[chosen(DealDetails)]
        value: i64,
        #[staff]
        owner: String,
    }

    #[derive(Serialize, JsonSchema, Visible)]
    struct Answer {
        #[verified]
        cases: Vec<Case>,
        #[open]
        case: Option<Case>,
        #[verified]
        #[serde(flatten)]
        inner: Case,
    }

    fn answer() -> Value {
        let case = || Case {
            number: "CAS-1".to_owned(),
            kind: Some("Problem".to_owned()),
            value: 5,
            owner: "Rowan".to_owned(),
        };
        let answer = Answer { cases: vec![case()], case: Some(case()), inner: case() };
        serde_json::to_value(answer).unwrap()
    }

    fn cut(sight: &Sight) -> Value {
        let mut value = answer();
        Answer::shape().cut(&mut value, sight);
        value
    }

    #[test]
    fn each_sees_what_is_theirs() {
        assert_eq!(cut(&Sight::Staff), answer());
        assert_eq!(cut(&Sight::Open), json!({"case": {"number": "CAS-1"}}));
        let verified = json!({"number": "CAS-1", "type": "Problem"});
        let expected = json!({
            "cases": [verified], "case": verified, "number": "CAS-1", "type": "Problem",
        });
        assert_eq!(cut(&Sight::Verified(BTreeSet::new())), expected);
        let chosen = cut(&Sight::Verified([Choice::DealDetails].into()));
        assert_eq!(chosen["value"], 5);
        assert!(!chosen.to_string().contains("Rowan"), "{chosen}");
    }

    #[test]
    fn what_nobody_declared_is_not_shown() {
        let mut value = json!({"case": {"number": "CAS-1", "secret": 1}, "other": 2});
        Answer::shape().cut(&mut value, &Sight::Open);
        assert_eq!(value, json!({"case": {"number": "CAS-1"}}));
    }

    #[test]
    fn a_schema_says_what_an_answer_has() {
        for in_place in [true, false] {
            let settings = schemars::generate::SchemaSettings::draft2020_12()
                .with(|settings| settings.inline_subschemas = in_place);
            let mut schema = settings.into_generator().into_root_schema_for::<Answer>().to_value();
            assert_eq!(schema.get(PARTS).is_none(), in_place);
            Answer::shape().cut_schema(&mut schema, &Sight::Open, &Sight::Open);
            assert_eq!(schema["properties"].as_object().unwrap().len(), 1, "{schema:#}");
            let text = schema.to_string();
            assert!(text.contains("number"), "{text}");
            for hidden in ["owner", "type\":{", "cases", "value"] {
                assert!(!text.contains(hidden), "{hidden}: {text}");
            }
        }
    }
}
