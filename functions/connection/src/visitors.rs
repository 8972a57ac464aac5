use std::borrow::Cow;
use std::collections::BTreeSet;

use auth::{
    Codes, ColumnName, CompanyAccess, Confirm, CredentialsForm, EmailColumn, SecretError, Sent,
    Visitors,
};
use crm::tables::{CONTACT, PRICE_LIST, USER};
use crm::visible::{Access, Choice, Shape};
use dataverse::{Code, Error, Filter, Name, Query, Session};
use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use state::EntryKind;
use toolkit::operation::{Empty, InPath, Json, NoParameters, Section};
use toolkit::{
    Definition, Done, Effect, Endpoint, ErrorCode, Example, Operation, Request, Scope, ToolError,
    WriteState,
};
use uuid::Uuid;
use visitor::TokenSettings;

use crate::{Administration, known};

/// What changes about what visitors may do. A field that is left out stays as it is; `null` takes back
/// what was said.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    /// Whether the word of a platform counts whose key vouches.
    #[serde(default)]
    #[schemars(with = "Option<bool>")]
    platform: Sent<bool>,
    /// Who signs tokens that say who a visitor is. A key that is listed without its secret keeps it.
    #[serde(default)]
    #[schemars(with = "Option<TokenSettings>")]
    tokens: Sent<Value>,
    /// The mail with a code by which visitors show who they are.
    #[serde(default)]
    #[schemars(with = "Option<Codes>")]
    codes: Sent<Codes>,
    /// What of their company's a visitor may see whose token has the company's id.
    #[serde(default)]
    #[schemars(with = "Option<CompanyAccess>")]
    company: Sent<CompanyAccess>,
    /// The columns of a contact in which an email address makes a visitor that contact.
    #[serde(default)]
    #[schemars(with = "Option<BTreeSet<EmailColumn>>")]
    email_columns: Sent<BTreeSet<EmailColumn>>,
    /// The column of a contact that holds what `X-Visitor-Id` says.
    #[serde(default)]
    #[schemars(with = "Option<ColumnName>")]
    id_column: Sent<ColumnName>,
    /// What verified visitors may do or see beyond what is theirs in any case.
    #[serde(default)]
    #[schemars(with = "Option<BTreeSet<Choice>>")]
    allows: Sent<BTreeSet<Choice>>,
    /// The ids of the price lists whose prices everybody may see.
    #[serde(default)]
    #[schemars(with = "Option<BTreeSet<Uuid>>")]
    price_lists: Sent<BTreeSet<Uuid>>,
    /// The most records that a chat may write while nobody knows the visitor.
    #[serde(default)]
    #[schemars(with = "Option<u64>")]
    writes_per_conversation: Sent<u64>,
    /// The most records that all such chats of an API key together may write in an hour.
    #[serde(default)]
    #[schemars(with = "Option<u64>")]
    writes_per_hour: Sent<u64>,
    /// The id of the user who hosts the appointments that visitors schedule.
    #[serde(default)]
    #[schemars(with = "Option<Uuid>")]
    organizer: Sent<Uuid>,
    /// What the subject of a note begins with that verified visitors may read.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("minLength" = 1, "maxLength" = 50))]
    note_mark: Sent<String>,
    /// Which calls a visitor must have said yes to: `none`, or those with `consequences`.
    #[serde(default)]
    #[schemars(with = "Option<Confirm>")]
    confirm: Sent<Confirm>,
    /// Whether a message of the visitor is enough for that, also for what cannot be undone.
    #[serde(default)]
    #[schemars(with = "Option<bool>")]
    message_is_enough: Sent<bool>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VisitorRights")]
pub(crate) struct View {
    /// What the connection lets visitors do. Secrets are left out.
    settings: Visitors,
    /// For each tool: who may call it, who may give each argument, and who may see each field of the
    /// result: `open` (everybody), `verified` (a visitor who is known), `chosen` (the same, where the
    /// connection allows it), `staff`.
    tools: Vec<ToolView>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ToolRights")]
struct ToolView {
    name: &'static str,
    access: &'static str,
    /// What the connection must allow.
    choice: Option<Choice>,
    #[schemars(with = "Map<String, Value>")]
    arguments: Map<String, Value>,
    #[schemars(with = "Map<String, Value>")]
    result: Map<String, Value>,
}

impl View {
    fn of(settings: Visitors, tools: &[Definition]) -> View {
        let tools = tools.iter().map(|tool| ToolView {
            name: tool.name,
            access: tool.access.as_str(),
            choice: match tool.access {
                Access::Chosen(choice) => Some(choice),
                _ => None,
            },
            arguments: levels(&tool.arguments),
            result: levels(&tool.result),
        });
        View { settings, tools: tools.collect() }
    }
}

/// The access of each field, by its path.
fn levels(shape: &Shape) -> Map<String, Value> {
    let mut levels = Map::new();
    for (path, access) in shape.paths() {
        levels.insert(path, access.as_str().into());
    }
    levels
}

/// Shows what the connection lets visitors do.
pub(crate) struct GetVisitors;

impl Operation for GetVisitors {
    const ID: &'static str = "get_visitors";
    const TITLE: &'static str = "Show what visitors may do";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::GET;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Reads;
    const ANSWERS: &'static [(StatusCode, &'static str)] =
        &[(StatusCode::OK, "The settings, and what they come to.")];
    const EXAMPLE: Example = Example::OF_DEFAULT;

    type About = InPath;
    type Parameters = NoParameters;
    type Body = Empty;
    type Answer = View;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}/visitors".into()
    }
}

impl Endpoint for GetVisitors {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, GetVisitors>,
    ) -> Result<Done<View>, ToolError> {
        let (form, _) = home.stored_form(&request.about).await?;
        Ok(Done::new(View::of(form.visitors(), &home.tools)))
    }
}

/// Changes what the connection lets visitors do.
pub(crate) struct SetVisitors;

impl Operation for SetVisitors {
    const ID: &'static str = "set_visitors";
    const TITLE: &'static str = "Choose what visitors may do";
    const DESCRIPTION: &'static str = "What is left out stays as it is. Functions that know the \
        connection go by it within ten minutes.";
    const SECTION: Section = Section::Connections;
    const METHOD: Method = Method::PUT;
    const SCOPE: Option<Scope> = Some(Scope::Admin);
    const EFFECT: Effect = Effect::Changes;
    const KIND: Option<EntryKind> = Some(EntryKind::SetUp);
    const ANSWERS: &'static [(StatusCode, &'static str)] = &[(StatusCode::OK, "As it is now.")];
    const EXAMPLE: Example =
        Example { body: r#"{"allows": ["appointments", "deal_details"]}"#, ..Example::OF_DEFAULT };

    type About = InPath;
    type Parameters = NoParameters;
    type Body = Json<Form>;
    type Answer = View;

    fn path() -> Cow<'static, str> {
        "/v1/connections/{id}/visitors".into()
    }
}

impl Endpoint for SetVisitors {
    type Home = Administration;

    async fn call(
        home: &Administration,
        request: Request<'_, SetVisitors>,
    ) -> Result<Done<View>, ToolError> {
        let (id, Json(change)) = (&request.about, request.body);
        let (form, version) = home.stored_form(id).await?;
        let is_local = !home.connections.environment().local.is_empty();
        let settings = change.applied_to(form.visitors(), is_local)?;
        let session = home.session(id, &request.incoming, request.call).await?;
        check(&session, &settings).await?;
        // The look at Dataverse took a while. What somebody else has stored meanwhile must not get
        // lost.
        if home.stored_form(id).await?.1 != version {
            return Err(changed_meanwhile());
        }
        let form = form.with_visitors(settings.clone());
        match home.connections.store(id, &form).await {
            Err(SecretError::Exists { .. }) => return Err(changed_meanwhile()),
            stored => stored.map_err(known::secret_not_changed)?,
        }
        Ok(Done::new(View::of(settings, &home.tools)))
    }
}

impl Administration {
    /// What the connection's secret holds, with its version.
    async fn stored_form(
        &self,
        id: &auth::ConnectionId,
    ) -> Result<(CredentialsForm, Option<String>), ToolError> {
        let unread = |error: SecretError| auth::ConnectionError::Secret(error).into();
        let (form, version) =
            self.connections.stored(id).await.map_err(|error| -> ToolError { unread(error) })?;
        let form = form.ok_or_else(|| {
            ToolError::new(ErrorCode::ConnectionNotFound, "there is no such connection yet")
                .next_step("Set it up first: PUT /v1/connections/{id}.")
        })?;
        Ok((form, version))
    }
}

fn changed_meanwhile() -> ToolError {
    ToolError::new(ErrorCode::VersionConflict, "somebody else has changed the connection meanwhile")
        .next_step("Nothing was stored. Look at it, and send the change again.")
        .write(WriteState::NotHappened)
}

/// A value after a change.
fn changed<T>(sent: Sent<T>, stored: T, usual: T) -> T {
    match sent {
        Sent::Omitted => stored,
        Sent::Null => usual,
        Sent::Value(value) => value,
    }
}

/// A value that may be missing, after a change.
fn changed_if<T>(sent: Sent<T>, stored: Option<T>) -> Option<T> {
    match sent {
        Sent::Omitted => stored,
        Sent::Null => None,
        Sent::Value(value) => Some(value),
    }
}

impl Form {
    fn applied_to(self, stored: Visitors, is_local: bool) -> Result<Visitors, ToolError> {
        let usual = Visitors::default();
        let tokens = match self.tokens {
            Sent::Omitted => stored.tokens,
            Sent::Null => None,
            Sent::Value(tokens) => Some(token_settings(tokens, stored.tokens.as_ref(), is_local)?),
        };
        let settings = Visitors {
            platform: changed(self.platform, stored.platform, usual.platform),
            tokens,
            codes: changed_if(self.codes, stored.codes),
            company: changed_if(self.company, stored.company),
            email_columns: changed(self.email_columns, stored.email_columns, usual.email_columns),
            id_column: changed(self.id_column, stored.id_column, usual.id_column),
            allows: changed(self.allows, stored.allows, usual.allows),
            price_lists: changed(self.price_lists, stored.price_lists, usual.price_lists),
            writes_per_conversation: changed(
                self.writes_per_conversation,
                stored.writes_per_conversation,
                usual.writes_per_conversation,
            ),
            writes_per_hour: changed(
                self.writes_per_hour,
                stored.writes_per_hour,
                usual.writes_per_hour,
            ),
            organizer: changed_if(self.organizer, stored.organizer),
            note_mark: changed_if(self.note_mark, stored.note_mark),
            confirm: changed(self.confirm, stored.confirm, usual.confirm),
            message_is_enough: changed(
                self.message_is_enough,
                stored.message_is_enough,
                usual.message_is_enough,
            ),
        };
        if settings.email_columns.is_empty() {
            return Err(ToolError::invalid("email_columns", "must name a column at least"));
        }
        if let Some(codes) = &settings.codes {
            let company = |error| ToolError::invalid("codes.company", error);
            seal::Company::parse(&codes.company).map_err(company)?;
            if let Some(text) = &codes.text {
                let text = seal::Template::parse(text);
                text.map_err(|error| ToolError::invalid("codes.text", error))?;
            }
        }
        let is_mark = |mark: &String| {
            (1..=50).contains(&mark.trim().chars().count()) && !mark.chars().any(char::is_control)
        };
        if !settings.note_mark.iter().all(is_mark) {
            return Err(ToolError::invalid("note_mark", "must be one line of 1 to 50 characters"));
        }
        Ok(settings)
    }
}

/// The settings of tokens as they were sent, with the stored secrets of the keys that are listed without
/// one.
fn token_settings(
    mut sent: Value,
    stored: Option<&TokenSettings>,
    is_local: bool,
) -> Result<TokenSettings, ToolError> {
    // Anything may have been sent, and an index into what is no object panics.
    for issuer in items(&mut sent, "issuers") {
        let name = issuer["issuer"].as_str().map(str::to_owned);
        for key in items(issuer, "keys") {
            if key.get("secret").is_none_or(Value::is_null)
                && let (Some(issuer), Some(kid), Some(stored)) =
                    (&name, key["kid"].as_str(), stored)
                && let Some(secret) = stored.secret_of(issuer, kid)
            {
                key["secret"] = secret.into();
            }
        }
    }
    let settings =
        TokenSettings::read(sent).map_err(|error| ToolError::invalid("tokens", error))?;
    if settings.is_local() && !is_local {
        return Err(ToolError::invalid("tokens", "jwks must be an address with https"));
    }
    Ok(settings)
}

/// The items of a list in an object, if there is one.
fn items<'a>(object: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}

/// Checks that what the settings name is there.
async fn check(session: &Session, settings: &Visitors) -> Result<(), ToolError> {
    let subjects = settings.tokens.iter().flat_map(TokenSettings::issuers);
    let subjects = subjects.filter_map(|issuer| Some(issuer.subject()?.column().to_owned()));
    let columns: BTreeSet<String> =
        subjects.chain([settings.id_column.as_str().to_owned()]).collect();
    let mut queries = Vec::new();
    for column in &columns {
        let name = Name::parse(column).map_err(|error| ToolError::invalid("id_column", error))?;
        let is_guid = column == CONTACT.key;
        let query = Query::rows(CONTACT).select([name.clone()]).top(1);
        // A column of another type cannot be compared with a text.
        queries.push(if is_guid { query } else { query.filter(Filter::equals(name, "")) });
    }
    if let Some(user) = settings.organizer {
        let is_enabled = Filter::equals("isdisabled", false);
        let query = Query::rows(USER).filter(Filter::equals(USER.key, user)).filter(is_enabled);
        queries.push(query.select([USER.key]).top(1));
    }
    for list in &settings.price_lists {
        let query = Query::rows(PRICE_LIST).filter(Filter::equals(PRICE_LIST.key, *list));
        queries.push(query.select([PRICE_LIST.key]).top(1));
    }
    let mut pages = session.list_every(&queries).await?.into_iter();
    for (column, page) in columns.iter().zip(pages.by_ref()) {
        match page {
            Err(Error::Api(error)) if is_unknown(&error) => {
                let problem = format!("contacts have no column {column} that holds a text");
                return Err(ToolError::invalid("id_column, tokens", problem));
            }
            page => drop(page?),
        }
    }
    if settings.organizer.is_some() {
        let page = pages.next().transpose()?.unwrap_or_default();
        if page.records.is_empty() {
            return Err(ToolError::invalid("organizer", "there is no enabled user of this id"));
        }
    }
    for (list, page) in settings.price_lists.iter().zip(pages) {
        if page?.records.is_empty() {
            let problem = format!("there is no price list {list}");
            return Err(ToolError::invalid("price_lists", problem));
        }
    }
    Ok(())
}

/// Whether Dataverse does not know a name in the query.
fn is_unknown(error: &dataverse::ApiError) -> bool {
    error.status.as_u16() == 400
        && matches!(error.code.parse(), Ok(Code::UnknownName | Code::Zero | Code::Unexpected))
}
