//! Expressions as they are written. Their names are not looked up yet.

use std::fmt::{self, Display, Formatter, Write};

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

/// An expression of `$filter`.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// All parts must be true.
    And(Vec<Expression>),
    /// At least one part must be true.
    Or(Vec<Expression>),
    /// The expression must not be true.
    Not(Box<Expression>),
    /// A comparison of two operands.
    Compare(Operand, Comparison, Operand),
    /// A function of text, such as `contains(name,'x')`.
    Call(String, Vec<Operand>),
    /// `any` or `all` of a collection.
    Lambda(Lambda),
    /// A function of Dataverse itself: `Microsoft.Dynamics.CRM.Today(PropertyName='createdon')`.
    Condition(Condition),
    /// A yes-or-no column alone, or an alias.
    Value(Operand),
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A property of the row, of a related row, or of the variable of a lambda.
    Path(Vec<String>),
    /// A literal.
    Literal(Literal),
    /// A parameter alias, with its `@`.
    Alias(String),
}

/// A literal value.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Boolean(bool),
    Integer(i64),
    Decimal(Decimal),
    Double(f64),
    Text(String),
    Guid(Uuid),
    DateTime(Timestamp),
    Date(Date),
    /// An enumeration with its type and member: `Some.Enumeration'Member'`.
    Enumeration(String, String),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// `path/any(variable: body)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Lambda {
    /// The path of the collection.
    pub path: Vec<String>,
    /// Whether it is `all` and not `any`.
    pub all: bool,
    /// The variable and its condition. `any()` has none.
    pub body: Option<(String, Box<Expression>)>,
}

/// A Dataverse function with its named arguments.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The name without `Microsoft.Dynamics.CRM.`.
    pub name: String,
    /// The arguments in the order in which they are written.
    pub arguments: Vec<(String, Argument)>,
}

/// An argument of a Dataverse function.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// One value.
    One(Literal),
    /// Several values, as JSON text.
    Many(Vec<String>),
    /// A parameter alias, with its `@`.
    Alias(String),
}

impl Comparison {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "eq" => Self::Equal,
            "ne" => Self::NotEqual,
            "gt" => Self::Greater,
            "ge" => Self::GreaterOrEqual,
            "lt" => Self::Less,
            "le" => Self::LessOrEqual,
            _ => return None,
        })
    }

    /// The name in error messages.
    pub(super) fn kind(self) -> &'static str {
        match self {
            Self::Equal => "Equal",
            Self::NotEqual => "NotEqual",
            Self::Greater => "GreaterThan",
            Self::GreaterOrEqual => "GreaterThanOrEqual",
            Self::Less => "LessThan",
            Self::LessOrEqual => "LessThanOrEqual",
        }
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "eq",
            Self::NotEqual => "ne",
            Self::Greater => "gt",
            Self::GreaterOrEqual => "ge",
            Self::Less => "lt",
            Self::LessOrEqual => "le",
        })
    }
}

/// Writes the expression so that parsing it gives the same tree: a nested `and` or `or` keeps its
/// parentheses.
impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::And(parts) => joined(f, parts, " and "),
            Self::Or(parts) => joined(f, parts, " or "),
            Self::Not(inner) => {
                f.write_str("not ")?;
                part(f, inner)
            }
            Self::Compare(left, comparison, right) => write!(f, "{left} {comparison} {right}"),
            Self::Call(name, arguments) => {
                write!(f, "{name}(")?;
                separated(f, arguments)?;
                f.write_char(')')
            }
            Self::Lambda(lambda) => lambda.fmt(f),
            Self::Condition(condition) => condition.fmt(f),
            Self::Value(operand) => operand.fmt(f),
        }
    }
}

fn joined(f: &mut Formatter<'_>, parts: &[Expression], between: &str) -> fmt::Result {
    for (index, expression) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        part(f, expression)?;
    }
    Ok(())
}

fn part(f: &mut Formatter<'_>, expression: &Expression) -> fmt::Result {
    match expression {
        Expression::And(_) | Expression::Or(_) | Expression::Compare(..) => {
            write!(f, "({expression})")
        }
        _ => expression.fmt(f),
    }
}

fn separated(f: &mut Formatter<'_>, items: &[impl Display]) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_char(',')?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

impl Display for Lambda {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = if self.all { "all" } else { "any" };
        write!(f, "{}/{kind}(", self.path.join("/"))?;
        if let Some((variable, body)) = &self.body {
            write!(f, "{variable}:{body}")?;
        }
        f.write_char(')')
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Microsoft.Dynamics.CRM.{}(", self.name)?;
        for (index, (name, argument)) in self.arguments.iter().enumerate() {
            if index > 0 {
                f.write_char(',')?;
            }
            write!(f, "{name}={argument}")?;
        }
        f.write_char(')')
    }
}

impl Display for Argument {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(literal) => literal.fmt(f),
            Self::Many(values) => {
                let quoted: Vec<String> =
                    values.iter().map(|value| serde_json::json!(value).to_string()).collect();
                write!(f, "[{}]", quoted.join(","))
            }
            Self::Alias(alias) => f.write_str(alias),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(&path.join("/")),
            Self::Literal(literal) => literal.fmt(f),
            Self::Alias(alias) => f.write_str(alias),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Decimal(number) if number.scale() == 0 => write!(f, "{number}.0"),
            Self::Decimal(number) => number.fmt(f),
            Self::Double(number) => write!(f, "{number:e}"),
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::Guid(id) => id.fmt(f),
            Self::DateTime(time) => time.fmt(f),
            Self::Date(day) => day.fmt(f),
            Self::Enumeration(kind, member) => {
                write!(f, "{kind}'{}'", member.replace('\'', "''"))
            }
        }
    }
}

impl Literal {
    /// The name of the type in error messages.
    pub(super) fn edm_type(&self) -> &str {
        match self {
            Self::Null => "<null>",
            Self::Boolean(_) => "Edm.Boolean",
            Self::Integer(number) if i32::try_from(*number).is_ok() => "Edm.Int32",
            Self::Integer(_) => "Edm.Int64",
            Self::Decimal(_) => "Edm.Decimal",
            Self::Double(_) => "Edm.Double",
            Self::Text(_) => "Edm.String",
            Self::Guid(_) => "Edm.Guid",
            Self::DateTime(_) => "Edm.DateTimeOffset",
            Self::Date(_) => "Edm.Date",
            Self::Enumeration(kind, _) => kind,
        }
    }
}
