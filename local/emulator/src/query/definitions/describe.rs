//! Describes tables, columns and relationships in the metadata types of the Web API.

use serde_json::{Value, json};
use uuid::Uuid;

use super::members;
use crate::data::{Column, ColumnKind, Ownership, Relationship, RequiredLevel, Table};

/// The id of a definition. In reality it differs between organizations. Here it is derived from the
/// names.
fn metadata_id(parts: &[&str]) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.join("/").as_bytes()).to_string()
}

fn label(text: &str) -> Value {
    let localized = json!({
        "Label": text,
        "LanguageCode": 1033,
        "IsManaged": true,
        "MetadataId": metadata_id(&["label", text]),
        "HasChanged": null,
    });
    json!({ "LocalizedLabels": [localized], "UserLocalizedLabel": localized })
}

fn managed(value: bool, name: &str) -> Value {
    json!({ "Value": value, "CanBeChanged": false, "ManagedPropertyLogicalName": name })
}

/// The name of a table in the plural, as its set has it: `Opportunities`.
fn collection_schema_name(name: &str, set: &str) -> String {
    let letters = name.bytes().zip(set.bytes());
    let same = letters.take_while(|(one, other)| one.eq_ignore_ascii_case(other)).count();
    let [name, plural] = [name.get(..same), set.get(same..)].map(Option::unwrap_or_default);
    format!("{name}{plural}")
}

/// `EntityMetadata`
pub(super) fn table(table: &'static Table) -> Value {
    let ownership = match table.ownership {
        Ownership::User => "UserOwned",
        Ownership::Business => "BusinessOwned",
        Ownership::Organization => "OrganizationOwned",
        Ownership::None => "None",
    };
    let primary_name = table.primary_name_column().map(|column| &column.logical_name);
    let image = table.column("entityimage").map(|column| &column.logical_name);
    let mut described = json!({
        "MetadataId": metadata_id(&[&table.name]),
        "HasChanged": null,
        "ActivityTypeMask": i32::from(table.is_activity),
        "IsActivity": table.is_activity,
        "IsActivityParty": table.column("emailaddress1").is_some(),
        "IsBPFEntity": table.name.ends_with("process"),
        "IsChildEntity": table.ownership == Ownership::None,
        "IsCustomEntity": false,
        "IsIntersect": false,
        "IsManaged": true,
        "IsLogicalEntity": table.is_abstract,
        "IsPrivate": false,
        "IsStateModelAware": table.column("statecode").is_some(),
        "IsValidForAdvancedFind": true,
        "IsOptimisticConcurrencyEnabled": true,
        "ChangeTrackingEnabled": true,
        "LogicalName": table.name,
        "SchemaName": table.schema_name,
        "LogicalCollectionName": table.entity_set,
        "CollectionSchemaName": collection_schema_name(&table.schema_name, &table.entity_set),
        "EntitySetName": table.entity_set,
        "ObjectTypeCode": table.object_type_code,
        "OwnershipType": ownership,
        "PrimaryIdAttribute": table.key_column().logical_name,
        "PrimaryNameAttribute": primary_name,
        "PrimaryImageAttribute": image,
        "TableType": "Standard",
        "IntroducedVersion": "5.0.0.0",
        "HasNotes": table.collection_navigations().iter().any(|n| n.target.table().name == "annotation"),
        "HasActivities": table.collection_navigations().iter().any(|n| n.name.ends_with("_ActivityPointers")),
        "Description": label(&table.label),
        "DisplayName": label(&table.label),
        "DisplayCollectionName": label(&table.plural_label),
        "IsCustomizable": managed(true, "iscustomizable"),
        "IsAuditEnabled": managed(false, "canmodifyauditsettings"),
        "IsDuplicateDetectionEnabled": managed(true, "canmodifyduplicatedetectionsettings"),
    });
    members::of_table(&mut described, table);
    described
}

/// `AttributeMetadata` of every column.
pub(super) fn columns(table: &'static Table) -> Vec<Value> {
    table.columns().iter().map(|column| self::column(table, column)).collect()
}

/// The types of attributes. A cast to a type ends with its name.
const ATTRIBUTE_TYPES: [&str; 16] = [
    "AttributeMetadata",
    "BigIntAttributeMetadata",
    "BooleanAttributeMetadata",
    "DateTimeAttributeMetadata",
    "DecimalAttributeMetadata",
    "DoubleAttributeMetadata",
    "EntityNameAttributeMetadata",
    "ImageAttributeMetadata",
    "IntegerAttributeMetadata",
    "LookupAttributeMetadata",
    "MemoAttributeMetadata",
    "MoneyAttributeMetadata",
    "PicklistAttributeMetadata",
    "StateAttributeMetadata",
    "StatusAttributeMetadata",
    "StringAttributeMetadata",
];
const RELATIONSHIP_TYPES: [&str; 3] = [
    "OneToManyRelationshipMetadata",
    "ManyToManyRelationshipMetadata",
    "MultiSelectPicklistAttributeMetadata",
];

/// A type to which a path may cast.
pub(super) fn attribute_type(name: &str) -> Option<&'static str> {
    ATTRIBUTE_TYPES.iter().chain(&RELATIONSHIP_TYPES).find(|known| **known == name).copied()
}

fn column(table: &'static Table, column: &'static Column) -> Value {
    let lookup_type = if matches!(column.logical_name.as_str(), "customerid" | "parentcustomerid") {
        "Customer"
    } else if column.logical_name == "ownerid" {
        "Owner"
    } else {
        "Lookup"
    };
    let (kind, own): (&str, Value) = match &column.kind {
        ColumnKind::Guid => ("Uniqueidentifier", json!({})),
        ColumnKind::Text { max_length, multiline } => (
            if *multiline { "Memo" } else { "String" },
            json!({
                "MaxLength": max_length,
                "Format": format(column, *multiline),
                "FormatName": { "Value": format(column, *multiline) },
            }),
        ),
        ColumnKind::Integer { min, max } => {
            ("Integer", json!({ "MinValue": min, "MaxValue": max, "Format": "None" }))
        }
        ColumnKind::BigInteger => ("BigInt", json!({})),
        ColumnKind::Decimal { min, max } => {
            ("Decimal", json!({ "MinValue": min, "MaxValue": max, "Precision": 2 }))
        }
        ColumnKind::Double => ("Double", json!({ "Precision": 5 })),
        ColumnKind::Money { min, max, base_of } => {
            let of = base_of.map(|id| table.at(id).logical_name.as_str());
            let own = json!({
                "MinValue": min,
                "MaxValue": max,
                "PrecisionSource": 2,
                "IsBaseCurrency": of.is_some(),
                "CalculationOf": of,
            });
            ("Money", own)
        }
        ColumnKind::Boolean { .. } => ("Boolean", json!({ "DefaultValue": false })),
        ColumnKind::Choice(_) => ("Picklist", json!({ "DefaultFormValue": null })),
        ColumnKind::State(_) => ("State", json!({})),
        ColumnKind::Status(_) => ("Status", json!({})),
        ColumnKind::DateTime => ("DateTime", json!({ "Format": "DateAndTime" })),
        ColumnKind::Date => ("DateTime", json!({ "Format": "DateOnly" })),
        ColumnKind::Lookup { targets } => {
            let names: Vec<&str> = targets.iter().map(|id| id.table().name.as_str()).collect();
            (lookup_type, json!({ "Targets": names, "Format": "None" }))
        }
        ColumnKind::EntityName => ("EntityName", json!({})),
        ColumnKind::Image => ("Virtual", json!({})),
    };
    let type_name = match kind {
        "Customer" | "Owner" => "Lookup",
        "Virtual" => "Image",
        kind => kind,
    };
    let odata_type = match kind {
        "Uniqueidentifier" => "#Microsoft.Dynamics.CRM.AttributeMetadata".to_owned(),
        _ => format!("#Microsoft.Dynamics.CRM.{type_name}AttributeMetadata"),
    };
    let required = match column.required {
        RequiredLevel::None => "None",
        RequiredLevel::Recommended => "Recommended",
        RequiredLevel::Application => "ApplicationRequired",
        RequiredLevel::System => "SystemRequired",
    };
    let mut described = json!({
        "@odata.type": odata_type,
        "MetadataId": metadata_id(&[&table.name, &column.logical_name]),
        "HasChanged": null,
        "AttributeOf": null,
        "AttributeType": kind,
        "AttributeTypeName": { "Value": format!("{type_name}Type") },
        "ColumnNumber": column.id.index() + 1,
        "EntityLogicalName": table.name,
        "LogicalName": column.logical_name,
        "SchemaName": column.schema_name,
        "IsCustomAttribute": column.is_custom(),
        "IsPrimaryId": column.id == table.key,
        "IsPrimaryName": Some(column.id) == table.primary_name,
        "IsManaged": !column.is_custom(),
        "IsLogical": false,
        "IsValidForCreate": column.valid_for_create,
        "IsValidForRead": true,
        "IsValidForUpdate": column.valid_for_update,
        "IsValidODataAttribute": true,
        "IsFilterable": false,
        "IsSearchable": false,
        "IsSecured": false,
        "IntroducedVersion": "5.0.0.0",
        "Description": label(&column.label),
        "DisplayName": label(&column.label),
        "RequiredLevel": {
            "Value": required,
            "CanBeChanged": false,
            "ManagedPropertyLogicalName": "canmodifyrequirementlevelsettings",
        },
        "IsCustomizable": managed(true, "iscustomizable"),
    });
    if let (Value::Object(described), Value::Object(own)) = (&mut described, own) {
        described.extend(own);
    }
    members::of_column(&mut described, column);
    described
}

fn format(column: &Column, multiline: bool) -> &'static str {
    let name = column.logical_name.as_str();
    if multiline {
        "TextArea"
    } else if name.contains("emailaddress") {
        "Email"
    } else if name.starts_with("telephone") || name == "mobilephone" {
        "Phone"
    } else if name == "websiteurl" {
        "Url"
    } else {
        "Text"
    }
}

/// The `OptionSetMetadata` of a choice, state or status column, or the `BooleanOptionSetMetadata`
/// of a yes-or-no column. Other columns have none.
pub(super) fn option_set(table: &Table, column: &Column) -> Option<Value> {
    let option = |value: i32, text: &str, state: Option<i32>| {
        let mut described = json!({
            "Value": value,
            "Color": null,
            "IsManaged": true,
            "MetadataId": null,
            "HasChanged": null,
            "Label": label(text),
            "Description": { "LocalizedLabels": [], "UserLocalizedLabel": null },
        });
        if let Some(state) = state {
            described["State"] = state.into();
        }
        described
    };
    let name = format!("{}_{}", table.name, column.logical_name);
    let mut described = json!({
        "MetadataId": metadata_id(&["optionset", &name]),
        "HasChanged": null,
        "Name": name,
        "IsCustomOptionSet": column.is_custom(),
        "IsGlobal": false,
        "IsManaged": true,
        "DisplayName": label(&column.label),
    });
    let kind = match &column.kind {
        ColumnKind::Boolean { no, yes } => {
            described["TrueOption"] = option(1, yes, None);
            described["FalseOption"] = option(0, no, None);
            "Boolean"
        }
        ColumnKind::Choice(_) => "Picklist",
        ColumnKind::State(_) => "State",
        ColumnKind::Status(_) => "Status",
        _ => return None,
    };
    described["OptionSetType"] = kind.into();
    if kind != "Boolean" {
        let options = column.options().iter().map(|o| {
            let mut described = option(o.value, &o.label, o.state);
            if kind == "State" {
                let statuses = table.column("statuscode");
                let status = statuses.map(|statuses| statuses.default_status(o.value));
                described["DefaultStatus"] = status.into();
                described["InvariantName"] = o.label.as_str().into();
            }
            described
        });
        described["Options"] = options.collect();
    }
    members::of_option_set(&mut described);
    Some(described)
}

/// Relationships in which other tables point at this table.
pub(super) fn one_to_many(table: &'static Table) -> Vec<Value> {
    let described = table.collection_navigations().iter().filter_map(|navigation| {
        let Relationship::OneToMany { lookup, partner } = &navigation.relationship else {
            return None;
        };
        let other = navigation.target.table();
        let column = &other.at(*lookup).logical_name;
        Some(lookup_relationship(&navigation.name, table, other, column, partner))
    });
    described.collect()
}

/// Relationships in which this table points at another.
pub(super) fn many_to_one(table: &'static Table) -> Vec<Value> {
    let described = table.single_navigations().iter().filter_map(|navigation| {
        let partner = navigation.partner.as_deref()?;
        let other = navigation.target.table();
        other.collection_navigation(partner)?;
        let column = &table.at(navigation.column).logical_name;
        Some(lookup_relationship(partner, other, table, column, &navigation.name))
    });
    described.collect()
}

fn lookup_relationship(
    name: &str,
    referenced: &Table,
    referencing: &Table,
    attribute: &str,
    navigation: &str,
) -> Value {
    let mut described = json!({
        "@odata.type": "#Microsoft.Dynamics.CRM.OneToManyRelationshipMetadata",
        "MetadataId": metadata_id(&["relationship", name]),
        "HasChanged": null,
        "IsCustomRelationship": false,
        "IsValidForAdvancedFind": true,
        "SchemaName": name,
        "SecurityTypes": "Append",
        "IsManaged": true,
        "RelationshipType": "OneToManyRelationship",
        "IntroducedVersion": "5.0.0.0",
        "ReferencedAttribute": referenced.key_column().logical_name,
        "ReferencedEntity": referenced.name,
        "ReferencingAttribute": attribute,
        "ReferencingEntity": referencing.name,
        "IsHierarchical": false,
        "ReferencedEntityNavigationPropertyName": name,
        "ReferencingEntityNavigationPropertyName": navigation,
        "IsCustomizable": managed(true, "iscustomizable"),
    });
    members::of_relationship(&mut described);
    described
}

/// Relationships through an intersect table.
pub(super) fn many_to_many(table: &'static Table) -> Vec<Value> {
    let described = table.collection_navigations().iter().filter_map(|navigation| {
        let Relationship::ManyToMany { name } = &navigation.relationship else { return None };
        let other = navigation.target.table();
        let back = other.collection_navigations().iter().find(|back| {
            matches!(&back.relationship, Relationship::ManyToMany { name: own } if own == name)
        })?;
        // Both tables describe the relationship in the same way.
        let (one, one_name, two, two_name) = if table.name <= other.name {
            (table, &navigation.name, other, &back.name)
        } else {
            (other, &back.name, table, &navigation.name)
        };
        let mut described = json!({
            "@odata.type": "#Microsoft.Dynamics.CRM.ManyToManyRelationshipMetadata",
            "MetadataId": metadata_id(&["relationship", name]),
            "HasChanged": null,
            "IsCustomRelationship": false,
            "IsValidForAdvancedFind": true,
            "SchemaName": name,
            "SecurityTypes": "None",
            "IsManaged": true,
            "RelationshipType": "ManyToManyRelationship",
            "IntroducedVersion": "5.0.0.0",
            "Entity1LogicalName": one.name,
            "Entity2LogicalName": two.name,
            "IntersectEntityName": name.trim_end_matches("_association"),
            "Entity1IntersectAttribute": one.key_column().logical_name,
            "Entity2IntersectAttribute": two.key_column().logical_name,
            "Entity1NavigationPropertyName": one_name,
            "Entity2NavigationPropertyName": two_name,
            "IsCustomizable": managed(true, "iscustomizable"),
        });
        members::of_relationship(&mut described);
        Some(described)
    });
    described.collect()
}
