//! Choices (option sets) by their labels.
//!
//! The labels are those of Dynamics 365 in English, whatever the language of the application user.
//! Values that every organization has are shown by the label from this file. Values that an
//! organization added are shown by the label that Dataverse sends.

use dataverse::Record;

/// A choice with values that every organization has.
pub trait Choice: Copy + Sized + 'static {
    /// Every value with its label, in the order of Dynamics 365.
    const ALL: &'static [(Self, &'static str, i64)];

    /// Other labels that are understood.
    const ALSO: &'static [(Self, &'static str)] = &[];

    /// The number that Dataverse uses for this value.
    fn value(self) -> i64;

    /// The label that people see.
    fn label(self) -> &'static str;

    /// The choice with this number.
    fn from_value(value: i64) -> Option<Self> {
        Self::ALL.iter().find(|(_, _, number)| *number == value).map(|(choice, ..)| *choice)
    }

    /// The choice with this label, or with another one that is understood. Upper and lower case are
    /// the same, and only letters and digits count: `in_progress` is In Progress.
    fn from_label(label: &str) -> Option<Self> {
        let letters = |text: &str| -> String {
            text.chars().filter(|one| one.is_alphanumeric()).flat_map(char::to_lowercase).collect()
        };
        let label = letters(label);
        let all = Self::ALL.iter().map(|(choice, name, _)| (choice, name));
        let mut all = all.chain(Self::ALSO.iter().map(|(choice, name)| (choice, name)));
        all.find(|(_, name)| letters(name) == label).map(|(choice, _)| *choice)
    }

    /// The label of the value in a column: ours if the number is known, else the one from
    /// Dataverse.
    fn of(record: &Record, column: &str) -> Option<String> {
        match record.integer(column).and_then(Self::from_value) {
            Some(choice) => Some(choice.label().to_owned()),
            None => record.label(column).map(str::to_owned),
        }
    }
}

/// Defines a choice that arguments can have. In JSON, it is its label; after a bar stand others that
/// are understood.
#[macro_export]
macro_rules! choice {
    ($(#[$doc:meta])* $visibility:vis enum $name:ident {
        $(
            $(#[$variant_doc:meta])*
            $variant:ident = $value:literal $label:literal $(| $also:literal)*,
        )*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visibility enum $name {
            $($(#[$variant_doc])* #[doc = $label] $variant,)*
        }

        impl $crate::labels::Choice for $name {
            const ALL: &'static [(Self, &'static str, i64)] =
                &[$((Self::$variant, $label, $value),)*];

            const ALSO: &'static [(Self, &'static str)] =
                &[$($((Self::$variant, $also),)*)*];

            fn value(self) -> i64 {
                match self { $(Self::$variant => $value,)* }
            }

            fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($crate::labels::Choice::label(*self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                <Self as $crate::labels::Choice>::from_label(&text).ok_or_else(|| {
                    serde::de::Error::custom(concat!("must be one of: ", $crate::choice!(@list $($label)*)))
                })
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "enum": [$($label,)*] })
            }
        }

        $crate::without_fields!($name);
    };
    (@list $first:literal $($rest:literal)*) => { concat!($first $(, ", ", $rest)*) };
}

choice! {
    /// How urgent a case is.
    pub enum CasePriority {
        High = 1 "High",
        Normal = 2 "Normal",
        Low = 3 "Low",
    }
}

choice! {
    /// What kind of case it is.
    pub enum CaseType {
        Question = 1 "Question",
        Problem = 2 "Problem",
        Request = 3 "Request",
    }
}

choice! {
    /// Where a case stands (`statuscode`).
    pub enum CaseStatus {
        InProgress = 1 "In Progress",
        OnHold = 2 "On Hold",
        WaitingForDetails = 3 "Waiting for Details",
        Researching = 4 "Researching",
        ProblemSolved = 5 "Problem Solved",
        InformationProvided = 1000 "Information Provided",
        Canceled = 6 "Canceled",
        Merged = 2000 "Merged",
    }
}

choice! {
    /// Whether a case is open (`statecode`).
    pub enum CaseState {
        Active = 0 "Active",
        Resolved = 1 "Resolved",
        Canceled = 2 "Canceled",
    }
}

choice! {
    /// Whether an opportunity is open (`statecode`).
    pub enum OpportunityState {
        Open = 0 "Open",
        Won = 1 "Won",
        Lost = 2 "Lost",
    }
}

choice! {
    /// Where an opportunity stands (`statuscode`).
    pub enum OpportunityStatus {
        InProgress = 1 "In Progress",
        OnHold = 2 "On Hold",
        Won = 3 "Won",
        Canceled = 4 "Canceled",
        OutSold = 5 "Out-Sold",
    }
}

choice! {
    /// Where in the pipeline an opportunity is (`salesstage`).
    pub enum SalesStage {
        Qualify = 0 "Qualify",
        Develop = 1 "Develop",
        Propose = 2 "Propose",
        Close = 3 "Close",
    }
}

choice! {
    /// Whether a lead is open (`statecode`).
    pub enum LeadState {
        Open = 0 "Open",
        Qualified = 1 "Qualified",
        Disqualified = 2 "Disqualified",
    }
}

choice! {
    /// How far the qualification of a lead has come (`statuscode`).
    pub enum LeadStatus {
        New = 1 "New",
        Contacted = 2 "Contacted",
        Qualified = 3 "Qualified",
        Lost = 4 "Lost",
        CannotContact = 5 "Cannot Contact",
        NoLongerInterested = 6 "No Longer Interested",
        Canceled = 7 "Canceled",
    }
}

choice! {
    /// Where a lead came from (`leadsourcecode`).
    pub enum LeadSource {
        Advertisement = 1 "Advertisement",
        EmployeeReferral = 2 "Employee Referral",
        ExternalReferral = 3 "External Referral",
        Partner = 4 "Partner",
        PublicRelations = 5 "Public Relations",
        Seminar = 6 "Seminar",
        TradeShow = 7 "Trade Show",
        Web = 8 "Web",
        WordOfMouth = 9 "Word of Mouth",
        Other = 10 "Other",
    }
}

choice! {
    /// How promising a lead is (`leadqualitycode`).
    pub enum Rating {
        Hot = 1 "Hot",
        Warm = 2 "Warm",
        Cold = 3 "Cold",
    }
}

choice! {
    /// What a company does (`industrycode`).
    pub enum Industry {
        Accounting = 1 "Accounting",
        Agriculture = 2 "Agriculture and Non-petrol Natural Resource Extraction",
        Broadcasting = 3 "Broadcasting Printing and Publishing",
        Brokers = 4 "Brokers",
        BuildingSupply = 5 "Building Supply Retail",
        BusinessServices = 6 "Business Services",
        Consulting = 7 "Consulting",
        ConsumerServices = 8 "Consumer Services",
        Design = 9 "Design, Direction and Creative Management",
        Distributors = 10 "Distributors, Dispatchers and Processors",
        Doctors = 11 "Doctor's Offices and Clinics",
        DurableManufacturing = 12 "Durable Manufacturing",
        EatingAndDrinking = 13 "Eating and Drinking Places",
        EntertainmentRetail = 14 "Entertainment Retail",
        EquipmentRental = 15 "Equipment Rental and Leasing",
        Financial = 16 "Financial",
        FoodAndTobacco = 17 "Food and Tobacco Processing",
        InboundCapital = 18 "Inbound Capital Intensive Processing",
        InboundRepair = 19 "Inbound Repair and Services",
        Insurance = 20 "Insurance",
        Legal = 21 "Legal Services",
        NonDurableRetail = 22 "Non-Durable Merchandise Retail",
        OutboundConsumer = 23 "Outbound Consumer Service",
        Petrochemical = 24 "Petrochemical Extraction and Distribution",
        ServiceRetail = 25 "Service Retail",
        SigAffiliations = 26 "SIG Affiliations",
        SocialServices = 27 "Social Services",
        OutboundTrade = 28 "Special Outbound Trade Contractors",
        SpecialtyRealty = 29 "Specialty Realty",
        Transportation = 30 "Transportation",
        Utilities = 31 "Utility Creation and Distribution",
        VehicleRetail = 32 "Vehicle Retail",
        Wholesale = 33 "Wholesale",
    }
}

choice! {
    /// Whether an activity is done (`statecode`).
    pub enum ActivityState {
        Open = 0 "Open",
        Completed = 1 "Completed",
        Canceled = 2 "Canceled",
        Scheduled = 3 "Scheduled",
    }
}

choice! {
    /// Whether a contact or an account is in use (`statecode`).
    pub enum ActiveState {
        Active = 0 "Active",
        Inactive = 1 "Inactive",
    }
}

choice! {
    /// Whether a product is for sale (`statecode`).
    pub enum ProductState {
        Active = 0 "Active",
        Retired = 1 "Retired",
        Draft = 2 "Draft",
        UnderRevision = 3 "Under Revision",
    }
}

choice! {
    /// What a product consists of (`productstructure`).
    pub enum ProductStructure {
        Product = 1 "Product",
        Family = 2 "Product Family",
        Bundle = 3 "Product Bundle",
    }
}

choice! {
    /// How a price list item says what a product costs (`pricingmethodcode`).
    pub enum PricingMethod {
        CurrencyAmount = 1 "Currency Amount",
        PercentOfList = 2 "Percent of List",
        MarkupCurrent = 3 "Percent Markup - Current Cost",
        MarginCurrent = 4 "Percent Margin - Current Cost",
        MarkupStandard = 5 "Percent Markup - Standard Cost",
        MarginStandard = 6 "Percent Margin - Standard Cost",
    }
}

choice! {
    /// Where a quote stands (`statecode`).
    pub enum QuoteState {
        Draft = 0 "Draft",
        Active = 1 "Active",
        Won = 2 "Won",
        Closed = 3 "Closed",
    }
}

choice! {
    /// By what way a case came in (`caseorigincode`).
    pub enum CaseOrigin {
        Phone = 1 "Phone",
        Email = 2 "Email",
        Web = 3 "Web",
    }
}

choice! {
    /// What has become of a call (`statuscode`).
    pub enum CallStatus {
        Open = 1 "Open",
        Made = 2 "Made",
        Canceled = 3 "Canceled",
        Received = 4 "Received",
    }
}

choice! {
    /// What has become of a task (`statuscode`), as far as the tools say so.
    pub enum TaskStatus {
        Completed = 5 "Completed",
    }
}

choice! {
    /// What an appointment is in a calendar (`statuscode`), as far as the tools say so.
    pub enum AppointmentStatus {
        Completed = 3 "Completed",
        Busy = 5 "Busy",
    }
}

choice! {
    /// What has become of an email (`statuscode`).
    pub enum EmailStatus {
        Draft = 1 "Draft",
        Completed = 2 "Completed",
        Sent = 3 "Sent",
        Received = 4 "Received",
        Canceled = 5 "Canceled",
        PendingSend = 6 "Pending Send",
        Sending = 7 "Sending",
        Failed = 8 "Failed",
    }
}

choice! {
    /// Whether an administrator has approved a mailbox (`emailrouteraccessapproval`).
    pub enum MailboxApproval {
        Approved = 1 "Approved",
    }
}

choice! {
    /// How mails and appointments get in and out (`incomingemaildeliverymethod` and
    /// `outgoingemaildeliverymethod`).
    pub enum DeliveryMethod {
        ServerSide = 2 "Server-Side Synchronization or Email Router",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn labels_are_read_in_any_case_and_written_as_dynamics_does() {
        let status: CaseStatus = serde_json::from_value(json!("waiting FOR details ")).unwrap();
        assert_eq!(status, CaseStatus::WaitingForDetails);
        for label in ["out-sold", "Out–Sold", "`Out-Sold`.", "out_sold", "OutSold"] {
            assert_eq!(OpportunityStatus::from_label(label), Some(OpportunityStatus::OutSold));
        }
        assert_eq!(serde_json::to_value(status).unwrap(), json!("Waiting for Details"));
        let error = serde_json::from_value::<CasePriority>(json!("Critical")).unwrap_err();
        assert_eq!(error.to_string(), "must be one of: High, Normal, Low");
    }

    #[test]
    fn known_values_have_our_label_and_others_their_own() {
        let record: Record = serde_json::from_value(json!({
            "prioritycode": 1,
            "prioritycode@OData.Community.Display.V1.FormattedValue": "Hoch",
            "casetypecode": 100_000_000,
            "casetypecode@OData.Community.Display.V1.FormattedValue": "Recall",
        }))
        .unwrap();
        assert_eq!(CasePriority::of(&record, "prioritycode").as_deref(), Some("High"));
        assert_eq!(CaseType::of(&record, "casetypecode").as_deref(), Some("Recall"));
        assert_eq!(CaseStatus::of(&record, "statuscode"), None);
    }
}
