//! The tools for accounts.

mod get_account;
mod get_account_contacts;
mod search_accounts;

use toolkit::{Collect, Tools};

const GROUP: &str = "account";

/// The tools for accounts.
pub fn tools<C: Collect<Tools>>(tools: C) -> C {
    tools
        .with::<search_accounts::SearchAccounts>(GROUP)
        .with::<get_account::GetAccount>(GROUP)
        .with::<get_account_contacts::GetAccountContacts>(GROUP)
}
