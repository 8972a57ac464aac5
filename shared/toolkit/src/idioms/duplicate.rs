//! Creates rows, names the owner as the environment does, and explains the error if the organization's
//! duplicate detection rules refuse one.

use crm::reference::Candidate;
use crm::tables::lookups::{OWNER, typed_owner};
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
    let typed = typed_owner(create.table());
    let plain = || create.clone().renamed(&typed, OWNER);
    let known = if session.lacks_typed_owners() { plain() } else { None };
    let mut result = send(context, before, known.as_ref().unwrap_or(create), &others).await;
    if matches!(&result, Err(Error::Api(error)) if error.undeclared_property() == Some(typed.as_str()))
        && let Some(plain) = plain()
    {
        session.note_lack_of_typed_owners();
        result = send(context, before, &plain, &others).await;
    }
    match result {
        // A visitor must not learn whom the organization knows.
        Err(error) if error.is(Code::Duplicate) && !context.is_for_visitor() => {
            Err(named(context, before.unwrap_or(create), error).await)
        }
        result => Ok(result?),
    }
}

async fn send(
    context: &Context,
    before: Option<&Create>,
    create: &Create,
    others: &[Write],
) -> Result<Created, Error> {
    let session = context.session();
    if others.is_empty() && before.is_none() {
        session.create(create).await
    } else {
        session.create_with(before, create, others.to_vec()).await
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
