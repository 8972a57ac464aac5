//! Writes JSON in a fixed order, so that annotations come before their property.

/// A JSON object that is being written.
#[derive(Debug)]
pub(crate) struct Object(String);

/// A JSON array that is being written.
#[derive(Debug)]
pub(crate) struct Array(String);

impl Object {
    pub(crate) fn new() -> Self {
        Self("{".to_owned())
    }

    /// Adds a member whose value is already JSON.
    pub(crate) fn raw(&mut self, name: &str, json: &str) {
        separate(&mut self.0, '{');
        self.0.push_str(&quoted(name));
        self.0.push(':');
        self.0.push_str(json);
    }

    /// Adds a member with a text.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.raw(name, &quoted(text));
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

impl Array {
    pub(crate) fn new() -> Self {
        Self("[".to_owned())
    }

    /// Adds an element that is already JSON.
    pub(crate) fn push(&mut self, json: &str) {
        separate(&mut self.0, '[');
        self.0.push_str(json);
    }

    pub(crate) fn finish(mut self) -> String {
        self.0.push(']');
        self.0
    }
}

fn separate(text: &mut String, opening: char) {
    if !(text.len() == 1 && text.starts_with(opening)) {
        text.push(',');
    }
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
