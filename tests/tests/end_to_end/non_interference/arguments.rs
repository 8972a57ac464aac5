//! Calls that are made from the schemas of the tools.

use std::collections::HashMap;

use crm::visible::Access;
use serde_json::{Map, Value, json};
use toolkit::{Audience, CONFIRM_TOOL, Caller};

use super::dice::Dice;
use super::exchange::{BUTTON, CONFIRMATION, Call, LAST_NUMBER, Reply, Who};
use super::others::ALIKE;
use super::own::{EMAIL, PHONE};
use super::pool::{Kind, Pool};

/// A tool, with its arguments as visitors and as staff have them.
pub(super) struct Tool {
    pub(super) name: &'static str,
    pub(super) access: Access,
    writes: bool,
    reaches_out: bool,
    for_visitors: Value,
    for_staff: Value,
}

/// Every tool that is declared.
pub(super) fn tools() -> Vec<Tool> {
    let caller = [
        ("client", "bot"),
        ("connections", "*"),
        ("scopes", "read write"),
        ("for", "visitors"),
        ("vouches", "true"),
    ];
    let caller = caller.map(|(name, value)| (name.to_owned(), value.into()));
    let caller = Caller::from_context(&HashMap::from(caller)).unwrap();
    let tools = stack::tools().into_iter().map(|definition| {
        let for_visitors = definition.for_audience(Audience::of(&caller)).into_owned();
        Tool {
            name: definition.name,
            access: definition.access,
            writes: definition.effect.writes(),
            reaches_out: definition.reaches_out,
            for_visitors: for_visitors.input_schema,
            for_staff: definition.input_schema,
        }
    });
    tools.collect()
}

/// What the texts of a call come from.
pub(super) struct Pools {
    pub(super) own: Pool,
    /// What is others' in the first organization, and in the second.
    pub(super) others: [Pool; 2],
    /// What is nobody's.
    pub(super) invented: Pool,
    /// What everybody may know.
    pub(super) users: Vec<String>,
    pub(super) products: Vec<String>,
    pub(super) price_lists: Vec<String>,
    pub(super) moments: Vec<String>,
    pub(super) days: Vec<String>,
}

/// Whom the records of a call belong to, for the most part.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slant {
    Own,
    Others,
    Mixed,
}

impl Slant {
    /// How many in a hundred texts are A's, of others in the first and the second organization,
    /// invented, and said before.
    fn shares(self) -> [usize; 5] {
        match self {
            Slant::Own => [86, 3, 3, 4, 4],
            Slant::Others => [10, 33, 33, 10, 14],
            Slant::Mixed => [35, 18, 18, 15, 14],
        }
    }
}

/// Makes calls, one after the other, as a chat does: some are repeated, and some are about what was
/// said before.
pub(super) struct Generator<'a> {
    dice: Dice,
    tools: &'a [Tool],
    pools: &'a Pools,
    said: Vec<String>,
    last: Option<Call>,
    /// How often the last call is made again.
    again: usize,
    /// A yes to the last call, which waits for it.
    yes: Option<Call>,
}

impl<'a> Generator<'a> {
    pub(super) fn new(seed: u64, tools: &'a [Tool], pools: &'a Pools) -> Generator<'a> {
        let said = vec![LAST_NUMBER.to_owned()];
        Generator {
            dice: Dice::new(seed + 7919),
            tools,
            pools,
            said,
            last: None,
            again: 0,
            yes: None,
        }
    }

    /// The next call.
    pub(super) fn call(&mut self) -> Call {
        if let Some(yes) = self.yes.take()
            && self.dice.percent(80)
        {
            return yes;
        }
        if let Some(last) = self.last.clone() {
            if self.again == 0 && self.dice.percent(6) {
                self.again = 1 + self.dice.below(4);
            }
            if self.again > 0 {
                self.again -= 1;
                return last;
            }
        }
        let stays = self.last.as_ref().filter(|_| self.dice.percent(50));
        let (who, chat) = match stays.map(|last| (last.who, last.chat.clone())) {
            Some(as_before) => as_before,
            None => (self.who(), format!("chat-{}", self.dice.below(60))),
        };
        let tool = self.tool(who);
        let slant = *self.dice.pick(&[Slant::Own, Slant::Own, Slant::Others, Slant::Mixed]);
        let is_staffs = self.dice.percent(8);
        let schema = if is_staffs { &tool.for_staff } else { &tool.for_visitors };
        let mut arguments = self.object(schema, &Place { who, slant, outer: "" });
        self.spoil(&mut arguments);
        // Without a key, the id of a new record depends on the arguments, and such numbers differ.
        let text = arguments.to_string();
        let has_number = text.contains("[number ") || text.contains(LAST_NUMBER);
        let keys = if has_number { 1_000_000 } else { 10 };
        let has_key = tool.writes && (has_number || self.dice.percent(15));
        let key = has_key.then(|| format!("key-{}", self.dice.below(keys)));
        let by_mcp = self.dice.percent(25);
        let Tool { name: tool, writes, reaches_out: goes_on, .. } = *tool;
        let call = Call { tool, writes, goes_on, arguments, who, chat, key, by_mcp, message: 0 };
        self.last = Some(call.clone());
        call
    }

    /// Notes what was said, for later calls. Where a call waits, the next one says yes, mostly.
    pub(super) fn hear(&mut self, call: &Call, answer: &Reply) {
        self.yes = answer.waits().then(|| self.yes_to(call));
        let answer = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        for value in [&call.arguments, &answer] {
            note_texts(value, &mut self.said);
        }
        let old = self.said.len().saturating_sub(60);
        self.said.drain(..old);
        self.said.push(LAST_NUMBER.to_owned());
    }

    fn yes_to(&mut self, call: &Call) -> Call {
        let who = if self.dice.percent(90) { call.who } else { self.who() };
        let by_tool = self.dice.percent(20);
        Call {
            tool: if by_tool { CONFIRM_TOOL } else { BUTTON },
            writes: true,
            arguments: json!({"confirmation_id": CONFIRMATION}),
            who,
            key: None,
            by_mcp: by_tool && self.dice.percent(50),
            ..call.clone()
        }
    }

    fn who(&mut self) -> Who {
        match self.dice.below(20) {
            0..12 => Who::Address,
            12 => Who::InCapitals,
            13 | 14 => Who::Id,
            _ => Who::Nobody,
        }
    }

    /// A tool. Tools that are refused before they look at anything are rare.
    fn tool(&mut self, who: Who) -> &'a Tool {
        loop {
            let tools = self.tools;
            let tool = self.dice.pick(tools);
            let is_refused = match tool.access {
                Access::Staff => true,
                access => who == Who::Nobody && access != Access::Open,
            };
            if !is_refused || self.dice.percent(8) {
                return tool;
            }
        }
    }

    fn object(&mut self, schema: &Value, place: &Place<'_>) -> Value {
        let mut object = Map::new();
        let mut record = Kind::Any;
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let value = self.value(name, property, record, place);
            if let ("record_type", Some(kind)) = (name.as_str(), value.as_str()) {
                record = Kind::of_record(kind);
            }
            // What is left out means the same as null.
            if !value.is_null() || self.dice.percent(50) {
                object.insert(name.clone(), value);
            }
        }
        object.into()
    }

    fn value(&mut self, name: &str, schema: &Value, record: Kind, place: &Place<'_>) -> Value {
        let types = types(schema);
        let is_object = types.contains(&"object");
        let nulls = if is_object || place.outer == "new_contact" { 35 } else { 65 };
        if types.contains(&"null") && self.dice.percent(nulls) {
            return Value::Null;
        }
        if let Some(choices) = schema["enum"].as_array() {
            let mut choices: Vec<_> = choices.iter().filter(|one| !one.is_null()).collect();
            if name == "record_type" && place.slant == Slant::Own {
                choices.retain(|one| **one != "account" && **one != "lead");
            }
            return if choices.is_empty() {
                Value::Null
            } else {
                (*self.dice.pick(&choices)).clone()
            };
        }
        if let Some(several) = schema["anyOf"].as_array() {
            let several: Vec<_> = several.iter().filter(|one| one["type"] != "null").collect();
            let one = *self.dice.pick(&several);
            return self.value(name, one, record, place);
        }
        match types.iter().find(|one| **one != "null").copied() {
            Some("string") => self.text(name, record, place).into(),
            Some("integer") => self.integer(name).into(),
            Some("number") => self.dice.pick(&[json!(1), json!(2), json!(20), json!(0.5)]).clone(),
            Some("boolean") => self.dice.percent(50).into(),
            Some("array") => {
                let count = 1 + self.dice.below(2);
                let items = (0..count).map(|_| self.value(name, &schema["items"], record, place));
                items.collect()
            }
            Some("object") => self.object(schema, &Place { outer: name, ..*place }),
            _ => Value::Null,
        }
    }

    fn integer(&mut self, name: &str) -> i64 {
        let usual: &[i64] = if name.contains("minutes") {
            &[15, 30, 60, 90, 4]
        } else {
            &[1, 2, 3, 5, 8, 25, 25, 0, 26]
        };
        *self.dice.pick(usual)
    }

    fn text(&mut self, name: &str, record: Kind, place: &Place<'_>) -> String {
        let kind = if name == "record" { record } else { Kind::of_argument(name) };
        let pools = self.pools;
        let text = match kind {
            Kind::Confirmation if self.dice.percent(80) => CONFIRMATION.to_owned(),
            Kind::User => self.dice.pick(&pools.users).clone(),
            Kind::Product => self.dice.pick(&pools.products).clone(),
            Kind::PriceList => self.dice.pick(&pools.price_lists).clone(),
            Kind::Moment => self.dice.pick(&pools.moments).clone(),
            Kind::Day => self.dice.pick(&pools.days).clone(),
            Kind::Query => {
                let kinds = [Kind::Text, Kind::Text, Kind::Deal, Kind::Case, Kind::Name];
                let kind = *self.dice.pick(&kinds);
                let text = self.named(kind, place.slant);
                if self.dice.percent(60) { self.part(&text) } else { text }
            }
            Kind::Email | Kind::Contact if self.dice.percent(5) => {
                (*self.dice.pick(&ALIKE)).to_owned()
            }
            Kind::Any | Kind::Confirmation => {
                let kind = *self.dice.pick(&Kind::LISTED);
                self.named(kind, place.slant)
            }
            kind => self.named(kind, place.slant),
        };
        let text = self.written(text);
        // What somebody says who is nobody known goes to whom it is about. That it goes to A is not
        // compared here, because A sees it then: see `what_a_stranger_says_goes_to_that_address`.
        let is_as_of_own = || {
            let text = text.trim().to_lowercase();
            text == EMAIL || text == PHONE || ALIKE.contains(&text.as_str())
        };
        if place.who == Who::Nobody && place.outer == "new_contact" && is_as_of_own() {
            let new = if kind == Kind::Email { "new@nowhere.example" } else { "+47 90000000" };
            return new.to_owned();
        }
        text
    }

    /// A text of this kind.
    fn named(&mut self, kind: Kind, slant: Slant) -> String {
        let pools = self.pools;
        let [first, second] = &pools.others;
        let lists = [pools.own.of(kind), first.of(kind), second.of(kind), pools.invented.of(kind)];
        let mut roll = self.dice.below(100);
        let mut place = 0;
        for share in slant.shares() {
            if roll < share {
                break;
            }
            roll -= share;
            place += 1;
        }
        let list = match lists.get(place) {
            Some(list) if !list.is_empty() => *list,
            Some(_) => pools.invented.of(kind),
            None => return self.dice.pick(&self.said).clone(),
        };
        self.dice.pick(list).clone()
    }

    /// A word of a text. Words with digits are left out, for they may be a part of a number that a call
    /// has made, and that the two organizations have not made alike.
    fn part(&mut self, text: &str) -> String {
        let words = text.split_whitespace();
        let is_whole = |word: &&str| word.len() >= 4 && word.chars().all(char::is_alphabetic);
        let words: Vec<_> = words.filter(is_whole).collect();
        if words.is_empty() { text.to_owned() } else { (*self.dice.pick(&words)).to_owned() }
    }

    /// The text as somebody may write it.
    fn written(&mut self, text: String) -> String {
        match self.dice.below(40) {
            0 => text.to_uppercase(),
            1 => format!(" {text} "),
            2 if text.len() == 36 => format!("{{{text}}}"),
            _ => text,
        }
    }

    /// Makes a few calls that are wrong.
    fn spoil(&mut self, arguments: &mut Value) {
        let Value::Object(arguments) = arguments else { return };
        if self.dice.percent(2) {
            arguments.insert("colour".to_owned(), json!("blue"));
        }
        if self.dice.percent(3) && !arguments.is_empty() {
            let place = self.dice.below(arguments.len());
            let wrong = self.dice.pick(&[json!(7), json!(""), json!([]), json!({})]).clone();
            if let Some(value) = arguments.values_mut().nth(place) {
                *value = wrong;
            }
        }
    }
}

/// Where a value stands.
struct Place<'a> {
    who: Who,
    slant: Slant,
    /// The argument that it is a part of.
    outer: &'a str,
}

fn types(schema: &Value) -> Vec<&str> {
    match &schema["type"] {
        Value::String(one) => vec![one.as_str()],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Adds the short texts of a value.
fn note_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) if (1..=100).contains(&text.len()) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| note_texts(item, texts)),
        Value::Object(members) => members.values().for_each(|value| note_texts(value, texts)),
        _ => {}
    }
}
