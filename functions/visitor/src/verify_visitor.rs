use crm::case;
use crm::labels::{CaseStatus, Choice as _};
use crm::tables::{CASE, CONTACT};
use crm::text::Bare;
use crm::visible::{Access, Visible};
use dataverse::{Order, Query, Record};
use schemars::JsonSchema;
use seal::Code;
use serde::{Deserialize, Serialize};
use toolkit::{
    Answer, Context, Effect, Entered, ErrorCode, Limit, MANY_WRONG_CODES, NotShown, Reads, Tool,
    ToolError, WriteState,
};

/// Takes the code that was sent to a visitor.
pub(crate) struct VerifyVisitor;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// From the mail.
    #[open]
    code: Bare<128>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Verified {
    /// The names of the visitor's contacts; one, as a rule.
    #[open]
    contacts: Vec<String>,
    /// The newest first.
    #[open]
    open_cases: Vec<OpenCase>,
    /// Whether there are more than these.
    #[open]
    more: Option<bool>,
}

crm::records!(Verified:);

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct OpenCase {
    #[open]
    number: Option<String>,
    #[open]
    subject: Option<String>,
    #[open]
    status: Option<String>,
}

/// The most open cases that are shown.
const SHOWN: Limit = Limit::of(5);

impl Tool for VerifyVisitor {
    const NAME: &'static str = "dynamics365_verify_visitor";
    const TITLE: &'static str = "Verify visitor";
    const DESCRIPTION: &'static str =
        "Take the code that the visitor got by mail. Then the tools know them.";
    const FOR: Access = Access::Open;
    const IS_FOR_STAFF: bool = false;
    const EFFECT: Effect = Effect::Changes;
    const IS_IDEMPOTENT: bool = false;
    const PRIVILEGES: &'static [&'static str] = &["prvReadContact", "prvReadIncident"];
    const EXAMPLE: &'static str = r#"{"code": "123456"}"#;

    type Arguments = Arguments;
    type Result = Verified;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Verified>, ToolError> {
        context.codes()?;
        // What is no code counts as a try, too: nobody learns what a code looks like.
        let code = Code::read(arguments.code.as_str()).ok();
        let address = match context.enter_code(code.as_ref()).await.map_err(wrong)? {
            Entered::SignedIn(address) => address,
            Entered::NewAddress => {
                let nothing = Verified { contacts: Vec::new(), open_cases: Vec::new(), more: None };
                return Ok(Answer::new(nothing)
                    .hint("The new address is theirs. Call dynamics365_update_contact again."));
            }
        };
        let mut known = context.known_by(&address);
        loop {
            match look(&known).await {
                Err(error) => known = known.begin_anew().ok_or(error)?,
                answer => return answer,
            }
        }
    }
}

/// Reads who the visitor is and which cases are open.
async fn look(context: &Context) -> Result<Answer<Verified>, ToolError> {
    let visitor = context.whose(crm::reference::Whose(None))?;
    let mut reads = Reads::new();
    let contacts = reads.add(Query::rows(CONTACT).select([CONTACT.key, "fullname"]).top(4));
    let cases = reads.add(
        Query::rows(CASE)
            .select(["incidentid", "ticketnumber", "title", "statecode", "statuscode"])
            .filter(case::of_contact(&visitor).and(case::open()))
            .order_by(Order::descending("createdon"))
            .top(SHOWN.rows_to_ask_for()),
    );
    let mut answers = reads.send(context).await?;
    let names = answers.page(contacts)?.records;
    let names = names.iter().filter_map(|contact| contact.text("fullname")).map(str::to_owned);
    let (open_cases, more) =
        SHOWN.shown(&answers.page(cases)?, |record| Some(OpenCase::of(record)));
    Ok(Answer::new(Verified { contacts: names.collect(), open_cases, more }))
}

impl OpenCase {
    fn of(record: &Record) -> OpenCase {
        OpenCase {
            number: record.text("ticketnumber").map(str::to_owned),
            subject: record.text("title").map(str::to_owned),
            status: CaseStatus::of(record, "statuscode"),
        }
    }
}

/// The error: the code is not right, or no longer, or there was none.
fn wrong(NotShown { are_many_wrong }: NotShown) -> ToolError {
    let detail = "this code is not right, or it is no longer valid";
    let error = ToolError::new(ErrorCode::VisitorUnverified, detail);
    if are_many_wrong { error.for_log(MANY_WRONG_CODES) } else { error }
        .next_step(
            "Ask the visitor to look at the code again. After three tries, send a new one with \
             dynamics365_send_visitor_code.",
        )
        .write(WriteState::NotHappened)
}
