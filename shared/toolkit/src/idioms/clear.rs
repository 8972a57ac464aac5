//! Fields of a row that a call empties.

use std::borrow::Cow;
use std::marker::PhantomData;

use crm::visible::{Shape, Visible};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::{Edit, Edits, ToolError};

/// The names of the fields to empty: of those arguments that are marked with `or empty`.
///
/// A null cannot say it, because models send nulls for whatever is not given.
pub struct Clear<A> {
    fields: Vec<&'static str>,
    of: PhantomData<fn() -> A>,
}

/// The name of the argument.
pub(crate) const CLEAR: &str = "clear";

impl<A> Clear<A> {
    /// Whether no field is named.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether this field is named.
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains(&field)
    }

    /// Refuses a field that is given as well.
    ///
    /// # Errors
    ///
    /// `invalid_arguments`, with the name of the field.
    pub fn check(&self, given: &[(&str, bool)]) -> Result<(), ToolError> {
        match given.iter().find(|(field, is_given)| *is_given && self.has(field)) {
            Some((field, _)) => {
                Err(ToolError::invalid(field, "cannot be given and cleared in one call"))
            }
            None => Ok(()),
        }
    }
}

impl<A: Edits> Clear<A> {
    /// Empties the fields.
    pub fn edit(&self, edit: &mut Edit<'_>) {
        for (field, columns) in A::CLEARABLE.iter().filter(|(field, _)| self.has(field)) {
            if let Some(column) = columns.first() {
                edit.clear(field, column);
            }
        }
    }
}

impl<'de, A: Edits> Deserialize<'de> for Clear<A> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Vec::new();
        for name in Vec::<String>::deserialize(deserializer)? {
            let known = A::CLEARABLE.iter().find(|(field, _)| *field == name.trim());
            let (field, _) = known.ok_or_else(|| {
                let names: Vec<_> = A::CLEARABLE.iter().map(|(field, _)| *field).collect();
                serde::de::Error::custom(format!("must be some of: {}", names.join(", ")))
            })?;
            if !fields.contains(field) {
                fields.push(*field);
            }
        }
        Ok(Clear { fields, of: PhantomData })
    }
}

impl<A: Edits> JsonSchema for Clear<A> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Clear".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<_> = A::CLEARABLE.iter().map(|(field, _)| *field).collect();
        json_schema!({ "type": "array", "items": { "type": "string", "enum": names } })
    }
}

impl<A> Visible for Clear<A> {
    fn shape() -> Shape {
        Shape::default()
    }
}

#[cfg(test)]
mod tests {
    use crm::tables::CONTACT;
    use crm::text::Line;
    use dataverse::Record;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    crate::edits! {
        #[derive(Deserialize)]
        struct Arguments {
            phone: Option<Line<50>> => set "telephone1" or empty,
            job_title: Option<Line<100>> => set "jobtitle" or empty,
            surname: Option<Line<100>> => set "lastname",
            clear: Option<Clear<Arguments>> => clears [],
        }
    }

    fn read(value: Value) -> Result<Arguments, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_named_is_emptied() {
        let record: Record = serde_json::from_value(json!({
            "@odata.etag": "W/\"1\"", "contactid": Uuid::nil(), "telephone1": "+1",
        }))
        .unwrap();
        let mut edit = Edit::of(&record, CONTACT).unwrap();
        let arguments = read(json!({"clear": ["phone", "job_title", "phone"]})).unwrap();
        arguments.check_wanted().unwrap();
        arguments.edit(&mut edit);
        let (changes, update) = edit.finish();
        // The title is empty already.
        assert_eq!(json!(changes), json!([{"field": "phone", "from": "+1", "to": null}]));
        assert!(update.is_met_in(&Record::default(), "telephone1"));
    }

    #[test]
    fn only_what_may_be_empty_can_be_named_and_not_what_is_given() {
        let problem = read(json!({"clear": ["surname"]})).err().unwrap();
        assert_eq!(problem, "must be some of: phone, job_title");
        let both = read(json!({"phone": "+2", "clear": ["phone"]})).unwrap();
        let error = both.check_wanted().unwrap_err();
        assert_eq!(error.detail(), "phone: cannot be given and cleared in one call");
        assert!(read(json!({"clear": []})).unwrap().check_wanted().is_err());
    }
}
