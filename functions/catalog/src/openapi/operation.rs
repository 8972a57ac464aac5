//! Describes the operations, and the parameters that they share.

use serde_json::{Map, Value, json};
use toolkit::operation::{Example, Parameter};
use toolkit::{Audience, CONFIRM_TOOL, Declaration};

use crate::annotations::Annotations;
use crate::openapi::components::Components;
use crate::openapi::{examples, problems};
use crate::schema::{arguments, not_null, plain};

/// The description of an operation for this audience. Its schemas are added to the components.
pub(crate) fn describe(
    operation: &Declaration,
    audience: Audience<'_>,
    components: &mut Components,
) -> Value {
    let (body_example, answer_example) = examples::of(operation, audience);
    let mut answer = operation.answer();
    if let Some(tool) = &operation.definition {
        tool.cut_answer(&mut answer, audience);
    }
    let answer = media(components.answer(operation, answer), answer_example);
    let mut description = json!({
        "operationId": operation.id,
        "tags": [operation.section],
        "security": [{"api_key": operation.scope.as_slice()}],
        "parameters": parameters(operation),
        "responses": responses(operation, &answer),
        "summary": operation.title,
    });
    if !operation.description.is_empty() {
        description["description"] = operation.description.into();
    }
    if let Some(tool) = &operation.definition {
        description["x-group"] = tool.group.into();
        description["x-annotations"] = Annotations::of(tool).to_value();
    }
    if let Some(mut body) = operation.body() {
        let body = match &operation.definition {
            Some(tool) => {
                tool.cut_arguments(&mut body, audience);
                arguments(body)
            }
            None => plain(body),
        };
        description["requestBody"] = json!({
            "required": true,
            "content": {"application/json": media(components.body(operation, body), body_example)},
        });
    }
    description
}

/// What a body or an answer is, with an example.
fn media(schema: Value, example: Value) -> Value {
    let mut media = json!({ "schema": schema });
    if !example.is_null() {
        media["example"] = example;
    }
    media
}

fn parameters(operation: &Declaration) -> Vec<Value> {
    let mut parameters = Vec::new();
    let example = |parameter: Value| with_example(parameter, &operation.example);
    if operation.is_below_connection {
        parameters.push(example(json!({
            "name": "id", "in": "path", "required": true, "schema": connection_id(),
            "description": "Which connection.",
        })));
    }
    parameters.extend(operation.parameters().into_iter().map(parameter).map(example));
    let mut headers = Vec::new();
    if operation.takes_connection {
        headers.extend(["ConnectionId", "ConversationId"]);
        // Of a call that waits for a yes, its own key counts.
        let creates = operation.definition.as_ref().is_some_and(|tool| tool.name != CONFIRM_TOOL);
        headers.extend((creates && operation.effect.writes()).then_some("IdempotencyKey"));
        headers.extend(operation.takes_button.then_some("Confirmation"));
    }
    headers.extend(operation.is_kept.then_some("IfNoneMatch"));
    let shared = |name| json!({"$ref": format!("#/components/parameters/{name}")});
    parameters.extend(headers.into_iter().map(shared));
    parameters
}

fn parameter(parameter: Parameter) -> Value {
    let Parameter { name, place, is_needed, mut schema, description } = parameter;
    not_null(&mut schema);
    if is_needed && schema["type"] == "string" && schema.get("enum").is_none() {
        schema["minLength"] = 1.into();
    }
    let mut parameter =
        json!({"name": name, "in": place, "schema": schema, "description": description});
    if is_needed {
        parameter["required"] = true.into();
    }
    parameter
}

/// The parameter with its value in the example of a call, if it has one there.
fn with_example(mut parameter: Value, call: &Example) -> Value {
    let value = parameter["name"].as_str().and_then(|name| call.parameter(name));
    if let Some(value) = value {
        let number = value.parse::<i64>().ok().filter(|_| parameter["schema"]["type"] == "integer");
        parameter["example"] = number.map_or_else(|| value.into(), Value::from);
    }
    parameter
}

fn responses(operation: &Declaration, answer: &Value) -> Map<String, Value> {
    let mut responses = Map::new();
    for (status, description) in operation.answers {
        let response = json!({
            "description": description,
            "content": {"application/json": answer},
        });
        responses.insert(status.as_u16().to_string(), response);
    }
    if operation.is_kept {
        let headers = json!({
            "ETag": {"schema": {"type": "string"}, "description": "Changes with the body."},
            "Cache-Control": {"schema": {"type": "string"}},
        });
        for response in responses.values_mut() {
            response["headers"] = headers.clone();
        }
        let known = json!({"description": "The caller has it.", "headers": headers});
        responses.insert("304".to_owned(), known);
    }
    let problems = problems::of(operation).into_iter();
    responses.extend(problems.map(|(status, problem)| (status.as_u16().to_string(), problem)));
    responses
}

/// The headers that operations share.
pub(crate) fn headers() -> Value {
    let header = |name: &str, schema: Value, description: &str| json!({"name": name, "in": "header", "schema": schema, "description": description});
    // A header has ASCII characters. Spaces at its ends are no part of it.
    let pattern = r"^[\t -~]+$";
    let key = json!({"type": "string", "minLength": 1, "maxLength": 255, "pattern": pattern});
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
        header("Idempotency-Key", key.clone(), "The same key never creates twice."),
    );
    // What says who a visitor is, or which message is answered, is left out: some clients let the model
    // fill in whatever the document has. The button alone is of no use to a model, which never sees its
    // value.
    let mut button = header("X-Confirmation", key, "What came in this header with what is shown.");
    button["required"] = true.into();
    all.insert("Confirmation".to_owned(), button);
    all.insert(
        "IfNoneMatch".to_owned(),
        header("If-None-Match", json!({"type": "string"}), "The ETag of what the caller has."),
    );
    all.into()
}

/// The schema of a connection's id.
fn connection_id() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9-]{1,63}$"})
}
