//! The urgent cases of the contacts that a tool looks for.

use crm::case;
use crm::reference::AccountRef;
use dataverse::Filter;
use toolkit::{Answers, Context, Escalation, Reads, Slot};

/// The place of the urgent cases of some contacts and of their companies.
pub(crate) struct Urgent {
    own: Slot,
    companies: Option<Slot>,
}

impl Urgent {
    /// Adds the queries: for the open urgent case among `cases`, and among those of the companies that
    /// `contacts` belong to. For a visitor it is asked only of the company whose cases they may see.
    pub(crate) fn seek(
        context: &Context,
        reads: &mut Reads<'_>,
        cases: Filter,
        contacts: Filter,
    ) -> Urgent {
        let company = context.company().map(AccountRef::from);
        let cases = match &company {
            Some(company) => cases.or(case::of_account(company)),
            None => cases,
        };
        let own = reads.add(case::urgent_of(cases));
        let companies =
            (!context.is_for_visitor()).then(|| reads.add(case::urgent_of_companies(contacts)));
        Urgent { own, companies }
    }

    /// Why a person should take over, if there is such a case. The answer can do without it, so an error is
    /// ignored.
    pub(crate) fn escalation(self, answers: &mut Answers<'_>) -> Option<Escalation> {
        let mut rows = |slot| answers.result(slot).unwrap_or_default().records;
        let own = rows(self.own);
        let companies = self.companies.map(rows).unwrap_or_default();
        case::escalation(own.iter().chain(case::of_companies(&companies)))
    }
}
