use crm::labels::{Choice as _, SalesStage};
use crm::money::{self, Amount, Probability};
use crm::opportunity::{self, OpportunitySummary};
use crm::reference::{AccountRef, ContactRef, Whose};
use crm::tables::{ACCOUNT, OPPORTUNITY, lookups};
use crm::text::{self, Line, Paragraph};
use crm::time::Day;
use dataverse::{Create, Filter, Order, Query, Record};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toolkit::{
    Answer, Consequence, Context, Creates, Draft, Effect, Equal, Made, NewContact, Person,
    ReadAnswers, Reads, Tool, ToolError,
};
use uuid::Uuid;

use crate::stage::pipeline_phase;
use crm::visible::{self, Access, Visible};

/// Opens an opportunity for a contact, unless the contact has the same one open.
pub(crate) struct CreateOpportunity;

#[derive(Deserialize, JsonSchema, Visible)]
#[serde(deny_unknown_fields)]
pub(crate) struct Arguments {
    /// Id, email or name.
    #[verified]
    contact: Option<ContactRef>,
    /// Where nobody is found.
    #[staff]
    new_contact: Option<NewContact>,
    /// What it is about, in one line.
    #[verified]
    name: Line<300>,
    /// Id, name or web domain; default the contact's own.
    #[staff]
    account: Option<AccountRef>,
    /// In the organization's currency.
    #[staff]
    estimated_value: Option<Amount>,
    /// As 2026-12-01.
    #[verified]
    close_date: Option<Day>,
    /// Percent.
    #[staff]
    probability: Option<Probability>,
    #[staff]
    stage: Option<SalesStage>,
    /// Need, budget, timeline, who decides.
    #[verified]
    description: Option<Paragraph<2000>>,
    /// Even if the same is open.
    #[staff]
    allow_duplicate: Option<bool>,
}

#[derive(Serialize, JsonSchema, Visible)]
pub(crate) struct Opened {
    /// Whether this call made the opportunity; false where it was there already.
    #[verified]
    created: bool,
    #[verified]
    opportunity: OpportunitySummary,
}

crm::records!(Opened: opportunity);

/// The columns that say whose opportunity it is.
const CUSTOMER: [&str; 2] =
    [lookups::OPPORTUNITY_CONTACT.column, lookups::OPPORTUNITY_TO_CONTACT.column];

impl Tool for CreateOpportunity {
    const NAME: &'static str = "dynamics365_create_opportunity";
    const TITLE: &'static str = "Create opportunity";
    const DESCRIPTION: &'static str = "Open a deal for a contact. If the contact has an open one \
        with that name, it is returned instead. Confirm with the visitor first.";
    const FOR: Access = Access::Chosen(visible::Choice::CreateOpportunity);
    const EFFECT: Effect = Effect::Adds;
    const PRIVILEGES: &'static [&'static str] = &[
        "prvReadContact",
        "prvReadOpportunity",
        "prvCreateOpportunity",
        "prvAppendOpportunity",
        "prvAppendToContact",
        "prvAppendToAccount",
        "prvCreateContact",
    ];
    const EXAMPLE: &'static str = r#"{"contact": "zoe.brandt@litware.example", "name": "Kiosks for three branches", "estimated_value": 5670, "close_date": "2027-02-26", "probability": 30}"#;

    type Arguments = Arguments;
    type Result = Opened;

    async fn call(context: &Context, arguments: Arguments) -> Result<Answer<Opened>, ToolError> {
        if let Some(new_contact) = &arguments.new_contact {
            new_contact.check()?;
        }
        let contact = match &arguments.contact {
            None if arguments.new_contact.is_some() && !context.is_for_visitor() => None,
            contact => Some(context.whose(Whose(contact.clone()))?),
        };
        toolkit::create(context, &NewOpportunity { contact, arguments }).await
    }
}

/// The new opportunity, and the contact that was named.
pub(crate) struct NewOpportunity {
    contact: Option<ContactRef>,
    arguments: Arguments,
}

impl NewOpportunity {
    /// The condition for the contact's opportunities; `None` if nobody can have any.
    fn of_contact(&self) -> Option<Filter> {
        match &self.contact {
            Some(contact) => Some(opportunity::of_contact(contact)),
            None => {
                let reference = self.arguments.new_contact.as_ref()?.reference();
                reference.as_ref().map(opportunity::of_contact)
            }
        }
    }
}

impl Creates for NewOpportunity {
    type Answer = Opened;
    type Known = OpenOpportunities;
    type Meant = Customer;

    const MADE_BEFORE: &'static str =
        "This call, or one at the same moment, had made the opportunity before.";

    fn row(&self, id: Uuid) -> Query {
        Query::row(OPPORTUNITY, id)
            .select(OpportunitySummary::COLUMNS)
            .select(CUSTOMER)
            .expand(money::currency())
    }

    fn ask<'a>(
        &'a self,
        context: &'a Context,
        reads: &mut Reads<'a>,
    ) -> Result<ReadAnswers<'a, Self>, ToolError> {
        let Arguments { name, account, new_contact, .. } = &self.arguments;
        let open = self.of_contact().map(|of_contact| {
            let open =
                || Query::rows(OPPORTUNITY).filter(of_contact.clone()).filter(opportunity::open());
            let same_name = reads.add(
                open()
                    .select(OpportunitySummary::COLUMNS)
                    .expand(money::currency())
                    .filter(text::equals("name", name.as_str()))
                    .order_by(Order::descending("createdon"))
                    .top(1),
            );
            (same_name, reads.add(open().select([OPPORTUNITY.key]).top(2)))
        });
        let person =
            reads.seek_person(context, self.contact.as_ref(), new_contact.as_ref(), |query| {
                query.select([lookups::EMPLOYER.column])
            });
        let account = account.as_ref().map(|account| reads.seek(account));
        Ok(Box::new(move |answers| {
            let open = match open {
                Some((same_name, two)) => OpenOpportunities {
                    same_name: answers.first(same_name)?,
                    two: answers.page(two)?.records,
                },
                None => OpenOpportunities::default(),
            };
            let customer = answers.person(person).and_then(|person| {
                let account = answers.found_if(account)?;
                Customer::of(person, account.as_ref())
            });
            Ok((open, customer))
        }))
    }

    fn is_meant(customer: &Customer, opportunity: &Record) -> bool {
        customer.is_of(opportunity)
    }

    fn equal<'a>(&self, open: &'a OpenOpportunities, customer: &'a Customer) -> Equal<'a> {
        if self.arguments.allow_duplicate == Some(true) {
            return Equal::Wanted;
        }
        Equal::Shared {
            there: open.same_name.as_ref(),
            hint: "The contact has an open opportunity with this name: go on with that one. \
                   Call with allow_duplicate only if a second one is really meant.",
            parts: vec![customer.contact.to_string(), self.arguments.name.as_str().to_owned()],
            serves: opportunity::is_open,
        }
    }

    fn draft<'a>(
        &'a self,
        _: &Context,
        customer: &'a Customer,
        create: Create,
    ) -> Result<Draft<'a>, ToolError> {
        let wanted = &self.arguments;
        let create = customer
            .bind(create)
            .set("name", Some(wanted.name.clone()))
            .set("description", self.description())
            .set("estimatedvalue", wanted.estimated_value)
            // Otherwise Dynamics computes the value from the product lines, and there are none.
            .set("isrevenuesystemcalculated", wanted.estimated_value.map(|_| false))
            .set("estimatedclosedate", wanted.close_date)
            .set("closeprobability", wanted.probability)
            .set("salesstage", wanted.stage.map(SalesStage::value))
            .set("stepname", wanted.stage.map(pipeline_phase));
        Ok(Draft::from(create).after(customer.new_contact.as_ref()))
    }

    fn consequence(&self, _: &Context, _: &Self::Meant) -> Option<Consequence> {
        None
    }

    fn answer(
        &self,
        context: &Context,
        open: &OpenOpportunities,
        _: Option<&Customer>,
        Made { record, created, hint, .. }: Made,
    ) -> Result<Answer<Opened>, ToolError> {
        let opportunity = OpportunitySummary::of(&record, context.now())
            .ok_or_else(|| ToolError::internal("an opportunity without an id"))?
            .with_url(context.instance());
        let is_other = |other: &Record| other.id(OPPORTUNITY.key) != Some(opportunity.id);
        // The hint leaves out their names: a text from a person must not look like our own hint.
        let others = open.two.iter().any(is_other).then_some(
            "The contact has other open opportunities. dynamics365_get_contact_opportunities lists \
             them.",
        );
        Ok(Answer::new(Opened { created, opportunity }).hint_if(hint).hint_if(others))
    }
}

impl NewOpportunity {
    /// What was said, with the company of a contact that is not there yet.
    fn description(&self) -> Option<String> {
        let company = self.arguments.new_contact.as_ref().and_then(NewContact::company_line);
        let words = self.arguments.description.as_ref().map(|words| words.as_str().to_owned());
        let lines: Vec<_> = company.into_iter().chain(words).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}

/// The open opportunities of the contact.
#[derive(Default)]
pub(crate) struct OpenOpportunities {
    /// An opportunity with the same name.
    same_name: Option<Record>,
    /// Two of them: enough to know whether there is another one.
    two: Vec<Record>,
}

/// The customer of an opportunity.
pub(crate) struct Customer {
    contact: Uuid,
    account: Option<Uuid>,
    /// The contact to make before the opportunity.
    new_contact: Option<Create>,
}

impl Customer {
    /// The contact, and the account that the caller gave, or else the account of the contact.
    fn of(person: Person, account: Option<&Record>) -> Result<Customer, ToolError> {
        let contact = person.record();
        let employer =
            contact.and_then(|it| it.lookup(lookups::EMPLOYER.column)).filter(|company| {
                // A contact may also belong to another contact.
                company.table.as_deref() == Some(ACCOUNT.logical_name)
            });
        let without_id = || ToolError::internal("a contact without an id");
        Ok(Customer {
            contact: person.id().ok_or_else(without_id)?,
            new_contact: person.create().cloned(),
            account: match account {
                Some(account) => account.id(ACCOUNT.key),
                None => employer.map(|company| company.id),
            },
        })
    }

    /// Whether an opportunity belongs to this customer.
    fn is_of(&self, opportunity: &Record) -> bool {
        CUSTOMER.iter().any(|column| opportunity.id(column) == Some(self.contact))
    }

    fn bind(&self, create: Create) -> Create {
        let create = create.point(lookups::OPPORTUNITY_CONTACT, self.contact);
        match self.account {
            Some(account) => create
                .point(lookups::OPPORTUNITY_ACCOUNT, account)
                .point(lookups::OPPORTUNITY_TO_ACCOUNT, account),
            None => create.point(lookups::OPPORTUNITY_TO_CONTACT, self.contact),
        }
    }
}
