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
