//! An operation of the API, and what operations share.

use serde_json::{Map, Value, json};
use toolkit::{ErrorCode, Scope};

use crate::openapi::problems;

/// What a path does for a method.
pub(crate) struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) description: Value,
}

impl Operation {
    /// An operation without parameters, body or answers.
    pub(crate) fn new(
        method: &'static str,
        path: impl Into<String>,
        id: &str,
        tag: &str,
        scope: Scope,
    ) -> Operation {
        let description = json!({
            "operationId": id,
            "tags": [tag],
            "security": [{"api_key": [scope.as_str()]}],
            "parameters": [],
            "responses": {},
        });
        Operation { method, path: path.into(), description }
    }

    /// What it is for, in a few words.
    pub(crate) fn summary(mut self, text: &str) -> Operation {
        self.description["summary"] = text.into();
        self
    }

    /// What it is for, in more.
    pub(crate) fn description(mut self, text: &str) -> Operation {
        self.description["description"] = text.into();
        self
    }

    /// Something else that is said of it.
    pub(crate) fn with(mut self, field: &str, value: Value) -> Operation {
        self.description[field] = value;
        self
    }

    /// Takes a parameter of the query.
    pub(crate) fn query(self, name: &str, schema: Value, description: &str) -> Operation {
        self.parameter(json!({
            "name": name, "in": "query", "schema": schema, "description": description,
        }))
    }

    /// Takes a parameter of the query, without which it is refused.
    pub(crate) fn needed(self, name: &str, schema: Value, description: &str) -> Operation {
        self.parameter(json!({
            "name": name, "in": "query", "required": true, "schema": schema,
            "description": description,
        }))
    }

    /// Takes a parameter of the path.
    pub(crate) fn in_path(self, name: &str, schema: Value, description: &str) -> Operation {
        self.parameter(json!({
            "name": name, "in": "path", "required": true, "schema": schema,
            "description": description,
        }))
    }

    /// Takes these headers, which all operations share.
    pub(crate) fn headers(mut self, names: &[&str]) -> Operation {
        for name in names {
            let place = format!("#/components/parameters/{name}");
            self = self.parameter(json!({ "$ref": place }));
        }
        self
    }

    fn parameter(mut self, parameter: Value) -> Operation {
        if let Some(parameters) = self.description["parameters"].as_array_mut() {
            parameters.push(parameter);
        }
        self
    }

    /// Takes a JSON object.
    pub(crate) fn body(mut self, schema: Value) -> Operation {
        self.description["requestBody"] = json!({
            "required": true,
            "content": {"application/json": {"schema": schema}},
        });
        self
    }

    /// Answers with a JSON object under this status.
    pub(crate) fn answers(mut self, status: u16, description: &str, schema: Value) -> Operation {
        self.description["responses"][status.to_string()] = json!({
            "description": description,
            "content": {"application/json": {"schema": schema}},
        });
        self
    }

    /// Answers so that the caller may keep it.
    pub(crate) fn kept(mut self, description: &str, schema: Value) -> Operation {
        let headers = json!({
            "ETag": {"schema": {"type": "string"}, "description": "Changes with the body."},
            "Cache-Control": {"schema": {"type": "string"}},
        });
        self = self.headers(&["IfNoneMatch"]).answers(200, description, schema);
        let responses = &mut self.description["responses"];
        responses["200"]["headers"] = headers.clone();
        responses["304"] = json!({"description": "The caller has it.", "headers": headers});
        self
    }

    /// May fail with these.
    pub(crate) fn fails(mut self, codes: &[ErrorCode]) -> Operation {
        // Which methods a path takes is what the document says.
        for code in codes.iter().filter(|code| **code != ErrorCode::MethodNotAllowed) {
            let status = code.status().as_u16().to_string();
            let place = format!("#/components/responses/{}", problems::name(code.status()));
            self.description["responses"][status] = json!({ "$ref": place });
        }
        self
    }
}

/// The headers that operations share.
pub(crate) fn headers() -> Value {
    let header = |name: &str, schema: Value, description: &str| json!({"name": name, "in": "header", "schema": schema, "description": description});
    // What a header holds is visible ASCII.
    let key = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"});
    let mut all = Map::new();
    all.insert(
        "ConnectionId".to_owned(),
        header(
            "X-Connection-Id",
            connection_id(),
            "Which Dynamics 365 environment. Without it: the only one that the key is bound to, \
             else default.",
        ),
    );
    all.insert(
        "ConversationId".to_owned(),
        header(
            "X-Conversation-Id",
            key.clone(),
            "The chat. The same call in the same chat creates nothing a second time.",
        ),
    );
    all.insert(
        "IdempotencyKey".to_owned(),
        header("Idempotency-Key", key, "The same key never creates twice."),
    );
    all.insert(
        "IfNoneMatch".to_owned(),
        header("If-None-Match", json!({"type": "string"}), "The ETag of what the caller has."),
    );
    all.into()
}

/// The id of a connection.
pub(crate) fn connection_id() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9-]{1,63}$"})
}
