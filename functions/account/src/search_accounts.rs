use crm::account::AccountSummary;
use crm::company;
use crm::labels::ActiveState;
use crm::money;
use crm::reference::{by_domain, web_domain};
use crm::tables::ACCOUNT;
use crm::tables::choices::in_state;
use crm::text::{Line, contains, search_words};
use crm::visible::{Access, Visible};
use dataverse::{Filter, Order, Query};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Effect, Limit, Reads, Tool, ToolError};

/// Finds accounts by name or web domain.
pub(crate) struct SearchAccounts;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
#[staff]
pub(crate) struct Arguments {
    /// Company name or a part of it, or a web or email domain.
    query: Line<200>,
    /// Up to 25.
    limit: Option<Limit>,
}

#[derive(Serialize, JsonSchema, Visible)]
#[staff]
pub(crate) struct Accounts {
    accounts: Vec<AccountSummary>,
    /// Whether there are more than these.
    more: Option<bool>,
    /// Opens one of the accounts: put its id in place of {id}.
    account_url: Option<String>,
}

crm::records!(Accounts: accounts);

impl Tool for SearchAccounts {
    const NAME: &'static str = "dynamics365_search_accounts";
    const TITLE: &'static str = "Search accounts";
    const DESCRIPTION: &'static str = "Find companies by name or web domain. Use it when \
        somebody names a company.";
    const FOR: Access = Access::Staff;
    const EFFECT: Effect = Effect::Reads;
    const PRIVILEGES: &'static [&'static str] = &["prvReadAccount"];
    const EXAMPLE: &'static str = r#"{"query": "Fabrikam"}"#;

    type Arguments = Arguments;
    type Result = Accounts;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Accounts>, ToolError> {
        let limit = arguments.limit.unwrap_or_default();
        let text = arguments.query.as_str();
        let accounts = |matching: Filter| {
            Query::rows(ACCOUNT)
                .select(AccountSummary::COLUMNS)
                .filter(matching)
                .filter(in_state(ActiveState::Active))
                .expand(money::currency())
                .order_by(Order::ascending("name"))
                .top(limit.rows_to_ask_for())
        };
        let mut reads = Reads::new();
        let matching = reads.add(accounts(matching(text)));
        let similar = similar(text).map(|similar| reads.add(accounts(similar)));
        let mut answers = reads.send(context).await?;

        let mut page = answers.page(matching)?;
        let mut is_similar = false;
        if let Some(similar) = similar.filter(|_| page.records.is_empty()) {
            page = answers.page(similar)?;
            is_similar = true;
        }
        let (accounts, more) = limit.shown(&page, AccountSummary::of);
        let hint = match accounts.as_slice() {
            [] if web_domain(text).is_some() => {
                Some("No active account matches. Ask for the name of the company.")
            }
            [] => Some("No active account matches. Ask for another spelling or the web domain."),
            _ if is_similar => {
                Some("No account matches all of that; these are similar. Ask whether one is meant.")
            }
            [_] if more.is_none() => None,
            _ => Some("Several accounts match. Make sure which one is meant."),
        };
        let account_url = context.list_url(ACCOUNT, &accounts);
        Ok(Answer::new(Accounts { accounts, more, account_url }).hint_if(hint))
    }
}

/// Accounts with every word of the text in their name. If the text is a domain, also accounts with
/// a website or an email address of this domain.
fn matching(text: &str) -> Filter {
    let domain = web_domain(text);
    let by_domain = domain.iter().flat_map(|domain| by_domain(domain));
    Filter::any([words_in_name(text)].into_iter().chain(by_domain))
}

/// Accounts with a shorter name, for the case that nothing matches: the name without the legal
/// form, or only the first words. For a domain, it is the first part. `None` if there is no shorter
/// form.
fn similar(text: &str) -> Option<Filter> {
    if let Some(domain) = web_domain(text) {
        return domain.split('.').next().map(words_in_name);
    }
    let base = company::base_name(text);
    let words = words(base);
    let beginnings = (1..words.len().min(MOST_WORDS)).rev().map(|end| words[..end].join(" "));
    let mut ways: Vec<Filter> = beginnings
        .flat_map(|beginning| company::spellings(&beginning))
        .map(|name| Filter::equals("name", name))
        .collect();
    if company::has_legal_form(text) {
        ways.push(words_in_name(base));
    }
    (!ways.is_empty()).then(|| Filter::any(ways))
}

/// The beginnings of a name that are tried have fewer words than this.
const MOST_WORDS: usize = 5;

fn words_in_name(text: &str) -> Filter {
    let mut all: Vec<Filter> = words(text).into_iter().map(|word| contains("name", word)).collect();
    if all.is_empty() {
        // The text has only commas.
        all.push(Filter::contains("name", text));
    }
    Filter::all(all)
}

fn words(text: &str) -> Vec<&str> {
    let words = search_words(text).into_iter();
    words.flat_map(|word| word.split(',')).filter(|word| !word.is_empty()).collect()
}
