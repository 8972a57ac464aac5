//! Conversations, from the greeting to the closing note, as the calls that a bot makes: with the company's
//! own people, and with visitors.

#![expect(clippy::print_stdout, reason = "what each conversation costs is worth seeing")]

use serde_json::{Value, json};
use stack::API_KEY;
use toolkit::named_tools;

use crate::harness::{Answer, Bench, MAREN, check_answer};
use crate::visitors::mailed;

/// A chat. Its calls belong together, and it adds up what they cost.
struct Chat<'a> {
    bench: &'a Bench,
    name: &'static str,
    /// The key, and who the visitor is, in a chat with one.
    headers: Vec<(&'static str, String)>,
    is_for_visitor: bool,
    /// The tools that the bot has.
    tools: Vec<String>,
    calls: usize,
    trips: usize,
    tokens: usize,
}

impl<'a> Chat<'a> {
    async fn new(bench: &'a Bench, name: &'static str) -> Chat<'a> {
        Chat::with_key(bench, name, API_KEY, false).await
    }

    /// A chat with the company's own people, with a key for this starter template.
    async fn with_staff(bench: &'a Bench, name: &'static str, template: &str) -> Chat<'a> {
        let key = json!({
            "client": name, "connections": ["default"], "scopes": ["read", "write"], "for": "staff",
            "template": template,
        });
        let made = bench.request("POST", "/v1/keys", Some(key)).await;
        Chat::with_key(bench, name, made.body["key"].as_str().unwrap(), false).await
    }

    async fn with_key(
        bench: &'a Bench,
        name: &'static str,
        key: &str,
        is_for_visitor: bool,
    ) -> Chat<'a> {
        let headers = vec![("authorization", format!("Bearer {key}"))];
        let listed = bench.request_with_key(key, "GET", "/v1/tools", None).await;
        let tools = listed.body["tools"].as_array().unwrap().iter();
        let tools = tools.map(|tool| tool["name"].as_str().unwrap().to_owned()).collect();
        Chat { bench, name, headers, is_for_visitor, tools, calls: 0, trips: 0, tokens: 0 }
    }

    /// What the bot is told to do, it can do.
    fn check_advice(&self, answer: &Answer) {
        let hints = answer.body["hints"].as_array().into_iter().flatten();
        for said in hints.chain(answer.body.get("next_step")) {
            for tool in named_tools(said.as_str().unwrap()) {
                assert!(self.tools.iter().any(|one| one == tool), "{}: {said}", self.name);
            }
        }
    }

    /// A chat with a visitor, on a connection with these settings, with a key for this starter template.
    /// What has consequences waits for a yes.
    async fn with_visitor(
        bench: &'a Bench,
        name: &'static str,
        template: &str,
        settings: Value,
    ) -> Chat<'a> {
        let path = "/v1/connections/default/visitors";
        let stored = bench.request("PUT", path, Some(settings)).await;
        assert_eq!(stored.status, 200, "{:#}", stored.body);
        let key = json!({
            "client": name, "connections": ["default"], "scopes": ["read", "write"],
            "for": "visitors", "vouches": true, "template": template, "confirm": "consequences",
        });
        let made = bench.request("POST", "/v1/keys", Some(key)).await;
        let key = made.body["key"].as_str().unwrap();
        Chat::with_key(bench, name, key, true).await
    }

    /// The visitor signs in.
    fn signs_in(&mut self, email: &str) {
        self.headers.push(("x-visitor-email", email.to_owned()));
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Answer {
        self.bench.control("DELETE", "requests", None).await;
        let mut headers = self.headers.clone();
        headers.push(("x-conversation-id", self.name.replace(' ', "-")));
        let mut answer = self.bench.send_unchecked(tool, arguments.to_string(), &headers).await;
        self.check_advice(&answer);
        let o200k = bpe_openai::o200k_base();
        // The visitor presses the button.
        if let Some(button) = answer.button.clone() {
            self.tokens += o200k.count(&answer.body.to_string());
            self.calls += 1;
            let id = answer.problem("confirmation_required")["confirmation_id"].as_str().unwrap();
            headers.push(("x-confirmation", button));
            let yes = format!("/v1/confirmations/{id}");
            answer = self.bench.request_with(("POST", &yes), None, &headers).await;
        }
        if answer.status == 200 {
            check_answer(tool, &answer.body, self.is_for_visitor);
        }
        self.check_advice(&answer);
        self.calls += 1;
        self.trips += self.bench.requests().await.len();
        self.tokens += o200k.count(&arguments.to_string()) + o200k.count(&answer.body.to_string());
        answer
    }

    /// The result of a call that must succeed.
    async fn result(&mut self, tool: &str, arguments: Value) -> Value {
        self.call(tool, arguments).await.result().clone()
    }

    fn ends(self) {
        let Chat { name, calls, trips, tokens, .. } = self;
        println!("{name}: {calls} calls, {trips} trips, {tokens} tokens");
        assert!(trips <= 2 * calls, "{trips} trips for {calls} calls");
        assert!(tokens <= 700 * calls, "{tokens} tokens for {calls} calls");
    }
}

/// What the account manager's bot sees of a company whose cases it may not see.
async fn chat_with(bench: &Bench) -> Answer {
    let mut chat = Chat::with_staff(bench, "account manager, no cases", "account-manager").await;
    let answer = chat.call("get_account", json!({"account": "Litware"})).await;
    chat.ends();
    answer
}

fn note(kind: &str, record: &Value, text: &str) -> Value {
    json!({"record_type": kind, "record": record, "subject": "Chat", "text": text})
}

#[tokio::test]
async fn customer_service() {
    let bench = Bench::start().await;
    let mut chat = Chat::new(&bench, "customer service").await;
    // The visitor mistypes the address; the name finds her.
    let email = json!({"email": "zoe.brant@litware.example"});
    let problem = chat.call("get_contact_by_email", email).await;
    let next_step = problem.problem("not_found")["next_step"].as_str().unwrap().to_owned();
    assert!(next_step.contains("dynamics365_search_contacts"));
    let found = chat.result("search_contacts", json!({"query": "Zoe Brandt"})).await;
    let contact = &found["contacts"][0]["id"];
    assert_eq!(found["contacts"].as_array().unwrap().len(), 1);

    // She asks how her case is doing, which is a matter for a person.
    let cases = chat.call("get_contact_cases", json!({"contact": contact})).await;
    assert_eq!(cases.body["escalation"]["reason"], "escalated_case");
    let numbers: Vec<_> = cases.result()["cases"].as_array().unwrap().iter().collect();
    let known = &numbers.iter().find(|case| case["priority"] == "High").unwrap()["number"];
    let case = chat.result("get_case", json!({"case": known})).await;
    assert_eq!(case["case"]["contact"]["id"], *contact);
    let emails = chat.result("get_email_history", json!({"case": known, "limit": 2})).await;
    assert!(!emails["emails"].as_array().unwrap().is_empty());

    // She has a new problem. The bot asks for a case twice, one is opened, and the chat solves it.
    let new = json!({
        "contact": contact, "subject": "Export stops at 1,000 rows",
        "description": "In Firefox and in Edge.", "priority": "Normal", "type": "Problem",
    });
    let opened = chat.result("create_case", new.clone()).await;
    assert_eq!(opened["created"], true);
    assert_eq!(chat.result("create_case", new).await["created"], false);
    let number = &opened["case"]["number"];
    let solved = json!({
        "case": number, "status": "Problem Solved",
        "resolution": "The limit is a setting of the report; she has raised it.",
    });
    assert_eq!(chat.result("update_case", solved).await["changes"][0]["to"], "Problem Solved");
    let summary = note("contact", contact, "Export solved in the chat. Asked about the retries.");
    let written = chat.result("create_note", summary).await;
    assert_eq!(written["created"], true);
    let notes = json!({"record_type": "contact", "record": contact});
    let notes = chat.result("get_entity_notes", notes).await;
    for note in notes["notes"].as_array().unwrap() {
        let writer = if note["id"] == written["note"]["id"] { "this_api" } else { "people" };
        assert_eq!(note["written_by"], writer, "{note:#}");
    }
    chat.ends();

    let id = contact.as_str().unwrap();
    assert_eq!(bench.count("incidents", "title", "Export stops at 1,000 rows").await, 1);
    // One note existed before.
    assert_eq!(bench.count("annotations", "_objectid_value", id).await, 2);
}

#[tokio::test]
async fn sales_assistant() {
    let bench = Bench::start().await;
    let mut chat = Chat::new(&bench, "sales assistant").await;
    // A new prospect.
    let email = "ngozi.okafor@lakeside.example";
    chat.call("get_contact_by_email", json!({"email": email})).await.problem("not_found");
    let leads = chat.result("search_leads", json!({"query": email})).await;
    assert_eq!(leads["leads"], json!([]));
    let prospect = json!({
        "last_name": "Okafor", "first_name": "Ngozi", "company": "Lakeside Clinics",
        "email": email, "topic": "60 seats for patient intake",
        "description": "Decides this quarter with the IT lead; the budget is approved.",
    });
    let lead = chat.result("create_lead", prospect.clone()).await;
    assert_eq!(lead["created"], true);
    assert_eq!(chat.result("create_lead", prospect).await["created"], false);
    let id = &lead["lead"]["id"];
    let hot = json!({
        "lead": id, "status": "Contacted", "rating": "Hot",
        "description": "Decides in March with the board; 60 to 80 seats.",
    });
    assert_eq!(chat.result("update_lead", hot).await["changes"].as_array().unwrap().len(), 3);
    let summary = note("lead", id, "Wants 60 seats. A colleague calls tomorrow.");
    assert_eq!(chat.result("create_note", summary).await["regarding"]["name"], "Ngozi Okafor");
    chat.ends();

    // Somebody who is a customer already, and waits for help: a colleague takes over.
    let name = "sales assistant, urgent case";
    let mut chat = Chat::with_staff(&bench, name, "sales-assistant").await;
    let looked_up = [
        chat.call("get_contact_by_email", json!({"email": "zoe.brandt@litware.example"})).await,
        chat.call("search_contacts", json!({"query": "Zoë Brandt"})).await,
    ];
    for answer in &looked_up {
        assert!(answer.body["escalation"]["detail"].as_str().unwrap().contains("CAS-"));
    }
    let zoe = looked_up[0].result()["contact"]["id"].clone();
    chat.result("create_note", note("contact", &zoe, "Handed over: CAS is urgent.")).await;
    // What is none of a sales bot's is said so in words that may be said.
    let refused = chat.call("search_cases", json!({"contact": zoe})).await;
    let problem = refused.problem("forbidden");
    assert!(problem["say"].as_str().unwrap().contains("a colleague can"), "{problem:#}");
    let several = chat.call("search_opportunities", json!({"contact": "Brandt"})).await;
    let problem = several.problem("ambiguous");
    assert!(problem["say"].is_string() && problem["candidates"].as_array().unwrap().len() > 1);
    chat.ends();

    let mut chat = Chat::new(&bench, "sales assistant, known contact").await;
    let maren = json!({"email": "maren.quist@northwind.example"});
    let contact = chat.result("get_contact_by_email", maren).await["contact"]["id"].clone();
    let deals = chat.result("search_opportunities", json!({"contact": contact})).await;
    let deal = &deals["opportunities"][0]["id"];
    let signal = json!({"opportunity": deal, "stage": "Propose", "probability": 80});
    chat.result("update_opportunity", signal).await;
    let another = json!({
        "contact": contact, "name": "Kiosks for the shop", "estimated_value": 5670,
        "close_date": "2027-02-26",
    });
    assert_eq!(chat.result("create_opportunity", another.clone()).await["created"], true);
    assert_eq!(chat.result("create_opportunity", another).await["created"], false);
    chat.result("create_note", note("contact", &contact, "Interested in kiosks as well.")).await;
    chat.ends();
    assert_eq!(bench.count("leads", "emailaddress1", email).await, 1);
    assert_eq!(bench.count("opportunities", "name", "Kiosks for the shop").await, 1);
}

#[tokio::test]
async fn account_manager() {
    let bench = Bench::start().await;
    let mut chat = Chat::new(&bench, "account manager").await;
    // Two match: the visitor is asked which one is meant.
    let found = chat.result("search_accounts", json!({"query": "Fabrikam"})).await;
    let accounts = found["accounts"].as_array().unwrap();
    assert_eq!(accounts.len(), 2);
    let account = accounts.iter().find(|one| one["name"] == "Fabrikam, Inc.").unwrap();
    let id = &account["id"];
    let account = chat.result("get_account", json!({"account": id})).await;
    assert_eq!(account["account"]["name"], "Fabrikam, Inc.");
    assert!(account["account"]["relationship_manager"]["name"].is_string());
    let contacts = chat.result("get_account_contacts", json!({"account": id})).await;
    let contact = &contacts["contacts"][0]["id"];
    chat.result("get_contact_opportunities", json!({"contact": contact})).await;
    chat.result("get_activities", json!({"contact": contact})).await;
    let follow_up = json!({
        "type": "task", "record_type": "account", "record": id,
        "subject": "Send the terms for the renewal", "due": "2026-12-01",
    });
    assert_eq!(chat.result("create_activity", follow_up.clone()).await["created"], true);
    assert_eq!(chat.result("create_activity", follow_up).await["created"], false);
    let summary = note("account", id, "Prepared for the call on Monday.");
    assert_eq!(chat.result("create_note", summary).await["regarding"]["name"], "Fabrikam, Inc.");
    chat.ends();
    assert_eq!(bench.count("tasks", "subject", "Send the terms for the renewal").await, 1);

    // Before a visit to a company whose case is urgent.
    let name = "account manager, urgent case";
    let mut chat = Chat::with_staff(&bench, name, "account-manager").await;
    let account = chat.call("get_account", json!({"account": "Litware"})).await;
    let urgent = &account.result()["urgent_case"];
    assert!(account.body["escalation"].is_object());
    for part in ["number", "subject", "owner"] {
        assert!(!urgent[part].is_null(), "{urgent:#}");
    }
    let id = account.result()["account"]["id"].clone();
    let open = chat.result("search_cases", json!({"account": id, "status": "open"})).await;
    let cases = open["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 2);
    assert!(cases.iter().any(|case| case["number"] == urgent["number"]));
    let deals = chat.result("search_opportunities", json!({"account": id})).await;
    assert_eq!(deals["opportunities"].as_array().unwrap().len(), 1);
    chat.ends();

    // What may not be seen is absent, and not empty.
    let roles = json!({"state": "enabled", "roles": ["Salesperson"]});
    bench.control("PUT", "application-user", Some(roles)).await;
    let account = chat_with(&bench).await;
    assert!(account.result().get("open_cases").is_none() && account.body["hints"].is_array());
}

#[tokio::test]
async fn full_specialist() {
    let bench = Bench::start().await;
    let mut chat = Chat::new(&bench, "full specialist").await;
    let email = json!({"email": "dario.velasco@northwind.example"});
    let contact = chat.result("get_contact_by_email", email).await["contact"]["id"].clone();
    let contact = &contact;
    chat.result("get_contact", json!({"contact": contact})).await;
    let phone = json!({"contact": contact, "mobile_phone": "+1 206 555 0188"});
    chat.result("update_contact", phone).await;
    chat.result("search_cases", json!({"contact": contact})).await;

    // What would it cost? A quote for a new deal.
    let products = chat.result("get_products", json!({"query": "professional"})).await;
    let product = &products["products"][0]["number"];
    let deal = json!({"contact": contact, "name": "Chat for the help desk", "stage": "Develop"});
    let deal = chat.result("create_opportunity", deal).await["opportunity"]["id"].clone();
    let quote = json!({
        "opportunity": deal, "discount_percent": 5, "valid_until": "2027-01-31",
        "lines": [
            {"product": product, "quantity": 12},
            {"description": "On-site training", "quantity": 1, "price": 1500},
        ],
    });
    let first = chat.result("create_quote", quote.clone()).await;
    assert_eq!(first["created"], true);
    assert_eq!(chat.result("create_quote", quote).await["quote"]["id"], first["quote"]["id"]);
    let meeting = json!({
        "contact": contact, "subject": "Go through the quote", "start": "2031-03-03T10:00-08:00",
        "duration_minutes": 30, "organizer": "rowan.sandstrom@contosodemo.example",
    });
    assert_eq!(chat.result("schedule_appointment", meeting).await["created"], true);
    let notes = json!({"record_type": "contact", "record": contact});
    chat.result("get_entity_notes", notes).await;
    let call = json!({
        "type": "call", "record_type": "opportunity", "record": deal, "completed": true,
        "subject": "Asked for a quote in the chat", "direction": "incoming",
    });
    chat.result("create_activity", call).await;
    let propose = json!({"opportunity": deal, "stage": "Propose"});
    chat.result("update_opportunity", propose).await;
    chat.result("get_opportunity", json!({"opportunity": deal})).await;
    chat.result("create_note", note("contact", contact, "Quote sent, meeting on 3 March.")).await;
    chat.ends();

    let deal = deal.as_str().unwrap();
    assert_eq!(bench.count("quotes", "_opportunityid_value", deal).await, 1);
}

/// A case that somebody opens whom nobody knows.
fn case_of_a_stranger() -> Value {
    json!({
        "new_contact": {"first_name": "Maren", "last_name": "Quist", "email": MAREN},
        "subject": "Export stops at 1,000 rows", "description": "In Firefox and in Edge.",
    })
}

#[tokio::test]
async fn customer_service_for_a_visitor() {
    let bench = Bench::start().await;
    let settings = json!({"codes": {"company": "Contoso"}});
    let name = "customer service for a visitor";
    let mut chat = Chat::with_visitor(&bench, name, "customer-service", settings).await;
    // Help comes first. The bot asks twice, and one case is opened.
    let opened = chat.result("create_case", case_of_a_stranger()).await;
    let number = &opened["case"]["number"];
    assert_eq!(chat.result("create_case", case_of_a_stranger()).await["case"]["number"], *number);
    let more = note("case", number, "It began with the last version.");
    assert_eq!(chat.result("create_note", more).await["created"], true);

    // How an earlier case is doing is for somebody who is known. The mail goes to the address on file.
    let problem = chat.call("get_contact_cases", json!({})).await;
    let next_step = problem.problem("visitor_unverified")["next_step"].as_str().unwrap().to_owned();
    assert!(next_step.contains("dynamics365_send_visitor_code"), "{next_step}");
    chat.result("send_visitor_code", json!({"email": MAREN})).await;
    let (_, code) = mailed(&bench, 1).await.remove(0);
    let verified = chat.result("verify_visitor", json!({"code": code})).await;
    assert_eq!(verified["contacts"], json!(["Maren Quist"]));
    let cases = chat.result("get_contact_cases", json!({})).await;
    let cases = cases["cases"].as_array().unwrap().clone();
    assert!(cases.iter().any(|case| case["number"] == *number), "{cases:#?}");
    let known = &cases.iter().find(|case| case["number"] != *number).unwrap()["number"];
    assert_eq!(chat.result("get_case", json!({"case": known})).await["case"]["number"], *known);

    // The chat solves the new one. What closes it waits for the visitor's yes.
    let solved = json!({
        "case": number, "status": "Problem Solved",
        "resolution": "The limit is a setting of the report; she has raised it.",
    });
    assert_eq!(chat.result("update_case", solved).await["changes"][0]["to"], "Problem Solved");
    // Closed is not "none at all".
    let left = json!({"query": "Export stops at 1,000 rows"});
    let left = chat.call("search_cases", left).await;
    let hint = left.body["hints"][0].as_str().unwrap();
    assert!(hint.starts_with("There are no open cases of the visitor"), "{hint}");
    let summary = note("case", number, "Export solved in the chat.");
    let written = chat.result("create_note", summary).await;
    assert_eq!(written["created"], true);
    assert_eq!(written["note"]["excerpt"], "Export solved in the chat.");
    chat.ends();
    assert_eq!(bench.count("contacts", "emailaddress1", MAREN).await, 1);
    let cases = bench.rows("incidents").await;
    let is_it = |case: &&Value| case["ticketnumber"] == *number;
    let case = cases.iter().find(is_it).unwrap();
    assert_eq!(case["statecode"], 1);
}

#[tokio::test]
async fn sales_assistant_for_a_visitor() {
    let bench = Bench::start().await;
    let name = "sales assistant for a visitor";
    let mut chat = Chat::with_visitor(&bench, name, "sales-assistant", json!({})).await;
    // A new prospect, whom nobody knows.
    let products = chat.result("get_products", json!({"query": "professional"})).await;
    assert!(!products["products"].as_array().unwrap().is_empty());
    let email = "ngozi.okafor@lakeside.example";
    let prospect = json!({
        "last_name": "Okafor", "first_name": "Ngozi", "company": "Lakeside Clinics",
        "email": email, "topic": "60 seats for patient intake",
        "description": "Decides this quarter with the IT lead; the budget is approved.",
    });
    for _ in 0..2 {
        assert_eq!(chat.result("create_lead", prospect.clone()).await, json!({"noted": true}));
    }
    chat.call("search_opportunities", json!({})).await.problem("visitor_unverified");
    // What nobody sells is not there, and only what was given can be given in another way.
    let none = chat.call("get_products", json!({"query": "chat robots"})).await;
    let hint = "There are no products for sale that match the query. Try a shorter query.";
    assert_eq!(none.body["hints"], json!([hint]));
    chat.ends();
    assert_eq!(bench.count("leads", "emailaddress1", email).await, 1);

    // Somebody who has signed in.
    let name = "sales assistant for a known visitor";
    let mut chat = Chat::with_visitor(&bench, name, "sales-assistant", json!({})).await;
    chat.signs_in(MAREN);
    let deals = chat.result("search_opportunities", json!({})).await;
    let deal = &deals["opportunities"][0];
    assert!(deal["name"].is_string() && deal.get("probability").is_none(), "{deal:#}");
    let need = json!({"last_name": "Quist", "company": "Northwind", "topic": "Kiosks"});
    assert_eq!(chat.result("create_lead", need).await, json!({"noted": true}));
    chat.ends();
    assert_eq!(bench.count("leads", "emailaddress1", MAREN).await, 1);
}

#[tokio::test]
async fn full_specialist_for_a_visitor() {
    let bench = Bench::start().await;
    let settings = json!({
        "allows": ["appointments", "deal_details", "create_opportunity", "update_opportunity",
                   "create_quote", "create_activity"],
        "organizer": "2de92443-cdf9-511f-a2ad-4db3cb4f861d",
    });
    let name = "full specialist for a visitor";
    let mut chat = Chat::with_visitor(&bench, name, "full-specialist", settings).await;
    chat.signs_in("dario.velasco@northwind.example");
    let contact = chat.result("get_contact", json!({})).await;
    assert_eq!(contact["contact"]["name"], "Dario Velasco");
    let phone = json!({"mobile_phone": "+1 206 555 0188"});
    chat.result("update_contact", phone).await;
    chat.result("search_cases", json!({})).await;

    let products = chat.result("get_products", json!({"query": "professional"})).await;
    let product = &products["products"][0]["number"];
    let deal = json!({"name": "Chat for the help desk"});
    let deal = chat.result("create_opportunity", deal).await["opportunity"]["id"].clone();
    let quote = json!({"opportunity": deal, "lines": [{"product": product, "quantity": 12}]});
    let first = chat.result("create_quote", quote.clone()).await;
    assert_eq!(first["created"], true);
    assert_eq!(chat.result("create_quote", quote).await["quote"]["id"], first["quote"]["id"]);
    let start = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 40);
    let meeting = json!({
        "subject": "Go through the quote", "start": start, "duration_minutes": 30,
    });
    assert_eq!(chat.result("schedule_appointment", meeting).await["created"], true);
    let closes = json!({"opportunity": deal, "close_date": "2031-03-31"});
    chat.result("update_opportunity", closes).await;
    chat.result("get_opportunity", json!({"opportunity": deal})).await;
    let won = json!({"opportunity": deal, "status": "Won"});
    chat.result("update_opportunity", won).await;
    chat.ends();
    let deal = deal.as_str().unwrap();
    assert_eq!(bench.count("quotes", "_opportunityid_value", deal).await, 1);
}
