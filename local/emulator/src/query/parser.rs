//! Parses `$filter`.
//!
//! This is a recursive descent over the tokens, with a limit on nesting. `and` and `or` make flat
//! lists, so only parentheses, `not` and lambdas nest.

use super::lexer::Placed;
use super::lexer::Token;
use super::lexer::tokens;
use super::syntax::{Argument, Comparison, Condition, Expression, Lambda, Literal, Operand};
use super::syntax_error::SyntaxError;

/// How deep an expression may be nested. The OData library of Dataverse allows a depth of 100 for
/// filters.
const DEPTH_LIMIT: usize = 100;

/// Parses a `$filter` expression.
pub fn filter(text: &str) -> Result<Expression, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let expression = parser.or()?;
    parser.end()?;
    Ok(expression)
}

/// Parses one literal, such as the value of a parameter alias.
pub fn literal(text: &str) -> Result<Literal, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let literal = parser.literal()?.ok_or_else(|| parser.error())?;
    parser.end()?;
    Ok(literal)
}

/// Parses the value of a parameter alias that may be a list.
pub(super) fn argument(text: &str) -> Result<Argument, SyntaxError> {
    let mut parser = Parser::new(text)?;
    let argument = parser.argument()?;
    parser.end()?;
    Ok(argument)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    next: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, SyntaxError> {
        Ok(Self { text, tokens: tokens(text)?, next: 0, depth: 0 })
    }

    fn or(&mut self) -> Result<Expression, SyntaxError> {
        self.list("or", Self::and, Expression::Or)
    }

    fn and(&mut self) -> Result<Expression, SyntaxError> {
        self.list("and", Self::unary, Expression::And)
    }

    fn list(
        &mut self,
        keyword: &str,
        part: fn(&mut Self) -> Result<Expression, SyntaxError>,
        all: fn(Vec<Expression>) -> Expression,
    ) -> Result<Expression, SyntaxError> {
        let first = part(self)?;
        if !self.takes_keyword(keyword) {
            return Ok(first);
        }
        let mut parts = vec![first, part(self)?];
        while self.takes_keyword(keyword) {
            parts.push(part(self)?);
        }
        Ok(all(parts))
    }

    fn unary(&mut self) -> Result<Expression, SyntaxError> {
        if self.takes_keyword("not") {
            let inner = self.nested(Self::unary)?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.takes_symbol('(') {
            let inner = self.nested(Self::or)?;
            self.expect_symbol(')')?;
            return Ok(inner);
        }
        self.primary()
    }

    fn nested(
        &mut self,
        part: fn(&mut Self) -> Result<Expression, SyntaxError>,
    ) -> Result<Expression, SyntaxError> {
        self.depth += 1;
        if self.depth > DEPTH_LIMIT {
            return Err(SyntaxError::TooDeep);
        }
        let inner = part(self);
        self.depth -= 1;
        inner
    }

    /// Parses a comparison, a call, a lambda or a value alone.
    fn primary(&mut self) -> Result<Expression, SyntaxError> {
        if let Some(Token::Name(name)) = self.peek().cloned()
            && literal_keyword(&name).is_none()
        {
            if self.peek_at(1) == Some(&Token::Symbol('(')) {
                self.next += 2;
                return match name.strip_prefix("Microsoft.Dynamics.CRM.") {
                    Some(condition) => self.condition(condition.to_owned()),
                    None => self.call(name),
                };
            }
            let path = self.path()?;
            if self.peek() == Some(&Token::Symbol('(')) {
                return self.lambda(path);
            }
            return self.comparison(Operand::Path(path));
        }
        let operand = self.operand()?;
        self.comparison(operand)
    }

    fn comparison(&mut self, left: Operand) -> Result<Expression, SyntaxError> {
        let Some(Token::Name(name)) = self.peek() else { return Ok(Expression::Value(left)) };
        match name.as_str() {
            "and" | "or" => Ok(Expression::Value(left)),
            // OData has these operators, but Dataverse does not accept them.
            "in" | "has" | "add" | "sub" | "mul" | "div" | "divby" | "mod" => {
                Err(SyntaxError::UnsupportedOperator(name.clone()))
            }
            name => {
                let comparison = Comparison::named(name).ok_or_else(|| self.error())?;
                self.next += 1;
                let right = self.operand()?;
                Ok(Expression::Compare(left, comparison, right))
            }
        }
    }

    fn call(&mut self, name: String) -> Result<Expression, SyntaxError> {
        let mut arguments = Vec::new();
        if !self.takes_symbol(')') {
            loop {
                arguments.push(self.operand()?);
                if !self.takes_symbol(',') {
                    break;
                }
            }
            self.expect_symbol(')')?;
        }
        Ok(Expression::Call(name, arguments))
    }

    fn lambda(&mut self, mut path: Vec<String>) -> Result<Expression, SyntaxError> {
        let all = match path.pop().as_deref() {
            Some("any") => false,
            Some("all") => true,
            _ => return Err(self.error()),
        };
        if path.is_empty() {
            return Err(self.error());
        }
        self.expect_symbol('(')?;
        if !all && self.takes_symbol(')') {
            return Ok(Expression::Lambda(Lambda { path, all, body: None }));
        }
        let variable = self.name()?;
        self.expect_symbol(':')?;
        let body = self.nested(Self::or)?;
        self.expect_symbol(')')?;
        Ok(Expression::Lambda(Lambda { path, all, body: Some((variable, Box::new(body))) }))
    }

    fn condition(&mut self, name: String) -> Result<Expression, SyntaxError> {
        let mut arguments = Vec::new();
        if !self.takes_symbol(')') {
            loop {
                let name = self.name()?;
                self.expect_symbol('=')?;
                arguments.push((name, self.argument()?));
                if !self.takes_symbol(',') {
                    break;
                }
            }
            self.expect_symbol(')')?;
        }
        Ok(Expression::Condition(Condition { name, arguments }))
    }

    fn argument(&mut self) -> Result<Argument, SyntaxError> {
        if let Some(Token::Alias(alias)) = self.peek() {
            let alias = alias.clone();
            self.next += 1;
            return Ok(Argument::Alias(alias));
        }
        if !self.takes_symbol('[') {
            return self.literal()?.map(Argument::One).ok_or_else(|| self.error());
        }
        let mut values = Vec::new();
        if self.takes_symbol(']') {
            return Ok(Argument::Many(values));
        }
        loop {
            match self.advance() {
                Some(Token::JsonText(text) | Token::Text(text)) => values.push(text),
                Some(Token::Integer(number)) => values.push(number.to_string()),
                Some(Token::Decimal(number)) => values.push(number.to_string()),
                Some(Token::Guid(id)) => values.push(id.to_string()),
                _ => return Err(self.error_before()),
            }
            if !self.takes_symbol(',') {
                break;
            }
        }
        self.expect_symbol(']')?;
        Ok(Argument::Many(values))
    }

    fn operand(&mut self) -> Result<Operand, SyntaxError> {
        if let Some(Token::Alias(alias)) = self.peek() {
            let alias = alias.clone();
            self.next += 1;
            return Ok(Operand::Alias(alias));
        }
        if let Some(literal) = self.literal()? {
            return Ok(Operand::Literal(literal));
        }
        Ok(Operand::Path(self.path()?))
    }

    fn path(&mut self) -> Result<Vec<String>, SyntaxError> {
        let mut path = vec![self.name()?];
        while self.takes_symbol('/') {
            path.push(self.name()?);
        }
        Ok(path)
    }

    fn literal(&mut self) -> Result<Option<Literal>, SyntaxError> {
        let literal = match self.peek() {
            Some(Token::Name(name)) => match literal_keyword(name) {
                Some(literal) => literal,
                None => return Ok(None),
            },
            Some(Token::Text(text)) => Literal::Text(text.clone()),
            Some(Token::Guid(id)) => Literal::Guid(*id),
            Some(Token::Integer(number)) => Literal::Integer(*number),
            Some(Token::Decimal(number)) => Literal::Decimal(*number),
            Some(Token::Double(number)) => Literal::Double(*number),
            Some(Token::DateTime(time)) => Literal::DateTime(*time),
            Some(Token::Date(day)) => Literal::Date(*day),
            Some(Token::Prefixed(kind, member)) if kind.contains('.') => {
                Literal::Enumeration(kind.clone(), member.clone())
            }
            Some(Token::Prefixed(prefix, text)) => {
                return Err(SyntaxError::UnrecognizedLiteral {
                    literal: format!("{prefix}'{text}'"),
                    position: self.position(),
                    text: self.text.to_owned(),
                });
            }
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(literal))
    }

    fn name(&mut self) -> Result<String, SyntaxError> {
        match self.advance() {
            Some(Token::Name(name)) => Ok(name),
            _ => Err(self.error_before()),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.next + ahead).map(|(_, token)| token)
    }

    fn advance(&mut self) -> Option<Token> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    fn takes_keyword(&mut self, keyword: &str) -> bool {
        self.takes(|token| matches!(token, Token::Name(name) if name == keyword))
    }

    fn takes_symbol(&mut self, symbol: char) -> bool {
        self.takes(|token| *token == Token::Symbol(symbol))
    }

    fn takes(&mut self, wanted: impl Fn(&Token) -> bool) -> bool {
        let found = self.peek().is_some_and(wanted);
        if found {
            self.next += 1;
        }
        found
    }

    fn expect_symbol(&mut self, symbol: char) -> Result<(), SyntaxError> {
        if self.takes_symbol(symbol) { Ok(()) } else { Err(self.error()) }
    }

    fn end(&self) -> Result<(), SyntaxError> {
        if self.next >= self.tokens.len() { Ok(()) } else { Err(self.error()) }
    }

    fn position(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |(position, _)| *position)
    }

    fn error(&self) -> SyntaxError {
        SyntaxError::Unexpected { position: self.position(), text: self.text.to_owned() }
    }

    fn error_before(&mut self) -> SyntaxError {
        self.next = self.next.saturating_sub(1);
        self.error()
    }
}

fn literal_keyword(name: &str) -> Option<Literal> {
    match name {
        "null" => Some(Literal::Null),
        "true" => Some(Literal::Boolean(true)),
        "false" => Some(Literal::Boolean(false)),
        _ => None,
    }
}
