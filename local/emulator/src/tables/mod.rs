//! The special rules of each table: defaults, computed columns, refusals, and consequences. The
//! file of a table, or of a family of tables, begins with its rules. Everything that they do not
//! mention is plain.

mod account;
mod activity;
mod activitymimeattachment;
mod activityparty;
mod annotation;
mod appointment;
mod closing;
mod contact;
pub(crate) mod customer;
mod documents;
mod email;
pub(crate) mod incident;
mod lead;
mod lines;
pub(crate) mod opportunity;
mod people;
mod phonecall;
mod price;
mod pricelevel;
mod product;
mod productpricelevel;
pub(crate) mod quote;
mod systemuser;
mod task;

use std::sync::LazyLock;

pub(crate) use documents::lines as lines_of;

use crate::organization::{DuplicateRules, Numbers};
use crate::write::RuleBook;

static RULES: LazyLock<RuleBook> = LazyLock::new(|| {
    RuleBook::new(&[
        account::RULES,
        activitymimeattachment::RULES,
        activityparty::RULES,
        annotation::RULES,
        appointment::RULES,
        closing::INCIDENT_RESOLUTION,
        closing::OPPORTUNITY_CLOSE,
        closing::QUOTE_CLOSE,
        contact::RULES,
        email::RULES,
        incident::RULES,
        lead::RULES,
        lines::OPPORTUNITY_PRODUCT,
        lines::QUOTE_DETAIL,
        opportunity::RULES,
        phonecall::RULES,
        pricelevel::RULES,
        product::RULES,
        productpricelevel::RULES,
        quote::RULES,
        systemuser::RULES,
        task::RULES,
    ])
});

/// The rules of all tables.
pub(crate) fn rules() -> &'static RuleBook {
    &RULES
}

/// The counters of a new organization.
pub(crate) fn numbers() -> Numbers {
    Numbers::new(RULES.all().filter_map(|rules| Some((rules.table, rules.numbering?))))
}

/// The duplicate rules that a new organization has published.
#[expect(clippy::expect_used, reason = "the names are constants and a test looks them up")]
pub(crate) fn duplicate_rules() -> DuplicateRules {
    let rules = RULES
        .all()
        .flat_map(|rules| rules.duplicates.iter().map(|columns| (rules.table, *columns)));
    DuplicateRules::new(rules).expect("rules name tables and columns that are there")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Metadata;

    #[test]
    fn rules_name_tables_columns_and_states_that_are_there() {
        for rules in RULES.all() {
            let table = Metadata::get().table(rules.table).expect(rules.table);
            let numbered = rules.numbering.map(|numbering| numbering.column);
            let columns = rules.defaults.iter().map(|(column, _)| column);
            let columns = columns.chain(rules.starts_true).chain(rules.required).chain(&numbered);
            for column in columns.chain(rules.duplicates.iter().copied().flatten()) {
                assert!(table.column(column).is_some(), "{} {column}", rules.table);
            }
            for lookup in rules.parents {
                let column = table.column_by_logical_name(lookup).unwrap();
                assert!(column.is_lookup(), "{} {lookup}", rules.table);
            }
            for state in rules.states.closed.iter().chain(rules.states.also_initial) {
                let column = table.column("statecode").unwrap();
                assert!(column.option_label(*state).is_some(), "{} {state}", rules.table);
            }
        }
        let named = |table: &str| RULES.all().filter(|rules| rules.table == table).count();
        assert!(RULES.all().all(|rules| named(rules.table) == 1));
    }

    #[test]
    fn an_organization_has_published_rules_from_the_start() {
        assert_eq!(RULES.all().map(|rules| rules.duplicates.len()).sum::<usize>(), 5);
        duplicate_rules();
    }
}
