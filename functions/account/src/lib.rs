//! The tools for accounts.

mod get_account;
mod get_account_contacts;
mod search_accounts;

use toolkit::Group;

/// The tools for accounts.
pub fn group() -> Group {
    Group::new("account")
        .tool::<search_accounts::SearchAccounts>()
        .tool::<get_account::GetAccount>()
        .tool::<get_account_contacts::GetAccountContacts>()
}
