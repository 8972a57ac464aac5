//! The members of definitions that the emulator has no facts about. Clients with typed models
//! expect every documented member, so each has the value that most definitions have.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::data::{Column, ColumnKind, Table};
use crate::organization::{Access, privilege_id, privilege_name};

/// Adds the members that are not there yet, in order.
fn complete(described: &mut Value, members: Value) {
    if let (Value::Object(described), Value::Object(members)) = (described, members) {
        for (name, value) in members {
            described.entry(name).or_insert(value);
        }
    }
}

fn managed(value: bool, name: &str) -> Value {
    json!({ "Value": value, "CanBeChanged": false, "ManagedPropertyLogicalName": name })
}

/// The flags of a table that the emulator has no facts about.
const FLAGS: [(&str, bool); 29] = [
    ("AutoRouteToOwnerQueue", false),
    ("CanTriggerWorkflow", true),
    ("EntityHelpUrlEnabled", false),
    ("IsDocumentManagementEnabled", false),
    ("IsOneNoteIntegrationEnabled", false),
    ("IsInteractionCentricEnabled", true),
    ("IsKnowledgeManagementEnabled", false),
    ("IsSLAEnabled", false),
    ("IsDocumentRecommendationsEnabled", false),
    ("IsMSTeamsIntegrationEnabled", false),
    ("AutoCreateAccessTeams", false),
    ("IsRetrieveAuditEnabled", false),
    ("IsRetrieveMultipleAuditEnabled", false),
    ("IsArchivalEnabled", false),
    ("IsRetentionEnabled", false),
    ("IsAvailableOffline", true),
    ("IsAIRUpdated", true),
    ("IsBusinessProcessEnabled", true),
    ("SyncToExternalSearchIndex", false),
    ("IsImportable", true),
    ("IsEnabledForCharts", true),
    ("IsEnabledForTrace", false),
    ("IsReadingPaneEnabled", true),
    ("IsQuickCreateEnabled", true),
    ("EnforceStateTransitions", false),
    ("IsEnabledForExternalChannels", true),
    ("UsesBusinessDataLabelTable", false),
    ("HasFeedback", false),
    ("IsSolutionAware", false),
];

/// The members of a table that are empty.
const EMPTY: [&str; 15] = [
    "EntityHelpUrl",
    "SettingOf",
    "DataProviderId",
    "DataSourceId",
    "IconLargeName",
    "IconMediumName",
    "IconSmallName",
    "IconVectorName",
    "MobileOfflineFilters",
    "RecurrenceBaseEntityLogicalName",
    "ExternalName",
    "EntityColor",
    "ExternalCollectionName",
    "OwnerId",
    "OwningBusinessUnit",
];

/// The settings of a table that administrators may be allowed to change.
const SETTINGS: [(&str, bool, &str); 20] = [
    ("IsConnectionsEnabled", true, "canmodifyconnectionsettings"),
    ("IsRenameable", true, "isrenameable"),
    ("IsMappable", true, "ismappable"),
    ("CanCreateAttributes", true, "cancreateattributes"),
    ("CanCreateForms", true, "cancreateforms"),
    ("CanCreateViews", true, "cancreateviews"),
    ("CanCreateCharts", true, "cancreatecharts"),
    ("CanBeRelatedEntityInRelationship", true, "canberelatedentityinrelationship"),
    ("CanBePrimaryEntityInRelationship", true, "canbeprimaryentityinrelationship"),
    ("CanBeInManyToMany", true, "canbeinmanytomany"),
    ("CanBeInCustomEntityAssociation", true, "canbeincustomentityassociation"),
    ("CanEnableSyncToExternalSearchIndex", true, "canenablesynctoexternalsearchindex"),
    ("CanModifyAdditionalSettings", true, "canmodifyadditionalsettings"),
    ("CanChangeHierarchicalRelationship", false, "canchangehierarchicalrelationship"),
    ("CanChangeTrackingBeEnabled", true, "canchangetrackingbeenabled"),
    ("IsMailMergeEnabled", true, "canmodifymailmergesettings"),
    ("IsVisibleInMobile", true, "canmodifymobilevisibility"),
    ("IsVisibleInMobileClient", true, "canmodifymobileclientvisibility"),
    ("IsReadOnlyInMobileClient", false, "canmodifymobileclientreadonly"),
    ("IsOfflineInMobileClient", true, "canmodifymobileclientoffline"),
];

/// Completes an `EntityMetadata`. The members are those of a recorded answer of 2024.
pub(super) fn of_table(described: &mut Value, table: &Table) {
    let flags = FLAGS.iter().map(|(name, flag)| ((*name).to_owned(), Value::Bool(*flag)));
    complete(described, Value::Object(flags.collect()));
    let empty = EMPTY.iter().map(|name| ((*name).to_owned(), Value::Null));
    complete(described, Value::Object(empty.collect()));
    let settings =
        SETTINGS.iter().map(|(name, value, of)| ((*name).to_owned(), managed(*value, of)));
    complete(described, Value::Object(settings.collect()));
    complete(
        described,
        json!({
            "DaysSinceRecordLastModified": 0,
            "ReportViewName": format!("Filtered{}", table.schema_name),
            "CreatedOn": "1900-01-01T00:00:00Z",
            "ModifiedOn": "2024-06-01T02:41:52Z",
            "HasEmailAddresses": table.column("emailaddress1").is_some(),
            "OwnerIdType": 8,
            "IsValidForQueue": managed(table.is_activity, "canmodifyqueuesettings"),
            "Privileges": privileges(table),
            "Settings": [],
        }),
    );
}

fn privileges(table: &Table) -> Value {
    let of = |access: Access| {
        let name = privilege_name(access, table);
        json!({
            "CanBeBasic": true,
            "CanBeDeep": true,
            "CanBeGlobal": true,
            "CanBeLocal": true,
            "CanBeEntityReference": false,
            "CanBeParentEntityReference": false,
            "CanBeRecordFilter": false,
            "Name": name,
            "PrivilegeId": privilege_id(&name),
            "PrivilegeType": access.name(),
        })
    };
    Access::ALL.into_iter().map(of).collect()
}

/// Completes an `AttributeMetadata` of any type. The members are those of the types of a
/// `$metadata` document.
pub(super) fn of_column(described: &mut Value, column: &Column) {
    complete(
        described,
        json!({
            "DeprecatedVersion": null,
            "IsAuditEnabled": managed(false, "canmodifyauditsettings"),
            "CanBeSecuredForRead": true,
            "CanBeSecuredForCreate": true,
            "CanBeSecuredForUpdate": true,
            "IsRetrievable": true,
            "IsGlobalFilterEnabled": managed(false, "canmodifyglobalfiltersettings"),
            "IsSortableEnabled": managed(false, "canmodifyissortablesettings"),
            "LinkedAttributeId": null,
            "IsRenameable": managed(true, "isrenameable"),
            "IsValidForAdvancedFind": managed(true, "canmodifysearchsettings"),
            "IsValidForForm": true,
            "IsRequiredForForm": false,
            "IsValidForGrid": true,
            "CanModifyAdditionalSettings": managed(true, "canmodifyadditionalsettings"),
            "ExternalName": null,
            "IsDataSourceSecret": false,
            "InheritsFrom": null,
            "CreatedOn": "1900-01-01T00:00:00Z",
            "ModifiedOn": "1900-01-01T00:00:00Z",
            "SourceType": source_type(column),
            "AutoNumberFormat": null,
            "Settings": [],
        }),
    );
    complete(described, own(column));
}

/// Text, numbers and dates can be computed. The other types cannot.
fn source_type(column: &Column) -> Value {
    match column.kind {
        ColumnKind::Guid
        | ColumnKind::BigInteger
        | ColumnKind::Double
        | ColumnKind::EntityName
        | ColumnKind::Image
        | ColumnKind::Lookup { .. }
        | ColumnKind::State(_)
        | ColumnKind::Status(_) => Value::Null,
        _ => 0.into(),
    }
}

/// The members of the type of a column.
fn own(column: &Column) -> Value {
    let computed = json!({ "FormulaDefinition": "", "SourceTypeMask": 0 });
    let mut members = match &column.kind {
        ColumnKind::Text { multiline: true, .. } => {
            return json!({ "ImeMode": "Auto", "IsLocalizable": false });
        }
        ColumnKind::Text { max_length, multiline: false } => json!({
            "ImeMode": "Auto",
            "YomiOf": null,
            "IsLocalizable": false,
            "DatabaseLength": max_length.map(|length| length.saturating_mul(2)),
        }),
        ColumnKind::DateTime | ColumnKind::Date => {
            let day = matches!(column.kind, ColumnKind::Date);
            json!({
                "ImeMode": "Inactive",
                "DateTimeBehavior": { "Value": if day { "DateOnly" } else { "UserLocal" } },
                "CanChangeDateTimeBehavior": managed(false, "canchangedatetimebehavior"),
            })
        }
        ColumnKind::Decimal { .. } => json!({ "ImeMode": "Disabled" }),
        ColumnKind::Money { .. } => json!({ "ImeMode": "Disabled", "Precision": 2 }),
        ColumnKind::Integer { .. } | ColumnKind::Boolean { .. } => json!({}),
        ColumnKind::Choice(_) => {
            json!({ "ParentPicklistLogicalName": null, "ChildPicklistLogicalNames": [] })
        }
        ColumnKind::State(_) | ColumnKind::Status(_) => {
            return json!({ "DefaultFormValue": null, "ParentPicklistLogicalName": null, "ChildPicklistLogicalNames": [] });
        }
        ColumnKind::Double => {
            return json!({ "ImeMode": "Disabled", "MinValue": -100_000_000_000.0, "MaxValue": 100_000_000_000.0 });
        }
        ColumnKind::BigInteger => {
            return json!({ "MinValue": i64::MIN, "MaxValue": i64::MAX });
        }
        ColumnKind::EntityName => {
            return json!({ "DefaultFormValue": null, "IsEntityReferenceStored": false });
        }
        ColumnKind::Image => {
            return json!({ "IsPrimaryImage": true, "MaxHeight": 144, "MaxWidth": 144, "MaxSizeInKB": 10240, "CanStoreFullImage": false });
        }
        ColumnKind::Guid | ColumnKind::Lookup { .. } => return json!({}),
    };
    complete(&mut members, computed);
    members
}

/// Completes the definition of a relationship.
pub(super) fn of_relationship(described: &mut Value) {
    let menu = || {
        json!({
            "Behavior": "UseCollectionName",
            "Group": "Details",
            "Order": null,
            "IsCustomizable": true,
            "Icon": null,
            "ViewId": Uuid::nil(),
            "AvailableOffline": true,
            "MenuId": null,
            "QueryApi": null,
            "Label": { "LocalizedLabels": [], "UserLocalizedLabel": null },
        })
    };
    let many = described.get("Entity1LogicalName").is_some();
    let members = if many {
        json!({
            "Entity1AssociatedMenuConfiguration": menu(),
            "Entity2AssociatedMenuConfiguration": menu(),
        })
    } else {
        json!({
            "EntityKey": null,
            "IsRelationshipAttributeDenormalized": false,
            "RelationshipBehavior": 1,
            "IsDenormalizedLookup": null,
            "DenormalizedAttributeName": null,
            "AssociatedMenuConfiguration": menu(),
            "CascadeConfiguration": {
                "Assign": "NoCascade",
                "Delete": "RemoveLink",
                "Archive": "NoCascade",
                "Merge": "NoCascade",
                "Reparent": "NoCascade",
                "Share": "NoCascade",
                "Unshare": "NoCascade",
                "RollupView": "NoCascade",
            },
            "RelationshipAttributes": [],
        })
    };
    complete(described, members);
}

/// Completes the definition of a choice, and of its options.
pub(super) fn of_option_set(described: &mut Value) {
    complete(
        described,
        json!({
            "Description": { "LocalizedLabels": [], "UserLocalizedLabel": null },
            "ExternalTypeName": "",
            "IntroducedVersion": "5.0.0.0",
            "ParentOptionSetName": null,
            "IsCustomizable": managed(true, "iscustomizable"),
        }),
    );
    let option = |option: &mut Value| {
        let mut members = Map::new();
        members.insert("ExternalValue".to_owned(), Value::Null);
        members.insert("ParentValues".to_owned(), Value::Array(Vec::new()));
        if option.get("State").is_some() {
            members.insert("TransitionData".to_owned(), Value::Null);
        }
        complete(option, Value::Object(members));
    };
    for name in ["TrueOption", "FalseOption"] {
        if let Some(one) = described.get_mut(name) {
            option(one);
        }
    }
    if let Some(Value::Array(options)) = described.get_mut("Options") {
        options.iter_mut().for_each(option);
    }
}
