//! The changes of an update to a row.

use crm::labels::Choice;
use crm::money::{self, Amount, Money};
use crm::text::excerpt;
use dataverse::{Link, Record, Table, Update};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Change, Target, ToolError};

/// The changes of an update to a row that was read. Values that the row already has are no changes.
pub struct Edit<'a> {
    record: &'a Record,
    target: Target<'a>,
    changes: Vec<Change>,
    columns: Vec<(&'static str, Value)>,
    lookups: Vec<(Link, Uuid)>,
    /// The columns with amounts of money.
    amounts: Vec<&'static str>,
}

impl<'a> Edit<'a> {
    /// Begins an edit of a row of this table, without changes.
    pub fn of(record: &'a Record, table: Table) -> Result<Edit<'a>, ToolError> {
        let target = Target::of(record, table)?;
        let (changes, columns, lookups) = (Vec::new(), Vec::new(), Vec::new());
        Ok(Edit { record, target, changes, columns, lookups, amounts: Vec::new() })
    }

    /// The row as it was read.
    pub fn record(&self) -> &'a Record {
        self.record
    }

    /// The row as the target of the write.
    pub fn target(&self) -> Target<'a> {
        self.target
    }

    /// Sets a column, if a value is given.
    pub fn set<V: Into<Value>>(
        &mut self,
        field: &'static str,
        column: &'static str,
        wanted: Option<V>,
    ) {
        let Some(wanted) = wanted.map(Into::into) else { return };
        let from = self.record.value(column);
        if from.as_ref().is_none_or(|from| !same(from, &wanted)) {
            self.note(field, from.as_ref().map(shown), shown(&wanted));
            self.column(column, wanted);
        }
    }

    /// Sets a column to a choice, if one is given.
    pub fn choose<C: Choice>(
        &mut self,
        field: &'static str,
        column: &'static str,
        wanted: Option<C>,
    ) {
        let Some(wanted) = wanted else { return };
        if self.record.integer(column) != Some(wanted.value()) {
            self.note(field, C::of(self.record, column).map(Value::from), wanted.label());
            self.column(column, wanted.value());
        }
    }

    /// Sets a column to an amount of money, if one is given. The row must have been read with its
    /// [currency](money::currency).
    pub fn money(&mut self, field: &'static str, column: &'static str, wanted: Option<Amount>) {
        self.amounts.push(column);
        let Some(wanted) = wanted else { return };
        if self.record.decimal(column) != Some(wanted.get()) {
            let currency = money::currency_of(self.record);
            let to = Money { amount: wanted.get(), currency };
            self.note(field, Money::of(self.record, column).map(priced), priced(to));
            self.column(column, wanted);
        }
    }

    /// Points a lookup at another row, given by its id and its name.
    pub fn point(&mut self, field: &'static str, link: Link, (id, name): (Uuid, Option<&str>)) {
        let from = self.record.lookup(link.column);
        if from.as_ref().map(|from| from.id) == Some(id) {
            return;
        }
        let named =
            |name: Option<&str>, id: Uuid| Value::from(name.map_or(id.to_string(), str::to_owned));
        let from = from.map(|from| named(from.name.as_deref(), from.id));
        self.note(field, from, named(name, id));
        self.lookups.push((link, id));
    }

    /// Adds a change to the list that the answer shows. The caller writes it in another way.
    pub fn note(&mut self, field: &'static str, from: Option<Value>, to: impl Into<Value>) {
        self.changes.push(Change { field, from, to: Some(to.into()) });
    }

    /// Empties a column, unless it is empty.
    pub fn clear(&mut self, field: &'static str, column: &'static str) {
        let Some(from) = self.record.value(column) else { return };
        let from = if self.amounts.contains(&column) {
            Money::of(self.record, column).map(priced)
        } else {
            Some(shown(&from))
        };
        self.changes.push(Change { field, from, to: None });
        self.column(column, Value::Null);
    }

    /// Sets a column without adding a change to the list that the answer shows.
    pub fn column(&mut self, column: &'static str, value: impl Into<Value>) {
        self.columns.push((column, value.into()));
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes that the answer shows, and the update with the columns to write.
    pub fn finish(self) -> (Vec<Change>, Update) {
        let Target { table, id, etag, .. } = self.target;
        let update = Update::new(table, id, etag);
        let update = self
            .columns
            .into_iter()
            .fold(update, |update, (column, value)| update.set(column, value));
        let amounts: Vec<_> = self
            .amounts
            .into_iter()
            .filter(|amount| update.reads().any(|column| column.as_str() == *amount))
            .collect();
        let update = update.select(amounts);
        let update =
            self.lookups.into_iter().fold(update, |update, (link, id)| update.point(link, id));
        (self.changes, update)
    }
}

/// The changes with an amount of money as Dataverse has stored it: rounded as its currency wants. It
/// stays as it was given if no answer to the write has it, because that was lost.
pub fn with_stored_money(
    record: &Record,
    answers: Option<&[Record]>,
    mut changes: Vec<Change>,
    (field, column): (&'static str, &'static str),
) -> Vec<Change> {
    let stored = answers.unwrap_or_default().iter().find_map(|row| row.decimal(column));
    let change = changes.iter_mut().find(|change| change.field == field && change.to.is_some());
    if let (Some(change), Some(amount)) = (change, stored) {
        change.to = Some(priced(Money { amount, currency: money::currency_of(record) }));
    }
    changes
}

/// An amount as a change shows it: with its currency, and without the zeros that Dataverse adds.
fn priced(Money { amount, currency }: Money) -> Value {
    let mut shown = Map::from_iter([("amount".to_owned(), money::number(amount))]);
    shown.extend(currency.map(|currency| ("currency".to_owned(), currency.into())));
    shown.into()
}

/// Arguments that change a row. The macro [`edits!`](crate::edits) declares them.
pub trait Edits: Sized {
    /// The fields that can be emptied, each with its columns.
    const CLEARABLE: &'static [(&'static str, &'static [&'static str])];

    /// The columns to read before the row is changed.
    fn columns() -> impl Iterator<Item = &'static str>;

    /// Refuses a call that changes nothing, and one that gives a value to a field and empties it.
    ///
    /// # Errors
    ///
    /// `invalid_arguments`, with the fields of which at least one must be given, or with the field.
    fn check_wanted(&self) -> Result<(), ToolError>;

    /// Adds the changes of all fields, except those that are `apart`: the tool adds these itself.
    fn edit(&self, edit: &mut Edit<'_>);
}

/// Declares the arguments of a tool that changes a row: the struct, with one line for each field.
///
/// A field that changes the row has an arrow after its type. From this line the macro derives
/// whether the call changes anything, the fields that an error names, the columns to read, the
/// comparison, the change to show, and the change to write.
///
/// - `=> set "telephone1"`: sets the column to the value ([`Edit::set`]).
/// - `=> choose "leadqualitycode"`: sets the column to the choice ([`Edit::choose`]).
/// - `=> by_stage ["salesstage", "stepname"]`: the tool's function `by_stage(&mut Edit, Option<T>)`
///   decides what changes in these columns.
/// - `=> apart ["statuscode"]`: the field and its columns are handled like the others, but the tool
///   writes the change in another way.
/// - `=> set "telephone1" or empty`: the call may also empty the column.
/// - `=> clears []`: the field names the columns to empty ([`Clear`](crate::Clear)).
///
/// ```
/// use crm::text::Line;
/// use toolkit::Edits as _;
///
/// toolkit::edits! {
///     struct Arguments {
///         contact: String,
///         phone: Option<Line<50>> => set "telephone1",
///         job_title: Option<Line<100>> => set "jobtitle",
///     }
/// }
///
/// let nothing = Arguments { contact: "Maria".to_owned(), phone: None, job_title: None };
/// assert!(nothing.check_wanted().is_err());
/// assert!(Arguments::columns().any(|column| column == "jobtitle"));
/// ```
#[macro_export]
macro_rules! edits {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident {
        $($(#[$doc:meta])* $field:ident: $type:ty
            $(=> $how:ident $columns:tt $(or $empty:ident)?)?,)*
    }) => {
        $(#[$meta])*
        $visibility struct $name {
            $($(#[$doc])* $field: $type,)*
        }

        impl $crate::Edits for $name {
            const CLEARABLE: &'static [(&'static str, &'static [&'static str])] = &[
                $($($($crate::edits!(@clearable $empty $field $columns),)?)?)*
            ];

            fn columns() -> impl Iterator<Item = &'static str> {
                let columns: &[&[&'static str]] = &[$($($crate::edits!(@columns $columns),)?)*];
                // A closed row cannot be changed.
                columns.iter().copied().flatten().copied().chain([$crate::STATE])
            }

            fn check_wanted(&self) -> Result<(), $crate::ToolError> {
                let fields = [$($($crate::edits!(@field self $field $how),)?)*];
                $($($crate::edits!(@check self $field $how fields);)?)*
                if fields.iter().any(|(_, is_wanted)| *is_wanted) {
                    return Ok(());
                }
                Err($crate::ToolError::needs_one_of(&fields.map(|(field, _)| field).join(", ")))
            }

            fn edit(&self, edit: &mut $crate::Edit<'_>) {
                $($($crate::edits!(@edit edit self $field $how $columns);)?)*
            }
        }
    };
    (@columns [$($column:literal),*]) => { &[$($column),*] };
    (@columns $column:literal) => { &[$column] };
    (@clearable empty $field:ident $columns:tt) => {
        (stringify!($field), $crate::edits!(@columns $columns))
    };
    (@field $self:ident $field:ident clears) => {
        (stringify!($field), $self.$field.as_ref().is_some_and(|clear| !clear.is_empty()))
    };
    (@field $self:ident $field:ident $how:ident) => {
        (stringify!($field), $self.$field.is_some())
    };
    (@check $self:ident $field:ident clears $given:ident) => {
        if let Some(clear) = &$self.$field {
            clear.check(&$given)?;
        }
    };
    (@check $self:ident $field:ident $how:ident $given:ident) => {};
    (@edit $edit:ident $self:ident $field:ident clears $columns:tt) => {
        if let Some(clear) = &$self.$field {
            clear.edit($edit);
        }
    };
    (@edit $edit:ident $self:ident $field:ident set $column:literal) => {
        $edit.set(stringify!($field), $column, Clone::clone(&$self.$field))
    };
    (@edit $edit:ident $self:ident $field:ident choose $column:literal) => {
        $edit.choose(stringify!($field), $column, $self.$field)
    };
    (@edit $edit:ident $self:ident $field:ident apart $columns:tt) => {};
    (@edit $edit:ident $self:ident $field:ident $function:ident $columns:tt) => {
        $function($edit, Clone::clone(&$self.$field))
    };
}

/// Whether two values are the same. Numbers are compared by value, because Dataverse adds zeros.
fn same(one: &Value, other: &Value) -> bool {
    match (decimal(one), decimal(other)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// The most characters of a text that are shown. They are enough to recognize the text.
const TEXT: usize = 200;

/// A value as a caller would write it. A number loses the zeros that Dataverse adds. A text loses
/// its markup and is cut.
fn shown(value: &Value) -> Value {
    match value {
        Value::String(text) => excerpt(text, TEXT).text.into(),
        value => decimal(value).map_or_else(|| value.clone(), crm::money::number),
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    value.as_number()?.to_string().parse().ok()
}

#[cfg(test)]
mod tests {
    use crm::labels::CasePriority;
    use crm::tables::{CASE, OPPORTUNITY};
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_as_wanted_is_no_change() {
        let record: Record = serde_json::from_value(json!({
            "@odata.etag": "W/\"1\"", "incidentid": Uuid::nil(), "title": "a", "prioritycode": 2,
            "severity": 5.5,
        }))
        .unwrap();
        let mut edit = Edit::of(&record, CASE).unwrap();
        edit.set("subject", "title", Some("a"));
        edit.set("severity", "severity", Some(serde_json::from_str::<Value>("5.500").unwrap()));
        edit.choose("priority", "prioritycode", Some(CasePriority::Normal));
        edit.set("nothing", "title", None::<&str>);
        assert!(edit.is_empty());
        edit.choose("priority", "prioritycode", Some(CasePriority::High));
        edit.set("subject", "title", Some("b"));
        let (changes, _) = edit.finish();
        assert_eq!(
            json!(changes),
            json!([
                {"field": "priority", "from": "Normal", "to": "High"},
                {"field": "subject", "from": "a", "to": "b"},
            ])
        );
    }

    #[test]
    fn an_amount_has_its_currency() {
        let record: Record = serde_json::from_value(json!({
            "@odata.etag": "W/\"1\"", "opportunityid": Uuid::nil(), "estimatedvalue": 24000.5000,
            "transactioncurrencyid": {"isocurrencycode": "EUR"},
        }))
        .unwrap();
        let amount = |text: &str| serde_json::from_str::<Amount>(text).ok();
        let mut edit = Edit::of(&record, OPPORTUNITY).unwrap();
        edit.money("estimated_value", "estimatedvalue", amount("24000.50"));
        assert!(edit.is_empty());
        edit.money("estimated_value", "estimatedvalue", amount("30000.25"));
        let (changes, _) = edit.finish();
        assert_eq!(
            json!(changes),
            json!([{
                "field": "estimated_value",
                "from": {"amount": 24000.5, "currency": "EUR"},
                "to": {"amount": 30000.25, "currency": "EUR"},
            }])
        );
    }

    #[test]
    fn a_text_that_is_replaced_is_shown_plain_and_cut() {
        let long = format!("<div><script>x()</script><p>{}</p></div>", "word ".repeat(400));
        let record: Record = serde_json::from_value(json!({
            "@odata.etag": "W/\"1\"", "incidentid": Uuid::nil(), "description": long,
        }))
        .unwrap();
        let mut edit = Edit::of(&record, CASE).unwrap();
        edit.set("description", "description", Some("word\n".repeat(400)));
        let (changes, update) = edit.finish();
        let [Change { from: Some(from), to: Some(to), .. }] = changes.as_slice() else { panic!() };
        let from = from.as_str().unwrap();
        assert!(from.starts_with("word word") && from.ends_with('…'), "{from}");
        assert!(from.chars().count() <= TEXT + 1);
        assert!(to.as_str().unwrap().chars().count() <= TEXT + 1);
        // The value that is written is not cut.
        assert!(!update.is_empty());
    }

    #[test]
    fn a_row_without_a_version_is_not_edited() {
        let record: Record = serde_json::from_value(json!({"incidentid": Uuid::nil()})).unwrap();
        assert!(Edit::of(&record, CASE).is_err());
    }
}
