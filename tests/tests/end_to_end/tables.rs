//! What the tools know of the tables, against the organization's own metadata.

use std::collections::BTreeMap;

use crm::labels::Choice as _;
use crm::record::RecordType;
use crm::tables::{self, choices, collections, lookups, parties};
use serde_json::Value;

use crate::harness::Bench;

/// The organization, as a client sees it that knows nothing of it yet.
struct Organization {
    bench: Bench,
    http: reqwest::Client,
    token: String,
    /// `$metadata`.
    csdl: String,
}

impl Organization {
    async fn start() -> Organization {
        let bench = Bench::start().await;
        let http = reqwest::Client::new();
        let credentials = bench.credentials();
        let text = |field: &str| credentials[field].as_str().unwrap().to_owned();
        let url = bench.stack.emulator().url();
        let form = [
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", text("client_id")),
            ("client_secret", text("client_secret")),
            ("scope", format!("{url}/.default")),
        ];
        let token = format!("{url}/{}/oauth2/v2.0/token", text("tenant_id"));
        let token = http.post(token).form(&form).send().await.unwrap();
        let token: Value = token.json().await.unwrap();
        let token = token["access_token"].as_str().unwrap().to_owned();
        let mut organization = Organization { bench, http, token, csdl: String::new() };
        organization.csdl = organization.get("$metadata").await;
        organization
    }

    async fn get(&self, path: &str) -> String {
        let url = format!("{}/api/data/v9.2/{path}", self.bench.stack.emulator().url());
        let response = self.http.get(url).bearer_auth(&self.token).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        response.text().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).await).unwrap()
    }

    /// The description of a table, without that of the type that it goes back to.
    fn entity_type(&self, table: &str) -> &str {
        let start = format!("<EntityType Name=\"{table}\"");
        let start = self.csdl.find(&start).unwrap_or_else(|| panic!("{table}"));
        let rest = &self.csdl[start..];
        &rest[..rest.find("</EntityType>").unwrap()]
    }

    /// The table of the rows of a collection, and the column by which they point back.
    async fn collection(&self, table: &str, navigation: &str) -> (String, String) {
        let path = format!("EntityDefinitions(LogicalName='{table}')/OneToManyRelationships");
        let all = self.json(&path).await;
        let is_it = |one: &&Value| {
            one["ReferencedEntityNavigationPropertyName"].as_str() == Some(navigation)
        };
        let found = all["value"].as_array().unwrap().iter().find(is_it);
        let found = found.unwrap_or_else(|| panic!("{table} {navigation}"));
        let text = |name: &str| found[name].as_str().unwrap().to_owned();
        (text("ReferencingEntity"), text("ReferencingAttribute"))
    }

    /// The column and the table of a navigation property.
    fn navigation(&self, table: &str, name: &str) -> Option<(&str, &str)> {
        let (_, navigation) =
            self.entity_type(table).split_once(&format!("<NavigationProperty Name=\"{name}\" "))?;
        let between = |before: &str| {
            let (_, rest) = navigation.split_once(before)?;
            Some(rest.split_once('"')?.0)
        };
        Some((between(" Property=\"")?, between("Type=\"mscrm.")?))
    }
}

#[tokio::test]
async fn names_are_those_of_the_organization() {
    let organization = Organization::start().await;
    let query = "EntityDefinitions?$select=LogicalName,EntitySetName,PrimaryIdAttribute";
    let definitions = organization.json(query).await;
    let definitions: Vec<_> = definitions["value"].as_array().unwrap().iter().collect();
    for (table, _) in tables::ALL {
        let described = [
            ("LogicalName", table.logical_name),
            ("EntitySetName", table.entity_set),
            ("PrimaryIdAttribute", table.key),
        ];
        let is_it =
            |definition: &&&Value| described.iter().all(|(name, one)| definition[*name] == *one);
        assert!(definitions.iter().find(is_it).is_some(), "{table:?}");
    }
    for (action, _) in tables::ACTIONS {
        assert!(organization.csdl.contains(&format!("<Action Name=\"{action}\"")), "{action}");
    }
}

#[tokio::test]
async fn lookups_lead_where_the_tools_think() {
    let organization = Organization::start().await;
    for (of, link) in lookups::ALL {
        let (column, to) =
            organization.navigation(of.logical_name, link.navigation).unwrap_or_default();
        // A user or a team.
        let to = if to == "principal" { "systemuser" } else { to };
        assert_eq!((column, to), (link.column, link.to.logical_name), "{of:?} {link:?}");
    }
    for (kind, ..) in RecordType::ALL {
        let about = kind.table();
        for activity in [tables::PHONE_CALL, tables::TASK, tables::APPOINTMENT] {
            let name = parties::regarding(about, activity).unwrap();
            let leads_to = organization.navigation(activity.logical_name, name.as_str());
            assert_eq!(leads_to, Some((parties::REGARDING, about.logical_name)), "{name}");
        }
    }
    for (of, collection) in collections::ALL {
        let (navigation, table) = (collection.navigation, collection.table);
        let written =
            format!("<NavigationProperty Name=\"{navigation}\" Type=\"Collection(mscrm.{table})\"");
        assert!(organization.entity_type(of.logical_name).contains(&written), "{navigation}");
        assert_eq!(collection.to, of.key, "{navigation}");
        let back = organization.collection(of.logical_name, navigation).await;
        assert_eq!(back, (table.to_owned(), collection.from.to_owned()), "{navigation}");
    }
    let owner = organization.entity_type(tables::APPOINTMENT.logical_name);
    let base = organization.entity_type(tables::ACTIVITY.logical_name);
    for name in [lookups::OWNER, &lookups::typed_owner(tables::APPOINTMENT)] {
        let written = format!("<NavigationProperty Name=\"{name}\"");
        assert!(owner.contains(&written) || base.contains(&written), "{name}");
    }
}

#[tokio::test]
async fn choices_have_the_numbers_and_labels_of_the_organization() {
    let organization = Organization::start().await;
    for choices::ChoiceColumn { table, column, options } in choices::all() {
        let kind = match column {
            choices::STATE => "State",
            choices::STATUS => "Status",
            _ => "Picklist",
        };
        let path = format!(
            "EntityDefinitions(LogicalName='{}')/Attributes(LogicalName='{column}')\
             /Microsoft.Dynamics.CRM.{kind}AttributeMetadata?$expand=OptionSet",
            table.logical_name
        );
        let definition = organization.json(&path).await;
        let known: BTreeMap<i64, &str> = definition["OptionSet"]["Options"]
            .as_array()
            .unwrap()
            .iter()
            .map(|option| {
                let label = &option["Label"]["UserLocalizedLabel"]["Label"];
                (option["Value"].as_i64().unwrap(), label.as_str().unwrap())
            })
            .collect();
        for (label, value) in options {
            assert_eq!(known.get(&value), Some(&label), "{} {column}", table.logical_name);
        }
    }
}

#[tokio::test]
async fn an_app_brings_its_tables_along() {
    let organization = Organization::start().await;
    for (sales, service) in [(true, false), (false, true), (false, false)] {
        let apps = serde_json::json!({ "sales": sales, "service": service });
        organization.bench.control("PUT", "apps", Some(apps)).await;
        let document = organization.json("").await;
        let sets: Vec<_> = document["value"].as_array().unwrap().iter().collect();
        for (table, app) in tables::ALL {
            let is_there = sets.iter().any(|set| set["name"] == table.entity_set);
            let is_brought = match app {
                None => true,
                Some(tables::App::Sales) => sales,
                Some(tables::App::CustomerService) => service,
            };
            // The other app may bring it along as well, as it does with leads.
            if is_brought || !(sales || service) {
                assert_eq!(is_there, is_brought, "{}", table.entity_set);
            }
        }
    }
}
