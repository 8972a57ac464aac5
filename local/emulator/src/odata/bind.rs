//! Looks up the names of an expression in the metadata and checks the types.

use super::condition::{self, TimeSpan};
use super::like::Like;
use super::parser;
use super::syntax::{Argument, Comparison, Expression, Lambda, Literal, Operand};
use crate::api::ApiError;
use crate::apps::Apps;
use crate::data::Value;
use crate::data::{CollectionNavigation, Column, ColumnKind, SingleNavigation, Table, TableId};
use crate::habits::Habits;
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A filter whose names are known to exist and whose types fit.
#[derive(Debug)]
pub(crate) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// Always true, or always false.
    Constant(bool),
    /// A property against a value.
    Compare(PropertyPath, Comparison, Value),
    /// A property against another of the same row.
    CompareProperties(PropertyPath, Comparison, PropertyPath),
    /// Text against a pattern.
    Like(PropertyPath, Like),
    /// A date within a span of time.
    Within(PropertyPath, TimeSpan),
    /// Rows of a collection, of the row in scope `scope`.
    Lambda {
        scope: usize,
        collection: &'static CollectionNavigation,
        all: bool,
        body: Option<Box<Filter>>,
    },
}

/// A column, perhaps of a related row.
#[derive(Debug, Clone)]
pub(crate) struct PropertyPath {
    /// 0 is the row that is filtered; each lambda adds one.
    pub(crate) scope: usize,
    /// The lookups to follow.
    pub(crate) steps: Vec<&'static SingleNavigation>,
    /// The column at the end.
    pub(crate) column: &'static Column,
}

/// Who asks, when, and of what kind of organization: some conditions depend on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    pub(crate) user: Uuid,
    pub(crate) business_unit: Uuid,
    pub(crate) apps: Apps,
    pub(crate) habits: Habits,
}

/// Looks names up, and remembers which tables were touched so that privileges can be checked.
pub(crate) struct Binder<'a> {
    scopes: Vec<(String, &'static Table)>,
    aliases: Option<&'a BTreeMap<String, String>>,
    moment: Moment,
    touched: Vec<TableId>,
}

impl<'a> Binder<'a> {
    /// `aliases` is `None` inside `$expand`, where Dataverse does not take them.
    pub(crate) fn new(
        table: &'static Table,
        aliases: Option<&'a BTreeMap<String, String>>,
        moment: Moment,
    ) -> Self {
        Self { scopes: vec![("$it".to_owned(), table)], aliases, moment, touched: vec![table.id] }
    }

    /// The tables that the bound expressions read.
    pub(crate) fn touched(self) -> Vec<TableId> {
        self.touched
    }

    /// Binds a filter.
    pub(crate) fn filter(&mut self, expression: &Expression) -> Result<Filter, ApiError> {
        match expression {
            Expression::And(parts) => self.list(parts).map(Filter::And),
            Expression::Or(parts) => self.list(parts).map(Filter::Or),
            Expression::Not(inner) => {
                if matches!(**inner, Expression::Condition(_)) {
                    return Err(ApiError::odata(
                        "Not operator along with the Custom Named Condition operators is not \
                         allowed",
                    ));
                }
                Ok(Filter::Not(Box::new(self.filter(inner)?)))
            }
            Expression::Compare(left, comparison, right) => self.compare(left, *comparison, right),
            Expression::Call(name, arguments) => self.call(name, arguments),
            Expression::Lambda(lambda) => self.lambda(lambda),
            Expression::Condition(condition) => condition::bind(self, condition),
            // OData would take a lone yes-or-no property; Dataverse's documentation shows
            // comparisons only.
            Expression::Value(_) => Err(ApiError::odata(
                "The $filter expression must evaluate to a single boolean value.",
            )),
        }
    }

    /// Binds the path of a column, as `$orderby` names it.
    pub(crate) fn property(&mut self, path: &[String]) -> Result<PropertyPath, ApiError> {
        let (scope, path) = self.scope(path);
        let mut table = self.scopes[scope].1;
        let mut steps = Vec::new();
        let Some((last, before)) = path.split_last() else {
            return Err(unknown_property("", table));
        };
        // Dataverse compiles the query only once its names are known.
        let refused = scope > 0 && !before.is_empty() && self.moment.habits.refuse_lambda_paths;
        for name in before {
            let navigation =
                self.single(table, name).ok_or_else(|| unknown_property(name, table))?;
            table = navigation.target.table();
            self.touched.push(table.id);
            steps.push(navigation);
        }
        let column = table.column(last).ok_or_else(|| unknown_property(last, table))?;
        if refused {
            return Err(path_in_lambda());
        }
        Ok(PropertyPath { scope, steps, column })
    }

    /// A lookup's navigation property; those to tables of a missing app do not exist.
    pub(crate) fn single(
        &self,
        table: &'static Table,
        name: &str,
    ) -> Option<&'static SingleNavigation> {
        let navigation = table.single_navigation(name)?;
        self.moment.apps.bring(navigation.target.table()).then_some(navigation)
    }

    /// A collection's navigation property; those to tables of a missing app do not exist.
    pub(crate) fn collection(
        &self,
        table: &'static Table,
        name: &str,
    ) -> Option<&'static CollectionNavigation> {
        let navigation = table.collection_navigation(name)?;
        self.moment.apps.bring(navigation.target.table()).then_some(navigation)
    }

    pub(super) fn moment(&self) -> Moment {
        self.moment
    }

    /// The value behind an alias.
    pub(super) fn alias(&self, alias: &str) -> Result<&'a str, ApiError> {
        let aliases = self.aliases.ok_or_else(|| {
            ApiError::odata("Parameter aliases are not supported inside the $expand query option.")
        })?;
        aliases
            .get(alias)
            .map(String::as_str)
            .ok_or_else(|| ApiError::odata(format!("No value was given for the alias '{alias}'.")))
    }

    /// An argument of a Dataverse function with its alias resolved.
    pub(super) fn argument(&self, argument: &Argument) -> Result<Argument, ApiError> {
        match argument {
            Argument::Alias(alias) => Ok(parser::argument(self.alias(alias)?)?),
            other => Ok(other.clone()),
        }
    }

    fn list(&mut self, parts: &[Expression]) -> Result<Vec<Filter>, ApiError> {
        parts.iter().map(|part| self.filter(part)).collect()
    }

    /// A path starts at a lambda's variable, or at the filtered row outside of lambdas.
    fn scope<'p>(&self, path: &'p [String]) -> (usize, &'p [String]) {
        let named =
            path.split_first().filter(|(_, rest)| !rest.is_empty()).and_then(|(first, rest)| {
                let scope = self.scopes.iter().rposition(|(variable, _)| variable == first)?;
                Some((scope, rest))
            });
        named.unwrap_or((0, path))
    }

    fn operand(&self, operand: &Operand) -> Result<Operand, ApiError> {
        match operand {
            Operand::Alias(alias) => Ok(Operand::Literal(parser::literal(self.alias(alias)?)?)),
            other => Ok(other.clone()),
        }
    }

    fn compare(
        &mut self,
        left: &Operand,
        comparison: Comparison,
        right: &Operand,
    ) -> Result<Filter, ApiError> {
        match (self.operand(left)?, self.operand(right)?) {
            (Operand::Path(path), Operand::Literal(literal)) => {
                let property = self.property(&path)?;
                compare_literal(property, comparison, &literal)
            }
            (Operand::Literal(literal), Operand::Path(path)) => {
                let property = self.property(&path)?;
                compare_literal(property, turned(comparison), &literal)
            }
            (Operand::Path(left), Operand::Path(right)) => {
                let (left, right) = (self.property(&left)?, self.property(&right)?);
                if family(left.column) != family(right.column) {
                    let (left, right) = (left.column.edm_type(), right.column.edm_type());
                    return Err(incompatible(left, right, comparison));
                }
                // Comparing columns works within one row only.
                if !(left.steps.is_empty() && right.steps.is_empty() && left.scope == right.scope) {
                    return Err(ApiError::odata(
                        "Comparing columns of different rows is not supported.",
                    ));
                }
                Ok(Filter::CompareProperties(left, comparison, right))
            }
            // Two literals compare nothing: Dataverse wants a column on one side.
            _ => Err(ApiError::odata(
                "The query specified in the URI is not valid. A comparison needs a property.",
            )),
        }
    }

    fn call(&mut self, name: &str, arguments: &[Operand]) -> Result<Filter, ApiError> {
        let pattern = match name {
            "contains" => Like::contains,
            "startswith" => Like::starts_with,
            "endswith" => Like::ends_with,
            _ => {
                return Err(ApiError::odata(format!(
                    "An unknown function with name '{name}' was found. This may also be a function \
                     import or a key lookup on a navigation property, which is not allowed."
                )));
            }
        };
        let arguments = arguments.iter().map(|o| self.operand(o)).collect::<Result<Vec<_>, _>>()?;
        if let [Operand::Path(path), Operand::Literal(Literal::Text(text))] = arguments.as_slice() {
            let property = self.property(path)?;
            if matches!(property.column.kind, ColumnKind::Text { .. } | ColumnKind::EntityName) {
                return Ok(Filter::Like(property, pattern(text)));
            }
        }
        Err(ApiError::odata(format!(
            "No function signature for the function with name '{name}' matches the specified \
             arguments. The function signatures considered are: {name}(Edm.String Nullable=true, \
             Edm.String Nullable=true)."
        )))
    }

    fn lambda(&mut self, lambda: &Lambda) -> Result<Filter, ApiError> {
        let (scope, path) = self.scope(&lambda.path);
        let table = self.scopes[scope].1;
        let [name] = path else {
            return Err(ApiError::odata(
                "A lambda operator is only supported on a collection of the row itself, not on one \
                 reached through a lookup.",
            ));
        };
        let collection =
            self.collection(table, name).ok_or_else(|| unknown_property(name, table))?;
        self.touched.push(collection.target);
        let body = match &lambda.body {
            None => None,
            Some((variable, body)) => {
                if self.scopes.iter().any(|(other, _)| other == variable) {
                    return Err(ApiError::odata(format!(
                        "The range variable '{variable}' has already been declared."
                    )));
                }
                self.scopes.push((variable.clone(), collection.target.table()));
                let body = self.lambda_body(body);
                self.scopes.pop();
                Some(Box::new(body?))
            }
        };
        Ok(Filter::Lambda { scope, collection, all: lambda.all, body })
    }

    /// Inside a lambda everything starts at the lambda's variable.
    fn lambda_body(&mut self, body: &Expression) -> Result<Filter, ApiError> {
        let bound = self.filter(body)?;
        if mentions_outer(&bound, self.scopes.len() - 1) {
            return Err(ApiError::odata(
                "A lambda expression may only use properties of its own range variable.",
            ));
        }
        Ok(bound)
    }
}

fn mentions_outer(filter: &Filter, own: usize) -> bool {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => parts.iter().any(|p| mentions_outer(p, own)),
        Filter::Not(inner) => mentions_outer(inner, own),
        Filter::Constant(_) => false,
        Filter::Compare(path, ..) | Filter::Like(path, _) | Filter::Within(path, _) => {
            path.scope != own
        }
        Filter::CompareProperties(left, _, right) => left.scope != own || right.scope != own,
        Filter::Lambda { scope, .. } => *scope != own,
    }
}

/// The refusal of a name that a table does not have.
pub(crate) fn unknown_property(name: &str, table: &Table) -> ApiError {
    let message =
        format!("Could not find a property named '{name}' on type '{}'.", table.type_name());
    ApiError::odata(message.clone()).or(ApiError::bare(message))
}

/// The refusal of a path through a lookup inside a lambda, as `UnExpected` in the list of error
/// codes has it.
fn path_in_lambda() -> ApiError {
    ApiError::bad_request(0x8004_0216, "An unexpected error occurred.").named("UnExpected")
}

fn compare_literal(
    property: PropertyPath,
    comparison: Comparison,
    literal: &Literal,
) -> Result<Filter, ApiError> {
    if *literal == Literal::Null {
        return Ok(match comparison {
            Comparison::Equal | Comparison::NotEqual => {
                Filter::Compare(property, comparison, Value::Null)
            }
            // SQL: no comparison with null holds.
            _ => Filter::Constant(false),
        });
    }
    let value = literal_value(property.column, literal)
        .ok_or_else(|| incompatible(property.column.edm_type(), literal.edm_type(), comparison))?;
    Ok(Filter::Compare(property, comparison, value))
}

fn incompatible(left: &str, right: &str, comparison: Comparison) -> ApiError {
    ApiError::odata(format!(
        "A binary operator with incompatible types was detected. Found operand types '{left}' and \
         '{right}' for operator kind '{}'.",
        comparison.kind()
    ))
}

/// A literal as a value that the column can be compared with; `None` if the types differ.
///
/// Text does not stand for an identifier: identifiers are written bare.
pub(crate) fn literal_value(column: &Column, literal: &Literal) -> Option<Value> {
    let value = match literal {
        Literal::Null => return Some(Value::Null),
        Literal::Boolean(flag) => Value::Boolean(*flag),
        Literal::Integer(number) => Value::BigInteger(*number),
        Literal::Decimal(number) => Value::Decimal(*number),
        Literal::Double(number) => Value::Double(*number),
        Literal::Text(text) => Value::text(text),
        Literal::Guid(id) => Value::Guid(*id),
        Literal::DateTime(time) => Value::DateTime(*time),
        Literal::Date(day) => Value::Date(*day),
        Literal::Enumeration(..) => return None,
    };
    (value_family(&value) == Some(family(column))).then_some(value)
}

/// Text of a Dataverse function's argument as a value of the column.
pub(super) fn text_value(column: &Column, text: &str) -> Option<Value> {
    match family(column) {
        Family::Text => Some(Value::text(text)),
        Family::Number => text.trim().parse::<Decimal>().ok().map(Value::Decimal),
        Family::Boolean => match text {
            "1" | "true" => Some(Value::Boolean(true)),
            "0" | "false" => Some(Value::Boolean(false)),
            _ => None,
        },
        _ => {
            let literal = parser::literal(text).ok()?;
            literal_value(column, &literal)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Text,
    Number,
    Boolean,
    Time,
    Id,
    Other,
}

pub(super) fn family(column: &Column) -> Family {
    match column.kind {
        ColumnKind::Guid | ColumnKind::Lookup { .. } => Family::Id,
        ColumnKind::Text { .. } | ColumnKind::EntityName => Family::Text,
        ColumnKind::Integer { .. }
        | ColumnKind::BigInteger
        | ColumnKind::Decimal { .. }
        | ColumnKind::Double
        | ColumnKind::Money { .. }
        | ColumnKind::Choice(_)
        | ColumnKind::State(_)
        | ColumnKind::Status(_) => Family::Number,
        ColumnKind::Boolean { .. } => Family::Boolean,
        ColumnKind::DateTime | ColumnKind::Date => Family::Time,
        ColumnKind::Image => Family::Other,
    }
}

fn value_family(value: &Value) -> Option<Family> {
    Some(match value {
        Value::Null => return None,
        Value::Boolean(_) => Family::Boolean,
        Value::Integer(_) | Value::BigInteger(_) | Value::Decimal(_) | Value::Double(_) => {
            Family::Number
        }
        Value::Text(_) => Family::Text,
        Value::Guid(_) | Value::Reference(_) => Family::Id,
        Value::DateTime(_) | Value::Date(_) => Family::Time,
    })
}

fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        same => same,
    }
}
