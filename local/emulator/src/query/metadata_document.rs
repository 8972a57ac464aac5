//! The service document and `$metadata`.

use std::fmt::Write;

use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::data::{Metadata, Relationship, Table};
use crate::message::{ApiRequest, ApiResponse};
use crate::organization::Apps;

/// The functions and actions, from a `$metadata` document of Dynamics 365.
const OPERATIONS: &str = include_str!("../../data/operations.csdl.xml");

/// The list of entity sets.
pub(crate) fn service_document(request: &ApiRequest, apps: Apps) -> ApiResponse {
    let mut sets: Vec<&str> = tables(apps).map(|table| table.entity_set.as_str()).collect();
    sets.sort_unstable();
    let sets: Vec<_> = sets
        .into_iter()
        .map(|set| json!({ "name": set, "kind": "EntitySet", "url": set }))
        .collect();
    let context = format!("{}$metadata", request.base);
    ApiResponse::json(StatusCode::OK, &json!({ "@odata.context": context, "value": sets }))
}

/// The CSDL document.
pub(crate) fn metadata_document(apps: Apps) -> ApiResponse {
    let mut response = ApiResponse::empty(StatusCode::OK);
    let xml = HeaderValue::from_static("application/xml");
    response.headers.insert(header::CONTENT_TYPE, xml);
    response.body = csdl(apps).into();
    response
}

fn tables(apps: Apps) -> impl Iterator<Item = &'static Table> {
    let all = Metadata::get().tables().iter();
    all.filter(move |table| apps.bring(table) && table.is_addressable)
}

fn csdl(apps: Apps) -> String {
    let mut xml = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <edmx:Edmx Version=\"4.0\" xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\">\n  \
         <edmx:DataServices>\n    \
         <Schema Namespace=\"Microsoft.Dynamics.CRM\" Alias=\"mscrm\" \
         xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">\n      \
         <EntityType Name=\"crmbaseentity\" Abstract=\"true\" />\n",
    );
    for table in Metadata::get().tables().iter().filter(|table| apps.bring(table)) {
        entity_type(&mut xml, table, apps);
    }
    xml.push_str(OPERATIONS);
    xml.push_str("      <EntityContainer Name=\"System\">\n");
    for table in tables(apps) {
        entity_set(&mut xml, table, apps);
    }
    for kind in ["Action", "Function"] {
        for name in unbound(kind) {
            let import = format!("<{kind}Import Name=\"{name}\" {kind}=\"mscrm.{name}\" />");
            line(&mut xml, 4, &import);
        }
    }
    xml.push_str("      </EntityContainer>\n    </Schema>\n  </edmx:DataServices>\n</edmx:Edmx>\n");
    xml
}

/// The names of the functions or actions that are called without a row.
fn unbound(kind: &str) -> Vec<&'static str> {
    let opening = format!("<{kind} Name=\"");
    let declared = OPERATIONS.lines().filter(|line| !line.contains("IsBound"));
    let mut names: Vec<_> = declared
        .filter_map(|line| line.trim_start().strip_prefix(opening.as_str())?.split('"').next())
        .collect();
    names.sort_unstable();
    names
}

fn entity_type(xml: &mut String, table: &'static Table, apps: Apps) {
    let base = table.base.map(|base| base.table());
    let base_name = base.map_or("crmbaseentity", |base| base.name.as_str());
    let is_abstract = if table.is_abstract { " Abstract=\"true\"" } else { "" };
    let name = &table.name;
    line(
        xml,
        3,
        &format!("<EntityType Name=\"{name}\" BaseType=\"mscrm.{base_name}\"{is_abstract}>"),
    );
    if base.is_none() {
        let key = &table.key_column().name;
        line(xml, 4, &format!("<Key><PropertyRef Name=\"{key}\" /></Key>"));
    }
    let inherited = |name: &str| base.is_some_and(|base| base.column(name).is_some());
    for column in table.columns().iter().filter(|column| !inherited(&column.name)) {
        let (name, edm) = (&column.name, column.edm_type());
        line(xml, 4, &format!("<Property Name=\"{name}\" Type=\"{edm}\" />"));
    }
    for navigation in table.single_navigations() {
        let target = navigation.target.table();
        if base.is_some_and(|base| base.single_navigation(&navigation.name).is_some())
            || !apps.bring(target)
        {
            continue;
        }
        let partner = navigation
            .partner
            .as_deref()
            .filter(|partner| target.collection_navigation(partner).is_some())
            .map_or(String::new(), |partner| format!(" Partner=\"{partner}\""));
        let (name, target_name) = (&navigation.name, &target.name);
        let column = &table.at(navigation.column).name;
        let key = &target.key_column().name;
        line(
            xml,
            4,
            &format!("<NavigationProperty Name=\"{name}\" Type=\"mscrm.{target_name}\"{partner}>"),
        );
        line(
            xml,
            5,
            &format!(
                "<ReferentialConstraint Property=\"{column}\" ReferencedProperty=\"{key}\" />"
            ),
        );
        line(xml, 4, "</NavigationProperty>");
    }
    for navigation in table.collection_navigations() {
        let target = navigation.target.table();
        if base.is_some_and(|base| base.collection_navigation(&navigation.name).is_some())
            || !apps.bring(target)
        {
            continue;
        }
        let partner = match &navigation.relationship {
            Relationship::OneToMany { partner, .. } => format!(" Partner=\"{partner}\""),
            Relationship::ManyToMany { .. } => String::new(),
        };
        let (name, target) = (&navigation.name, &target.name);
        line(
            xml,
            4,
            &format!(
                "<NavigationProperty Name=\"{name}\" Type=\"Collection(mscrm.{target})\"{partner} />"
            ),
        );
    }
    line(xml, 3, "</EntityType>");
}

fn entity_set(xml: &mut String, table: &'static Table, apps: Apps) {
    let (set, name) = (&table.entity_set, &table.name);
    let open = format!("<EntitySet Name=\"{set}\" EntityType=\"Microsoft.Dynamics.CRM.{name}\">");
    line(xml, 4, &open);
    let single = table.single_navigations().iter().map(|n| (&n.name, n.target));
    let collections = table.collection_navigations().iter().map(|n| (&n.name, n.target));
    for (path, target) in single.chain(collections) {
        let target = target.table();
        if target.is_addressable && apps.bring(target) {
            let target = &target.entity_set;
            let binding =
                format!("<NavigationPropertyBinding Path=\"{path}\" Target=\"{target}\" />");
            line(xml, 5, &binding);
        }
    }
    line(xml, 4, "</EntitySet>");
}

fn line(xml: &mut String, depth: usize, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(xml, "{:1$}{text}", "", depth * 2);
}
