use proptest::prelude::*;

use super::tree::{Aggregate, Columns, Extent, Join, Operand, Quantifier, Role};
use super::xml::parse;

fn code(text: &str) -> u32 {
    parse(text).unwrap_err().code
}

/// A query of accounts with this inside.
fn of_accounts(inside: &str) -> String {
    format!("<fetch><entity name='account'>{inside}</entity></fetch>")
}

#[test]
fn a_query_is_read_with_everything_in_it() {
    let fetch = parse(
        "<?xml version='1.0'?><fetch version='1.0' output-format='xml-platform' mapping='logical' \
         distinct='true' count='10' page='2' paging-cookie='&lt;cookie page=\"1\"/&gt;' \
         returntotalrecordcount='1'><!-- of accounts --><entity name='account'>\
         <attribute name='name' alias='called'/><order attribute='name' descending='true'/>\
         <filter type='or'><condition attribute='name' operator='in'><value>A &amp; B</value>\
         <value>C</value></condition><filter><condition attribute='name' operator='eq' \
         valueof='c.fullname'/></filter><link-entity name='task' from='regardingobjectid' \
         to='accountid' link-type='not any'/></filter>\
         <link-entity name='contact' from='parentcustomerid' to='accountid' link-type='outer' \
         alias='c'><attribute name='fullname'/></link-entity></entity></fetch>",
    )
    .unwrap();
    assert!(fetch.distinct && fetch.total && fetch.aggregate.is_none());
    assert_eq!(
        fetch.extent,
        Extent::Page { number: 2, size: Some(10), cookie: Some("<cookie page=\"1\"/>".into()) }
    );
    let Columns::Named(columns) = &fetch.entity.columns else { panic!("{fetch:?}") };
    assert_eq!((columns[0].alias.as_deref(), columns[0].role), (Some("called"), Role::Shown));
    let filter = &fetch.entity.filters[0];
    assert!(filter.or && !filter.filters[0].or);
    let values = Operand::Values(vec!["A & B".into(), "C".into()]);
    assert_eq!(filter.conditions[0].operand, values);
    assert_eq!(filter.filters[0].conditions[0].operand, Operand::Column("c.fullname".into()));
    assert_eq!(filter.links[0].kind, Quantifier::NotAny);
    assert_eq!(fetch.entity.links[0].kind, Join::Outer);
}

#[test]
fn without_attributes_the_first_table_shows_all_and_a_join_none() {
    let fetch = parse(&of_accounts("<link-entity name='contact' from='a' to='b'/>")).unwrap();
    assert_eq!(fetch.entity.columns, Columns::All);
    assert_eq!(fetch.entity.links[0].entity.columns, Columns::Named(Vec::new()));
}

#[test]
fn aggregates_have_a_function_and_an_alias() {
    let of = |attribute: &str| {
        format!("<fetch aggregate='true'><entity name='account'>{attribute}</entity></fetch>")
    };
    let fetch =
        parse(&of("<attribute name='name' alias='n' aggregate='countcolumn' distinct='true'/>"))
            .unwrap();
    let Columns::Named(columns) = &fetch.entity.columns else { panic!("{fetch:?}") };
    assert_eq!(columns[0].role, Role::Aggregated(Aggregate::CountColumn { distinct: true }));
    for (attribute, expected) in [
        ("<attribute name='name'/>", 0x8004_1107),
        ("<attribute name='name' aggregate='count'/>", 0x8004_1109),
        ("<attribute name='name' alias='n' aggregate='median'/>", 0x8004_111a),
        ("<attribute name='name' alias='n' aggregate='count' groupby='1'/>", 0x8004_1137),
        ("<attribute name='name' alias='n' groupby='yes'/>", 0x8004_112e),
        ("<attribute name='createdon' alias='n' groupby='1' dategrouping='eon'/>", 0x8004_1135),
    ] {
        assert_eq!(code(&of(attribute)), expected, "{attribute}");
    }
}

#[test]
fn malformed_queries_have_their_codes() {
    for (text, expected) in [
        ("", 0x8004_0201),
        ("<fetch>", 0x8004_0201),
        ("<fetch/><fetch/>", 0x8004_0201),
        ("name eq 'x'", 0x8004_0201),
        ("<query/>", 0x8004_0303),
        ("<fetch/>", 0x8004_1123),
        ("<fetch><entity name='a'/><entity name='b'/></fetch>", 0x8004_111c),
        ("<fetch><entity/></fetch>", 0x8004_111e),
        ("<fetch mapping='physical'><entity name='a'/></fetch>", 0x8004_1116),
        ("<fetch distinct='maybe'><entity name='a'/></fetch>", 0x8004_1115),
        ("<fetch no-lock='maybe'><entity name='a'/></fetch>", 0x8004_1118),
        ("<fetch utc-offset='1'><entity name='a'/></fetch>", 0x8004_111d),
        ("<fetch count='0'><entity name='a'/></fetch>", 0x8004_110c),
        ("<fetch page='-1'><entity name='a'/></fetch>", 0x8004_1139),
        ("<fetch top='5001'><entity name='a'/></fetch>", 0x8004_4305),
        ("<fetch top='5' count='5'><entity name='a'/></fetch>", 0x8004_0203),
        ("<fetch top='5' returntotalrecordcount='true'><entity name='a'/></fetch>", 0x8004_0203),
    ] {
        assert_eq!(code(text), expected, "{text}");
    }
    for (inside, expected) in [
        ("<atribute name='name'/>", 0x8004_111c),
        ("name", 0x8004_111c),
        ("<attribute/>", 0x8004_111e),
        ("<attribute name='name' alias='1st'/>", 0x8004_1139),
        ("<order attribute='name' descending='down'/>", 0x8004_1119),
        ("<filter type='xor'/>", 0x8004_1122),
        ("<filter><condition operator='eq'/></filter>", 0x8004_111e),
        ("<filter><condition attribute='name'/></filter>", 0x8004_111e),
        (
            "<filter><condition attribute='a' operator='eq' value='1' valueof='b'/></filter>",
            0x8004_1106,
        ),
        ("<link-entity name='contact' from='a'/>", 0x8004_1111),
        ("<link-entity name='contact' from='a' to='b' link-type='any'/>", 0x8004_1117),
        ("<link-entity name='contact' from='a' to='b' link-type='cross'/>", 0x8004_1117),
        ("<filter><link-entity name='contact' from='a' to='b'/></filter>", 0x8004_1117),
    ] {
        assert_eq!(code(&of_accounts(inside)), expected, "{inside}");
    }
    let own = parse(&of_accounts("<attribute name='name' colour='red'/>")).unwrap_err();
    assert!(own.own && own.message.contains("'colour'"), "{own}");
}

#[test]
fn hostile_xml_is_refused() {
    let laughs = "<!DOCTYPE fetch [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;'>]>\
                  <fetch><entity name='&b;'/></fetch>";
    assert_eq!(code(laughs), 0x8004_0201);
    let outside = "<!DOCTYPE fetch [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>\
                   <fetch><entity name='&a;'/></fetch>";
    assert_eq!(code(outside), 0x8004_0201);
    let deep = of_accounts(&format!("{}{}", "<filter>".repeat(5_000), "</filter>".repeat(5_000)));
    assert_eq!(code(&deep), 0x8004_0303);
    let wide = of_accounts(&"<attribute name='name'/>".repeat(60_000));
    assert_eq!(code(&wide), 0x8004_0201);
}

#[test]
fn joins_conditions_and_values_are_counted() {
    let link = "<link-entity name='contact' from='a' to='b'/>";
    assert!(parse(&of_accounts(&link.repeat(15))).is_ok());
    assert_eq!(code(&of_accounts(&link.repeat(16))), 0x8004_430d);
    let nested = format!(
        "{}{}",
        "<link-entity name='contact' from='a' to='b'>".repeat(16),
        "</link-entity>".repeat(16)
    );
    assert_eq!(code(&of_accounts(&nested)), 0x8004_430d);
    let condition = "<condition attribute='name' operator='null'/>";
    let conditions = |number: usize| format!("<filter>{}</filter>", condition.repeat(number));
    assert!(parse(&of_accounts(&conditions(500))).is_ok());
    assert_eq!(code(&of_accounts(&conditions(501))), 0x8004_430c);
    assert_eq!(code(&of_accounts(&format!("{link}{}", conditions(500)))), 0x8004_430c);
    let values = "<value>1</value>".repeat(2_001);
    let many =
        format!("<filter><condition attribute='a' operator='in'>{values}</condition></filter>");
    assert_eq!(code(&of_accounts(&many)), 0x8004_430e);
}

/// Pieces that queries are made of, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<fetch>",
        "<fetch aggregate='true' count='3'>",
        "</fetch>",
        "<entity name='account'>",
        "</entity>",
        "<attribute name='name' alias='a'/>",
        "<attribute name='name' groupby='true' alias='b'/>",
        "<all-attributes/>",
        "<filter type='or'>",
        "</filter>",
        "<condition attribute='name' operator='eq' value='1'/>",
        "<condition attribute='name' operator='in'><value>2</value></condition>",
        "<link-entity name='contact' from='a' to='b' link-type='any'>",
        "<link-entity name='contact' from='a' to='b'>",
        "</link-entity>",
        "<order attribute='name'/>",
        "<!-- -->",
        "<![CDATA[x]]>",
        "&amp;",
        "&x;",
        "<!DOCTYPE x>",
        "\u{0}",
        "😀",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn no_mix_of_elements_makes_the_parser_panic(text in pieces()) {
        let _ = parse(&text);
        let _ = parse(&of_accounts(&text));
    }

    #[test]
    fn texts_come_out_as_they_went_in(value in "[^\u{0}-\u{1f}\u{fffe}\u{ffff}]{1,40}") {
        let escaped = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let inside = format!(
            "<filter><condition attribute='name' operator='eq'><value>{escaped}</value></condition></filter>"
        );
        let fetch = parse(&of_accounts(&inside)).unwrap();
        let operand = &fetch.entity.filters[0].conditions[0].operand;
        prop_assert_eq!(operand, &Operand::Values(vec![value]));
    }

    #[test]
    fn nesting_has_a_limit(levels in 1usize..200) {
        let text = of_accounts(&format!(
            "{}{}", "<filter>".repeat(levels), "</filter>".repeat(levels)
        ));
        prop_assert_eq!(parse(&text).is_ok(), levels < 60);
    }
}
