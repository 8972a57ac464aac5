//! Looks up the names of an expression in the metadata and checks the types.

use std::collections::BTreeMap;

use super::comparable::{family, literal_value};
use super::condition::ConditionArguments;
use super::filter::{Filter, PropertyPath};
use super::like::Like;
use super::syntax::{Argument, Comparison, Condition, Expression, Lambda, Literal, Operand};
use super::{condition, parser};
use crate::data::{
    CollectionNavigation, Column, ColumnKind, SingleNavigation, Table, TableId, Value,
};
use crate::message::ApiError;
use crate::organization::Moment;

/// Looks up names, and remembers the tables that were used, so that privileges can be checked.
pub(crate) struct Binder<'a> {
    scopes: Vec<(String, &'static Table)>,
    aliases: Option<&'a BTreeMap<String, String>>,
    moment: Moment,
    touched: Vec<TableId>,
}

impl<'a> Binder<'a> {
    /// `aliases` is `None` inside `$expand`, where Dataverse does not accept them.
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
            Expression::Condition(condition) => self.condition(condition),
            // OData would accept a yes-or-no property alone. Dataverse's documentation shows only
            // comparisons.
            Expression::Value(_) => Err(ApiError::odata(
                "The $filter expression must evaluate to a single boolean value.",
            )),
        }
    }

    /// Binds the path of a column, as in `$orderby`.
    pub(crate) fn property(&mut self, path: &[String]) -> Result<PropertyPath, ApiError> {
        self.path(path, |table, name| {
            table.column(name).ok_or_else(|| unknown_property(name, table))
        })
    }

    /// Binds the path of a column whose name `column` looks up.
    fn path(
        &mut self,
        path: &[String],
        column: fn(&'static Table, &str) -> Result<&'static Column, ApiError>,
    ) -> Result<PropertyPath, ApiError> {
        let (scope, path) = self.scope(path);
        let mut table = self.scopes[scope].1;
        let mut steps = Vec::new();
        let Some((last, before)) = path.split_last() else {
            return Err(unknown_property("", table));
        };
        // Dataverse compiles the query only after its names are known.
        let refused = scope > 0 && !before.is_empty() && self.moment.habits.refuse_lambda_paths;
        for name in before {
            let navigation =
                self.single(table, name).ok_or_else(|| unknown_property(name, table))?;
            table = navigation.target.table();
            self.touched.push(table.id);
            steps.push(navigation);
        }
        let column = column(table, last)?;
        if refused {
            return Err(path_in_lambda());
        }
        Ok(PropertyPath { scope, steps, column })
    }

    /// The navigation property of a lookup. If it leads to a table of a missing app, it does not
    /// exist.
    pub(crate) fn single(
        &self,
        table: &'static Table,
        name: &str,
    ) -> Option<&'static SingleNavigation> {
        let navigation = table.single_navigation(name)?;
        self.moment.apps.bring(navigation.target.table()).then_some(navigation)
    }

    /// The navigation property of a collection. If it leads to a table of a missing app, it does
    /// not exist.
    pub(crate) fn collection(
        &self,
        table: &'static Table,
        name: &str,
    ) -> Option<&'static CollectionNavigation> {
        let navigation = table.collection_navigation(name)?;
        self.moment.apps.bring(navigation.target.table()).then_some(navigation)
    }

    /// The value behind an alias.
    fn alias(&self, alias: &str) -> Result<&'a str, ApiError> {
        let aliases = self.aliases.ok_or_else(|| {
            ApiError::odata("Parameter aliases are not supported inside the $expand query option.")
        })?;
        aliases
            .get(alias)
            .map(String::as_str)
            .ok_or_else(|| ApiError::odata(format!("No value was given for the alias '{alias}'.")))
    }

    fn condition(&mut self, condition: &Condition) -> Result<Filter, ApiError> {
        let name = condition.name.as_str();
        condition::emulated(name)?;
        let arguments = condition
            .arguments
            .iter()
            .map(|(name, argument)| Ok((name.clone(), self.argument(argument)?)))
            .collect::<Result<_, ApiError>>()?;
        let mut arguments = ConditionArguments::new(arguments);
        // The platform itself looks this name up, and knows a lookup by its logical name alone.
        let property = self.path(&arguments.property()?, |table, name| {
            table.column_by_logical_name(name).ok_or_else(|| unknown_attribute(name, table))
        })?;
        condition::filter(name, property, arguments, self.moment)
    }

    /// An argument of a condition. Its alias is resolved.
    fn argument(&self, argument: &Argument) -> Result<Argument, ApiError> {
        match argument {
            Argument::Alias(alias) => Ok(parser::argument(self.alias(alias)?)?),
            other => Ok(other.clone()),
        }
    }

    fn list(&mut self, parts: &[Expression]) -> Result<Vec<Filter>, ApiError> {
        parts.iter().map(|part| self.filter(part)).collect()
    }

    /// Finds where a path starts: at the variable of a lambda, or outside of lambdas at the
    /// filtered row.
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
                // Columns can only be compared within one row.
                if !(left.steps.is_empty() && right.steps.is_empty() && left.scope == right.scope) {
                    return Err(ApiError::odata(
                        "Comparing columns of different rows is not supported.",
                    ));
                }
                Ok(Filter::CompareProperties(left, comparison, right))
            }
            // Two literals compare nothing. Dataverse requires a column on one side.
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

    /// Inside a lambda, every path must start at the variable of the lambda.
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

/// The refusal of a name that the table does not have.
pub(crate) fn unknown_property(name: &str, table: &Table) -> ApiError {
    let message =
        format!("Could not find a property named '{name}' on type '{}'.", table.type_name());
    ApiError::odata(message.clone()).or(ApiError::bare(message))
}

/// The refusal of a name that the platform does not know. The words were recorded in 2025.
pub(crate) fn unknown_attribute(name: &str, table: &Table) -> ApiError {
    ApiError::bad_request(
        0x8004_1103,
        format!(
            "'{}' entity doesn't contain attribute with Name = '{name}' and NameMapping = \
             'Logical' (look up attribute by name is case-sensitive).",
            table.name
        ),
    )
}

/// The refusal of a path through a lookup inside a lambda: `UnExpected` in the list of error codes.
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
            // As in SQL, no comparison with null is true.
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

fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        same => same,
    }
}
