//! Selects some of the tools.

use std::str::FromStr;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;
use strum::{EnumString, VariantNames};
use toolkit::{CONFIRM_TOOL, Definition, Template};

use crate::names::{no_variant, none_of};

/// Which tools are asked for; without more, all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Those of one group.
    group: Option<Group>,
    /// Those of a starter template.
    template: Option<Template>,
    /// Those that only look, or those that change something.
    access: Option<Access>,
}

impl Selection {
    /// The tools for which all of these hold.
    pub(crate) fn new(
        group: Option<Group>,
        template: Option<Template>,
        access: Option<Access>,
    ) -> Selection {
        Selection { group, template, access }
    }

    /// Whether a tool is among the selected ones.
    pub fn has(&self, tool: &Definition) -> bool {
        // A call of any group may wait for a yes.
        let is_of = |group: &str| tool.group == group || tool.name == CONFIRM_TOOL;
        self.group.is_none_or(|Group(group)| is_of(group))
            && self.template.is_none_or(|template| template.has(tool.name))
            && self.access.is_none_or(|access| (access == Access::Write) == tool.effect.writes())
    }
}

/// A group of tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group(&'static str);

/// All groups.
static GROUPS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let mut groups: Vec<_> = tools::declarations().iter().map(|tool| tool.group).collect();
    groups.dedup();
    groups
});

impl FromStr for Group {
    type Err = String;

    fn from_str(name: &str) -> Result<Group, String> {
        let found = GROUPS.iter().find(|group| **group == name);
        found.map(|group| Group(group)).ok_or_else(|| none_of(&GROUPS))
    }
}

toolkit::text_parameter!(Group, {"type": "string", "enum": *GROUPS});

/// Whether tools read or write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase", parse_err_ty = String, parse_err_fn = no_variant::<Access>)]
pub(crate) enum Access {
    Read,
    Write,
}

toolkit::text_parameter!(Access, {"type": "string", "enum": Access::VARIANTS});
