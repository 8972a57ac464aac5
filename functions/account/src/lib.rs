//! The tools for accounts.

mod get_account;
mod get_account_contacts;
mod search_accounts;

use toolkit::Gather;

/// The tools for accounts.
pub fn group<G: Gather>() -> G {
    G::new("account")
        .tool::<search_accounts::SearchAccounts>()
        .tool::<get_account::GetAccount>()
        .tool::<get_account_contacts::GetAccountContacts>()
}
