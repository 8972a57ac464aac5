use super::{ColumnKind, Metadata, Relationship};

#[test]
fn a_derived_table_keeps_the_columns_of_its_base_in_place() {
    for table in Metadata::get().tables() {
        let Some(base) = table.base else { continue };
        for column in base.table().columns() {
            assert_eq!(table.at(column.id).name, column.name, "{}", table.name);
        }
    }
}

#[test]
fn a_customer_lookup_has_one_navigation_property_per_table() {
    let incident = Metadata::get().table("incident").unwrap();
    let customer = incident.column("_customerid_value").unwrap();
    let mut targets: Vec<&str> =
        customer.targets().iter().map(|t| t.table().name.as_str()).collect();
    targets.sort_unstable();
    assert_eq!(targets, ["account", "contact"]);
    assert_eq!(incident.single_navigation("customerid_contact").unwrap().column, customer.id);
    assert!(incident.single_navigation("customerid").is_none());
    assert!(incident.single_navigation("Customerid_contact").is_none(), "names are case-sensitive");
}

#[test]
fn an_owner_is_a_user_or_a_team() {
    let task = Metadata::get().table("task").unwrap();
    let owner = task.single_navigation("ownerid_task").unwrap();
    let targets: Vec<&str> =
        task.at(owner.column).targets().iter().map(|t| t.table().name.as_str()).collect();
    assert_eq!(targets, ["systemuser", "team"]);
}

#[test]
fn collections_are_found_through_the_lookup_of_the_other_side() {
    let contact = Metadata::get().table("contact").unwrap();
    for (name, target, column) in [
        ("incident_customer_contacts", "incident", "_customerid_value"),
        ("Contact_ActivityPointers", "activitypointer", "_regardingobjectid_value"),
        ("Contact_Annotation", "annotation", "_objectid_value"),
        ("opportunity_parent_contact", "opportunity", "_parentcontactid_value"),
        ("contact_activity_parties", "activityparty", "_partyid_value"),
    ] {
        let navigation = contact.collection_navigation(name).unwrap();
        assert_eq!(navigation.target.table().name, target);
        let Relationship::OneToMany { lookup, .. } = navigation.relationship else { panic!() };
        assert_eq!(navigation.target.table().at(lookup).name, column);
    }
}

#[test]
fn known_column_facts_hold() {
    let metadata = Metadata::get();
    let text = |table: &str, column: &str| match metadata.table(table).unwrap().column(column) {
        Some(column) => match column.kind {
            ColumnKind::Text { max_length, .. } => max_length,
            _ => panic!("{column:?}"),
        },
        None => panic!("{table}.{column}"),
    };
    assert_eq!(text("task", "subject"), Some(200));
    assert_eq!(text("incident", "title"), Some(200));
    assert_eq!(text("contact", "emailaddress1"), Some(100));
    assert_eq!(text("annotation", "notetext"), Some(100_000));
    let incident = metadata.table("incident").unwrap();
    assert_eq!(incident.column("prioritycode").unwrap().option_label(1), Some("High"));
    let resolved = incident.column("statuscode").unwrap();
    assert_eq!(resolved.options().iter().find(|o| o.value == 5).unwrap().state, Some(1));
    assert!(!metadata.table("contact").unwrap().column("fullname").unwrap().valid_for_create);
    assert_eq!(
        metadata.table("contact").unwrap().column("firstname").unwrap().schema_name,
        "FirstName"
    );
}

#[test]
fn the_four_columns_of_a_customised_organization_are_there() {
    for (table, column) in [
        ("contact", "new_loyaltytier"),
        ("contact", "new_externalid"),
        ("account", "new_supportplan"),
        ("incident", "new_transcripturl"),
    ] {
        let table = Metadata::get().table(table).unwrap();
        assert!(table.column(column).unwrap().is_custom(), "{column}");
    }
}

/// Links tables that are written in the form of the files in `data/`.
fn linked(tables: &str) -> Result<Vec<super::Table>, String> {
    let facts = serde_json::from_str(tables).map_err(|error| error.to_string())?;
    super::link::tables(facts, &[]).map_err(|error| error.to_string())
}

const BASE: &str = r#"{"name": "base", "schema": "Base", "label": "Base", "plural": "Bases",
    "code": 1, "set": "bases", "key": "baseid", "owner": "none", "privilege": "Base",
    "columns": [{"name": "baseid", "type": "guid", "label": "Base"},
                {"name": "text", "type": "string", "label": "Text", "length": 10}],
    "navigations": []}"#;

fn derived(columns: &str, navigations: &str) -> String {
    format!(
        r#"{{"name": "derived", "schema": "Derived", "label": "Derived", "plural": "Deriveds",
        "code": 2, "set": "deriveds", "key": "baseid", "base": "base", "owner": "none",
        "privilege": "Derived", "columns": [{columns}], "navigations": [{navigations}]}}"#
    )
}

#[test]
fn a_derived_table_lists_only_what_its_base_has_not_or_has_otherwise() {
    let own = derived(
        r#"{"name": "more", "type": "date", "label": "More"},
           {"name": "text", "type": "string", "label": "Text", "length": 99},
           {"name": "_otherid_value", "type": "lookup", "label": "Other"}"#,
        r#"{"name": "otherid", "column": "_otherid_value", "target": "base", "partner": "others"}"#,
    );
    let tables = linked(&format!("[{BASE}, {own}]")).unwrap();
    let names: Vec<&str> = tables[1].columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["baseid", "text", "more", "_otherid_value"]);
    let ColumnKind::Text { max_length, .. } = tables[1].columns()[1].kind else { panic!() };
    assert_eq!(max_length, Some(99));
    // The collection on the other side follows from the lookup, and is inherited.
    for table in &tables {
        assert!(table.collection_navigation("others").is_some(), "{}", table.name);
    }
}

#[test]
fn facts_that_do_not_fit_together_are_named() {
    let column = |text: &str| derived(text, "");
    let link = |text: &str| derived("", text);
    for (own, said) in [
        (
            column(
                r#"{"name": "a", "type": "date", "label": "A"},
                   {"name": "a", "type": "date", "label": "A"}"#,
            ),
            "derived: a is there twice",
        ),
        (
            column(r#"{"name": "a", "type": "status", "label": "A", "options": [[1, "One"]]}"#),
            "derived: a status reason of a names no state",
        ),
        (
            link(r#"{"name": "a", "column": "b", "target": "base"}"#),
            "derived: there is no column b",
        ),
        (
            link(r#"{"name": "a", "column": "text", "target": "nothing"}"#),
            "derived: there is no table nothing",
        ),
    ] {
        let error = linked(&format!("[{BASE}, {own}]")).unwrap_err();
        assert_eq!(error, said);
    }
    assert!(linked(&format!("[{}]", BASE.replace("label", "lable"))).is_err());
}
