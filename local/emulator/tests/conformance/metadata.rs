//! The service document, `$metadata` and the definitions of tables.

use serde_json::json;

use crate::harness::{Emulated, encode};

#[tokio::test]
async fn the_service_document_lists_the_entity_sets() {
    let emulated = Emulated::start().await;
    for path in ["", "/"] {
        let answer = emulated.get(path).await;
        let body = answer.expect(200);
        assert_eq!(body["@odata.context"], format!("{}/$metadata", emulated.api()));
        let contacts = json!({"name": "contacts", "kind": "EntitySet", "url": "contacts"});
        assert!(body["value"].as_array().unwrap().contains(&contacts));
    }
}

#[tokio::test]
async fn metadata_is_csdl_with_the_names_that_clients_need() {
    let emulated = Emulated::start().await;
    let answer = emulated.get("$metadata").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/xml"));
    for part in [
        "<EntityType Name=\"contact\" BaseType=\"mscrm.crmbaseentity\">",
        "<EntityType Name=\"phonecall\" BaseType=\"mscrm.activitypointer\">",
        "<Property Name=\"estimatedclosedate\" Type=\"Edm.Date\" />",
        "<NavigationProperty Name=\"parentcustomerid_account\" Type=\"mscrm.account\" \
         Partner=\"contact_customer_accounts\">",
        "<ReferentialConstraint Property=\"_parentcustomerid_value\" \
         ReferencedProperty=\"accountid\" />",
        "<NavigationProperty Name=\"ownerid_task\" Type=\"mscrm.principal\">",
        "<EntitySet Name=\"transactioncurrencies\" \
         EntityType=\"Microsoft.Dynamics.CRM.transactioncurrency\">",
        "<Action Name=\"CloseIncident\">",
        "<FunctionImport Name=\"WhoAmI\" Function=\"mscrm.WhoAmI\" />",
    ] {
        assert!(answer.text.contains(part), "{part}");
    }
    let opened = answer.text.matches("<EntityType ").count();
    assert_eq!(opened, answer.text.matches("</EntityType>").count() + 1, "crmbaseentity is empty");
}

#[tokio::test]
async fn a_table_is_found_by_its_logical_name() {
    let emulated = Emulated::start().await;
    // The query of Microsoft's Python client.
    let query = format!(
        "EntityDefinitions?$select=MetadataId,LogicalName,SchemaName,EntitySetName,\
         PrimaryNameAttribute,PrimaryIdAttribute&$filter={}",
        encode("LogicalName eq 'contact'")
    );
    let answer = emulated.get(&query).await;
    let found = answer.expect(200)["value"].as_array().unwrap();
    assert_eq!(found.len(), 1);
    let id = found[0]["MetadataId"].as_str().unwrap();
    assert_eq!(
        found[0],
        json!({
            "MetadataId": id, "LogicalName": "contact", "SchemaName": "Contact",
            "EntitySetName": "contacts", "PrimaryNameAttribute": "fullname",
            "PrimaryIdAttribute": "contactid",
        })
    );
    let by_id = emulated.get(&format!("EntityDefinitions({id})?$select=ObjectTypeCode")).await;
    assert_eq!(by_id.expect(200)["ObjectTypeCode"], 2);
    let public = format!("EntityDefinitions?$filter={}", encode("IsPrivate eq false"));
    let all = emulated.get(&public).await;
    assert!(all.expect(200)["value"].as_array().unwrap().len() >= 26);
    for (table, plural) in [("opportunity", "Opportunities"), ("systemuser", "SystemUsers")] {
        let path = format!("EntityDefinitions(LogicalName='{table}')?$select=CollectionSchemaName");
        assert_eq!(emulated.get(&path).await.expect(200)["CollectionSchemaName"], plural);
    }
    let missing = emulated.get("EntityDefinitions(LogicalName='nothing')").await;
    missing.refused_with(404, "0x80041102", "nothing");
    emulated.get("EntityDefinitions?$select=Nothing").await.refused_with(
        400,
        "0x80060888",
        "Could not find a property named 'Nothing'",
    );
}

#[tokio::test]
async fn columns_tell_their_type_length_and_options() {
    let emulated = Emulated::start().await;
    let contact = "EntityDefinitions(LogicalName='contact')";
    let email = format!("{contact}/Attributes(LogicalName='emailaddress1')");
    let answer = emulated.get(&email).await;
    assert_eq!(
        answer.expect(200)["@odata.type"],
        "#Microsoft.Dynamics.CRM.StringAttributeMetadata"
    );
    assert_eq!(answer.body["MaxLength"], 100);
    let company = format!("{contact}/Attributes(LogicalName='parentcustomerid')");
    let answer = emulated.get(&company).await;
    assert_eq!(answer.expect(200)["AttributeType"], "Customer");
    assert_eq!(answer.body["Targets"], json!(["account", "contact"]));

    // The query of Microsoft's Python client for turning labels into numbers.
    let choices = format!(
        "{contact}/Attributes/Microsoft.Dynamics.CRM.PicklistAttributeMetadata\
         ?$select=LogicalName&$expand=OptionSet($select=Options)"
    );
    let answer = emulated.get(&choices).await;
    let all = answer.expect(200)["value"].as_array().unwrap();
    let gender = all.iter().find(|column| column["LogicalName"] == "gendercode").unwrap();
    let male = &gender["OptionSet"]["Options"][0];
    assert_eq!(male["Value"], 1);
    assert_eq!(male["Label"]["LocalizedLabels"][0]["Label"], "Male");
    // Columns that the organization added are included.
    assert!(all.iter().any(|column| column["LogicalName"] == "new_loyaltytier"));

    let status = "EntityDefinitions(LogicalName='incident')/Attributes(LogicalName='statuscode')\
                  /Microsoft.Dynamics.CRM.StatusAttributeMetadata?$expand=OptionSet";
    let answer = emulated.get(status).await;
    let options = answer.expect(200)["OptionSet"]["Options"].as_array().unwrap();
    let solved = options.iter().find(|option| option["Value"] == 5).unwrap();
    assert_eq!(solved["State"], 1);
    assert_eq!(emulated.get(&format!("{contact}/Attributes(LogicalName='no')")).await.status, 404);
}

#[tokio::test]
async fn relationships_name_both_sides() {
    let emulated = Emulated::start().await;
    let filter = encode("SchemaName eq 'contact_customer_accounts'");
    let account = "EntityDefinitions(LogicalName='account')";
    for path in [
        format!("{account}/OneToManyRelationships"),
        "EntityDefinitions(LogicalName='contact')/ManyToOneRelationships".to_owned(),
        "RelationshipDefinitions".to_owned(),
    ] {
        let answer = emulated.get(&format!("{path}?$filter={filter}")).await;
        let found = answer.expect(200)["value"].as_array().unwrap();
        assert_eq!(found.len(), 1, "{path}");
        assert_eq!(found[0]["ReferencedEntity"], "account");
        assert_eq!(found[0]["ReferencingEntity"], "contact");
        assert_eq!(found[0]["ReferencingAttribute"], "parentcustomerid");
        assert_eq!(found[0]["ReferencingEntityNavigationPropertyName"], "parentcustomerid_account");
    }
    let kind = encode(
        "RelationshipType eq Microsoft.Dynamics.CRM.RelationshipType'ManyToManyRelationship'",
    );
    let answer = emulated.get(&format!("RelationshipDefinitions?$filter={kind}")).await;
    let found = answer.expect(200)["value"].as_array().unwrap();
    assert!(found.iter().any(|one| one["SchemaName"] == "systemuserroles_association"));
    assert!(found.iter().all(|one| one["Entity1LogicalName"].is_string()));
    let expanded = emulated.get(&format!("{account}?$select=SchemaName&$expand=OneToManyRelationships($select=SchemaName),Attributes($select=LogicalName)")).await;
    assert!(expanded.expect(200)["Attributes"].as_array().unwrap().len() > 100);
    assert_eq!(emulated.get("GlobalOptionSetDefinitions").await.expect(200)["value"], json!([]));
    let added = emulated.post("EntityDefinitions", json!({"SchemaName": "new_Table"})).await;
    assert_eq!(added.status, 501);
}

#[tokio::test]
async fn definitions_have_every_documented_member() {
    let emulated = Emulated::start().await;
    let table = emulated.get("EntityDefinitions(LogicalName='incident')").await;
    let table = table.expect(200);
    assert_eq!(table["CanChangeTrackingBeEnabled"]["Value"], true);
    let privileges = table["Privileges"].as_array().unwrap();
    assert!(privileges.iter().any(|one| one["Name"] == "prvReadIncident"));
    for member in ["IsAIRUpdated", "EntityColor", "EnforceStateTransitions", "Settings"] {
        assert!(table.get(member).is_some(), "{member}");
    }
    let of = |name: &str| {
        format!("EntityDefinitions(LogicalName='opportunity')/Attributes(LogicalName='{name}')")
    };
    for (name, behaviour) in [("createdon", "UserLocal"), ("estimatedclosedate", "DateOnly")] {
        let answer = emulated.get(&of(name)).await;
        assert_eq!(answer.expect(200)["DateTimeBehavior"]["Value"], behaviour, "{name}");
    }
    let answer = emulated.get(&of("name")).await;
    let column = answer.expect(200);
    assert_eq!(column["FormatName"]["Value"], "Text");
    for member in
        ["SourceType", "AutoNumberFormat", "IsRenameable", "CanBeSecuredForRead", "YomiOf"]
    {
        assert!(column.get(member).is_some(), "{member}");
    }
    let status =
        format!("{}/Microsoft.Dynamics.CRM.StatusAttributeMetadata/OptionSet", of("statuscode"));
    let answer = emulated.get(&status).await;
    let option = &answer.expect(200)["Options"][0];
    for member in ["State", "TransitionData", "ExternalValue", "ParentValues"] {
        assert!(option.get(member).is_some(), "{member}");
    }
    let state =
        format!("{}/Microsoft.Dynamics.CRM.StateAttributeMetadata/OptionSet", of("statecode"));
    let answer = emulated.get(&state).await;
    let won = &answer.expect(200)["Options"][1];
    assert_eq!((&won["DefaultStatus"], &won["InvariantName"]), (&3.into(), &"Won".into()));
}

#[tokio::test]
async fn contexts_of_definitions_say_what_is_answered() {
    let emulated = Emulated::start().await;
    let incident = "EntityDefinitions(LogicalName='incident')";
    for (path, context) in [
        ("EntityDefinitions?$select=LogicalName".to_owned(), "EntityDefinitions(LogicalName)"),
        (incident.to_owned(), "EntityDefinitions/$entity"),
        (
            format!("{incident}/Attributes?$select=LogicalName"),
            "EntityDefinitions('incident')/Attributes(LogicalName)",
        ),
        (
            format!(
                "{incident}/Attributes/Microsoft.Dynamics.CRM.StatusAttributeMetadata\
                 ?$select=LogicalName&$expand=OptionSet($select=Options)"
            ),
            "EntityDefinitions('incident')/Attributes/\
             Microsoft.Dynamics.CRM.StatusAttributeMetadata(LogicalName,OptionSet(Options))",
        ),
        (
            format!("{incident}/Attributes(LogicalName='title')"),
            "EntityDefinitions('incident')/Attributes/$entity",
        ),
        (
            format!("{incident}/Attributes(LogicalName='title')/LogicalName"),
            "EntityDefinitions('incident')/Attributes('title')/LogicalName",
        ),
    ] {
        let answer = emulated.get(&path).await;
        let expected = format!("{}/$metadata#{context}", emulated.api());
        assert_eq!(answer.expect(200)["@odata.context"], expected.as_str(), "{path}");
    }
}
