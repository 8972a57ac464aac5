use crm::account::AccountSummary;
use crm::contact::ContactSummary;
use crm::labels::ActiveState;
use crm::money;
use crm::reference::{AccountRef, Reference as _};
use crm::tables::CONTACT;
use crm::tables::choices::in_state;
use crm::tables::lookups;
use crm::visible::{Access, Visible};
use dataverse::{Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError};

/// Lists the people of an account.
pub(crate) struct GetAccountContacts;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
#[staff]
pub(crate) struct Arguments {
    /// Id, name or web domain.
    account: AccountRef,
    /// Up to 25.
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
#[staff]
pub(crate) struct AccountContacts {
    account: Option<AccountSummary>,
    contacts: Vec<ContactSummary>,
    /// Whether there are more than these.
    more: Option<bool>,
    /// Opens one of the contacts: put its id in place of {id}.
    contact_url: Option<String>,
}

crm::records!(AccountContacts: account, contacts);

impl Tool for GetAccountContacts {
    const NAME: &'static str = "dynamics365_get_account_contacts";
    const TITLE: &'static str = "Get account's contacts";
    const DESCRIPTION: &'static str = "List the active contacts of one company. Use it to find \
        whom to talk to there.";
    const FOR: Access = Access::Staff;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadAccount", "prvReadContact"];
    const EXAMPLE: &'static str = r#"{"account": "Litware"}"#;

    type Arguments = Arguments;
    type Result = AccountContacts;

    async fn call(
        context: &Context,
        arguments: Arguments,
    ) -> Result<Answer<AccountContacts>, ToolError> {
        let Arguments { account, limit } = arguments;
        let limit = limit.unwrap_or_default();
        let mut reads = Reads::new();
        let company = reads.seek_with(&account, |query| {
            query.select(AccountSummary::COLUMNS).expand(money::currency())
        });
        let contacts = reads.add(
            Query::rows(CONTACT)
                .select(ContactSummary::COLUMNS)
                .filter(account.at(&[lookups::EMPLOYER]))
                .filter(in_state(ActiveState::Active))
                .order_by(Order::ascending("fullname"))
                .top(limit.rows_to_ask_for()),
        );
        let mut answers = reads.send(context).await?;
        let company = answers.found(company)?;

        let (contacts, more) = limit.shown(&answers.page(contacts)?, |record| {
            // All of them belong to the same account.
            ContactSummary::of(record).map(|contact| ContactSummary { account: None, ..contact })
        });
        let none = contacts.is_empty().then_some("The account has no active contacts.");
        let account = AccountSummary::of(&company).map(|one| one.with_url(context.instance()));
        let contact_url = context.list_url(CONTACT, &contacts);
        Ok(Answer::new(AccountContacts { account, contacts, more, contact_url }).hint_if(none))
    }
}
