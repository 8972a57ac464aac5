use crm::company;
use crm::labels::{Choice as _, LeadSource};
use crm::lead::{self, LeadSummary};
use crm::reference::any_email;
use crm::tables::{CONTACT, LEAD};
use crm::text::{EmailAddress, Line, Paragraph, same_words};
use dataverse::{Create, Filter, Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{Answer, Context, Earlier, Effect, Making, Reads, Tool, ToolError};

/// Makes a lead of a visitor, unless there is an open one already.
pub(crate) struct CreateLead;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    last_name: Line<50>,
    company: Line<100>,
    first_name: Option<Line<50>>,
    email: Option<EmailAddress>,
    phone: Option<Line<50>>,
    /// What the visitor wants, in one line.
    topic: Option<Line<300>>,
    /// Default Web.
    source: Option<LeadSource>,
    /// Need, budget, timeline, who decides.
    description: Option<Paragraph<2000>>,
    /// Even if one is open.
    allow_duplicate: Option<bool>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Made {
    /// Whether this call made the lead; false where it was there already.
    created: bool,
    lead: LeadSummary,
}

crm::records!(Made: lead);

const MADE_BEFORE: &str = "This call, or one at the same moment, had made the lead before.";

impl Tool for CreateLead {
    const NAME: &'static str = "dynamics365_create_lead";
    const TITLE: &'static str = "Create lead";
    const DESCRIPTION: &'static str = "Make a lead of a visitor who may become a customer. An open \
        lead with that email, or that name and company, is returned instead.";
    const EFFECT: Effect = Effect::Adds;
    const PRIVILEGES: &'static [&'static str] = &["prvReadLead", "prvCreateLead"];
    const EXAMPLE: &'static str = r#"{"last_name": "Okafor", "first_name": "Ngozi", "company": "Lakeside Clinics", "email": "ngozi.okafor@lakeside.example", "phone": "+1 503 555 0182", "topic": "60 chat seats for patient intake", "source": "Web", "description": "Wants to decide before the end of the quarter; budget is approved."}"#;

    type Arguments = Arguments;
    type Result = Made;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Made>, ToolError> {
        let mut before = Before::read(context, &arguments).await?;
        let person = Person::of(&arguments);
        if let Some(earlier) = before.same_call.take() {
            let lead = earlier.given(|lead| person.is_of(lead))?;
            return before.answer(context, &lead, false, Some(MADE_BEFORE));
        }
        let allow_duplicate = arguments.allow_duplicate.unwrap_or(false);
        if let Some(lead) = before.same_person.as_ref().filter(|_| !allow_duplicate) {
            let hint = "There is an open lead of this visitor: go on with that one, by \
                        dynamics365_update_lead.";
            return before.answer(context, lead, false, Some(hint));
        }

        let topic = arguments.topic.map(|topic| topic.as_str().to_owned());
        let topic = topic.unwrap_or_else(|| format!("Chat with {}", arguments.company.as_str()));
        let create = Create::new(LEAD, context.record_id())
            .set("lastname", Some(arguments.last_name))
            .set("firstname", arguments.first_name)
            .set("companyname", Some(arguments.company))
            .set("emailaddress1", arguments.email)
            .set("telephone1", arguments.phone)
            .set("subject", Some(topic))
            .set("leadsourcecode", Some(arguments.source.unwrap_or(LeadSource::Web).value()))
            .set("description", arguments.description)
            .allow_duplicate(allow_duplicate)
            .select(LeadSummary::COLUMNS)
            .select(PERSON);
        let mut making = Making::new(create);
        if !allow_duplicate {
            making = making.once_for(context, &person.parts(), lead::is_open);
        }
        let made = making.carry_out(context, |lead| person.is_of(lead)).await?;
        let hint = made.hint(MADE_BEFORE);
        before.answer(context, &made.record, made.created, hint)
    }
}

/// The columns that tell who a lead is.
const PERSON: [&str; 3] = ["lastname", "companyname", "emailaddress1"];

/// Who the lead is to be.
struct Person {
    last_name: String,
    company: String,
    email: Option<String>,
}

impl Person {
    fn of(arguments: &Arguments) -> Person {
        Person {
            last_name: arguments.last_name.as_str().to_owned(),
            company: arguments.company.as_str().to_owned(),
            email: arguments.email.as_ref().map(|email| email.as_str().to_owned()),
        }
    }

    /// By what two calls at once are known to be about the same person: the email address, or the
    /// name and the company.
    fn parts(&self) -> Vec<&str> {
        match &self.email {
            Some(email) => vec!["email", email],
            None => vec!["name", &self.last_name, &self.company],
        }
    }

    /// Whether a lead is this person.
    fn is_of(&self, lead: &Record) -> bool {
        let is = |column: &str, wanted: &str| {
            lead.text(column).is_some_and(|found| same_words(found) == same_words(wanted))
        };
        match &self.email {
            Some(email) => is("emailaddress1", email),
            None => is("lastname", &self.last_name) && is("companyname", &self.company),
        }
    }
}

/// What there is before anything is created.
struct Before {
    /// The lead that an earlier, equal call made.
    same_call: Option<Earlier>,
    /// An open lead of the same person.
    same_person: Option<Record>,
    /// A contact with the same email address: the visitor is known already.
    contact: Option<Record>,
}

impl Before {
    /// One trip for all of it.
    async fn read(context: &Context, arguments: &Arguments) -> Result<Before, ToolError> {
        let mut reads = Reads::new();
        let same_call = reads.same_call(context, |id| {
            Query::row(LEAD, id).select(LeadSummary::COLUMNS).select(PERSON)
        });
        let same_person = reads.add(
            Query::rows(LEAD)
                .select(LeadSummary::COLUMNS)
                .filter(same_person(arguments))
                .filter(lead::open())
                .order_by(Order::descending("createdon"))
                .top(1),
        );
        let contact = arguments.email.as_ref().map(|email| {
            reads.add(
                Query::rows(CONTACT)
                    .select(["fullname"])
                    .filter(any_email(email.as_str()))
                    .filter(Filter::equals("statecode", 0))
                    .top(1),
            )
        });
        let mut answers = reads.send(context).await?;
        Ok(Before {
            same_call: answers.same_call(same_call)?,
            same_person: answers.first(same_person)?,
            // Worth a hint, and no more than that.
            contact: contact
                .and_then(|contact| answers.result(contact).ok()?.records.into_iter().next()),
        })
    }

    fn answer(
        &self,
        context: &Context,
        lead: &Record,
        created: bool,
        hint: Option<&str>,
    ) -> Result<Answer<Made>, ToolError> {
        let lead = LeadSummary::of(lead)
            .ok_or_else(|| ToolError::internal("a lead without an id"))?
            .with_url(context.instance());
        let contact = self.contact.as_ref().and_then(|contact| contact.id(CONTACT.key));
        let known = contact.map(|id| {
            format!(
                "The visitor is a contact already, with the id {id}: an opportunity for the \
                 contact may be better than a lead."
            )
        });
        Ok(Answer::new(Made { created, lead }).hint_if(hint).hint_if(known))
    }
}

/// Leads with that email address, or with that name of that company.
fn same_person(arguments: &Arguments) -> Filter {
    let Arguments { last_name, first_name, company, email, .. } = arguments;
    let by_email = email.as_ref().map(|email| any_email(email.as_str()));
    let first_name =
        first_name.as_ref().map(|first_name| Filter::equals("firstname", first_name.as_str()));
    let of_company = company::spellings(company.as_str())
        .into_iter()
        .map(|name| Filter::equals("companyname", name));
    let by_name = [
        Some(Filter::equals("lastname", last_name.as_str())),
        first_name,
        Some(Filter::any(of_company)),
    ];
    Filter::any(by_email.into_iter().chain([Filter::all(by_name.into_iter().flatten())]))
}
