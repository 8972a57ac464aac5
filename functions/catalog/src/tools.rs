//! The list of tools.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use toolkit::{Access, Definition, Incoming, ToolError};

use crate::annotations::scope;
use crate::{Format, Template, none_of};

/// Which tools are asked for; without more, all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    group: Option<&'static str>,
    template: Option<Template>,
    access: Option<Access>,
}

impl Selection {
    /// The parameters of a query that say which.
    pub const PARAMETERS: [&str; 3] = ["group", "template", "access"];

    /// What these parameters ask for.
    pub fn of(
        tools: &[Definition],
        parameters: &BTreeMap<String, String>,
    ) -> Result<Selection, ToolError> {
        Ok(Selection {
            group: group(tools, parameters)?,
            template: template(parameters)?,
            access: access(parameters)?,
        })
    }

    /// Whether it has a tool.
    pub fn has(&self, tool: &Definition) -> bool {
        self.group.is_none_or(|group| tool.group == group)
            && self.template.is_none_or(|template| template.has(tool.name))
            && self.access.is_none_or(|access| tool.access == access)
    }
}

/// The tools that are asked for, in the dialect that is asked for.
pub(crate) fn list(tools: &[Definition], request: &Incoming) -> Result<Value, ToolError> {
    let [group, template, access] = Selection::PARAMETERS;
    let parameters = request.parameters(&["format", group, template, access])?;
    let format = format(&parameters)?;
    let selection = Selection::of(tools, &parameters)?;
    let wanted = tools.iter().filter(|tool| selection.has(tool));
    Ok(json!({ "tools": format.tools(wanted) }))
}

/// The dialect that is asked for.
pub(crate) fn format(parameters: &BTreeMap<String, String>) -> Result<Format, ToolError> {
    let Some(name) = parameters.get("format") else { return Ok(Format::default()) };
    Format::of(name).ok_or_else(|| none_of("format", Format::ALL.map(Format::name)))
}

fn group(
    tools: &[Definition],
    parameters: &BTreeMap<String, String>,
) -> Result<Option<&'static str>, ToolError> {
    let Some(name) = parameters.get("group") else { return Ok(None) };
    let groups = groups(tools);
    let found = groups.iter().copied().find(|group| group == name);
    found.map(Some).ok_or_else(|| none_of("group", groups))
}

/// The groups of the tools.
pub(crate) fn groups(tools: &[Definition]) -> Vec<&'static str> {
    let mut groups: Vec<_> = tools.iter().map(|tool| tool.group).collect();
    groups.dedup();
    groups
}

fn template(parameters: &BTreeMap<String, String>) -> Result<Option<Template>, ToolError> {
    let Some(id) = parameters.get("template") else { return Ok(None) };
    let found = Template::of(id).map(Some);
    found.ok_or_else(|| none_of("template", Template::ALL.map(Template::id)))
}

fn access(parameters: &BTreeMap<String, String>) -> Result<Option<Access>, ToolError> {
    match parameters.get("access").map(String::as_str) {
        None => Ok(None),
        Some("read") => Ok(Some(Access::Read)),
        Some("write") => Ok(Some(Access::Write)),
        Some(_) => Err(none_of("access", ["read", "write"])),
    }
}

/// The names of those that change the CRM.
pub(crate) fn writing<'a>(tools: impl IntoIterator<Item = &'a Definition>) -> Vec<&'static str> {
    let writes = tools.into_iter().filter(|tool| scope(tool) == toolkit::Scope::Write);
    writes.map(|tool| tool.name).collect()
}
