//! Creates rows, and explains the error if the organization's duplicate detection rules refuse one.

use crm::reference::Candidate;
use crm::tables::{ACCOUNT, CONTACT, LEAD};
use crm::text::quoted;
use dataverse::{Code, Create, Created, Error, Page, Record, Table, Write};

use crate::{Context, ToolError};

/// The tables that can have such rules.
const TABLES: [Table; 3] = [LEAD, CONTACT, ACCOUNT];

/// The most records that the error names.
const SHOWN: usize = 3;

/// Creates a row exactly once, together with the other writes.
///
/// If the organization's rules refuse the row as a duplicate, the error names the records that
/// Dataverse considers the same. Only this case takes one more trip.
pub(crate) async fn create(
    context: &Context,
    before: Option<&Create>,
    create: &Create,
    others: Vec<Write>,
) -> Result<Created, ToolError> {
    let session = context.session();
    let result = if others.is_empty() && before.is_none() {
        session.create(create).await
    } else {
        session.create_with(before, create, others).await
    };
    match result {
        // A visitor must not learn whom the organization knows.
        Err(error) if error.is(Code::Duplicate) && !context.is_for_visitor() => {
            Err(named(context, before.unwrap_or(create), error).await)
        }
        result => Ok(result?),
    }
}

/// Adds the records that Dataverse considers the same to the error, if Dataverse names them.
async fn named(context: &Context, create: &Create, error: Error) -> ToolError {
    let explained = ToolError::from(error);
    let Ok(pages) = context.session().duplicates(create, &TABLES).await else {
        return explained;
    };
    let named = TABLES.into_iter().zip(pages).flat_map(|(table, page)| {
        let records = page.as_ref().map(|page: &Page| page.records.clone()).unwrap_or_default();
        records.into_iter().filter_map(move |record| candidate(context, table, &record))
    });
    explained.candidates(named.take(SHOWN).collect())
}

fn candidate(context: &Context, table: Table, record: &Record) -> Option<Candidate> {
    let id = record.id(table.key)?;
    let name = if table == ACCOUNT { "name" } else { "fullname" };
    Some(Candidate {
        id,
        name: record.text(name).map(str::to_owned),
        detail: Some(match record.text("emailaddress1") {
            Some(email) => format!("{}, {}", table.logical_name, quoted(email)),
            None => table.logical_name.to_owned(),
        }),
        url: Some(context.instance().record_page(table.logical_name, id)),
    })
}
