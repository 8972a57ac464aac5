use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::options::QueryOptions;
use super::parser::filter;
use super::resource;
use super::syntax::{Argument, Comparison, Condition, Expression, Lambda, Literal, Operand};

fn message(text: &str) -> String {
    filter(text).unwrap_err().to_string()
}

#[test]
fn and_binds_tighter_than_or() {
    let parsed = filter("a eq 1 or b eq 2 and not c eq 3").unwrap();
    assert_eq!(parsed.to_string(), "(a eq 1) or ((b eq 2) and not (c eq 3))");
}

#[test]
fn literals_are_told_apart() {
    for (text, expected) in [
        ("null", Literal::Null),
        ("true", Literal::Boolean(true)),
        ("-42", Literal::Integer(-42)),
        ("1.50", Literal::Decimal(Decimal::new(150, 2))),
        ("1e3", Literal::Double(1000.0)),
        ("'O''Bryan'", Literal::Text("O'Bryan".into())),
        ("'''; drop'", Literal::Text("'; drop".into())),
        ("'emoji 😀 ابجد'", Literal::Text("emoji 😀 ابجد".into())),
        ("2025-01-02", Literal::Date("2025-01-02".parse().unwrap())),
        ("2025-01-02T03:04:05Z", Literal::DateTime("2025-01-02T03:04:05Z".parse().unwrap())),
        (
            "2025-01-02T03:04:05.5+02:00",
            Literal::DateTime("2025-01-02T01:04:05.5Z".parse().unwrap()),
        ),
        (
            "a61abde7-181e-5f77-b59e-84c544c5040b",
            Literal::Guid("a61abde7-181e-5f77-b59e-84c544c5040b".parse().unwrap()),
        ),
    ] {
        let Expression::Compare(_, _, Operand::Literal(literal)) =
            filter(&format!("x eq {text}")).unwrap()
        else {
            panic!("{text}");
        };
        assert_eq!(literal, expected, "{text}");
    }
}

#[test]
fn refusals_are_worded_as_dataverse_words_them() {
    assert_eq!(
        message("lastname eq 'O'Bryan'"),
        "There is an unterminated literal at position 21 in 'lastname eq 'O'Bryan''."
    );
    assert!(message("contactid eq guid'00000000-0000-0000-0000-000000000001'").starts_with(
        "Unrecognized 'Edm.String' literal 'guid'00000000-0000-0000-0000-000000000001''"
    ));
    for text in ["", "a eq", "a eq 1 and", "(a eq 1", "a eq 1)", "a = 1", "a eq 1 b eq 2"] {
        assert!(message(text).starts_with("Syntax error at position"), "{text}: {}", message(text));
    }
    assert_eq!(message("a in (1,2)"), "The operator 'in' is not supported.");
    assert_eq!(message("a add 1 eq 2"), "The operator 'add' is not supported.");
}

#[test]
fn nesting_ends_somewhere() {
    let deep = |levels: usize| format!("{}a eq 1{}", "(".repeat(levels), ")".repeat(levels));
    assert!(filter(&deep(99)).is_ok());
    assert_eq!(message(&deep(10_000)), "Recursion depth exceeded allowed limit.");
    assert_eq!(message(&format!("{}a eq 1", "not ".repeat(10_000))), message(&deep(10_000)));
    // A long list is not deeply nested.
    let long = vec!["a eq 1"; 5_000].join(" or ");
    assert!(filter(&long).is_ok());
    let expand = format!("$expand={}x{}", "x($expand=".repeat(500), ")".repeat(500));
    assert!(QueryOptions::parse(Some(&expand)).is_err());
}

#[test]
fn query_options_are_strict() {
    let refused = |query: &str| QueryOptions::parse(Some(query)).unwrap_err().to_string();
    assert_eq!(refused("$skip=1"), "Skip Clause is not supported in CRM");
    for option in ["$search", "$format", "$Select", "$levels", "top", "filter"] {
        let expected = format!("The query parameter {option} is not supported");
        assert_eq!(refused(&format!("{option}=1")), expected);
    }
    assert!(refused("$select=a&$select=b").contains("more than once"));
    assert_eq!(refused("$top=-1"), "Invalid value '-1' for $top query option found.");
    assert_eq!(refused("$count=yes"), "Invalid value 'yes' for $count query option found.");
    assert!(refused("$orderby=name down").starts_with("Invalid value"));
    assert_eq!(refused("$filter=%FF"), "Bad Request - Error in query syntax.");

    let options = QueryOptions::parse(Some(
        "$select=a,b&$expand=x($select=c;$filter=contains(d,');');$orderby=e desc;$top=3),y/$ref\
         &$filter=f eq @p1&@p1='1%26+2'&$count=true",
    ))
    .unwrap();
    assert_eq!(options.aliases["@p1"], "'1& 2'");
    assert_eq!(options.expand.len(), 2);
    assert_eq!(options.expand[0].options.top, Some(3));
    assert!(options.expand[0].options.filter.is_some());
    assert!(options.expand[1].reference_only);
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_][a-z0-9_]{0,8}".prop_filter("a keyword", |name| {
        !matches!(
            name.as_str(),
            "and" | "or" | "not" | "null" | "true" | "false" | "any" | "all" | "in" | "has"
        ) && Comparison::named(name).is_none()
    })
}

fn path() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(name(), 1..4)
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Boolean),
        any::<i64>().prop_map(Literal::Integer),
        (any::<i64>(), 1u32..9).prop_map(|(n, scale)| Literal::Decimal(Decimal::new(n, scale))),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(Literal::Double),
        any::<String>().prop_map(Literal::Text),
        any::<u128>().prop_map(|n| Literal::Guid(Uuid::from_u128(n))),
        (0i64..4_000_000_000)
            .prop_map(|s| Literal::DateTime(jiff::Timestamp::from_second(s).unwrap())),
        (1i16..9999, 1i8..13, 1i8..29)
            .prop_map(|(y, m, d)| Literal::Date(jiff::civil::date(y, m, d))),
    ]
}

fn operand() -> impl Strategy<Value = Operand> {
    prop_oneof![
        path().prop_map(Operand::Path),
        literal().prop_map(Operand::Literal),
        name().prop_map(|name| Operand::Alias(format!("@{name}"))),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        Just(Comparison::Equal),
        Just(Comparison::NotEqual),
        Just(Comparison::Greater),
        Just(Comparison::GreaterOrEqual),
        Just(Comparison::Less),
        Just(Comparison::LessOrEqual),
    ]
}

fn condition() -> impl Strategy<Value = Expression> {
    let argument = prop_oneof![
        literal().prop_map(Argument::One),
        prop::collection::vec(any::<String>(), 0..3).prop_map(Argument::Many),
        name().prop_map(|name| Argument::Alias(format!("@{name}"))),
    ];
    ("[A-Z][A-Za-z]{0,9}", prop::collection::vec((name(), argument), 0..3))
        .prop_map(|(name, arguments)| Expression::Condition(Condition { name, arguments }))
}

fn expression() -> impl Strategy<Value = Expression> {
    let leaf = prop_oneof![
        (operand(), comparison(), operand()).prop_map(|(l, c, r)| Expression::Compare(l, c, r)),
        (name(), prop::collection::vec(operand(), 0..3)).prop_map(|(n, a)| Expression::Call(n, a)),
        condition(),
        operand().prop_map(Expression::Value),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Expression::Or),
            inner.clone().prop_map(|inner| Expression::Not(Box::new(inner))),
            (path(), any::<bool>(), name(), inner).prop_map(|(path, all, variable, body)| {
                let body = Some((variable, Box::new(body)));
                Expression::Lambda(Lambda { path, all, body })
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_parses_back(expression in expression()) {
        let printed = expression.to_string();
        prop_assert_eq!(filter(&printed), Ok(expression), "{}", printed);
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = filter(&text);
        let _ = QueryOptions::parse(Some(&text));
        let _ = resource::parse(&text);
        let _ = QueryOptions::parse(Some(&format!("$filter={text}&$orderby={text}")));
        let _ = QueryOptions::parse(Some(&format!("$expand={text}")));
        let _ = resource::parse(&format!("contacts({text})/{text}"));
    }

    #[test]
    fn no_run_of_tokens_panics(tokens in prop::collection::vec(
        prop::sample::select(vec![
            "a", "/", "(", ")", "'", "''", "eq", "and", "or", "not", "any", "all", ":", "x:", ",", "=", "[",
            "]", "\"", "null", "-1", "1.5", "@p", "guid'1'", "contains", "Microsoft.Dynamics.CRM.In", " ",
            "é", "😀", "%", "%27", "$count", "$ref", ";", "&", "00000000-0000-0000-0000-000000000001",
            "2025-01-01", "2025-01-01T00:00:00Z", "contacts", "fullname",
        ]), 0..30)
    ) {
        for text in [tokens.concat(), tokens.join(" ")] {
            let _ = filter(&text);
            let _ = QueryOptions::parse(Some(&format!("$filter={text}")));
            let _ = QueryOptions::parse(Some(&format!("$expand={text}")));
            let _ = resource::parse(&text);
        }
    }

    #[test]
    fn every_text_survives_as_a_literal(text in any::<String>()) {
        let quoted = format!("name eq '{}'", text.replace('\'', "''"));
        let Ok(Expression::Compare(_, _, Operand::Literal(Literal::Text(read)))) = filter(&quoted) else {
            return Err(TestCaseError::fail(quoted));
        };
        prop_assert_eq!(read, text);
    }
}
